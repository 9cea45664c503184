package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Bounds are the least and the most workers of a fleet. Max bounds what is
// billed: pending, running and draining ones together.
type Bounds struct{ Min, Max int }

// Engine is one fleet's way of deciding: what a policy file says.
type Engine struct {
	Bounds   Bounds
	Policies []Policy
	Caps     []Cap // lower what the bounds allow
	Plan     Plan
	Guards   []Guard // in the order in which they soften
}

// Max is the most that may be billed at once.
func (e Engine) Max() int { return e.Bounds.Max }

// hour is the window of the launch guard and of the breaker.
const hour = time.Hour

// Window is how far back the engine looks: at least the hour of the launch guard
// and of the breaker.
func (e Engine) Window() time.Duration {
	longest := hour
	for _, p := range e.Policies {
		longest = max(longest, windowOf(p))
	}
	for _, c := range e.Caps {
		longest = max(longest, windowOf(c))
	}
	for _, g := range e.Guards {
		longest = max(longest, windowOf(g))
	}
	return longest
}

func windowOf(v any) time.Duration {
	if r, ok := v.(Remembers); ok {
		return r.Window()
	}
	return 0
}

// Decide turns a snapshot into a decision. It is a function of its argument
// alone: the same snapshot gives the same decision, in whatever order workers
// and signals are listed.
func (e Engine) Decide(s signals.Snapshot) Decision {
	s = s.Freeze().WithoutForgotten()
	d := Decision{ID: fleet.DecisionID(s.Fleet, s.Now), Fleet: s.Fleet, Have: s.Have()}
	d = e.ask(s, d)
	d = hear(s, d)
	d = stand(s, d)
	d, most := e.bound(s, d)
	d = e.Plan.of(s, d, most)
	var shown Decision
	for _, g := range e.Guards {
		d = Restrain(d, g.Soften(s, d.copied(&shown)), g.Name())
	}
	return d
}

// copied has the lists of another place: a guard that edits in place those that
// it is shown must not edit what it is held to. Its reasons are taken as they
// come.
func (d Decision) copied(to *Decision) Decision {
	to.Recall, to.Wake = append(to.Recall[:0], d.Recall...), append(to.Wake[:0], d.Wake...)
	to.Drain, to.Sleep = append(to.Drain[:0], d.Drain...), append(to.Sleep[:0], d.Sleep...)
	to.Terminate, to.Wants = append(to.Terminate[:0], d.Terminate...), append(to.Wants[:0], d.Wants...)
	d.Recall, d.Wake, d.Drain, d.Sleep = to.Recall, to.Wake, to.Drain, to.Sleep
	d.Terminate, d.Wants = to.Terminate, to.Wants
	return d
}

// ask collects every policy's want; the largest wins. A policy that cannot
// tell counts as wanting what there is: others may want more, and the tick is
// blind.
func (e Engine) ask(s signals.Snapshot, d Decision) Decision {
	opinions := 0
	d.Wants = make([]Want, 0, len(e.Policies))
	d.Reasons = make([]Reason, 0, len(e.Policies))
	for _, p := range e.Policies {
		w := wantOf(p, s, d.Have)
		d.Wants, d.Reasons = append(d.Wants, w), append(d.Reasons, Reason{By: w.Policy, Said: w.Because})
		d.Blind = d.Blind || w.Blind
		if !w.Abstain {
			opinions++
			d.Raw = max(d.Raw, w.Want)
		}
	}
	if opinions == 0 {
		d.Raw = d.Have
	}
	return d
}

func wantOf(p Policy, s signals.Snapshot, have int) Want {
	n, because, err := p.Want(s)
	switch {
	case errors.Is(err, ErrAbstain):
		return Want{Policy: p.Name(), Because: "no opinion: " + because, Abstain: true}
	case err != nil:
		return Want{Policy: p.Name(), Want: max(have, n), Because: cannotTell(because, err), Blind: true}
	case n < 0:
		return Want{Policy: p.Name(), Want: have, Because: fmt.Sprintf("cannot tell: wants %d workers", n), Blind: true}
	}
	return Want{Policy: p.Name(), Want: n, Because: because}
}

// cannotTell adds what a policy does know to why it cannot tell.
func cannotTell(because string, err error) string {
	if because == "" {
		return "cannot tell: " + err.Error()
	}
	return because + "; cannot tell the rest: " + err.Error()
}

// bound clamps the want and returns the most that may be billed. The minimum
// wins over the maximum nowhere: a file with min above max is refused when it is
// read. It does win over caps.
func (e Engine) bound(s signals.Snapshot, d Decision) (Decision, int) {
	d.Want = min(max(d.Raw, e.Bounds.Min), e.Bounds.Max)
	switch {
	case d.Want > d.Raw:
		d = d.Because("bounds", "want %d instead of %d: the minimum", d.Want, d.Raw)
	case d.Want < d.Raw:
		d = d.Because("bounds", "want %d instead of %d: the maximum", d.Want, d.Raw)
	}
	most := e.Bounds.Max
	for _, c := range e.Caps {
		d, most = e.cap(s, d, most, c)
	}
	return d, most
}

// cap lowers the want to a cap. One that cannot tell allows what is paid for
// already, so that nothing is bought beyond the minimum, and nobody leaves for it.
func (e Engine) cap(s signals.Snapshot, d Decision, most int, c Cap) (Decision, int) {
	n, because, err := c.Cap(s, e.Bounds)
	if err != nil {
		n, because = s.Billed()+s.Open, "cannot tell: "+err.Error()
	}
	n = max(n, e.Bounds.Min)
	if n < d.Want {
		d = d.Because(c.Name(), "want %d instead of %d: %s", n, d.Want, because)
		d.Want = n
	}
	return d, min(most, n)
}

// Restrain holds a guard to its contract: whatever after says, the result does
// no more than before did. Lists become subsets, Launch cannot grow, and Sleep
// may gain only what Terminate gave up of drained workers.
func Restrain(before, after Decision, guard string) Decision {
	d := before
	d.Launch = max(0, min(before.Launch, after.Launch))
	d.Recall = keep(before.Recall, after.Recall)
	d.Wake = keep(before.Wake, after.Wake)
	d.Drain = keep(before.Drain, after.Drain)
	d.Terminate = keep(before.Terminate, after.Terminate)
	d.Sleep = keep(slices.Concat(before.Sleep, givenUp(before.Terminate, d.Terminate)), after.Sleep)
	d.Blind = before.Blind || after.Blind
	d.Reasons = after.Reasons
	if !within(after, d) {
		d = d.Because("guards", "%s asked for more than there was to do: ignored", guard)
	}
	return d
}

// keep returns the elements of list that are also in wanted, in list's order. It
// shares nothing with wanted.
func keep[T comparable](list, wanted []T) []T {
	n := len(wanted)
	switch {
	case n == 0:
		return nil
	case n <= len(list) && slices.Equal(list[:n], wanted): // as most guards leave it
		return list[:n:n]
	}
	in := set(wanted)
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !in[v] })
}

func set[T comparable](list []T) map[T]bool {
	in := make(map[T]bool, len(list))
	for _, v := range list {
		in[v] = true
	}
	return in
}

// givenUp lists the drained among those before that are not in after, which is
// part of before.
func givenUp(before, after []fleet.Exit) (ids []fleet.ID) {
	if len(before) == len(after) {
		return nil
	}
	in := set(after)
	for _, x := range before {
		if x.Cause == fleet.CauseDrained && !in[x] {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

// within reports whether a does no more than d in any of its deeds.
func within(a, d Decision) bool {
	return a.Launch <= d.Launch && len(a.Recall) <= len(d.Recall) && len(a.Wake) <= len(d.Wake) &&
		len(a.Drain) <= len(d.Drain) && len(a.Sleep) <= len(d.Sleep) && len(a.Terminate) <= len(d.Terminate)
}
