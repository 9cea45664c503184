package file

import (
	"fmt"
	"slices"
	"time"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/signals"
)

// kinds are the types of policy. A new one is a file of its own, with a type that
// is a spec, and a line here.
var kinds = []struct {
	name string
	make func() spec
}{
	{"backlog", func() spec { return &backlog{} }},
	{"exec", func() spec { return &program{} }},
	{"rule", func() spec { return &rule{} }},
	{"schedule", func() spec { return &schedule{} }},
	{"slo", func() spec { return &slo{} }},
	{"step", func() spec { return &step{} }},
	{"target", func() spec { return &target{} }},
	{"vote", func() spec { return &vote{} }},
}

// spec is one policy's settings as they are written.
type spec interface {
	// build makes the policy, called as in reasons. What is wrong with its settings
	// beyond what tags can say is reported by in.
	build(as string, in within) policy.Policy
}

// within is what a spec needs to know of the file and of the fleet.
type within struct {
	*strict.Report // at the policy's own place
	file           *File
}

// signal reports a signal that no policy of this fleet may speak of.
func (in within) signal(key, name string) {
	if known := in.file.known; name != "" && in.Sound(key) && !known.Known(name) {
		in.Unknown(key, name, "a signal"+in.file.whose(), known.All())
	}
}

func (f *File) whose() string {
	if f.known.Open {
		return ""
	}
	return " of this fleet"
}

// Entry is one of the policies; its type decides which keys it has.
type Entry struct {
	Type string
	spec spec
}

// named is embedded by every spec.
type named struct {
	Name string `yaml:"name" doc:"how it is called in reasons; its type if left out"`
}

func (n named) name() string { return n.Name }

// Variants names the types of policy.
func (*Entry) Variants() (key string, known []string) {
	for _, k := range kinds {
		known = append(known, k.name)
	}
	return "type", known
}

// Variant makes the settings of the type.
func (e *Entry) Variant(name string) any {
	*e = entry(name)
	return e.spec
}

func entry(name string) Entry {
	e := Entry{Type: name}
	for _, k := range kinds {
		if k.name == name {
			e.spec = k.make()
		}
	}
	return e
}

// speakers are those besides policies whose reasons stand in a decision.
var speakers = []string{
	"bounds", "floor", "plan", "guards", "budget",
	"blind", "quorum", "release", "billing", "launch", "limits", "breaker", "freeze",
}

// policies builds them, each under a name of its own.
func (f *File) policies(r *strict.Report) (list []policy.Policy) {
	taken := map[string]int{}
	for i, e := range f.Policies {
		if e.spec == nil {
			continue // its type is wrong, and was reported
		}
		at := r.At(fmt.Sprintf("policies[%d]", i))
		as := f.nameOf(at, e, taken)
		list = append(list, e.spec.build(as, within{at, f}))
	}
	return list
}

// nameOf is the name that an entry is given, or its type, with a number if that
// was there before.
func (f *File) nameOf(r *strict.Report, e Entry, taken map[string]int) string {
	as := e.Type
	n, ok := e.spec.(interface{ name() string })
	if given := ok && n.name() != ""; given {
		as = n.name()
		switch {
		case !plainName.MatchString(as):
			r.Bad("name", as, "is not a name; write small letters, digits and _, like sunday")
		case slices.Contains(speakers, as):
			r.Bad("name", as, "is the name of a guard or of the plan in reasons; choose another")
		case taken[as] > 0:
			r.Bad("name", as, "is the name of another policy; give each its own")
		}
	}
	for base, n := as, 2; taken[as] > 0; n++ {
		as = fmt.Sprintf("%s_%d", base, n)
	}
	taken[as]++
	return as
}

// backlog: EC2 Auto Scaling's backlog per instance.
type backlog struct {
	named     `yaml:",inline"`
	PerWorker float64 `yaml:"per_worker" strict:"required,above=0" doc:"items that may wait for each worker"`
}

func (b *backlog) build(as string, _ within) policy.Policy {
	return policy.Backlog{As: as, PerWorker: b.PerWorker}
}

// engine builds what decides. Guards stand in the order in which they speak:
// first those that hold everybody, then those that cut numbers, last the
// operator's pause.
func (f *File) engine() policy.Engine {
	return policy.Engine{
		Bounds:   policy.Bounds{Min: f.Bounds.Min, Max: f.Bounds.Max},
		Policies: f.built,
		Plan: policy.Plan{
			Boot: f.Deadlines.Boot.Std(), Silence: f.Deadlines.Replace.Std(),
			Drain: f.Guards.Release.DrainDeadline.Std(),
			Keep:  f.Sleep.Keep, AtMost: f.Sleep.atMost(),
			Hourly: f.hourly(),
		},
		Caps:   f.caps(),
		Guards: f.guards(),
	}
}

func (f *File) hourly() bool { return f.Guards.Release.Billing == "hour" }

func (f *File) caps() []policy.Cap {
	b := f.Guards.Budget
	if b == (Budget{}) {
		return nil
	}
	return []policy.Cap{policy.Budget{Hourly: b.Hourly, Daily: b.Daily}}
}

func (f *File) guards() []policy.Guard {
	g, most := f.Guards, f.Bounds.Max
	quorum := 0.8
	if g.Quorum != nil {
		quorum = g.Quorum.Fraction()
	}
	list := []policy.Guard{policy.Blind{}, policy.Quorum{Share: quorum}}
	if f.hourly() {
		// Before release: that keeps the first of the list, which must be those that may go.
		list = append(list, policy.Billing{})
	}
	return append(list,
		policy.Release{PerTick: g.Release.PerTick, After: f.after(), MinAge: g.Release.MinAge.Std()},
		policy.LaunchLimit{PerTick: orElse(g.Launch.PerTick, most), PerHour: orElse(g.Launch.PerHour, 4*most)},
		policy.Breaker{Dead: g.Breaker.DeadLaunches},
		policy.Freeze{},
	)
}

// after is how long the want must have been low. The slo policy alone decides
// that itself.
func (f *File) after() time.Duration {
	if f.Guards.Release.After != nil {
		return f.Guards.Release.After.Std()
	}
	if !slices.ContainsFunc(f.Policies, func(e Entry) bool { return e.Type != "slo" }) {
		return 0
	}
	return 5 * time.Minute
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// known is set before the file is read: which signals its policies may speak of.
func knowing(names signals.Names) strict.Option {
	return strict.Before(func(value any) { value.(*File).known = names })
}

// Schema is the JSON Schema of policy files, for editors.
func Schema() []byte { return strict.Schema[File]() }

// longestHibernated is how long EC2 keeps what was in memory.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
const longestHibernated = 60 * 24 * time.Hour

// atMost is how long one sleeps: one that hibernates not longer than EC2 supports.
func (s Sleep) atMost() time.Duration {
	if most := s.AtMost.Std(); !s.Hibernate || most > 0 && most < longestHibernated {
		return most
	}
	return longestHibernated
}
