package derived_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/signals"
	"skynet/signals/derived"
)

// run completes one tick after the other, a minute apart, the last at noon; each
// holds the given signals: numbers, or reasons why there is none.
func run(set derived.Settings, ticks ...[]any) signals.Snapshot {
	var s signals.Snapshot
	for i, pairs := range ticks {
		now := ago(time.Duration(len(ticks)-1-i) * time.Minute)
		s = signals.Snapshot{Now: now, Recent: s.Recent, Signals: given(now, pairs...)}
		s = derived.Complete(s, set)
		if i < len(ticks)-1 {
			s.Recent = append(s.Recent, signals.Tick{At: now, Boots: s.Boots, Wakes: s.Wakes, Signals: s.Signals})
		}
	}
	return s
}

func given(now time.Time, pairs ...any) (list []signals.Signal) {
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case int:
			list = append(list, signals.Known(pairs[i].(string), float64(v), now, 0))
		case float64:
			list = append(list, signals.Known(pairs[i].(string), v, now, 0))
		case string:
			list = append(list, signals.Missing(pairs[i].(string), now, v))
		}
	}
	return list
}

// queue is what a tick sees of the one queue: how much waits and was completed.
func queue(visible, completed any, more ...any) []any {
	return append(more, "queue.visible", visible, "queue.in_flight", 0, "queue.completed", completed) // of two the first counts
}

// several ticks alike.
func times(n int, tick []any) (list [][]any) {
	for range n {
		list = append(list, tick)
	}
	return list
}

type ticks = [][]any

func TestWhatFollowsForAQueue(t *testing.T) {
	priors := derived.Settings{Interval: time.Minute, Priors: derived.Priors{Item: 10 * time.Second}}
	for _, c := range []struct {
		name   string
		ticks  ticks
		signal string
		want   float64
		err    string
		note   string
	}{
		{"the first tick", ticks{queue(5, 0)}, "queue.arrived", 0, "no earlier tick to compare with", ""},
		{"growth and completions", ticks{queue(5, 0), queue(7, 3)}, "queue.arrived", 5, "", ""},
		{"nothing moves", ticks{queue(5, 0), queue(5, 0)}, "queue.arrived", 0, "", ""},
		{"in flight counts", ticks{queue(5, 0), queue(3, 0, "queue.in_flight", 2)}, "queue.arrived", 0, "", ""},
		{"what died has not arrived", ticks{queue(5, 0, "queue.dead", 0), queue(3, 0, "queue.dead", 2)}, "queue.arrived", 0, "", ""},
		{"new ones in place of the dead", ticks{queue(5, 0, "queue.dead", 0), queue(5, 0, "queue.dead", 2)}, "queue.arrived", 2, "", ""},
		{"the dead are removed", ticks{queue(5, 0, "queue.dead", 9), queue(6, 0, "queue.dead", 0)}, "queue.arrived", 1, "", ""},
		{"a delayed item has arrived", ticks{queue(5, 0, "queue.delayed", 0), queue(5, 0, "queue.delayed", 2)}, "queue.arrived", 2, "", ""},
		{"completions heard of late", ticks{queue(5, 0), queue(0, 0), queue(0, 5)}, "queue.arrived", 0, "", ""},
		{"the same, long after", append(ticks{queue(5, 0), queue(0, 0), queue(0, 5)}, times(4, queue(0, 0))...), "queue.arrived", 0, "", ""},
		{"heard of late, again and again", ticks{queue(0, 0), queue(2, 0), queue(1, 0), queue(1, 0), queue(0, 1), queue(0, 0), queue(0, 0), queue(0, 1)}, "queue.arrived", 0, "", ""},
		{"a purge is not held against arrivals for ever", append(append(ticks{queue(500, 0)}, times(5, queue(0, 0))...), queue(3, 0)), "queue.arrived", 3, "", ""},
		{"a tick that did not see the depth", ticks{queue(5, 0), queue("500", 4), queue(7, 3)}, "queue.arrived", 9, "", ""},
		{"a tick that did not hear", ticks{queue(5, 0), queue(6, "deaf"), queue(7, 3)}, "queue.arrived", 5, "", ""},
		{"a tick that did not hear, and much arrived", ticks{queue(0, 0), queue(100, "deaf"), queue(100, 0)}, "queue.arrived", 100, "", ""},
		{"nobody heard before", ticks{queue(9, "deaf"), queue(5, "deaf"), queue(7, 3)}, "queue.arrived", 5, "", ""},
		{"depth unknown now", ticks{queue(5, 0), queue("500", 3)}, "queue.arrived", 0, "queue.visible is unknown: 500", ""},
		{"deaf now", ticks{queue(5, 0), queue(5, "deaf")}, "queue.arrived", 0, "queue.completed is unknown: deaf", ""},
		{"no depth before", ticks{queue("500", 0), queue(5, 0)}, "queue.arrived", 0, "no earlier tick can be compared with", ""},

		{"rate, first tick", ticks{queue(5, 9)}, "work.rate", 0, "no earlier tick to compare with", ""},
		{"rate, second tick", ticks{queue(5, 9), queue(5, 6)}, "work.rate", .1, "", ""},
		{"rate, steady", times(30, queue(5, 6)), "work.rate", .1, "", ""},
		{"rate, a tick lends its time", ticks{queue(5, 6), queue(5, "deaf"), queue(5, 12)}, "work.rate", .1, "", ""},
		{"rate, unknown for a minute", ticks{queue(5, 6), queue(5, 6), queue(5, "deaf")}, "work.rate", .1, "", ""},
		{"rate, unknown for long", append(times(2, queue(5, 6)), times(6, queue(5, "deaf"))...), "work.rate", 0, "deaf", ""},
		{"arrival rate", ticks{queue(0, 0), queue(6, 0), queue(12, 0)}, "queue.arrival_rate", .1, "", ""},

		{"growth, one point", ticks{queue(5, 0)}, "queue.growth", 0, "no earlier tick", ""},
		{"growth", ticks{queue(0, 0), queue(60, 0), queue(120, 0)}, "queue.growth", 1, "", ""},
		{"shrinking", ticks{queue(120, 0), queue("500", 0), queue(0, 0)}, "queue.growth", -1, "", ""},
		{"growth of the last five minutes only", append(ticks{queue(999, 0)}, times(6, queue(3, 0))...), "queue.growth", 0, "", ""},

		{"nothing finished", ticks{queue(5, 0, "work.failed", 0)}, "work.error_ratio", 0, "", ""},
		{"a quarter failed", ticks{queue(5, 9, "work.failed", 1), queue(5, 0, "work.failed", 2)}, "work.error_ratio", .25, "", ""},
		{"failures of long ago", append(ticks{queue(5, 0, "work.failed", 1)}, times(15, queue(5, 1, "work.failed", 0))...), "work.error_ratio", 0, "", ""},
		{"nobody tells of failures", ticks{queue(5, 0)}, "work.error_ratio", 0, "work.failed is unknown", ""},

		{"oldest, told", ticks{queue(5, 0, "queue.oldest_age", 7)}, "queue.oldest_age", 7, "", ""},
		{"oldest, reconstructed", ticks{queue(0, 0), queue(5, 0), queue(7, 0, "queue.oldest_age", "cannot tell")}, "queue.oldest_age", 120, "", "estimated from arrivals"},
		{"oldest, reconstructed in order", ticks{queue(0, 0), queue(5, 0), queue(7, 5)}, "queue.oldest_age", 60, "", "estimated from arrivals"},
		{"oldest, unknown even so", ticks{queue(9, 0), queue(9, 0, "queue.oldest_age", "cannot tell")}, "queue.oldest_age", 0, "cannot tell; 9 items wait, 0 have arrived", ""},
		{"oldest, nothing there", ticks{queue(0, 0, "queue.oldest_age", "cannot tell")}, "queue.oldest_age", 0, "", ""},
		{"oldest, nothing waits", ticks{queue(0, 0, "queue.in_flight", 1)}, "queue.oldest_age", 0, "", "estimated: nothing waits"},

		{"nobody waited since nothing is there", ticks{queue(0, 0, "work.wait_p95", "no item was worked on lately")}, "work.wait_p95", 0, "", "nothing waits"},
		{"something waits", ticks{queue(1, 0, "work.wait_p95", "no item was worked on lately")}, "work.wait_p95", 0, "no item was worked on lately", ""},
		{"something is in flight", ticks{queue(0, 0, "queue.in_flight", 1, "work.wait_p95", "no item lately")}, "work.wait_p95", 0, "no item lately", ""},
		{"waits while deaf", ticks{queue(0, "deaf", "work.wait_p95", "deaf")}, "work.wait_p95", 0, "deaf", ""},

		{"seconds, told", ticks{queue(1, 0, "work.seconds_mean", 4)}, "work.seconds_mean", 4, "", ""},
		{"seconds, assumed", ticks{queue(1, 0)}, "work.seconds_mean", 10, "", "assumed: no item has been done yet"},
		{"seconds, still assumed", ticks{queue(1, 0), queue(1, 0)}, "work.seconds_mean", 10, "", "assumed: no item has been done yet"},
		{"seconds, learned earlier", ticks{queue(1, 0, "work.seconds_mean", 4), queue(1, 0), queue(1, 0)}, "work.seconds_mean", 4, "", "learned earlier, at 2026-03-01 11:58:00 UTC"},
		{"seconds, learned anew", ticks{queue(1, 0, "work.seconds_mean", 4), queue(1, 0), queue(1, 0, "work.seconds_mean", 5)}, "work.seconds_mean", 5, "", ""},
		{"seconds of silent workers", ticks{queue(1, 0, "queue.in_flight", 4), queue(1, 12, "queue.in_flight", 4)}, "work.seconds_mean", 20, "", "estimated: items in flight over completions"},

		{"backlog", ticks{queue(3, 0)}, "work.backlog_seconds", 30, "", "assumed"},
		{"backlog of a depth below zero", ticks{queue(-3, 0)}, "work.backlog_seconds", 0, "queue.visible is unknown: it is negative: -3", ""},
		{"arrivals after a depth below zero", ticks{queue(-3, 0), queue(5, 0)}, "queue.arrived", 0, "no earlier tick can be compared with", ""},
		{"backlog of nothing", ticks{queue(0, 0)}, "work.backlog_seconds", 0, "", ""},
		{"in flight, nobody there", ticks{queue(3, 0, "queue.in_flight", 2)}, "work.backlog_seconds", 50, "", "assumed"},
		{"backlog unknown", ticks{queue("500", 0)}, "work.backlog_seconds", 0, "500", ""},
		{"nothing to drain", ticks{queue(0, 0)}, "work.drain_seconds", 0, "", ""},
		{"nobody drains", ticks{queue(1, 0)}, "work.drain_seconds", 0, "nobody serves", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := run(priors, c.ticks...)
			got, err := s.Value(c.signal)
			if math.Abs(got-c.want) < 1e-9 {
				got = c.want
			}
			expect(t, got, err, c.want, c.err)
			if sig, _ := signals.Find(s.Signals, c.signal); !strings.Contains(sig.Note, c.note) || sig.Note != "" && c.note == "" {
				t.Errorf("note %q, want %q", sig.Note, c.note)
			}
		})
	}
}

// However late completions are heard of, arrivals add up: to what has truly
// arrived, less at most the completions that are not heard of yet.
func TestArrivalsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s signals.Snapshot
		waiting, truly, sum := rapid.IntRange(0, 50).Draw(t, "at first"), 0, 0.0
		late := make([]int, 4) // completions that are heard of after so many ticks
		for i := range rapid.IntRange(2, 40).Draw(t, "ticks") {
			came, done := 0, rapid.IntRange(0, waiting).Draw(t, "done")
			if i > 0 {
				came = rapid.IntRange(0, 20).Draw(t, "came")
			}
			waiting, truly = waiting-done+came, truly+came
			late[rapid.IntRange(0, 3).Draw(t, "late")] += done
			if i == 0 {
				late = make([]int, 4) // before the first tick is before the count
			}
			var depth, heard any = waiting, late[0]
			if i > 0 && rapid.IntRange(0, 4).Draw(t, "trouble") == 0 { // what was not heard now is heard with the next
				late[1] += late[0]
				heard = "deaf"
			} else if i > 0 && rapid.IntRange(0, 4).Draw(t, "outage") == 0 {
				depth = "500"
			}
			now := noon.Add(time.Duration(i) * time.Minute)
			s = derived.Complete(signals.Snapshot{Now: now, Recent: s.Recent, Signals: given(now, queue(depth, heard)...)}, derived.Settings{Interval: time.Minute})
			late = append(late[1:], 0)
			v, err := s.Value("queue.arrived")
			known := i > 0 && depth != "500" && heard != "deaf"
			if (err == nil) != known {
				t.Fatalf("tick %d: %g, %v", i, v, err)
			}
			sum += v
			s.Recent = append(s.Recent, signals.Tick{At: now, Signals: s.Signals})
			unheard := float64(late[0] + late[1] + late[2])
			if known && (sum > float64(truly) || sum < float64(truly)-unheard) {
				t.Fatalf("tick %d: %g arrivals were counted, %d there were, %g completions are not heard of yet", i, sum, truly, unheard)
			}
		}
	})
}

// An age that is too old is no better than none: then it is estimated.
func TestOldestAgeThatIsStale(t *testing.T) {
	s := run(derived.Settings{Interval: time.Minute}, queue(0, 0), queue(5, 0), queue(7, 0))
	s.Signals = append(given(noon, queue(7, 0)...), signals.Known("queue.oldest_age", 3, ago(10*time.Minute), 5*time.Minute))
	s = derived.Complete(s, derived.Settings{Interval: time.Minute})
	got, err := s.Value("queue.oldest_age")
	expect(t, got, err, 120, "")
}

// Two ticks of one moment: the clock was set back. What both counted is spread
// over the time before.
func TestRateAfterTheClockWasSetBack(t *testing.T) {
	s := run(derived.Settings{}, queue(5, 0), queue(5, 6), queue(5, 3), queue(5, 6))
	s.Recent[2].At = s.Recent[1].At
	s.Signals = given(noon, queue(5, 12)...)
	s = derived.Complete(s, derived.Settings{})
	got, err := s.Value("work.rate")
	last := math.Exp(-2. / 5)
	want := (12./120*(1-last) + 9./60*(last-math.Exp(-3./5))) / (1 - math.Exp(-3./5))
	if math.Abs(got-want) > 1e-9 || err != nil {
		t.Errorf("got %g, %v; want %g", got, err, want)
	}
}
