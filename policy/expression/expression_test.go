package expression_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/policy/expression"
	"skynet/signals"
)

var (
	fleet = signals.Names{Queues: []string{"photos", "videos"}, User: []string{"upload.cpu", "surge"}}
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// past makes a snapshot of ticks a minute apart, each with values by name; a NaN
// is unknown. The last value is now's.
func past(values map[string][]float64) signals.Snapshot {
	n := 0
	for _, v := range values {
		n = len(v)
	}
	s := signals.Snapshot{}
	for i := range n {
		at := start.Add(time.Duration(i) * time.Minute)
		var list []signals.Signal
		for name, v := range values {
			list = append(list, signals.Known(name, v[i], at, time.Minute))
		}
		list = signals.Sort(list)
		if i == n-1 {
			s.Now, s.Signals = at, list
			return s
		}
		s.Recent = append(s.Recent, signals.Tick{At: at, Signals: list})
	}
	return s
}

func number(text string, s signals.Snapshot) (float64, error) {
	e, err := expression.Number(text, fleet)
	if err != nil {
		return 0, err
	}
	read, err := e.Read(s)
	if err != nil {
		return 0, err
	}
	return e.Number(read)
}

func TestNumbers(t *testing.T) {
	s := past(map[string][]float64{"queue.visible": {12}, "queues.photos.visible": {6200}, "fleet.slots": {4}, "surge": {0}, "upload.cpu": {50}})
	for _, c := range []struct {
		text string
		want float64
	}{
		{"1 + 2 * 3", 7},
		{"2 ** 3 - -1", 9},
		{"7 / 2", 3.5},
		{"7.5 % 2", 1.5},
		{"9223372036854775807 + 1", 1 << 63},
		{"ceil(queues.photos.visible / (120 * fleet.slots))", 13},
		{"abs(-3) + floor(2.9) + round(2.5)", 8},
		{"min(3, queue.visible) + max(1, 2, 5)", 8},
		{"clamp(queue.visible, 1, 10)", 10},
		{"queue.visible > 10 and not (surge > 0) ? 5 : 6", 5},
		{"surge == 0 ? 3 : 1 / surge", 3},
		{"1 < 2 < 3 ? 1 : 0", 1},
		{"upload.cpu", 50},
		{"true ? 1 : 2", 1},
	} {
		if v, err := number(c.text, s); v != c.want || err != nil {
			t.Errorf("%s is %g, %v, want %g", c.text, v, err, c.want)
		}
	}
}

// Nothing that is no number gets by, not even where it would be denied.
func TestNotNumbers(t *testing.T) {
	s := past(map[string][]float64{"surge": {0}, "upload.cpu": {1e308}})
	for _, c := range []struct{ text, said string }{
		{"1 / surge", "division by zero at column 3"},
		{"5 % surge", "division by zero at column 3"},
		{"not (0 / surge < 1) ? 3 : 2", "division by zero at column 8"},
		{"1 +\n  2 / surge", "division by zero at line 2, column 5"},
		{"upload.cpu * 10", "* at column 12 is not a number"},
		{"(-1) ** 0.5", "** at column 6 is not a number"},
		{"surge > 1 ? 1 : fleet.slots", "fleet.slots is unknown"},
		{"true or fleet.slots > 1 ? 1 : 2", "fleet.slots is unknown"},
	} {
		if v, err := number(c.text, s); err == nil || !strings.Contains(err.Error(), c.said) || v != 0 {
			t.Errorf("%s is %g, %v", c.text, v, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ text, said string }{
		{"", "column 1: is empty"},
		{strings.Repeat(" ", 4097), "longer than 4096"},
		{"queue.visble > 1 ? 1 : 2", `column 1: "queue.visble" is not a signal of this fleet`},
		{"1 + queues.phots.visible", `column 5: "queues.phots.visible" is not`},
		{"1 +\n  Queue.visible", `line 2, column 3: "Queue.visible" is not`},
		{"now()", `column 1: "now" is not a function`},
		{"len('a')", `column 1: "len" is not a function`},
		{"nonsense(1)", `column 1: "nonsense" is not a function`},
		{"filter([1], # > 1)", `column 1: "filter" is not a function`},
		{"::max(1, 2)", `"max" is not a function`},
		{"fleet.slots | max(3)", "column 15: pipes are not"},
		{"let x = 1; x", "only signals, numbers"},
		{"1; 2", "only signals, numbers"},
		{"1..3", ".. is not an operator"},
		{"[1, 2]", "only signals, numbers"},
		{"{a: 1}", "only signals, numbers"},
		{"'a'", "text stands only for a window"},
		{"'a' matches 'b'", "matches is not an operator"},
		{"1 in 2", "in is not an operator"},
		{"nil", "nil is no value"},
		{"queue?.visible", "only signals, numbers"},
		{`queue["visible"]`, "is not a signal's name"},
		{"queue.visible()", "is not a function"},
		{"queue.visible ?? 1", "?? is not an operator"},
		{"if true {1} else {2}", "write if with ?:"},
		{"queue.visible > 1", "column 1: a number is wanted, and this is true or false"},
		{"1 + true", "column 5: a number is wanted"},
		{"not 1 < 2 ? 1 : 2", "true or false is wanted, and this is a number"},
		{"true ? 1 : false", "both sides of :"},
		{"1 == true ? 1 : 2", "compares numbers"},
		{"rate(queue.arrived)", "rate is over a signal and a window"},
		{"rate(queue.arrived, 10)", "rate is over a signal and a window"},
		{"rate(queue.arrived, '10')", `column 21: "10" is not a window`},
		{"rate(queue.arrived, '0s')", `"0s" is not from 1s to 24h`},
		{"rate(queue.arrived, '2d')", `"2d" is not from 1s to 24h`},
		{"rate(queue.arrived + 1, '10m')", "rate is over one signal"},
		{"rate(queue.arived, '10m')", `column 6: "queue.arived" is not`},
		{"quantile(queue.visible, '1h')", "quantile(queue.visible, 0.95, '1h')"},
		{"quantile(queue.visible, 95, '1h')", "column 25: the quantile must be"},
		{"sum(queue.visible, '1h')", "adds up a level"},
		{"delta(queue.arrived, '1h')", "is the change of a count"},
		{"max(1)", "max takes 2 numbers or more"},
		{"abs(1, 2)", "abs takes one number, not 2"},
		{"1 +", "column 3: ends too early; is a bracket"},
		{"10m", "put a window into quotes: '10m'"},
		{"rate(queue.arrived, 10m)", "column 23: put a window into quotes"},
		{"queue.visible = 5 ? 1 : 2", "column 15: = compares nothing; write =="},
		{"queue.visible => 5 ? 1 : 2", "column 15: = compares nothing; write =="},
		{"1 < 2 AND 2 < 3 ? 1 : 2", "column 7: write and, or and not in small letters"},
		{"5k", "column 2: write a number with digits alone"},
		{"1e400", "the number is too large"},
		{"9223372036854775808", "the number is too large"},
		{"fleet.utilisation > 80% ? 1 : 2", "write 0.8 for 80%"},
		{"fleet.utilisation * 80%", "write 0.8 for 80%"},
		{"1 2", `column 3: nothing can be read from "2" on`},
		{"(1 + 2", "ends too early"},
		{"1" + strings.Repeat("+1", 600), "too large: more than 500 parts"},
		{strings.Repeat("1<(", 60) + "2" + strings.Repeat("<3?1:2)<3", 60), "too large"},
	} {
		_, err := expression.Number(c.text, fleet)
		if err == nil || !strings.Contains(err.Error(), c.said) || !strings.Contains(err.Error(), "column ") {
			t.Errorf("%.60q: %v, want %s", c.text, err, c.said)
		}
	}
	if _, err := expression.Condition("fleet.slots", fleet); err == nil || !strings.Contains(err.Error(), "true or false is wanted") {
		t.Error(err)
	}
	var many strings.Builder
	for i := range 65 {
		fmt.Fprintf(&many, "+ mean(queue.visible, '%dm')", i+1)
	}
	if _, err := expression.Number(many.String(), fleet); err == nil || !strings.Contains(err.Error(), "more than 64 signals and windows") {
		t.Error(err)
	}
}

func TestAllThatIsWrongComesAtOnce(t *testing.T) {
	_, err := expression.Number("queue.visble + now() * rate(queue.arrived, 'x')", fleet)
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Error(err)
	}
}

func TestSignals(t *testing.T) {
	e, err := expression.Number("max(queue.visible, '10m') + fleet.slots * mean(queue.visible, '1h30m')", fleet)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(e.Signals(), []string{"fleet.slots", "queue.visible"}) || e.Window() != 90*time.Minute {
		t.Error(e.Signals(), e.Window())
	}
}

var unknown = math.NaN()

func TestWindows(t *testing.T) {
	s := past(map[string][]float64{
		"queue.arrived":     {9, 60, unknown, 120, 30}, // the first is the tick at the start of four minutes
		"queue.visible":     {10, 20, unknown, 50, 70},
		"surge":             {1, unknown, unknown, unknown, 1},
		"decision.launched": {0, 6, 0, 0, 6},
		"upload.cpu":        {1, 1, unknown, 1, 1},
	})
	for _, c := range []struct {
		text string
		want float64
	}{
		{"mean(queue.visible, '4m')", 140. / 3},
		{"min(queue.visible, '4m')", 20},
		{"max(queue.visible, '4m')", 70},
		{"rate(queue.arrived, '4m')", 210. / 240}, // 120 came in two minutes
		{"rate(queue.arrived, '2m')", 150. / 180},
		{"sum(queue.arrived, '4m')", 210},
		{"sum(queue.arrived, '2m')", 100}, // two thirds of what came in three minutes
		{"sum(upload.cpu, '4m')", 4},      // whether a user's own counts is not known
		{"rate(decision.launched, '4m')", 12. / 240},
		{"rate(queue.visible, '4m')", 60. / 240},
		{"delta(queue.visible, '4m')", 60},
		{"quantile(queue.visible, 0.5, '4m')", 50},
		{"quantile(queue.visible, 0.25, '4m')", 35},
		{"quantile(queue.visible, 1, '4m')", 70},
		{"mean(queue.visible, '1m')", 70},
		{"rate(queue.arrived, '30s')", .5},
	} {
		if v, err := number(c.text, s); math.Abs(v-c.want) > 1e-12 || err != nil {
			t.Errorf("%s is %g, %v, want %g", c.text, v, err, c.want)
		}
	}
	for _, c := range []struct{ text, said string }{
		{"mean(queue.visible, '5m')", "mean(queue.visible,'5m') is unknown: less than 5m of history"},
		{"mean(surge, '4m')", "surge was known at 1 of the last 4 ticks"},
		{"mean(queue.dead, '4m')", "queue.dead was known at 0 of the last 4 ticks"},
	} {
		if _, err := number(c.text, s); err == nil || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestWindowsAgainstLists compares with what a few plain lines give.
func TestWindowsAgainstLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1000), 4, 40).Draw(t, "values")
		for i := range values {
			if rapid.IntRange(0, 5).Draw(t, "unknown") == 0 {
				values[i] = unknown
			}
		}
		n := rapid.IntRange(1, len(values)-1).Draw(t, "minutes")
		s := past(map[string][]float64{"queue.arrived": values, "queue.visible": values})
		var known []float64
		for _, v := range values[len(values)-n:] {
			if !math.IsNaN(v) {
				known = append(known, v)
			}
		}
		if len(known)*2 < n || len(known) == 0 {
			if _, err := number(fmt.Sprintf("mean(queue.visible, '%dm')", n), s); err == nil {
				t.Fatal("most are unknown, the mean is not")
			}
			return
		}
		total := 0.0
		for _, v := range known {
			total += v
		}
		mean := total / float64(len(known))
		isKnown := func(i int) bool { return !math.IsNaN(values[i]) }
		first, last := len(values)-n-1, len(values)-1 // a count is of the time since the last that is known
		for i := first; i >= 0; i-- {
			if isKnown(i) {
				first = i
				break
			}
		}
		for !isKnown(last) {
			last--
		}
		rate := total / float64(last-first) / 60
		for name, want := range map[string]float64{
			"mean(queue.visible, '%dm')": mean, "min(queue.visible, '%dm')": slices.Min(known), "max(queue.visible, '%dm')": slices.Max(known),
			"rate(queue.arrived, '%dm')": rate, "sum(queue.arrived, '%dm')": rate * 60 * float64(n),
			"quantile(queue.visible, 0, '%dm')": slices.Min(known), "quantile(queue.visible, 1, '%dm')": slices.Max(known),
		} {
			if got, err := number(fmt.Sprintf(name, n), s); err != nil || math.Abs(got-want) > 1e-9*(1+want) {
				t.Fatalf(name+" is %g, %v, want %g", n, got, err, want)
			}
		}
	})
}

// What counts what happened since the tick before, by the catalogue's own words.
func TestCounts(t *testing.T) {
	var counts []string
	for _, k := range signals.Catalogue {
		if _, err := expression.Number("sum("+k.Name+", '1h')", fleet); err == nil {
			counts = append(counts, k.Name)
		}
	}
	want := []string{"queue.arrived", "queue.completed", "queue.redelivered", "work.failed", "decision.launched", "decision.drained"}
	if !slices.Equal(counts, want) {
		t.Errorf("counts are %v, want %v", counts, want)
	}
}
