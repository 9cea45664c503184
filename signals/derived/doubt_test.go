package derived_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/signals"
	"skynet/signals/derived"
)

// minutes are ticks that see so much, with nothing completed.
func minutes(depths ...any) (list ticks) {
	for _, d := range depths {
		list = append(list, queue(d, 0))
	}
	return list
}

func TestADepthThatNobodyWouldBelieve(t *testing.T) {
	const absurd = "1000000000000 items are there, 1m0s ago there were 3: counted once so many have been there for 5m0s"
	const burst = 2_000_000
	for _, c := range []struct {
		name  string
		ticks ticks
		want  float64
		err   string
	}{
		{"is not counted", minutes(3, 1e12), 0, absurd},
		{"nor when it is read again", minutes(3, 1e12, 3, 1e12), 0, absurd},
		{"nor when what was before is not known", minutes(3, "500", "500", 1e12), 0, "3m0s ago there were 3"},
		{"nor after a long silence", append(append(minutes(3), times(30, queue("500", 0))...), minutes(1e12, 1e12)...), 0, "32m0s ago there were 3"},
		{"nor when it is read twice in five minutes of silence", append(minutes(3, 1e12, "500", "500", "500", "500"), minutes(1e12)...), 0, "6m0s ago there were 3"},
		{"hides nothing that comes after it", minutes(3, 1e12, 5), 2, ""},
		{"nor what comes later", minutes(3, 1e12, 5, 9), 4, ""},
		{"nor what was completed meanwhile", append(minutes(3), queue(1e12, 4), queue(5, 3)), 9, ""},
		{"is forgotten when it ends", minutes(3, 1e12, 1e12, 1e12, 3), 0, ""},

		{"a burst of a thousand times the usual", minutes(500, 500_000), 499_500, ""},
		{"a million at once, where none were", minutes(0, 1e6), 1e6, ""},
		{"a few millions, where thousands are usual", minutes(5000, 4e6), 3_995_000, ""},
		{"millions stand", minutes(0, burst, burst, burst, burst, burst), 0, "5m0s ago there were 0"},
		{"millions have stood for five minutes", minutes(0, burst, burst, burst, burst, burst, burst), burst, ""},
		{"more than those", minutes(0, burst, burst, burst, burst, burst, burst, burst+7), 7, ""},
		{"millions that are worked off", append(minutes(0, burst), queue(burst/2, burst/2)), burst, ""},
		{"where nobody looked before", minutes("500", burst, burst), 0, ""},
		{"read as none in between", minutes(burst, burst, burst, burst, 0, burst), 0, ""},
		{"read as none again and again", minutes(burst, burst, burst, burst, 0, burst, 0, 0, burst+1), 1, ""},
		{"and long after that", minutes(burst, burst, burst, burst, 0, burst, burst, burst, burst, burst, burst), 0, ""},
		{"never stood before what was less", minutes(3, 3, 1e12, 1e12, 1e12, 1e12, 3, 1e12), 0, "1m0s ago there were 3"},
		{"nor was it seen often before that", minutes(1e12, 3, 1e12), 0, "1m0s ago there were 3"},
		{"purged", minutes(burst, burst, 0, 0), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := run(derived.Settings{Interval: time.Minute}, c.ticks...).Value("queue.arrived")
			expect(t, got, err, c.want, c.err)
		})
	}
}

// What such a depth says of the oldest item is as little worth: all of it would seem
// to have come before history.
func TestNoAgeFollowsFromADepthThatNobodyWouldBelieve(t *testing.T) {
	s := run(derived.Settings{Interval: time.Minute}, append(times(70, queue(3, 0)), queue(1e12, 0))...)
	got, err := s.Value("queue.oldest_age")
	expect(t, got, err, 0, "counted once")
}

// The means over minutes and over a day do not hear of it either.
func TestRatesAreNotTakenIn(t *testing.T) {
	list := times(20, queue(0, 6))
	for range 4 {
		list = append(list, queue(1e12, 6), queue(0, 6))
	}
	s := run(derived.Settings{Interval: time.Minute}, list...)
	for _, name := range []string{"queue.arrival_rate", "queue.arrival_rate_1d"} {
		if got, err := s.Value(name); err != nil || math.Abs(got-.1) > .01 {
			t.Errorf("%s is %g, %v; want 0.1", name, got, err)
		}
	}
}

// Wrong readings, however many as long as they do not stand, change nothing in what
// has arrived by the next right one.
func TestWrongReadingsAddNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var clean, wrong []signals.Tick
		waiting, sums := 0, [2]float64{}
		bad := 0
		for i := range rapid.IntRange(2, 60).Draw(t, "ticks") {
			now := noon.Add(time.Duration(i) * time.Minute)
			done := rapid.IntRange(0, waiting).Draw(t, "done")
			waiting += rapid.IntRange(0, 20).Draw(t, "came") - done
			depth := any(waiting)
			if bad++; i > 0 && bad <= 4 && rapid.IntRange(0, 2).Draw(t, "absurd") == 0 {
				depth = rapid.Float64Range(1e7, 1e18).Draw(t, "depth")
			} else {
				bad = 0
			}
			var known bool
			for j, d := range []any{waiting, depth} {
				past := [...]*[]signals.Tick{&clean, &wrong}[j]
				s := derived.Complete(signals.Snapshot{Now: now, Recent: *past, Signals: given(now, queue(d, done)...)}, derived.Settings{Interval: time.Minute})
				n, err := s.Value("queue.arrived")
				sums[j] += n
				known = err == nil
				*past = append(*past, signals.Tick{At: now, Signals: s.Signals})
			}
			if known != (bad == 0 && i > 0) || known && math.Abs(sums[0]-sums[1]) > 1e-6 {
				t.Fatalf("tick %d (depth %v): %g arrivals were counted, %g with wrong readings", i, depth, sums[0], sums[1])
			}
		}
	})
}

// Whatever came is counted in the end: a real burst, however large, once it has stood
// for five minutes or is worked off.
func TestRealBurstsAreCountedInFull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var past []signals.Tick
		waiting, truly, sum := 0, 0, 0.0
		for i := range 40 {
			now := noon.Add(time.Duration(i) * time.Minute)
			done := rapid.IntRange(0, waiting).Draw(t, "done")
			came := 0
			switch {
			case i > 0 && i < 30 && rapid.IntRange(0, 9).Draw(t, "burst") == 0:
				came = rapid.IntRange(1e6, 1e9).Draw(t, "many")
			case i > 0 && i < 30:
				came = rapid.IntRange(0, 20).Draw(t, "came")
			}
			waiting, truly = waiting+came-done, truly+came
			s := derived.Complete(signals.Snapshot{Now: now, Recent: past, Signals: given(now, queue(waiting, done)...)}, derived.Settings{Interval: time.Minute})
			n, _ := s.Value("queue.arrived")
			if sum += n; sum > float64(truly)+1e-3 {
				t.Fatalf("tick %d: %g arrivals were counted, %d there were", i, sum, truly)
			}
			past = append(past, signals.Tick{At: now, Signals: s.Signals})
		}
		if math.Abs(sum-float64(truly)) > 1e-3 {
			t.Fatalf("%g arrivals were counted, %d there were", sum, truly)
		}
	})
}
