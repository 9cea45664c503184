// Package suite runs unit tests of policies: a YAML file gives signals over time
// and says what is to be decided, in the spirit of promtool's rule tests. Each
// test plays its signals through a decide.Session, so that what passes here is
// what `skynet decide` and the daemon do.
package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/signals"
)

// File is a file of tests as it is written.
type File struct {
	Policy   string          `yaml:"policy" strict:"required" doc:"policy file under test, relative to this one"`
	Interval strict.Duration `yaml:"interval" doc:"time from tick to tick; 1m if left out"`
	Start    string          `yaml:"start" doc:"time of the first tick; 2026-03-02T00:00:00Z, a Monday, if left out"`
	Tests    []Test          `yaml:"tests" strict:"required"`

	start time.Time
}

// Test is one story: signals over time, and what is expected of the decisions.
type Test struct {
	Name    string   `yaml:"name" strict:"required"`
	Start   string   `yaml:"start" doc:"time of its first tick, instead of the file's"`
	Signals []Series `yaml:"signals" strict:"required" doc:"what is known over time"`
	Expect  []Expect `yaml:"expect" strict:"required" doc:"what is to be decided, and when"`

	start time.Time
}

// Series is one signal over time.
type Series struct {
	Name   string `yaml:"name" strict:"required" doc:"signal, such as queue.visible"`
	Values string `yaml:"values" strict:"required" doc:"a value for each tick: 1 2 3, 0x10 (eleven zeros), 0+5x3 (0 5 10 15), _ or _x3 (unknown); the last one holds on"`

	points []*float64
}

// Expect is what is to be decided at one tick.
type Expect struct {
	At       strict.Duration `yaml:"at" doc:"time since the first tick"`
	Have     *int            `yaml:"have" doc:"workers there are, with those on their way"`
	Want     *int            `yaml:"want" doc:"workers after this decision, guards included"`
	Raw      *int            `yaml:"raw" doc:"the largest want of the policies, before bounds and guards"`
	Action   string          `yaml:"action" strict:"enum=launch|drain|hold|sleep|terminate"`
	Blind    *bool           `yaml:"blind" doc:"whether a policy could not tell"`
	Policies []Wants         `yaml:"policies" doc:"what single policies want"`
	Reasons  []string        `yaml:"reasons" doc:"texts, each of which is part of a reason, written \"who: what\""`
	Absent   []string        `yaml:"absent" doc:"texts that are part of no reason"`
}

// Wants is what one policy is to want.
type Wants struct {
	Name string `yaml:"name" strict:"required"`
	Want *int   `yaml:"want" strict:"required"`
}

// Defaults are a minute from tick to tick, from a Monday on.
func (f *File) Defaults() {
	f.Interval, f.Start = strict.Duration(time.Minute), "2026-03-02T00:00:00Z"
}

const (
	// longest is how long a test may last: as long as any window looks back, twice.
	longest = 48 * time.Hour
	// most is how many ticks it may have.
	most = 20_000
)

// Validate checks the file as a whole.
func (f *File) Validate(r *strict.Report) {
	if f.Interval < strict.Duration(time.Second) || f.Interval > strict.Duration(time.Hour) {
		r.Bad("interval", f.Interval, "is out of range; write 1s to 1h")
		f.Interval = strict.Duration(time.Minute)
	}
	f.start = moment(r, f.Start)
	for i := range f.Tests {
		f.Tests[i].check(r.At(fmt.Sprintf("tests[%d]", i)), f)
	}
	if len(f.Tests) == 0 && r.Given("tests") && r.Sound("tests") {
		r.Bad("tests", nil, "is empty; write at least one")
	}
}

func moment(r *strict.Report, text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.Bad("start", text, "is not a time; write it as 2026-03-01T17:00:00Z")
	}
	return t
}

func (t *Test) check(r *strict.Report, f *File) {
	if t.start = f.start; t.Start != "" {
		t.start = moment(r, t.Start)
	}
	if len(t.Expect) == 0 && r.Given("expect") && r.Sound("expect") {
		r.Bad("expect", nil, "is empty, so that this test could not fail; write at least one")
	}
	named := map[string]bool{}
	for i := range t.Signals {
		s := &t.Signals[i]
		s.check(r.At(fmt.Sprintf("signals[%d]", i)), named)
	}
	for i, e := range t.Expect {
		e.check(r.At(fmt.Sprintf("expect[%d]", i)), f.Interval.Std())
	}
}

var nameOK = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)

func (s *Series) check(r *strict.Report, named map[string]bool) {
	switch open := (signals.Names{Open: true}); {
	case s.Name == "":
	case named[s.Name]:
		r.Bad("name", s.Name, "is given twice; remove one")
	case !nameOK.MatchString(s.Name) || !open.Known(s.Name):
		r.Unknown("name", s.Name, "a signal", open.All())
	}
	named[s.Name] = true
	if s.Values == "" {
		return
	}
	points, err := parseValues(s.Values)
	if err != nil {
		r.Bad("values", s.Values, "%s", err)
	}
	s.points = points
}

func (e Expect) check(r *strict.Report, interval time.Duration) {
	at := e.At.Std()
	switch {
	case at > longest || at/interval > most:
		r.Bad("at", e.At, "is too far away; a test lasts at most %s and %d ticks", strict.Duration(longest), most)
	case at%interval != 0:
		r.Bad("at", e.At, "falls between two ticks; write a multiple of the interval (%s)", strict.Duration(interval))
	}
	if e.Have == nil && e.Want == nil && e.Raw == nil && e.Action == "" && e.Blind == nil &&
		len(e.Policies)+len(e.Reasons)+len(e.Absent) == 0 && r.Sound("have", "want", "raw", "action", "blind", "policies", "reasons", "absent") {
		r.Bad("", nil, "expects nothing; add want, action, reasons or the like")
	}
}

// Load reads a file of tests. Everything wrong with it comes in one error. The
// policy's path leads from the file's folder.
func Load(path string) (File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("test file: %w", err)
	}
	f, err := Parse(path, data)
	if !filepath.IsAbs(f.Policy) {
		f.Policy = filepath.Join(filepath.Dir(path), f.Policy)
	}
	return f, err
}

// Know reports the first policy that the tests speak of and the policy file does
// not have.
func (f File) Know(policies []policy.Policy) error {
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = p.Name()
	}
	for i, t := range f.Tests {
		for j, e := range t.Expect {
			for k, w := range e.Policies {
				if !slices.Contains(names, w.Name) {
					return fmt.Errorf("tests[%d].expect[%d].policies[%d].name: %q is no policy of %s; known: %s", i, j, k, w.Name, f.Policy, strings.Join(names, ", "))
				}
			}
		}
	}
	return nil
}

// Parse reads a file's bytes; name is for messages.
func Parse(name string, data []byte) (File, error) { return strict.Read[File](name, data) }

// Schema is the JSON Schema of test files, for editors.
func Schema() []byte { return strict.Schema[File]() }
