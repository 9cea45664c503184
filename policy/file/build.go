package file

import (
	"skynet/config/strict"
	"skynet/policy"
)

// kinds are the types of policy. A new one is a type with a build method and a
// line here.
var kinds = []struct {
	name string
	make func() builder
}{
	{"backlog", func() builder { return &backlog{} }},
}

// builder is one policy's settings, which become the policy.
type builder interface{ build() policy.Policy }

// Entry is one of the policies; its type decides which keys it has.
type Entry struct {
	Type string
	spec builder
}

// Variants names the types of policy.
func (*Entry) Variants() (key string, known []string) {
	for _, k := range kinds {
		known = append(known, k.name)
	}
	return "type", known
}

// Variant makes the settings of the type.
func (e *Entry) Variant(name string) any {
	e.Type = name
	for _, k := range kinds {
		if k.name == name {
			e.spec = k.make()
		}
	}
	return e.spec
}

// backlog: EC2 Auto Scaling's backlog per instance.
type backlog struct {
	PerWorker float64 `yaml:"per_worker" strict:"required,above=0" doc:"items that may wait for each worker"`
}

func (b *backlog) build() policy.Policy { return policy.Backlog{PerWorker: b.PerWorker} }

// engine builds what decides. Guards stand in the order in which they speak:
// first those that hold everybody, then those that cut numbers.
func (f *File) engine() policy.Engine {
	e := policy.Engine{
		Bounds: policy.Bounds{Min: f.Bounds.Min, Max: f.Bounds.Max},
		Plan: policy.Plan{
			Boot: f.Deadlines.Boot.Std(), Silence: f.Deadlines.Replace.Std(),
			Drain: f.Guards.Release.DrainDeadline.Std(),
			Keep:  f.Sleep.Keep, AtMost: f.Sleep.AtMost.Std(),
		},
	}
	for _, p := range f.Policies {
		e.Policies = append(e.Policies, p.spec.build())
	}
	e.Guards = f.guards()
	return e
}

func (f *File) guards() []policy.Guard {
	g, most := f.Guards, f.Bounds.Max
	quorum := 0.8
	if g.Quorum != nil {
		quorum = g.Quorum.Fraction()
	}
	return []policy.Guard{
		policy.Blind{},
		policy.Quorum{Share: quorum},
		policy.Release{PerTick: g.Release.PerTick, After: g.Release.After.Std(), MinAge: g.Release.MinAge.Std()},
		policy.LaunchLimit{PerTick: orElse(g.Launch.PerTick, most), PerHour: orElse(g.Launch.PerHour, 4*most)},
		policy.Breaker{Dead: g.Breaker.DeadLaunches},
	}
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Schema is the JSON Schema of policy files, for editors.
func Schema() []byte { return strict.Schema[File]() }
