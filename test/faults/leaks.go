package faults

import (
	"slices"
	"time"
)

// lawLeaked is the bound of each single machine. What holds it up is told in kept, and
// is the world's own truth: what the controller says of itself excuses nothing.
const lawLeaked = "a machine of ours that is paid for and not heard, since it started or from then on, is gone within the longer of the policy's deadlines for a boot and for silence, three ticks and two minutes (and four more where clocks are set), of which no weather, pause or new policy keeps it, one controller acts and no two have fallen silent at once"

// keepers are the faults that may keep a controller from letting go: those that hide,
// undo or delay its calls, deafen or blind it, or take its journal, its clock or its life.
var keepers = []Kind{
	Unreached, AnswersLost, CallsLate, Throttled, ListsLag, ListsFail, BeatsLost, BeatsLate, MailDown,
	SignalsLost, SignalsStale, SignalsAbsurd, ClockSteps, DiskFull, DiskLate, DiskSlow, Crashes, Stops, StoreLossy,
	EC2Errors, EC2Cut, EC2Protected,
}

// leaks looks each minute whether any machine has been left alone for too long.
func (l *laws) leaks() {
	if l.keeps() || l.idles() {
		l.free = l.now
	}
	plan := l.acting().engine.Plan
	bound := max(plan.Boot, plan.Silence) + 3*l.scene.interval + 2*time.Minute
	if l.weather.strength[ClockSteps] > 0 {
		bound += mostStepped
	}
	for _, m := range l.cloud.live() {
		if alone := l.now - max(m.started, m.word, m.left, l.since(), l.free); alone > bound {
			l.breach(lawLeaked, "%s has been paid for and not heard for %s, of which nothing kept it for %s; at most %s", m.ID, l.now-max(m.started, m.word), alone, bound)
		}
	}
}

// keeps reports whether anything may keep a controller from letting go now.
func (l *laws) keeps() bool {
	if slices.ContainsFunc(keepers, func(k Kind) bool { return l.Blows(k) > 0 }) {
		return true
	}
	const soon = 30 * time.Second
	silent := 0
	for _, m := range l.cloud.live() {
		if m.word > m.started && l.now-m.heard > l.acting().silent-soon {
			silent++
		}
	}
	return silent > 1 // the quorum may hold; if not, they go one by one
}

// acting is the policy of the controller that acts, or of the one that will.
func (l *laws) acting() *ruling {
	for _, h := range l.hosts {
		if h.acts() && h.rules != nil {
			return h.rules
		}
	}
	return l.newest
}

// acts reports whether the host's controller does.
func (h *Host) acts() bool {
	return h.up && h.hears >= 0 && h.turn.holds() && h.now >= h.stopped
}

// since is when the controller that acts began to listen, and to decide as it does:
// now, if none does.
func (l *laws) since() time.Duration {
	for _, h := range l.hosts {
		if h.acts() {
			return max(h.hears, h.ruled)
		}
	}
	return l.now
}
