package suite

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"skynet/config/strict/stricttest"
	"skynet/decide"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
)

var update = flag.Bool("update", false, "write the .error files anew")

const smallest = "objective: {wait: 2m, quantile: 0.99}\nbounds: {max: 20}\n"

// play runs a file of tests on a policy file.
func play(t *testing.T, text, tests string) (results []Result) {
	t.Helper()
	f, err := Parse("a.test.yaml", []byte(tests))
	if err != nil {
		t.Fatal(err)
	}
	p, err := file.Parse("a.policy.yaml", []byte(text), signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range f.Tests {
		r, err := test.Run(t.Context(), decide.New(p, "test"), f.Interval.Std())
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	return results
}

var example = regexp.MustCompile("(?s)```yaml-test\n(.*?)```")

// TestThePagesTestsPass runs the tests that docs/policy.md shows.
func TestThePagesTestsPass(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllStringSubmatch(string(page), -1)
	if len(examples) == 0 {
		t.Fatal("the page shows none")
	}
	for _, e := range examples {
		for _, r := range play(t, smallest, e[1]) {
			if !r.OK {
				t.Errorf("%+v", r)
			}
		}
	}
}

// TestTheExamplesPass runs the tests that come with the example policies.
func TestTheExamplesPass(t *testing.T) {
	files, err := filepath.Glob("../../config/examples/*.test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, name := range files {
		f, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := os.ReadFile(f.Policy)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(name)
		for _, r := range play(t, string(policy), string(text)) {
			if !r.OK {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

const steady = `
policy: a.policy.yaml
tests:
  - name: steady
    signals:
      - {name: queue.visible, values: "30"}
      - {name: queue.in_flight, values: "0"}
      - {name: fleet.running, values: "2"}
      - {name: fleet.pending, values: "0"}
    expect: [%s]
`

// TestEveryExpectationCanFail plays the same story with what is so, and with what
// is not.
func TestEveryExpectationCanFail(t *testing.T) {
	const policy = "bounds: {max: 20}\npolicies: [{type: backlog, per_worker: 10}]\nguards: {launch: {per_tick: 5}}\n"
	for right, wrong := range map[string]string{
		"have: 2":                              "have: 3",
		"want: 3":                              "want: 2",
		"raw: 3":                               "raw: 4",
		"action: launch":                       "action: hold",
		"blind: false":                         "blind: true",
		"policies: [{name: backlog, want: 3}]": "policies: [{name: slo, want: 3}]",
		`reasons: ["backlog: 30 waiting", "launch 1"]`: `reasons: ["backlog: 31 waiting"]`,
		`absent: ["breaker"]`:                          `absent: ["plan: launch"]`,
	} {
		if r := play(t, policy, fmt.Sprintf(steady, "{at: 2m, "+right+"}"))[0]; !r.OK || r.Ticks != 3 {
			t.Errorf("%s: %+v", right, r)
		}
		r := play(t, policy, fmt.Sprintf(steady, "{at: 2m, "+wrong+"}"))[0]
		if r.OK || len(r.Failures) != 1 || len(r.Failures[0].Wrong) == 0 || len(r.Failures[0].Reasons) == 0 {
			t.Errorf("%s passes: %+v", wrong, r)
		}
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]string{
		"1 2 3": "1 2 3", "0x3": "0 0 0 0", "0+5x3": "0 5 10 15", "10-2x3": "10 8 6 4", "_": "_", "_x3 1": "_ _ _ 1",
		"1.5": "1.5", "-3": "-3", "-3+1x2": "-3 -2 -1", "1e3": "1000", "1e-1x1": "0.1 0.1", "5x0": "5", "2-1e-1x1": "2 1.9",
	} {
		points, err := parseValues(text)
		var got []string
		for _, p := range points {
			if p == nil {
				got = append(got, "_")
				continue
			}
			got = append(got, fmt.Sprintf("%g", *p))
		}
		if s := strings.Join(got, " "); err != nil || s != want {
			t.Errorf("%q is %q, %v; want %q", text, s, err, want)
		}
	}
	for _, text := range []string{"x", "5x", "5x-1", "abc", "5+x3", "NaN", "Inf", "1x99999999", "5++2x3", "_5", "1x20000 1"} {
		if points, err := parseValues(text); err == nil {
			t.Errorf("%q is %d points", text, len(points))
		}
	}
}

func FuzzValues(f *testing.F) {
	f.Add("0x4 120 _x2 1+2x3")
	f.Fuzz(func(t *testing.T, text string) {
		points, err := parseValues(text)
		if err == nil && len(points) > most {
			t.Errorf("%d points", len(points))
		}
	})
}

func TestBad(t *testing.T) {
	stricttest.Bad(t, *update, 5, func(path string) error {
		_, err := Load(path)
		return err
	})
}

func TestAPolicyThatIsNotThereIsAMistake(t *testing.T) {
	f, err := Parse("a.test.yaml", []byte(fmt.Sprintf(steady, "{at: 1m, policies: [{name: slow, want: 3}]}")))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Know([]policy.Policy{policy.SLO{}}); err == nil || !strings.Contains(err.Error(), `tests[0].expect[0].policies[0].name: "slow" is no policy of a.policy.yaml; known: slo`) {
		t.Errorf("%v", err)
	}
	if err := f.Know([]policy.Policy{policy.SLO{As: "slow"}}); err != nil {
		t.Error(err)
	}
}

// TestEachTestStartsAnew lets nothing leak from one test into the next, and takes
// the start that it is given.
func TestEachTestStartsAnew(t *testing.T) {
	story := strings.ReplaceAll(fmt.Sprintf(steady, "{at: 1m, want: 3}"), "name: steady", "start: 2026-05-01T00:00:00Z\n    name: steady")
	f, err := Parse("a.test.yaml", []byte(story))
	if err != nil || !f.Tests[0].start.Equal(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("starts at %v, %v", f.Tests[0].start, err)
	}
}
