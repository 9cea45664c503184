package policy_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// anyWorker draws a worker in any state that a roster can report.
func anyWorker(i int) *rapid.Generator[fleet.Worker] {
	return rapid.Custom(func(t *rapid.T) fleet.Worker {
		ago := func(label string, most int) time.Time {
			return noon.Add(-time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Second)
		}
		w := fleet.Worker{
			ID:       fleet.ID(fmt.Sprintf("i-%02d", i)),
			State:    fleet.State(rapid.IntRange(int(fleet.Unknown), int(fleet.Leaving)).Draw(t, "state")),
			Slots:    4,
			Launched: ago("launched", 5000),
			Spot:     rapid.Bool().Draw(t, "spot"),
			Impaired: rapid.IntRange(0, 9).Draw(t, "impaired") == 0,
			Unheard:  time.Duration(rapid.IntRange(0, 2000).Draw(t, "unheard")) * time.Second,
		}
		switch w.State {
		case fleet.Working, fleet.Draining, fleet.Unknown:
			w.Jobs = rapid.IntRange(0, 4).Draw(t, "jobs")
			w.Heard = noon.Add(-w.Unheard)
			w.Silent = w.Unheard > 200*time.Second
		case fleet.Drained:
			w.Heard = noon.Add(-w.Unheard)
		case fleet.Asleep:
			w.AsleepSince = ago("asleep", 90_000)
		case fleet.Waking:
			w.Woken = ago("woken", 2000)
		}
		if w.State == fleet.Draining || w.State == fleet.Drained {
			w.DrainingSince = ago("draining", 4000)
			w.Drain = fleet.DecisionID("render", w.DrainingSince)
			w.Interrupted = rapid.IntRange(0, 4).Draw(t, "interrupted") == 0
		}
		return w
	})
}

// anySnapshot draws a snapshot with workers, signals that may be unknown or
// stale, and an hour or less of history.
func anySnapshot() *rapid.Generator[signals.Snapshot] {
	return rapid.Custom(func(t *rapid.T) signals.Snapshot {
		s := signals.Snapshot{Fleet: "render", Now: noon}
		for i := range rapid.IntRange(0, 14).Draw(t, "workers") {
			s.Workers = append(s.Workers, anyWorker(i).Draw(t, "worker"))
		}
		for _, name := range []string{"queue.visible", "queue.in_flight", "fleet.slots"} {
			s.Signals = append(s.Signals, anySignal(t, name))
		}
		for i := rapid.IntRange(0, 70).Draw(t, "ticks"); i > 0; i-- {
			s.Recent = append(s.Recent, anyTick(t, noon.Add(-time.Duration(i)*time.Minute)))
		}
		if rapid.IntRange(0, 9).Draw(t, "open?") == 0 {
			s.Open = rapid.IntRange(1, 4).Draw(t, "open")
		}
		s.Born, s.Died = someIDs(t, "born"), someIDs(t, "died")
		return s
	})
}

func anySignal(t *rapid.T, name string) signals.Signal {
	switch rapid.IntRange(0, 11).Draw(t, name+" is") {
	case 0:
		return signals.Missing(name, noon, "the queue answered 500")
	case 1:
		return signals.Known(name, 3, noon.Add(-10*time.Minute), time.Minute) // stale
	}
	return signals.Known(name, float64(rapid.IntRange(0, 60).Draw(t, name)), noon, time.Minute)
}

func anyTick(t *rapid.T, at time.Time) signals.Tick {
	k := signals.Tick{
		At:   at,
		Have: rapid.IntRange(0, 12).Draw(t, "have"),
		Want: rapid.IntRange(0, 12).Draw(t, "want"),
	}
	if rapid.IntRange(0, 7).Draw(t, "asked?") == 0 {
		k.Deeds.Asked = rapid.IntRange(0, 4).Draw(t, "asked")
	}
	if rapid.IntRange(0, 9).Draw(t, "fates?") == 0 {
		k.Born, k.Died = someIDs(t, "born"), someIDs(t, "died")
	}
	return k
}

func someIDs(t *rapid.T, label string) (ids []fleet.ID) {
	for i := range rapid.IntRange(0, 2).Draw(t, label) {
		ids = append(ids, fleet.ID(fmt.Sprintf("i-%s-%d", label, i)))
	}
	return ids
}

// anyEngine draws settings as a policy file could hold them.
func anyEngine() *rapid.Generator[policy.Engine] {
	return rapid.Custom(func(t *rapid.T) policy.Engine {
		most := rapid.IntRange(1, 12).Draw(t, "max")
		minute := func(label string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Minute
		}
		return policy.Engine{
			Bounds:   policy.Bounds{Min: rapid.IntRange(0, most).Draw(t, "min"), Max: most},
			Policies: []policy.Policy{policy.Backlog{PerWorker: float64(rapid.IntRange(1, 20).Draw(t, "per_worker"))}},
			Plan: policy.Plan{
				Boot: minute("boot", 15) + time.Minute, Silence: 10 * time.Minute, Drain: minute("drain", 45),
				Keep: rapid.IntRange(0, 3).Draw(t, "keep"), AtMost: minute("at most", 720),
			},
			Guards: []policy.Guard{
				policy.Blind{},
				policy.Quorum{Share: 0.8},
				policy.Release{
					PerTick: policy.Count(rapid.IntRange(1, 5).Draw(t, "per tick")),
					After:   minute("after", 5), MinAge: minute("min age", 5),
				},
				policy.LaunchLimit{
					PerTick: rapid.IntRange(1, 6).Draw(t, "launch per tick"),
					PerHour: rapid.IntRange(1, 30).Draw(t, "launch per hour"),
				},
				policy.Breaker{Dead: rapid.IntRange(1, 4).Draw(t, "dead")},
			},
		}
	})
}
