package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// The laws of what an operator has ordered.
const (
	lawPaused    = "a tick that begins while its fleet is paused sends nothing, also where another controller was told of the pause and this one took over"
	lawFloor     = "a tick under an operator's floor wants at least that, before the maximum and the budget"
	lawNamed     = "who works and is named to be drained is asked to within three ticks and two minutes, of which no weather keeps it and the fleet is not paused, and is not recalled"
	lawForgotten = "nobody touches a machine that the operator has had forgotten"
	lawTakenBack = "what an operator has taken back or replaced stays so on that host, whatever restarts or takes over there, and on all others once a tick has told of it"
)

// longest is how long an order holds at most.
const longest = 40 * time.Minute

// desk is where the operators of one host give orders: the file that its daemon reads
// with every tick, and that outlives it.
type desk struct {
	*Host
	standing signals.Standing
	back     map[string]bool // orders that were taken back here
	knew     []string        // of them, those that the tick's orders knew of
}

var _ controller.Orders = (*desk)(nil)

// orders has an operator give an order, or take one back.
func (d *desk) orders(r *rand.Rand) {
	what, n, lasts := r.IntN(8), r.IntN(12), between(r, time.Minute, longest)
	names := d.some(r, 1+r.IntN(3))
	d.change(func(s *signals.Standing, now time.Time) string {
		until := now.Add(lasts).Truncate(time.Second)
		switch what {
		case 0, 1:
			s.Pause = &signals.Pause{Until: until, Since: now, By: "ann"}
			return "is paused"
		case 2:
			s.Pause, d.laws.told = nil, nil
			return "goes on"
		case 3:
			s.Floor = &signals.Floor{Want: n, Until: until, Since: now, By: "ann"}
			return fmt.Sprintf("keeps at least %d", n)
		case 4:
			s.Floor = nil
			return "has no floor any more"
		case 5:
			s.Drain = about(s.Drain, names, now, until, n > 2)
			return "drains " + listed(names)
		case 6:
			s.Forget = about(s.Forget, names[:min(1, len(names))], now, until, n > 5)
			return "forgets " + listed(names)
		}
		s.Drain, s.Forget = about(s.Drain, names, now, until, false), about(s.Forget, names, now, until, false)
		return "looks after " + listed(names)
	})
}

// some are machines that there are: who serves, starts, drains or sleeps.
func (d *desk) some(r *rand.Rand, n int) (ids []fleet.ID) {
	for _, m := range d.cloud.all {
		if m.Phase != fleet.PhaseTerminated && m.Phase != fleet.PhaseShuttingDown {
			ids = append(ids, m.ID)
		}
	}
	r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:min(n, len(ids))]
}

// about is a list of orders about single workers with those named anew, or without.
func about(list []signals.Named, ids []fleet.ID, since, until time.Time, on bool) []signals.Named {
	list = slices.DeleteFunc(slices.Clone(list), func(n signals.Named) bool { return slices.Contains(ids, n.ID) })
	for _, id := range ids {
		if on {
			list = append(list, signals.Named{ID: id, Until: until, Since: since, By: "ann"})
		}
	}
	return list
}

// change changes the orders as the operator's commands do.
func (d *desk) change(do func(s *signals.Standing, now time.Time) string) {
	now := d.Clock().Round(0).UTC()
	before := d.standing.In(now)
	s := before
	said := do(&s, now)
	for _, o := range ordersOf(before) {
		if !slices.Contains(ordersOf(s), o) {
			d.back[o] = true
		}
	}
	s = s.Instead(before)
	d.Tell(d.name, "its operator says: the fleet %s", said)
	s.Changes = append(slices.Clip(s.Changes), signals.Change{At: now, Said: "the fleet " + said, By: "ann"})
	d.standing = s.Since(now.Add(-24*time.Hour), now)
}

// ordersOf are orders by what tells one from the other: operators of two hosts speak at
// the same moment here.
func ordersOf(s signals.Standing) (names []string) {
	add := func(what string, since, until time.Time) {
		names = append(names, fmt.Sprintf("the %s of %s until %s", what, since.Format(time.TimeOnly), until.Format(time.TimeOnly)))
	}
	if s.Pause != nil {
		add("pause", s.Pause.Since, s.Pause.Until)
	}
	if s.Floor != nil {
		add("floor", s.Floor.Since, s.Floor.Until)
	}
	for _, n := range s.Drain {
		add("drain of "+string(n.ID), n.Since, n.Until)
	}
	for _, n := range s.Forget {
		add("forgetting of "+string(n.ID), n.Since, n.Until)
	}
	return names
}

// takeOver adds what was ordered where another controller acted until now, as the
// daemon does.
func (d *desk) takeOver(other signals.Standing) {
	d.standing = d.standing.In(d.Clock()).TakeOver(other)
	slack := time.Second
	if d.weather.strength[ClockSteps] > 0 {
		slack += mostStepped
	}
	if !d.turn.holds() {
		return
	}
	for _, o := range ordersOf(d.standing) {
		if d.back[o] || d.laws.back[o] {
			d.breach(lawTakenBack, "%s takes over with %s, which was taken back", d.name, o)
		}
	}
	p := d.laws.told
	if p == nil || d.back[ordersOf(signals.Standing{Pause: p})[0]] { // or another was ordered here in its place
		return
	}
	if p.Until.After(d.Clock().Add(slack)) && d.standing.Pause == nil {
		d.breach(lawPaused, "%s takes over and knows nothing of the pause until %s that the last tick was told of", d.name, p.Until.Format(time.TimeOnly))
	}
}

// Standing implements controller.Orders.
func (d *desk) Standing(_ string, now time.Time) signals.Standing {
	s := d.standing.In(now)
	d.knew = slices.Collect(maps.Keys(d.back))
	for _, m := range d.cloud.all {
		if _, forgotten := s.Forgets(m.ID, now); forgotten {
			m.left = d.now
		}
		switch _, named := s.Drains(m.ID, now); {
		case !named:
			m.named = -1
		case m.named < 0:
			m.named = d.now
		}
	}
	return s
}

// orderly looks at a call that a tick sends, and what was ordered before that tick and
// is still.
func (l *laws) orderly(d *deed, ids []fleet.ID) {
	h, then := d.host, d.host.stands
	if p := then.Pause; p != nil && p == h.desk.standing.Pause {
		l.breach(lawPaused, "%s sends %s %s, the fleet is paused until %s", h.name, d.kind, listed(ids), p.Until.Format(time.TimeOnly))
	}
	for _, id := range ids {
		if _, was := then.Forgets(id, h.began); was && isAbout(h.desk.standing.Forget, id) {
			l.breach(lawForgotten, "%s sends %s %s", h.name, d.kind, id)
		}
		if _, was := then.Drains(id, h.began); was && isAbout(h.desk.standing.Drain, id) && d.intent.Kind == journal.Recall {
			l.breach(lawNamed, "%s recalls %s", h.name, id)
		}
	}
}

func isAbout(list []signals.Named, id fleet.ID) bool {
	return slices.ContainsFunc(list, func(n signals.Named) bool { return n.ID == id })
}

// stand notes what is ordered as a tick begins: what holds for longer than the tick's
// own reading of the clock can differ.
func (h *Host) stand() {
	h.began = h.Clock().Add(time.Second)
	h.stands = h.desk.standing.In(h.began)
}

// obeyed looks at what a tick decided.
func (l *laws) obeyed(h *Host, s signals.Snapshot, d policy.Decision, written bool) {
	if f := h.stands.Floor; f != nil && f == h.desk.standing.Floor && d.Raw < f.Want {
		l.breach(lawFloor, "%s wants %d, the floor is %d", h.name, d.Raw, f.Want)
	}
	if d.Version != h.rules.name {
		l.breach(lawFile, "%s decides by %s, its policy file is %s", h.name, d.Version, h.rules.name)
	}
	if written {
		for _, o := range h.desk.knew {
			l.back[o] = true
		}
	}
	switch {
	case s.Orders.Pause == nil:
		l.told = nil
	case written:
		l.told = s.Orders.Pause
	}
}

// named looks each minute whether anybody who is to be drained was overlooked.
func (l *laws) named() {
	bound := 3*l.scene.interval + 2*time.Minute
	for _, m := range l.cloud.live() {
		if m.named < 0 || m.heard < 0 || !m.agent.lives() || m.notice != nil || m.Tags[fleet.TagDrain] != "" {
			continue
		}
		if alone := l.now - max(m.named, m.first, m.handled, m.left, l.since(), l.free); alone > bound {
			l.breach(lawNamed, "%s works on, though it is named since %s; at most %s", m.ID, clock(m.named), bound)
		}
	}
}

// idles reports whether the controller that acts is told to leave the fleet alone.
func (l *laws) idles() bool {
	return slices.ContainsFunc(l.hosts, func(h *Host) bool { return h.desk.standing.In(h.Clock()).Pause != nil })
}
