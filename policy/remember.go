package policy

import (
	"slices"

	"skynet/fleet"
	"skynet/signals"
)

// Remember turns a decided tick into what later ticks know of it. The
// controller keeps it in memory; after a restart it is made anew from the
// journal by this same function.
func Remember(s signals.Snapshot, d Decision, did signals.Deeds) signals.Tick {
	return signals.Tick{
		At: s.Now, Have: d.Have, Want: d.Raw, Blind: d.Blind,
		Starting: awaited(s.Workers, did), Interrupted: interrupted(s.Workers),
		Born: s.Born, Died: s.Died, Causes: s.Causes, Boots: s.Boots, Wakes: s.Wakes,
		Deeds: did, Signals: s.Signals,
	}
}

// interrupted are the workers under the cloud's notice.
func interrupted(ws []fleet.Worker) (ids []fleet.ID) {
	for i := range ws {
		if ws[i].Interrupted {
			ids = append(ids, ws[i].ID)
		}
	}
	return ids
}

// awaited are those whose first word the next tick listens for: those that were
// unheard, and those that this tick has launched or woken. Most local workers
// are heard, or dead, before the next tick.
func awaited(ws []fleet.Worker, did signals.Deeds) []fleet.ID {
	all := slices.Concat(signals.Unheard(ws), did.Launched, did.Woken)
	slices.Sort(all)
	return slices.Compact(all)
}
