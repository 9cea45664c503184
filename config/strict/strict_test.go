package strict_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"skynet/config/strict"
	"skynet/config/strict/stricttest"
)

var update = flag.Bool("update", false, "write the .error files anew")

// plan is shaped like a policy file, to have one of everything.
type plan struct {
	Name      string          `yaml:"name" strict:"required" doc:"what it is called"`
	Mode      string          `yaml:"mode" strict:"enum=fast|slow"`
	Dry       bool            `yaml:"dry"`
	Budget    float64         `yaml:"budget" strict:"above=0,max=1000"`
	Every     strict.Duration `yaml:"every"`
	Step      strict.Share    `yaml:"step"`
	Loss      strict.Percent  `yaml:"loss"`
	Bounds    bounds          `yaml:"bounds" strict:"required"`
	Objective *objective      `yaml:"objective"`
	Queues    []string        `yaml:"queues"`
	Policies  []entry         `yaml:"policies"`
	Labels    map[string]int  `yaml:"labels"`
	Extra     any             `yaml:"extra"`
}

type bounds struct {
	Min int `yaml:"min" strict:"min=0"`
	Max int `yaml:"max" strict:"required,min=1" doc:"most workers"`
}

func (b *bounds) Validate(r *strict.Report) {
	if r.Sound("min", "max") && b.Min > b.Max {
		r.Bad("min", b.Min, "must not exceed max (%d); raise max or lower min", b.Max)
	}
}

type objective struct {
	Wait     strict.Duration `yaml:"wait"`
	Quantile float64         `yaml:"quantile"`
}

func (o *objective) Defaults() { o.Quantile = 0.95 }

type entry struct {
	Type string
	Spec any
}

type common struct {
	Name string `yaml:"name"`
}

type backlog struct {
	common
	PerWorker int `yaml:"per_worker" strict:"required,min=1"`
}

type target struct {
	common
	Signal string  `yaml:"signal" strict:"required"`
	Target float64 `yaml:"target"`
}

func (t *target) Defaults() { t.Target = 70 }

func (e *entry) Variants() (key string, known []string) {
	return "type", []string{"backlog", "target"}
}

func (e *entry) Variant(name string) any {
	e.Type = name
	if name == "target" {
		e.Spec = new(target)
	} else {
		e.Spec = new(backlog)
	}
	return e.Spec
}

func (p *plan) Defaults() { p.Mode = "slow" }

func (p *plan) Validate(r *strict.Report) {
	known := []string{"photos", "videos"}
	for i, q := range p.Queues {
		if !slices.Contains(known, q) {
			r.At("queues").Unknown("["+string(rune('0'+i%10))+"]", q, "a queue of this file", known)
		}
	}
}

func TestReadFillsIn(t *testing.T) {
	p, err := strict.Read[plan]("good.yaml", []byte(`# everything
name: "yes"
dry: true
budget: 1e2
every: 1d12h
step: 20
loss: 0.5%
bounds: &b {max: 3}
objective: {wait: 2m}
queues:
- photos
policies:
  - {type: backlog, per_worker: 8, name: mine}
  - type: target
    signal: fleet.cpu_mean
labels: {a.b: 1, "C": 2}
extra: {x: [1, true, "s"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	first, _ := p.Policies[0].Spec.(*backlog)
	second, _ := p.Policies[1].Spec.(*target)
	switch {
	case p.Name != "yes" || !p.Dry || p.Budget != 100 || p.Mode != "slow" || p.Every.String() != "1d12h":
		t.Errorf("scalars: %+v", p)
	case p.Step.Of(100) != 20 || p.Loss.Fraction() != 0.005 || p.Bounds != (bounds{Max: 3}):
		t.Errorf("own texts: %+v", p)
	case p.Objective.Quantile != 0.95 || p.Objective.Wait.String() != "2m":
		t.Errorf("pointer with defaults: %+v", p.Objective)
	case first.PerWorker != 8 || first.Name != "mine" || second.Target != 70 || second.Signal != "fleet.cpu_mean":
		t.Errorf("union: %+v %+v", first, second)
	case p.Labels["a.b"] != 1 || p.Labels["C"] != 2:
		t.Errorf("keys of a table must be kept as they are: %v", p.Labels)
	}
}

func TestBad(t *testing.T) {
	stricttest.Bad(t, *update, 30, func(file string) error {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = strict.Read[plan](filepath.Base(file), data)
		return err
	})
}

func TestErrorsAreValues(t *testing.T) {
	_, err := strict.Read[plan]("x.yaml", []byte("name: a\nbounds: {max: 1, mx: 2}\n"))
	e, ok := errors.AsType[*strict.Error](err)
	if !ok || len(e.Problems) != 1 {
		t.Fatalf("got %v", err)
	}
	want := strict.Problem{File: "x.yaml", Line: 2, Column: 18, Path: "bounds.mx", Said: `unknown key; did you mean "max"?`}
	if e.Problems[0] != want {
		t.Errorf("got %+v", e.Problems[0])
	}
}

func TestOverride(t *testing.T) {
	p, err := strict.Read[plan]("x.yaml", []byte("bounds: {max: 1}\n"),
		strict.Override("name", "PLAN_NAME", "007"),
		strict.Override("bounds.max", "--max", "9"),
		strict.Override("objective.wait", "PLAN_WAIT", "3m"),
		strict.Override("queues", "PLAN_QUEUES", "[photos, videos]"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "007" || p.Bounds.Max != 9 || p.Objective.Wait.String() != "3m" || p.Objective.Quantile != 0.95 || len(p.Queues) != 2 {
		t.Errorf("got %+v %+v", p, p.Objective)
	}
}

func TestOverrideNamesItsSource(t *testing.T) {
	_, err := strict.Read[plan]("x.yaml", []byte("name: a\nbounds: {max: 1, min: x}\n"),
		strict.Override("bounds.min", "PLAN_MIN", "-1"),
		strict.Override("every", "--every", "10"),
		strict.Override("queues", "PLAN_QUEUES", "[photso"),
		strict.Override("dry", "PLAN_DRY", ""))
	const want = `x.yaml:2:23: bounds.min: "x" is not a whole number; write it with digits, like 5
--every: every: "10" needs a unit; write 10s, 10m or 10h
PLAN_DRY: dry: "" cannot be read as YAML
PLAN_MIN: bounds.min: -1 is too small; write at least 0
PLAN_QUEUES: queues: "[photso" cannot be read as YAML`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v", err)
	}
}

// An override makes a struct that the file lacks: its other keys are demanded
// and it is validated as if it had been there.
func TestOverrideOfWhatIsAbsent(t *testing.T) {
	_, err := strict.Read[plan]("x.yaml", []byte("name: a\n"), strict.Override("bounds.min", "PLAN_MIN", "3"))
	const want = `PLAN_MIN: bounds.max: missing; add it: most workers`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v", err)
	}
}

func TestKeys(t *testing.T) {
	var got []string
	for _, k := range strict.Keys[plan]() {
		got = append(got, k.Path)
	}
	want := "name mode dry budget every step loss bounds.min bounds.max objective.wait objective.quantile queues policies labels extra"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
}
