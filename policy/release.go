package policy

import (
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Amount is a number that may depend on the size of the fleet: a count, or a
// share of it.
type Amount interface{ Of(have int) int }

// Count is an Amount that does not depend on anything.
type Count int

// Of returns the count.
func (c Count) Of(int) int { return int(c) }

// Release holds back the letting go of workers that serve: so many a tick,
// none before the want has stayed low for a while, none that is very young.
//
// It prevents flapping: nomad-autoscaler (#272) and KEDA (#2314) let go what
// they bought again a minute later.
type Release struct {
	PerTick Amount        // nil: any number
	After   time.Duration // the want must have been low for this long
	MinAge  time.Duration // a younger worker stays
}

// Name is "release".
func (Release) Name() string { return "release" }

// Window is how long the want must have been low.
func (r Release) Window() time.Duration { return r.After }

// Soften shortens the list of those to be drained. The worst to lose stand at
// its end, so they are spared first.
func (r Release) Soften(s signals.Snapshot, d Decision) Decision {
	return chosen(s, d, func(d Decision) Decision {
		d = r.spareYoung(s, d)
		d = r.waitAndSee(s, d)
		return r.fewAtOnce(d)
	})
}

func (r Release) spareYoung(s signals.Snapshot, d Decision) Decision {
	if r.MinAge <= 0 || len(d.Drain) == 0 {
		return d
	}
	old := spare(s, d.Drain, func(w *fleet.Worker) bool { return s.Now.Sub(since(w)) < r.MinAge })
	if len(old) < len(d.Drain) {
		d = d.Because("release", "drain %d instead of %d: the others are younger than %s", len(old), len(d.Drain), span(r.MinAge))
		d.Drain = old
	}
	return d
}

// waitAndSee keeps as many as were wanted at any time in the window. A blind
// tick counts as wanting what it had; a window that is not covered by ticks
// lets nobody go.
func (r Release) waitAndSee(s signals.Snapshot, d Decision) Decision {
	if r.After <= 0 || len(d.Drain) == 0 {
		return d
	}
	most, covered := wanted(s, r.After)
	if !covered {
		n := len(d.Drain)
		d.Drain = nil
		return d.Because("release", "drain nobody instead of %d: less than %s of history", n, span(r.After))
	}
	if d.Raw > d.Want { // the maximum was lowered: what it forbids may not be kept
		most = min(most, d.Want)
	}
	if n := max(0, d.Have-most); n < len(d.Drain) {
		d = d.Because("release", "drain %d instead of %d: up to %d were wanted in the last %s", n, len(d.Drain), most, span(r.After))
		d.Drain = take(d.Drain, n)
	}
	return d
}

// wanted returns the largest want in the window before now, and whether the
// window is covered.
func wanted(s signals.Snapshot, window time.Duration) (most int, covered bool) {
	start := s.Now.Add(-window)
	for i := len(s.Recent) - 1; i >= 0; i-- {
		most = max(most, s.Recent[i].Want)
		if !s.Recent[i].At.After(start) {
			break
		}
	}
	return most, s.Covers(window)
}

func (r Release) fewAtOnce(d Decision) Decision {
	if r.PerTick == nil {
		return d
	}
	if n := r.PerTick.Of(d.Have); n < len(d.Drain) {
		d = d.Because("release", "drain %d instead of %d: at most so many a tick", n, len(d.Drain))
		d.Drain = take(d.Drain, n)
	}
	return d
}
