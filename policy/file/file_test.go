package file_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/config/strict/stricttest"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
)

var update = flag.Bool("update", false, "write the .error files anew")

const minimal = "bounds: {max: 7}\npolicies: [{type: backlog, per_worker: 8}]\n"

func read(t *testing.T, text string) file.Policy {
	t.Helper()
	p, err := file.Parse("render.policy.yaml", []byte(text), signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// guard returns an engine's guard of a type.
func guard[G policy.Guard](t *testing.T, p file.Policy) (found G) {
	t.Helper()
	for _, g := range p.Engine.Guards {
		if g, ok := g.(G); ok {
			return g
		}
	}
	t.Fatalf("there is no %T", found)
	return found
}

// A file of bounds and a policy alone must be safe to run.
func TestDefaults(t *testing.T) {
	p := read(t, minimal)
	var order []string
	for _, g := range p.Engine.Guards {
		order = append(order, g.Name())
	}
	if diff := cmp.Diff([]string{"blind", "quorum", "release", "launch", "breaker", "freeze"}, order); diff != "" {
		t.Error(diff)
	}
	release := guard[policy.Release](t, p)
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"bounds", p.Engine.Bounds, policy.Bounds{Min: 0, Max: 7}},
		{"policies", p.Engine.Policies, []policy.Policy{policy.Backlog{As: "backlog", PerWorker: 8}}},
		{"plan", p.Engine.Plan, policy.Plan{Boot: 15 * time.Minute, Silence: 10 * time.Minute}},
		{"launch", guard[policy.LaunchLimit](t, p), policy.LaunchLimit{PerTick: 7, PerHour: 28}},
		{"quorum", guard[policy.Quorum](t, p), policy.Quorum{Share: .8}},
		{"breaker", guard[policy.Breaker](t, p), policy.Breaker{Dead: 3}},
		{"release", []time.Duration{release.After, release.MinAge}, []time.Duration{5 * time.Minute, 0}},
		{"release at once", release.PerTick.Of(11), 11},
		{"silent", p.Silent, 200 * time.Second},
		{"zone", p.Signals.Zone.String(), "UTC"},
		{"holidays", len(p.Signals.Holidays), 0},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s is %+v, want %+v", c.name, c.got, c.want)
		}
	}
}

func TestEveryKey(t *testing.T) {
	p := read(t, `
bounds: {min: 2, max: 200}
timezone: America/Los_Angeles
holidays: [2026-12-25]
policies:
  - {type: backlog, per_worker: 100}
  - {type: backlog, per_worker: 0.5}
guards:
  launch: {per_tick: 20, per_hour: 150}
  release: {per_tick: 20%, after: 0s, min_age: 2m, drain_deadline: 45m}
  quorum: 75%
  breaker: {dead_launches: 5}
sleep: {keep: 10, at_most: 12h}
deadlines: {boot: 20m, silent: 3m, replace: 1h}
`)
	release := guard[policy.Release](t, p)
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"bounds", p.Engine.Bounds, policy.Bounds{Min: 2, Max: 200}},
		{"policies", p.Engine.Policies, []policy.Policy{policy.Backlog{As: "backlog", PerWorker: 100}, policy.Backlog{As: "backlog_2", PerWorker: .5}}},
		{"plan", p.Engine.Plan, policy.Plan{Boot: 20 * time.Minute, Silence: time.Hour, Drain: 45 * time.Minute, Keep: 10, AtMost: 12 * time.Hour}},
		{"launch", guard[policy.LaunchLimit](t, p), policy.LaunchLimit{PerTick: 20, PerHour: 150}},
		{"quorum", guard[policy.Quorum](t, p), policy.Quorum{Share: .75}},
		{"breaker", guard[policy.Breaker](t, p), policy.Breaker{Dead: 5}},
		{"release", []time.Duration{release.After, release.MinAge}, []time.Duration{0, 2 * time.Minute}},
		{"release at once", release.PerTick.Of(11), 3},
		{"silent", p.Silent, 3 * time.Minute},
		{"zone", p.Signals.Zone.String(), "America/Los_Angeles"},
		{"holidays", p.Signals.Holidays, []string{"2026-12-25"}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s is %+v, want %+v", c.name, c.got, c.want)
		}
	}
}

func TestQuorumOfZeroIsNotTheDefault(t *testing.T) {
	if got := guard[policy.Quorum](t, read(t, minimal+"guards: {quorum: 0%}\n")); got.Share != 0 {
		t.Errorf("quorum %g", got.Share)
	}
}

func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob("../../config/examples/*.policy.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, f := range files {
		if _, err := file.Load(f, signals.Names{Open: true}); err != nil {
			t.Error(err)
		}
	}
}

func TestLoadOfNoFile(t *testing.T) {
	if _, err := file.Load("testdata/none.yaml", signals.Names{}); err == nil || !strings.Contains(err.Error(), "policy file: open testdata/none.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestBad(t *testing.T) {
	stricttest.Bad(t, *update, 40, func(path string) error {
		_, err := file.Load(path, signals.Names{Open: true})
		return err
	})
}

func TestSchemaNamesEveryKey(t *testing.T) {
	schema := file.Schema()
	for _, key := range []string{"bounds", "max", "policies", "per_worker", "guards", "per_tick", "quorum", "dead_launches", "sleep", "deadlines", "timezone", "holidays"} {
		if !bytes.Contains(schema, []byte(`"`+key+`"`)) {
			t.Errorf("%s is not in the schema", key)
		}
	}
}

// FuzzParse checks that whatever is written is refused with a place, or makes
// an engine whose limits make sense.
func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	examples, _ := filepath.Glob("../../config/examples/*.policy.yaml")
	for _, name := range slices.Concat(files, examples) {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := file.Parse("fuzz.yaml", data, signals.Names{Open: true})
		if err != nil {
			if !strings.Contains(err.Error(), "fuzz.yaml") {
				t.Errorf("an error without the file's name: %v", err)
			}
			return
		}
		e, launch := p.Engine, guard[policy.LaunchLimit](t, p)
		switch {
		case len(e.Policies) == 0, e.Bounds.Min < 0, e.Bounds.Max < max(1, e.Bounds.Min),
			launch.PerTick < 1, launch.PerHour < 1, e.Plan.Boot <= 0, e.Plan.Silence < p.Silent, p.Silent <= 0,
			e.Plan.Drain < 0, e.Plan.Keep < 0, e.Plan.AtMost < 0, p.Signals.Zone == nil, guard[policy.Breaker](t, p).Dead < 1:
			t.Errorf("%q makes %+v", data, p)
		}
	})
}

// EC2 keeps what was in memory for 60 days; a plain stop has no end.
func TestHibernationEnds(t *testing.T) {
	for sleep, want := range map[string]time.Duration{
		"{keep: 1}":                                0,
		"{keep: 1, at_most: 90d}":                  90 * 24 * time.Hour,
		"{keep: 1, hibernate: true}":               60 * 24 * time.Hour,
		"{keep: 1, hibernate: true, at_most: 90d}": 60 * 24 * time.Hour,
		"{keep: 1, hibernate: true, at_most: 12h}": 12 * time.Hour,
	} {
		p, err := file.Parse("p.yaml", []byte("bounds: {max: 3}\nsleep: "+sleep+"\n"), signals.Names{Open: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Engine.Plan.AtMost; got != want {
			t.Errorf("%s: %s, want %s", sleep, got, want)
		}
	}
}
