package derived_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/derived"
)

func works(jobs, slots int) fleet.Worker {
	return fleet.Worker{State: fleet.Working, Jobs: jobs, Slots: slots, Heard: noon}
}

func in(s fleet.State) fleet.Worker { return fleet.Worker{State: s} }

func with(w fleet.Worker, change func(*fleet.Worker)) fleet.Worker {
	change(&w)
	return w
}

func silent(w *fleet.Worker) { w.Silent = true }
func spot(w *fleet.Worker)   { w.Spot = true }

// known are the values of signals, without the prefix "fleet."; what is not
// named must be 0, or unknown where that is marked.
type known map[string]float64

const unknown = -1

func TestCounts(t *testing.T) {
	for _, c := range []struct {
		name    string
		workers []fleet.Worker
		slots   int // configured
		want    known
	}{
		{"nobody", nil, 0, known{"slots": 1, "utilisation": unknown, "spot_share": unknown}},
		{"nobody, slots configured", nil, 4, known{"slots": 4, "utilisation": unknown, "spot_share": unknown}},
		{"one at work", []fleet.Worker{works(1, 4)}, 2, known{"running": 1, "busy_slots": 1, "slots": 4, "utilisation": .25}},
		{"one idle, one full", []fleet.Worker{works(0, 4), works(4, 4)}, 0,
			known{"running": 2, "idle": 1, "busy_slots": 4, "slots": 4, "utilisation": .5}},
		{"on their way", []fleet.Worker{in(fleet.Starting), in(fleet.Waking)}, 4,
			known{"pending": 2, "slots": 4, "utilisation": unknown, "spot_share": unknown}},
		{"asleep and nearly", []fleet.Worker{in(fleet.Asleep), in(fleet.Stopping)}, 4,
			known{"asleep": 1, "slots": 4, "utilisation": unknown, "spot_share": unknown}},
		{"gone, or nobody knows", []fleet.Worker{in(fleet.Leaving), in(fleet.Unknown)}, 4,
			known{"slots": 4, "utilisation": unknown, "spot_share": unknown}},
		{"silent: still capacity, not idle", []fleet.Worker{with(works(0, 4), silent), works(2, 4)}, 0,
			known{"running": 2, "silent": 1, "busy_slots": 2, "slots": 4, "utilisation": .25}},
		{"silent while it drains", []fleet.Worker{works(1, 1), with(in(fleet.Draining), silent)}, 0,
			known{"running": 1, "draining": 1, "silent": 1, "busy_slots": 1, "slots": 1, "utilisation": 1}},
		// What drains is at work, but its slots take nothing new.
		{"draining", []fleet.Worker{works(1, 4), {State: fleet.Draining, Jobs: 4, Slots: 4}, {State: fleet.Drained, Slots: 4}}, 0,
			known{"running": 1, "draining": 2, "busy_slots": 5, "slots": 4, "utilisation": .25}},
		{"one says nothing of its slots", []fleet.Worker{works(1, 4), works(2, 0)}, 0,
			known{"running": 2, "busy_slots": 3, "slots": 4, "utilisation": .25}},
		{"one claims more items than slots", []fleet.Worker{works(9, 4)}, 0,
			known{"running": 1, "busy_slots": 9, "slots": 4, "utilisation": 1}},
		{"one of two is Spot", []fleet.Worker{works(1, 1), with(works(1, 1), spot), with(in(fleet.Starting), spot)}, 0,
			known{"running": 2, "pending": 1, "busy_slots": 2, "slots": 1, "utilisation": 1, "spot_share": .5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(complete(c.want), values(derived.Complete(signals.Snapshot{Now: noon, Workers: c.workers}, derived.Settings{Slots: c.slots}))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var counted = []string{"running", "pending", "draining", "asleep", "silent", "idle", "busy_slots", "slots", "utilisation", "spot_share"}

func complete(k known) known {
	for _, name := range counted {
		if _, ok := k[name]; !ok {
			k[name] = 0
		}
	}
	return k
}

func values(s signals.Snapshot) known {
	got := known{}
	for _, name := range counted {
		v, err := s.Value("fleet." + name)
		if err != nil {
			v = unknown
		}
		got[name] = v
	}
	return got
}
