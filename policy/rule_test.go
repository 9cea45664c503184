package policy_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/policy"
	"skynet/policy/expression"
	"skynet/signals"
)

var photos = signals.Names{Queues: []string{"photos"}, User: []string{"surge"}}

// ruleOf compiles a rule; an empty condition is none.
func ruleOf(t testing.TB, when, want string) (r policy.Rule) {
	t.Helper()
	var err error
	if r.Number, err = expression.Number(want, photos); err != nil {
		t.Fatal(err)
	}
	if when != "" {
		if r.When, err = expression.Condition(when, photos); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// ticking is a snapshot with so many ticks before it, a minute apart.
func ticking(n int, values map[string]float64) (s signals.Snapshot) {
	for i := range n + 1 {
		s.Now = time.Date(2026, 3, 1, 12, i, 0, 0, time.UTC)
		s.Signals = nil
		for name, v := range values {
			s.Signals = append(s.Signals, signals.Known(name, v, s.Now, time.Minute))
		}
		s.Signals = signals.Sort(s.Signals)
		if i < n {
			s.Recent = append(s.Recent, signals.Tick{At: s.Now, Signals: s.Signals})
		}
	}
	return s
}

const (
	galleryWhen = "queues.photos.visible > 5000 and rate(queues.photos.arrived, '10m') > 3"
	galleryWant = "ceil(queues.photos.backlog_seconds / (120 * fleet.slots))"
)

func TestRule(t *testing.T) {
	busy := map[string]float64{"queues.photos.visible": 6200, "queues.photos.arrived": 204, "queues.photos.backlog_seconds": 8000, "fleet.slots": 4, "surge": 0}
	quiet := map[string]float64{"queues.photos.visible": 12, "queues.photos.arrived": 204}
	for _, c := range []struct {
		name, when, text string
		values           map[string]float64
		want             int
		because, fails   string
	}{
		{"on", galleryWhen, galleryWant, busy, 17, "on: queues.photos.visible 6200, rate(queues.photos.arrived,'10m') 3.4, queues.photos.backlog_seconds 8000, fleet.slots 4; want 17", ""},
		{"off, and that is known", galleryWhen, galleryWant, quiet, 0, "off: queues.photos.visible 12, rate(queues.photos.arrived,'10m') 3.4", ""},
		{"always", "", "fleet.slots * 2", busy, 8, "fleet.slots 4; want 8", ""},
		{"rounded up", "", "fleet.slots / 3", busy, 2, "fleet.slots 4; want 1.33, rounded up to 2", ""},
		{"huge", "", "1e300", busy, 1e9, "want 1e+300, rounded up to 1000000000", ""},
		{"number unknown", galleryWhen, "fleet.slots * fleet.busy_slots", busy, 0, "", "fleet.busy_slots is unknown"},
		{"condition unknown", "true or fleet.busy_slots > 1", "1", busy, 0, "", "fleet.busy_slots is unknown"},
		{"negative: a quiet queue must be able to shrink the fleet", "", "0 - fleet.slots", busy, 0, "fleet.slots 4; want -4, that is nobody", ""},
		{"division by zero", "", "1 / surge", busy, 0, "", "want is unknown: division by zero at column 3, with surge 0"},
		{"division by zero in the condition", "not (0 / surge < 1)", "1", busy, 0, "", "when is unknown: division by zero at column 8, with surge 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := ruleOf(t, c.when, c.text).Want(ticking(12, c.values))
			if n != c.want || because != c.because || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("wants %d, %q, %v", n, because, err)
			}
		})
	}
}

func TestRuleNamesItsSignals(t *testing.T) {
	r := ruleOf(t, galleryWhen, galleryWant)
	want := []string{"fleet.slots", "queues.photos.arrived", "queues.photos.backlog_seconds", "queues.photos.visible"}
	if !slices.Equal(r.Signals(), want) || r.Window() != 10*time.Minute {
		t.Error(r.Signals(), r.Window())
	}
}

// FuzzRule wants an error with a column, or a rule that gives a number of
// workers or an error whatever the signals are.
func FuzzRule(f *testing.F) {
	for _, text := range []string{
		galleryWhen, galleryWant, "1 / 0", "0/0 < 1", "not (0/0 < 1) ? 1 : 2", "queue.visble", "a[1]", "1..9", "let x = 1; x", "max(surge, '10m') ** 99",
		"quantile(surge, 0.5, '1h')", "queue.visible | max(1)", "now()", "(((((1)))))", "1<2<3 ? 1 : 0", "'a' matches 'b'", "a.b(", "clamp(surge, 1, 0) % 7", "-9223372036854775807", "\"\xff\"", "#", "{a: 1}", "?:", "1 ? : 2", "// x\n1",
	} {
		f.Add(text, 1e308, 0.0)
	}
	f.Fuzz(func(t *testing.T, text string, a, b float64) {
		values := map[string]float64{"queue.visible": a, "surge": b, "fleet.slots": 5e-324, "queues.photos.visible": -1e308, "queues.photos.arrived": 1e308, "queues.photos.backlog_seconds": 0}
		s := ticking(61, values)
		for _, compile := range []func(string, signals.Names) (*expression.Expression, error){expression.Number, expression.Condition} {
			e, err := compile(text, photos)
			if err != nil {
				if !strings.Contains(err.Error(), "column ") {
					t.Errorf("%q: no column: %v", text, err)
				}
				continue
			}
			read, err := e.Read(s)
			if err != nil {
				continue
			}
			for _, r := range read {
				if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
					t.Errorf("%q: %s is %g", text, r.Name, r.Value)
				}
			}
		}
		var r policy.Rule
		if n, err := expression.Number(text, photos); err == nil {
			r.Number = n
			if n, because, err := r.Want(s); n < 0 || n > 1e9 || err == nil && because == "" {
				t.Errorf("%q wants %d, %q, %v", text, n, because, err)
			}
		}
		if c, err := expression.Condition(text, photos); err == nil {
			r = policy.Rule{When: c, Number: ruleOf(t, "", "3").Number}
			if n, _, _ := r.Want(s); n != 0 && n != 3 {
				t.Errorf("%q wants %d", text, n)
			}
		}
	})
}

func BenchmarkRule(b *testing.B) {
	r := ruleOf(b, "queues.photos.visible > 5000 and rate(queues.photos.arrived, '10m') > 3", "ceil(queues.photos.visible / (120 * fleet.slots))")
	values := map[string]float64{}
	for _, n := range photos.All() {
		values[n] = 6200
	}
	s := ticking(61, values)
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = r.Want(s)
	}
}
