package policy

import (
	"fmt"
	"slices"
	"strings"

	"skynet/fleet"
	"skynet/signals"
)

// pick returns the workers for which is holds, as a slice of its own.
func pick(ws []fleet.Worker, is func(fleet.Worker) bool) (some []fleet.Worker) {
	for _, w := range ws {
		if is(w) {
			some = append(some, w)
		}
	}
	return some
}

// recallable lists draining workers that can be put back to work: those under
// a drain of ours, not leaving for another reason, the last asked first.
func recallable(s signals.Snapshot, d Decision) []fleet.ID {
	some := pick(s.Workers, func(w fleet.Worker) bool {
		return (w.State == fleet.Draining || w.State == fleet.Drained) &&
			w.Drain != "" && !w.Interrupted && !w.Silent && !exits(d, w.ID)
	})
	slices.SortStableFunc(some, func(a, b fleet.Worker) int { return b.DrainingSince.Compare(a.DrainingSince) })
	return ids(some)
}

// wakeable lists sleeping workers, the last to fall asleep first: the others
// come closer to being let go.
func wakeable(s signals.Snapshot, d Decision) []fleet.ID {
	some := pick(s.Workers, func(w fleet.Worker) bool { return w.State == fleet.Asleep && !exits(d, w.ID) })
	slices.SortStableFunc(some, func(a, b fleet.Worker) int { return b.AsleepSince.Compare(a.AsleepSince) })
	return ids(some)
}

func exits(d Decision, id fleet.ID) bool {
	return slices.ContainsFunc(d.Terminate, func(x fleet.Exit) bool { return x.ID == id })
}

func ids(ws []fleet.Worker) []fleet.ID {
	list := make([]fleet.ID, len(ws))
	for i, w := range ws {
		list[i] = w.ID
	}
	return list
}

func take(list []fleet.ID, n int) []fleet.ID {
	if n <= 0 || len(list) == 0 {
		return nil
	}
	return list[:min(n, len(list))]
}

// listed names the first few of a list: a reason is read by people.
func listed(list []fleet.ID) string {
	const few = 4
	names := make([]string, 0, few)
	for _, id := range take(list, few) {
		names = append(names, string(id))
	}
	if len(list) > few {
		names = append(names, fmt.Sprintf("and %d more", len(list)-few))
	}
	return strings.Join(names, ", ")
}
