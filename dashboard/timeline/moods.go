package timeline

import (
	"fmt"
	"slices"
	"time"

	"skynet/dashboard"
	"skynet/journal"
)

// mood is a state of a fleet that lasted over some ticks.
type mood struct {
	kind, text  string
	first, last time.Time // ticks that it was in
	moment      bool      // it does not last
}

// decided is what ticks wanted and had, in steps.
func decided(list []journal.Record, from time.Time, step time.Duration) (want, have []journal.Point) {
	for _, r := range list {
		if r.Decision.Failed != "" {
			continue
		}
		at := from.Add(r.Snapshot.Now.Sub(from) / step * step)
		want, have = add(want, at, r.Decision.Want), add(have, at, r.Decision.Have)
	}
	return want, have
}

func add(list []journal.Point, at time.Time, n int) []journal.Point {
	v := float64(n)
	one := journal.Point{At: at, Mean: v, Max: v, Last: v, Count: 1}
	if k := len(list); k > 0 && list[k-1].At.Equal(at) {
		list[k-1] = joined(list[k-1], one)
		return list
	}
	return append(list, one)
}

// states are what is worth a mark, and why it is so at a tick: "" where it is not.
var states = []struct {
	kind string
	why  func(journal.Record) string
}{
	{"pause", func(r journal.Record) string { return r.Decision.Said("freeze") }},
	{"floor", floor},
	{"budget", func(r journal.Record) string { return r.Decision.Said("budget") }},
	{"breaker", func(r journal.Record) string { return r.Decision.Said("breaker") }},
	{"blind", func(r journal.Record) string { return r.Decision.Blindness() }},
	{"failed", func(r journal.Record) string { return r.Decision.Failed }},
}

func floor(r journal.Record) string {
	f := r.Snapshot.Orders.Floor
	if f == nil {
		return ""
	}
	said := fmt.Sprintf("at least %d until %s", f.Want, f.Until.UTC().Format(time.RFC3339))
	for _, more := range []string{f.By, f.Why} {
		if more != "" {
			said += ", " + more
		}
	}
	return said
}

// moodsOf are the states that ticks were in, each from its first to its last tick,
// and the changes of policy.
func moodsOf(list []journal.Record, gap time.Duration) (moods []mood) {
	for _, s := range states {
		var open *mood
		for _, r := range list {
			why, now := s.why(r), r.Snapshot.Now
			switch {
			case why == "":
				open = nil
			case open != nil && now.Sub(open.last) <= gap:
				open.last = now
			default:
				moods = append(moods, mood{kind: s.kind, text: why, first: now, last: now})
				open = &moods[len(moods)-1]
			}
		}
	}
	return append(moods, policies(list)...)
}

// policies are the changes of the policy file, of a stretch the first as well: whether
// it is one shows when stretches are put together.
func policies(list []journal.Record) (moods []mood) {
	version := ""
	for _, r := range list {
		if v := r.Decision.Version; v != "" && v != version {
			version = v
			moods = append(moods, mood{kind: "policy", text: v, first: r.Snapshot.Now, last: r.Snapshot.Now, moment: true})
		}
	}
	return moods
}

// mostMarks is what fits into a picture.
const mostMarks = 300

// marks puts together what follows on itself, and what is closer than can be seen. What
// the newest tick is still in has no end.
func marks(moods []mood, g grid, gap time.Duration, now time.Time) []dashboard.Mark {
	moods = slices.DeleteFunc(slices.Clone(moods), func(m mood) bool {
		return m.last.Before(g.from) || !m.first.Before(g.end())
	})
	slices.SortStableFunc(moods, func(a, b mood) int { return a.first.Compare(b.first) })
	changed := versions(moods)
	lasting := slices.DeleteFunc(moods, func(m mood) bool { return m.moment })
	for near := max(gap, g.step); ; near *= 2 {
		if joined := join(lasting, near); len(joined) <= mostMarks {
			lasting = joined
			break
		}
	}
	list := []dashboard.Mark{}
	for _, m := range append(lasting, changed[max(0, len(changed)-mostMarks):]...) {
		mark := dashboard.Mark{At: later(m.first, g.from).UTC(), Kind: m.kind, Text: m.text}
		if goesOn := now.Sub(m.last) <= gap; !m.moment && !goesOn {
			mark.Until = new(m.last.UTC())
		}
		list = append(list, mark)
	}
	slices.SortStableFunc(list, func(a, b dashboard.Mark) int { return a.At.Compare(b.At) })
	return list
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// versions are the true changes of policy.
func versions(moods []mood) (list []mood) {
	last := ""
	for _, m := range moods {
		if m.moment && m.text != last {
			if last != "" {
				list = append(list, mood{kind: m.kind, text: "the policy file changed: its version " + m.text + " decides", first: m.first, last: m.last, moment: true})
			}
			last = m.text
		}
	}
	return list
}

// join makes one of moods of a kind that are no further apart than near.
func join(moods []mood, near time.Duration) (list []mood) {
	at := map[string]int{}
	for _, m := range moods {
		i, ok := at[m.kind]
		if ok && m.first.Sub(list[i].last) <= near {
			list[i].last = later(m.last, list[i].last)
			continue
		}
		at[m.kind] = len(list)
		list = append(list, m)
	}
	return list
}
