package signals_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
	"skynet/signals"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		signal signals.Signal
		want   float64
		err    string // part of it, "" if there is none
	}{
		{"measured now, good for nothing longer", signals.Known("x", 3, noon, 0), 3, ""},
		{"zero is a value", signals.Known("x", 0, noon, time.Minute), 0, ""},
		{"good to the last moment", signals.Known("x", 3, ago(time.Minute), time.Minute), 3, ""},
		{"stale", signals.Known("x", 3, ago(time.Minute+1), time.Minute), 0, "x is stale: measured 1m0s ago, good for 1m0s"},
		{"a five-minute metric after two", signals.Known("x", 3, ago(2*time.Minute), 5*time.Minute), 3, ""},
		{"missing", signals.Missing("x", noon, "the queue answered 500"), 0, "x is unknown: the queue answered 500"},
		{"missing without a reason", signals.Missing("x", noon, ""), 0, "x is unknown"},
		{"not a number", signals.Known("x", math.NaN(), noon, time.Minute), 0, "not a finite number"},
		{"infinite", signals.Known("x", math.Inf(-1), noon, time.Minute), 0, "not a finite number"},
		{"not a number, smuggled in", signals.Signal{Name: "x", Value: math.NaN(), At: noon}, 0, "not a finite number"},
		{"infinite, smuggled in", signals.Signal{Name: "x", Value: math.Inf(1), At: noon}, 0, "not a finite number"},
		{"nothing at all", signals.Signal{Name: "x"}, 0, "stale"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.signal.Check(noon)
			expect(t, got, err, c.want, c.err)
			// A snapshot's Value says the same.
			s := signals.Snapshot{Now: noon, Signals: []signals.Signal{c.signal}}.Freeze()
			got, err = s.Value("x")
			expect(t, got, err, c.want, c.err)
		})
	}
}

func expect(t *testing.T, got float64, err error, want float64, said string) {
	t.Helper()
	if got != want || (err == nil) != (said == "") || err != nil && !strings.Contains(err.Error(), said) {
		t.Errorf("got %g, %v; want %g, %q", got, err, want, said)
	}
}

func TestValueOfWhatNobodyGives(t *testing.T) {
	s := signals.Snapshot{Now: noon, Signals: []signals.Signal{signals.Known("b", 1, noon, 0)}}.Freeze()
	for _, name := range []string{"", "a", "c", "B"} {
		got, err := s.Value(name)
		expect(t, got, err, 0, "no source gives it")
	}
}

func TestSortKeepsTheFirstOfAName(t *testing.T) {
	got := signals.Sort([]signals.Signal{
		signals.Known("b", 1, noon, 0), signals.Known("a", 2, noon, 0), signals.Known("b", 3, noon, 0), signals.Missing("a", noon, "late"),
	})
	want := []signals.Signal{signals.Known("a", 2, noon, 0), signals.Known("b", 1, noon, 0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFreezeSortsAndLeavesTheCallersSlicesAlone(t *testing.T) {
	s := signals.Snapshot{
		Workers: []fleet.Worker{{ID: "i-2"}, {ID: "i-1"}},
		Signals: []signals.Signal{{Name: "b"}, {Name: "a"}, {Name: "a", Value: 1}},
	}
	before := signals.Snapshot{Workers: slices.Clone(s.Workers), Signals: slices.Clone(s.Signals)}
	frozen := s.Freeze()
	if frozen.Workers[0].ID != "i-1" || frozen.Signals[0].Name != "a" || len(frozen.Signals) != 2 {
		t.Errorf("not sorted: %+v", frozen)
	}
	frozen.Workers[0].Jobs, frozen.Signals[0].Value = 7, 7
	if diff := cmp.Diff(before, s); diff != "" {
		t.Errorf("the caller's changed: %s", diff)
	}
}

func TestSince(t *testing.T) {
	at := func(minutes ...int) (ts []signals.Tick) {
		for _, m := range minutes {
			ts = append(ts, signals.Tick{At: ago(time.Duration(m) * time.Minute)})
		}
		return ts
	}
	s := signals.Snapshot{Now: noon, Recent: at(5, 4, 3, 3, 3, 1)}
	for minutes, want := range map[int][]signals.Tick{10: at(5, 4, 3, 3, 3, 1), 5: at(4, 3, 3, 3, 1), 4: at(3, 3, 3, 1), 3: at(1), 2: at(1), 1: nil, 0: nil} {
		if diff := cmp.Diff(len(want), len(s.Since(ago(time.Duration(minutes)*time.Minute)))); diff != "" {
			t.Errorf("since %d minutes: %s", minutes, diff)
		}
	}
	if got := (signals.Snapshot{}).Since(noon); len(got) != 0 {
		t.Errorf("no history has %d ticks", len(got))
	}
}

func TestHaveAndBilled(t *testing.T) {
	var s signals.Snapshot
	for state := fleet.Unknown; state <= fleet.Leaving; state++ {
		s.Workers = append(s.Workers, fleet.Worker{State: state, Silent: state == fleet.Working})
	}
	if s.Have() != 3 || s.Billed() != 6 { // one of each: starting, working, waking; with unknown, draining and drained
		t.Errorf("have %d, billed %d; want 3 and 6", s.Have(), s.Billed())
	}
}

// A list may show who was woken asleep for a while.
func TestASleeperThatWasAskedToWakeIsBilled(t *testing.T) {
	asleep := []fleet.Worker{{ID: "i-1", State: fleet.Asleep}, {ID: "i-2", State: fleet.Asleep}, {ID: "i-3", State: fleet.Working}}
	for name, c := range map[string]struct {
		recent []signals.Tick
		want   int
	}{
		"nobody was asked":          {[]signals.Tick{{At: noon.Add(-time.Minute)}}, 1},
		"woken":                     {[]signals.Tick{{At: noon.Add(-time.Minute), Deeds: signals.Deeds{Woken: []fleet.ID{"i-1", "i-3"}}}}, 2},
		"without an answer":         {[]signals.Tick{{At: noon.Add(-time.Minute), Deeds: signals.Deeds{Unwoken: []fleet.ID{"i-2"}}}}, 2},
		"twice":                     {[]signals.Tick{{At: noon.Add(-2 * time.Minute), Deeds: signals.Deeds{Unwoken: []fleet.ID{"i-2"}}}, {At: noon.Add(-time.Minute), Deeds: signals.Deeds{Woken: []fleet.ID{"i-2"}}}}, 2},
		"long ago":                  {[]signals.Tick{{At: noon.Add(-4 * time.Minute), Deeds: signals.Deeds{Woken: []fleet.ID{"i-1"}}}, {At: noon.Add(-time.Minute)}}, 1},
		"by the last of slow ticks": {[]signals.Tick{{At: noon.Add(-10 * time.Minute), Deeds: signals.Deeds{Woken: []fleet.ID{"i-1"}}}}, 2},
	} {
		if s := (signals.Snapshot{Now: noon, Workers: asleep, Recent: c.recent}); s.Billed() != c.want {
			t.Errorf("%s: %d are billed, want %d", name, s.Billed(), c.want)
		}
	}
}

func TestFates(t *testing.T) {
	heard := fleet.Worker{Heard: noon, State: fleet.Working}
	for _, c := range []struct {
		name       string
		now        fleet.Worker // with no ID: not listed
		born, died bool
	}{
		{"is heard", id("i-1", heard), true, false},
		{"is heard, and leaving already", id("i-1", fleet.Worker{Heard: noon, State: fleet.Leaving}), true, false},
		{"is still on its way", id("i-1", fleet.Worker{State: fleet.Starting}), false, false},
		{"was asked to drain before it was heard", id("i-1", fleet.Worker{State: fleet.Draining}), false, false},
		{"left without a word", id("i-1", fleet.Worker{State: fleet.Leaving}), false, true},
		{"woke, and fell asleep without a word", id("i-1", fleet.Worker{State: fleet.Asleep}), false, true},
		{"is on its way back to sleep", id("i-1", fleet.Worker{State: fleet.Stopping}), false, true},
		{"is not listed any more", fleet.Worker{}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			born, died := signals.Fates([]fleet.ID{"i-1"}, []fleet.Worker{id("i-0", heard), c.now})
			if (len(born) == 1) != c.born || (len(died) == 1) != c.died {
				t.Errorf("born %v, died %v", born, died)
			}
		})
	}
}

func id(id fleet.ID, w fleet.Worker) fleet.Worker {
	w.ID = id
	return w
}

func TestUnheard(t *testing.T) {
	got := signals.Unheard([]fleet.Worker{
		{ID: "i-1", State: fleet.Starting}, {ID: "i-2", State: fleet.Working}, {ID: "i-3", State: fleet.Waking}, {ID: "i-4", State: fleet.Asleep},
	})
	if diff := cmp.Diff([]fleet.ID{"i-1", "i-3"}, got); diff != "" {
		t.Error(diff)
	}
}
