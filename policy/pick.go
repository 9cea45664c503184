package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Workers are picked by their places in the snapshot's list, which is in order of
// IDs. There may be ten thousand: to copy each, or to look one up by its ID,
// would take longer than all the rest of a decision.

// marks hold, by place, who has been dealt with.
type marks []bool

// pick returns the places of the workers for which is holds.
func pick(ws []fleet.Worker, is func(i int, w *fleet.Worker) bool) (some []int) {
	for i := range ws {
		if is(i, &ws[i]) {
			some = append(some, i)
		}
	}
	return some
}

// rank is what workers are picked by: the smallest first, number by number.
type rank [4]int64

// ranked is a place with the rank of the worker there.
type ranked struct {
	rank
	place int
}

func (a ranked) compare(b ranked) int {
	for i := range a.rank {
		if a.rank[i] != b.rank[i] {
			return cmp.Compare(a.rank[i], b.rank[i])
		}
	}
	return cmp.Compare(a.place, b.place)
}

// sorted orders places by the rank of the workers there; among equals the order
// of their IDs decides.
func sorted(ws []fleet.Worker, places []int, by func(*fleet.Worker) rank) []int {
	list := make([]ranked, len(places))
	for i, place := range places {
		list[i] = ranked{by(&ws[place]), place}
	}
	slices.SortFunc(list, ranked.compare)
	for i := range list {
		places[i] = list[i].place
	}
	return places
}

// recallable lists draining workers that can be put back to work: those under
// a drain of ours, not leaving for another reason or by the operator's order, the last asked first, and those
// that the cloud expects to take at the end.
func recallable(s signals.Snapshot, done marks) []int {
	some := pick(s.Workers, func(i int, w *fleet.Worker) bool {
		return (w.State == fleet.Draining || w.State == fleet.Drained) &&
			w.Drain != "" && !w.Interrupted && !w.Silent && !done[i] && !ordered(s, w)
	})
	return sorted(s.Workers, some, func(w *fleet.Worker) rank {
		if w.AtRisk {
			return rank{1, -w.DrainingSince.UnixMicro()}
		}
		return rank{0, -w.DrainingSince.UnixMicro()}
	})
}

// wakeAgain is how long one that was woken in vain is left asleep.
const wakeAgain = 5 * time.Minute

// wakeable lists sleeping workers, the last to fall asleep first: the others
// come closer to being let go. One that was woken in vain within minutes is not
// among them, so that one is launched in its place: a cloud that has no room for it
// may have room for another kind, and must not be asked for the same in every tick.
func wakeable(s signals.Snapshot, done marks) []int {
	vain := inVain(s)
	some := pick(s.Workers, func(i int, w *fleet.Worker) bool {
		return w.State == fleet.Asleep && !done[i] && !vain[w.ID] && !ordered(s, w)
	})
	return sorted(s.Workers, some, func(w *fleet.Worker) rank { return rank{-w.AsleepSince.UnixMicro()} })
}

func inVain(s signals.Snapshot) (vain map[fleet.ID]bool) {
	for _, t := range s.Since(s.Now.Add(-wakeAgain)) {
		for _, id := range t.Deeds.Unwoken {
			if vain == nil {
				vain = map[fleet.ID]bool{}
			}
			vain[id] = true
		}
	}
	return vain
}

// spare takes those for whom is holds off a list, which stays in its order.
func spare(s signals.Snapshot, list []fleet.ID, is func(*fleet.Worker) bool) []fleet.ID {
	if len(list) == 0 || !holds(s.Workers, is) {
		return list
	}
	spared := make(map[fleet.ID]bool, len(list))
	for _, id := range list {
		spared[id] = false
	}
	for i := range s.Workers {
		if _, listed := spared[s.Workers[i].ID]; listed && is(&s.Workers[i]) {
			spared[s.Workers[i].ID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(id fleet.ID) bool { return spared[id] })
}

func holds(ws []fleet.Worker, is func(*fleet.Worker) bool) bool {
	for i := range ws {
		if is(&ws[i]) {
			return true
		}
	}
	return false
}

func ids(ws []fleet.Worker, places []int) []fleet.ID {
	if len(places) == 0 {
		return nil
	}
	list := make([]fleet.ID, len(places))
	for i, place := range places {
		list[i] = ws[place].ID
	}
	return list
}

// take is the first n of a list, or all of it.
func take[T any](list []T, n int) []T {
	if n <= 0 || len(list) == 0 {
		return nil
	}
	return list[:min(n, len(list))]
}

// few is how many are named one by one: a reason is read by people.
const few = 4

// listed names the first few of a list.
func listed(list []fleet.ID) string {
	names := make([]string, 0, few+1)
	for _, id := range take(list, few) {
		names = append(names, string(id))
	}
	if len(list) > few {
		names = append(names, fmt.Sprintf("and %d more", len(list)-few))
	}
	return strings.Join(names, ", ")
}
