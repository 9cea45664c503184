package decide

import (
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// mostTicks bounds what is remembered, however near to one another lines are.
const mostTicks = 10_000

// remember keeps a tick for later ones, its deeds done as decided. Workers that
// were made up have no fate of their own: were they remembered by name, each
// that starts to serve would look like one that died.
func (s *Session) remember(snap signals.Snapshot, d policy.Decision, listed bool) {
	gap := snap.Now.Sub(s.snapshot.Now)
	s.snapshot, s.decision = snap, d
	tick := policy.Remember(snap, d, done(d))
	tick.Deeds.Launched = names(d.Launch) // not before: nobody will hear of them by these names
	if !listed {
		tick.Starting, tick.Interrupted = nil, nil
	}
	if d.Blind && len(d.Wants) == 0 {
		tick.Have = s.lastHave()
		tick.Want = tick.Have // a blind tick counts as wanting what it had
	} else {
		s.have = d.Have
	}
	s.recent = append(s.since(snap.Now, gap), tick)
}

// since are the ticks that are still worth remembering: those of the engine's
// window, and a little more, since a window is covered only by a tick before its
// start.
func (s *Session) since(now time.Time, gap time.Duration) []signals.Tick {
	const little = 5 * time.Minute
	window := s.engine.Window() + little + 3*min(gap, 24*time.Hour)
	old := max(0, len(s.recent)-mostTicks+1)
	for old < len(s.recent) && now.Sub(s.recent[old].At) > window {
		old++
	}
	return s.recent[old:]
}

// lastHave is how many workers there were when that was last known. Where it never
// was, the most that there may be: history that is not known is none that would
// let anybody go.
func (s *Session) lastHave() int {
	if s.have < 0 {
		return s.engine.Max()
	}
	return s.have
}

// names stand for those that were launched: a line does not say what they are called.
func names(n int) []fleet.ID {
	list := make([]fleet.ID, n)
	for i := range list {
		list[i] = fleet.ID(fmt.Sprintf("launched-%06d", i+1))
	}
	return list
}

// done are the deeds that a decision calls for, taken for done.
func done(d policy.Decision) signals.Deeds {
	return signals.Deeds{
		Asked: d.Launch + len(d.Wake), Woken: d.Wake, Recalled: d.Recall,
		Drained: d.Drain, Slept: d.Sleep, Terminated: d.Terminate,
	}
}

func decisionID(snap signals.Snapshot) string { return fleet.DecisionID(snap.Fleet, snap.Now) }
