package policy_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// lately is a snapshot with a signal that had these values, a minute apart, the last
// one now, of a fleet that has not changed.
func lately(name string, workers []fleet.Worker, values ...float64) signals.Snapshot {
	s := signals.Snapshot{Fleet: "render", Now: noon, Workers: workers}
	for i, v := range values {
		at := minutesAgo(len(values) - 1 - i)
		list := []signals.Signal{signals.Known(name, v, at, time.Minute)}
		if i == len(values)-1 {
			s.Signals = list
			break
		}
		s.Recent = append(s.Recent, signals.Tick{At: at, Have: s.Have(), Want: s.Have(), Signals: list})
	}
	return s
}

// flat is so many times the same value, and then others.
func flat(n int, v float64, then ...float64) (values []float64) {
	for range n {
		values = append(values, v)
	}
	return append(values, then...)
}

// opinion is what a policy wants, or how it says that it does not know.
func opinion(n int, err error) any {
	switch {
	case errors.Is(err, policy.ErrAbstain):
		return "abstains"
	case err != nil:
		return "blind"
	}
	return n
}

func TestTarget(t *testing.T) {
	on := func(n int) []fleet.Worker { // of n, and three on their way
		return append(crew(n), fleet.Worker{ID: "s-1", State: fleet.Starting}, fleet.Worker{ID: "s-2", State: fleet.Starting}, fleet.Worker{ID: "s-3", State: fleet.Waking})
	}
	launched := func(s signals.Snapshot, i int) signals.Snapshot {
		s.Recent[i].Deeds.Asked = 1
		return s
	}
	for _, c := range []struct {
		name string
		s    signals.Snapshot
		want any
		said string
	}{
		{"at the target", lately("cpu", crew(10), 70), 10, "not below 63"},
		{"out in proportion, at once", lately("cpu", crew(10), 91), 13, "10 × 91 ÷ 70 want 13"},
		{"rounded up", lately("cpu", crew(10), 70.1), 11, ""},
		{"by those that were measured, not those on their way", lately("cpu", on(10), 98), 14, ""},
		{"no fewer than there are", lately("cpu", on(10), 80), 13, "10 × 80 ÷ 70 want 12, keeps the 13 that there are"},
		{"a little below", lately("cpu", crew(10), flat(20, 64)...), 10, "not below 63"},
		{"well below, just now", lately("cpu", crew(10), flat(20, 70, 20)...), 10, "it was 70 1m ago"},
		{"well below for a quarter of an hour", lately("cpu", crew(10), flat(16, 35)...), 5, "at most 35 for 15m: 10 × 35 ÷ 70 want 5"},
		{"not quite", lately("cpu", crew(10), flat(15, 35)...), 10, "not as many ticks"},
		{"by the largest value", lately("cpu", crew(10), append(flat(10, 21), flat(10, 49, 21)...)...), 7, ""},
		{"low, but once", lately("cpu", crew(10), append(flat(20, 21), 63, 21, 21, 21)...), 10, "it was 63 3m ago"},
		{"unknown once", lately("cpu", crew(10), append(flat(20, 21), math.NaN(), 21)...), 10, "it was unknown 1m ago"},
		{"low, but the fleet has changed", launched(lately("cpu", crew(10), flat(20, 21)...), 15), 10, "the fleet changed 4m ago"},
		{"low, and the fleet has changed long ago", launched(lately("cpu", crew(10), flat(20, 21)...), 2), 3, ""},
		{"the last one stays", lately("cpu", crew(1), flat(20, 0)...), 1, ""},
		{"nobody runs", lately("cpu", nil, 70), "blind", "fleet.running is unknown"},
		{"nobody runs yet", lately("cpu", on(0), math.NaN()), "abstains", "nobody runs"},
		{"unknown", lately("cpu", crew(3), math.NaN()), "blind", "cpu is unknown"},
		{"more than makes sense", lately("cpu", crew(3), math.MaxFloat64), int(1e9), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := policy.Target{Signal: "cpu", Target: 70}.Want(c.s)
			if err != nil && !errors.Is(err, policy.ErrAbstain) {
				because += err.Error()
			}
			if got := opinion(n, err); got != c.want || !strings.Contains(because, c.said) {
				t.Errorf("%v, want %v: %s", got, c.want, because)
			}
		})
	}
}

func TestTargetWithoutAListOfWorkers(t *testing.T) {
	s := measuring(reading{"cpu": 80, "fleet.running": 6, "fleet.pending": 4})
	if n, because, err := (policy.Target{Signal: "cpu", Target: 40}).Want(s); n != 12 || err != nil {
		t.Errorf("wants %d: %s (%v)", n, because, err)
	}
	if n, because, err := (policy.Target{Signal: "cpu", Target: 80}).Want(s); n != 10 || err != nil {
		t.Errorf("wants %d: %s (%v)", n, because, err)
	}
	s = measuring(reading{"fleet.running": 0, "fleet.pending": 4})
	if _, _, err := (policy.Target{Signal: "cpu", Target: 80}).Want(s); !errors.Is(err, policy.ErrAbstain) {
		t.Errorf("nobody runs: %v", err)
	}
}
