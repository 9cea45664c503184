package signals

import (
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
)

// Standing is what the operator has ordered; each order has an expiry.
type Standing struct {
	Pause  *Pause  `json:"pause,omitempty"`
	Floor  *Floor  `json:"floor,omitempty"`
	Drain  []Named `json:"drain,omitempty"`  // workers to be drained and let go, whatever is wanted
	Forget []Named `json:"forget,omitempty"` // instances that are gone, or ours no more
	// Changes are what was ordered, taken back or has expired since the tick before,
	// oldest first. Where orders are kept they go further back.
	Changes []Change `json:"changes,omitempty"`
	// Ended are orders that were taken back or replaced before they expired, oldest
	// first: a controller that takes over what another was told takes none of these.
	Ended []Ended `json:"ended,omitempty"`
}

// Pause has a fleet left alone until then.
type Pause struct {
	Until time.Time `json:"until"`
	Since time.Time `json:"since,omitzero"` // when it was ordered
	By    string    `json:"by,omitempty"`
	Why   string    `json:"why,omitempty"`
}

// Floor has a fleet keep at least so many workers until then.
type Floor struct {
	Want  int       `json:"want"`
	Until time.Time `json:"until"`
	Since time.Time `json:"since,omitzero"` // when it was ordered
	By    string    `json:"by,omitempty"`
	Why   string    `json:"why,omitempty"`
}

// Named is an order about one worker.
type Named struct {
	ID    fleet.ID  `json:"id"`
	Until time.Time `json:"until"`
	Since time.Time `json:"since,omitzero"` // when it was ordered
	By    string    `json:"by,omitempty"`
	Why   string    `json:"why,omitempty"`
}

// Change is one change of the standing orders.
type Change struct {
	At   time.Time `json:"at"`
	Said string    `json:"said"` // "paused until …", "the pause has expired"
	By   string    `json:"by,omitempty"`
	Why  string    `json:"why,omitempty"`
}

// Ended is an order that holds no more, by all that tells it from others of its kind:
// clocks of two hosts differ, so that none is taken for ended since it is the older.
type Ended struct {
	What  string    `json:"what"` // one of pause, floor, drain and forget
	ID    fleet.ID  `json:"id,omitempty"`
	Until time.Time `json:"until"` // when it would have expired, and is of no interest any more
	Since time.Time `json:"since,omitzero"`
}

// IsZero reports that nothing is ordered, and nothing was.
func (s Standing) IsZero() bool {
	return s.Pause == nil && s.Floor == nil && len(s.Drain)+len(s.Forget)+len(s.Changes)+len(s.Ended) == 0
}

// In is what is in force at a time. What has expired by then is among the changes
// instead: nobody need have been there to see it end.
func (s Standing) In(now time.Time) Standing {
	over := func(until time.Time, said, by string) bool {
		if now.Before(until) {
			return false
		}
		s.Changes = append(slices.Clip(s.Changes), Change{At: until, Said: said, By: by})
		return true
	}
	if p := s.Pause; p != nil && over(p.Until, "the pause has expired", p.By) {
		s.Pause = nil
	}
	if f := s.Floor; f != nil && over(f.Until, fmt.Sprintf("the floor of %d has expired", f.Want), f.By) {
		s.Floor = nil
	}
	kept := func(list []Named, what string) []Named {
		return without(list, func(n Named) bool {
			return over(n.Until, fmt.Sprintf("the order to %s %s has expired", what, n.ID), n.By)
		})
	}
	s.Drain, s.Forget = kept(s.Drain, "drain"), kept(s.Forget, "forget")
	s.Ended = without(s.Ended, func(e Ended) bool { return !now.Before(e.Until) })
	slices.SortStableFunc(s.Changes, func(a, b Change) int { return a.At.Compare(b.At) })
	return s
}

// without is a list without those for whom is holds; nil if none is left.
func without[T any](list []T, is func(T) bool) (left []T) {
	for _, v := range list {
		if !is(v) {
			left = append(left, v)
		}
	}
	return left
}

// Since leaves out changes that an earlier tick has told of, and those to come.
func (s Standing) Since(told, now time.Time) Standing {
	s.Changes = without(s.Changes, func(c Change) bool { return !c.At.After(told) || c.At.After(now) })
	return s
}

// Drains gives the order to drain a worker that is in force, if there is one.
func (s Standing) Drains(id fleet.ID, now time.Time) (Named, bool) { return about(s.Drain, id, now) }

// Forgets gives the order to forget a worker that is in force, if there is one.
func (s Standing) Forgets(id fleet.ID, now time.Time) (Named, bool) { return about(s.Forget, id, now) }

func about(list []Named, id fleet.ID, now time.Time) (Named, bool) {
	for _, n := range list {
		if n.ID == id && now.Before(n.Until) {
			return n, true
		}
	}
	return Named{}, false
}

// TakeOver adds what the operator had ordered where another controller acted until now,
// and that is not ordered here: an order given here stands. What was taken back on
// either side stays taken back. One that gives way to ours is not: it may hold for longer.
func (s Standing) TakeOver(other Standing) Standing {
	s, other = s.but(other.Ended), other.but(s.Ended)
	if s.Pause == nil {
		s.Pause = other.Pause
	}
	if s.Floor == nil {
		s.Floor = other.Floor
	}
	s.Drain, s.Forget = withThose(s.Drain, other.Drain), withThose(s.Forget, other.Forget)
	return s.ended(other.Ended)
}

// Instead notes which orders of those that stood before do not stand any more.
func (s Standing) Instead(before Standing) Standing {
	stands := s.marks()
	return s.ended(without(before.marks(), func(e Ended) bool { return slices.ContainsFunc(stands, e.is) }))
}

// ended adds to what is noted as ended.
func (s Standing) ended(more []Ended) Standing {
	s.Ended = append(slices.Clip(s.Ended), without(more, func(e Ended) bool { return slices.ContainsFunc(s.Ended, e.is) })...)
	return s
}

// but is what is ordered without what has ended.
func (s Standing) but(ended []Ended) Standing {
	if len(ended) == 0 {
		return s
	}
	has := func(e Ended) bool { return slices.ContainsFunc(ended, e.is) }
	if s.Pause != nil && has(s.Pause.mark()) {
		s.Pause = nil
	}
	if s.Floor != nil && has(s.Floor.mark()) {
		s.Floor = nil
	}
	s.Drain = without(s.Drain, func(n Named) bool { return has(n.mark("drain")) })
	s.Forget = without(s.Forget, func(n Named) bool { return has(n.mark("forget")) })
	return s
}

// marks are all orders, as they would be noted when they end.
func (s Standing) marks() (all []Ended) {
	if s.Pause != nil {
		all = append(all, s.Pause.mark())
	}
	if s.Floor != nil {
		all = append(all, s.Floor.mark())
	}
	for _, n := range s.Drain {
		all = append(all, n.mark("drain"))
	}
	for _, n := range s.Forget {
		all = append(all, n.mark("forget"))
	}
	return all
}

func (p Pause) mark() Ended { return Ended{What: "pause", Until: p.Until, Since: p.Since} }

func (f Floor) mark() Ended { return Ended{What: "floor", Until: f.Until, Since: f.Since} }

func (n Named) mark(what string) Ended {
	return Ended{What: what, ID: n.ID, Until: n.Until, Since: n.Since}
}

func (e Ended) is(o Ended) bool {
	return e.What == o.What && e.ID == o.ID && e.Until.Equal(o.Until) && e.Since.Equal(o.Since)
}

// withThose adds orders about workers that have none here.
func withThose(own, others []Named) []Named {
	for _, o := range others {
		if !slices.ContainsFunc(own, func(n Named) bool { return n.ID == o.ID }) {
			own = append(slices.Clip(own), o)
		}
	}
	return own
}

// WithoutForgotten takes workers that the operator has had forgotten for gone,
// whatever the cloud lists and they say: nobody waits for them, counts them, pays
// for them or touches them. They stay in the list, as leaving, so that the journal
// shows what was left out.
func (s Snapshot) WithoutForgotten() Snapshot {
	if len(s.Orders.Forget) == 0 {
		return s
	}
	s.Workers = slices.Clone(s.Workers)
	for i := range s.Workers {
		w := &s.Workers[i]
		if _, forgotten := s.Orders.Forgets(w.ID, s.Now); forgotten {
			w.State, w.Jobs, w.Silent, w.Interrupted, w.Unheard = fleet.Leaving, 0, false, false, 0
		}
	}
	return s
}
