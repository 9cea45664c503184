package signals_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skynet/signals"
)

// minutely makes a snapshot of which the last of the counts is now's and the others
// are those of earlier minutes; a negative count is unknown.
func minutely(visible float64, arrived ...float64) signals.Snapshot {
	s := signals.Snapshot{Now: noon}
	list := func(n float64, at time.Time) []signals.Signal {
		if n < 0 {
			return []signals.Signal{signals.Missing("queue.arrived", at, "nobody heard")}
		}
		return []signals.Signal{signals.Known("queue.arrived", n, at, 0)}
	}
	last := len(arrived) - 1
	for i, n := range arrived[:last] {
		at := ago(time.Duration(last-i) * time.Minute)
		s.Recent = append(s.Recent, signals.Tick{At: at, Signals: list(n, at)})
	}
	s.Signals = append(list(arrived[last], noon), signals.Known("queue.visible", visible, noon, 0))
	return s.Freeze()
}

func TestWaiting(t *testing.T) {
	type b = signals.Batch
	m := time.Minute
	aged := func(s signals.Snapshot, age float64, measured time.Duration) signals.Snapshot {
		s.Signals = append(s.Signals, signals.Known("queue.oldest_age", age, ago(measured), time.Hour))
		return s.Freeze()
	}
	for _, c := range []struct {
		name string
		s    signals.Snapshot
		want []b
		err  string
	}{
		{"nothing waits", minutely(0, 5, 5), nil, ""},
		{"nothing waits, no arrivals known", minutely(0, -1), nil, ""},
		{"the last to arrive", minutely(3, 9, 9, 5), []b{{3, m}}, ""},
		{"of several ticks, the oldest first", minutely(12, 9, 9, 4, 5), []b{{3, 3 * m}, {4, 2 * m}, {5, m}}, ""},
		{"exactly one tick's", minutely(5, 9, 9, 5), []b{{5, m}}, ""},
		{"a tick without arrivals", minutely(6, 9, 9, 0, 5), []b{{1, 3 * m}, {5, m}}, ""},
		{"older than history", minutely(20, 2, 2, 5), []b{{11, 3 * m}, {2, 3 * m}, {2, 2 * m}, {5, m}}, ""},
		{"older than history, age known", aged(minutely(20, 2, 2, 5), 600, 0), []b{{11, 10 * m}, {2, 3 * m}, {2, 2 * m}, {5, m}}, ""},
		{"a tick that does not know lends its time to the next", minutely(6, 9, 9, -1, 5), []b{{1, 3 * m}, {5, 2 * m}}, ""},
		{"now is not known", minutely(6, 9, 9, 4, -1), []b{{2, 3 * m}, {4, 2 * m}}, ""},
		{"nothing is known", minutely(6, -1, -1), []b{{6, 0}}, "queue.arrived is unknown in every tick"},
		{"nothing is known but the age", aged(minutely(6, -1, -1), 90, 0), []b{{6, 90 * time.Second}}, "queue.arrived is unknown"},
		{"none is older than the oldest", aged(minutely(12, 9, 9, 4, 5), 100, 0), []b{{3, 100 * time.Second}, {4, 100 * time.Second}, {5, m}}, ""},
		{"an age measured earlier has grown", aged(minutely(12, 9, 9, 4, 5), 90, m), []b{{3, 150 * time.Second}, {4, 2 * m}, {5, m}}, ""},
		{"visible unknown", signals.Snapshot{Now: noon}, nil, "queue.visible is unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.s.Waiting("")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

func TestOldestWaiting(t *testing.T) {
	hour := make([]float64, 62)
	for _, c := range []struct {
		name    string
		s       signals.Snapshot
		want    time.Duration
		atLeast bool
		err     string
	}{
		{"nothing waits", minutely(0, -1), 0, false, ""},
		{"the last to arrive", minutely(12, 9, 9, 4, 5), 3 * time.Minute, false, ""},
		{"nothing is known", minutely(1, -1, -1), 0, false, "queue.arrived is unknown in every tick"},
		{"before a short history", minutely(12, 1, 4, 5), 0, false, "12 items wait, 10 have arrived in the 2m0s that are remembered"},
		{"before a long history", minutely(12, hour...), 62 * time.Minute, true, ""},
		{"visible unknown", signals.Snapshot{Now: noon}, 0, false, "queue.visible is unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			age, atLeast, err := c.s.OldestWaiting("")
			if age != c.want || atLeast != c.atLeast || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, %v, %v", age, atLeast, err)
			}
		})
	}
}

func TestWaitingOfOneQueue(t *testing.T) {
	s := signals.Snapshot{Now: noon, Signals: []signals.Signal{
		signals.Known("queues.photos.arrived", 4, noon, 0), signals.Known("queues.photos.visible", 2, noon, 0),
	}}
	got, err := s.Waiting("photos")
	if len(got) != 1 || got[0].Items != 2 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// Every item that waits is in one batch, the oldest come first, and a clock that
// was set back makes none younger than now.
func TestWaitingHoldsWhatWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.Float64Range(-1, 20), 1, 10).Draw(t, "arrived")
		visible := rapid.Float64Range(0, 100).Draw(t, "visible")
		s := minutely(visible, counts...)
		for i := range s.Recent {
			if rapid.IntRange(0, 9).Draw(t, "set back") == 0 {
				s.Recent[i].At = noon.Add(time.Minute)
			}
		}
		sum, last := 0.0, time.Duration(1<<62)
		list, _ := s.Waiting("")
		for _, b := range list {
			if b.Items <= 0 || b.Oldest < 0 {
				t.Fatalf("%v", list)
			}
			sum += b.Items
			if b.Oldest > last {
				t.Fatalf("not the oldest first: %v", list)
			}
			last = b.Oldest
		}
		if d := sum - visible; d > 1e-9 || d < -1e-9 {
			t.Fatalf("%g wait, batches hold %g", visible, sum)
		}
	})
}

// A night in which nobody looked says nothing of how old what waits in the morning
// is: neither the whole night, nor more.
func TestWaitingAfterANight(t *testing.T) {
	night := 8 * time.Hour
	for _, c := range []struct {
		name    string
		evening []time.Duration // ticks before the night
		counts  []float64       // of the ticks since, a minute apart, -1 for unknown; the last is now's
		want    []signals.Batch
		age     string // "" if it is known
	}{
		{"the first tick", []time.Duration{0}, []float64{-1}, nil, "unknown in every tick"},
		{"the first tick after many", []time.Duration{0, 1, 2, 3, 4}, []float64{-1}, nil, "unknown in every tick"},
		{"the second", []time.Duration{0}, []float64{-1, 1}, []signals.Batch{{Items: 5, Oldest: time.Minute}, {Items: 1, Oldest: time.Minute}}, "remembered"},
		{"the third", []time.Duration{0, 1}, []float64{-1, 1, 1}, []signals.Batch{{Items: 4, Oldest: 2 * time.Minute}, {Items: 1, Oldest: 2 * time.Minute}, {Items: 1, Oldest: time.Minute}}, "remembered"},
		{"one that counts the night", []time.Duration{0}, []float64{6}, []signals.Batch{{Items: 6, Oldest: night}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, last := signals.Snapshot{}, len(c.counts)-1
			morning := noon.Add(-time.Duration(last) * time.Minute)
			for _, m := range c.evening {
				at := morning.Add(-night - m*time.Minute)
				s.Recent = append([]signals.Tick{{At: at, Signals: []signals.Signal{signals.Known("queue.arrived", 0, at, 0)}}}, s.Recent...)
			}
			for i, n := range c.counts {
				at := morning.Add(time.Duration(i) * time.Minute)
				list := []signals.Signal{signals.Known("queue.arrived", n, at, 0), signals.Known("queue.visible", 6, at, 0)}
				if n < 0 {
					list[0] = signals.Missing("queue.arrived", at, "nothing to compare with")
				}
				if s.Now, s.Signals = at, list; i < last {
					s.Recent = append(s.Recent, signals.Tick{At: at, Signals: list})
				}
			}
			got, err := s.Waiting("")
			if c.want == nil {
				if len(got) != 1 || got[0].Oldest != 0 || err == nil {
					t.Errorf("got %v, %v", got, err)
				}
			} else if !slices.Equal(got, c.want) || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
			if _, _, err := s.OldestWaiting(""); (err == nil) != (c.age == "") || err != nil && !strings.Contains(err.Error(), c.age) {
				t.Errorf("age: %v, want %q", err, c.age)
			}
		})
	}
}
