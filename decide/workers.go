package decide

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/line"
)

// uncounted says why it is unknown how many workers there are, "" if it is known.
func uncounted(in line.In) string {
	for _, name := range []string{"fleet.running", "fleet.pending"} {
		v, given := in.Signals[name]
		switch {
		case given && v == nil:
			return name + " is unknown: given as null"
		case !given && in.Workers == nil:
			return name + " is unknown: not in the line, which lists no workers either"
		}
	}
	return ""
}

// standIn has queue.* stand for the one queue in play, where that one's own
// signals are not in the line.
func standIn(in line.In, queues []string) line.In {
	if len(queues) != 1 {
		return in
	}
	in.Signals = maps.Clone(in.Signals)
	for _, name := range in.Names() {
		kind, ok := signals.KindOf(name)
		if !ok || !kind.Queue || kind.Name != name {
			continue
		}
		own := signals.OfQueue(name, queues[0])
		if _, given := in.Signals[own]; !given {
			in.Signals[own] = in.Signals[name]
		}
	}
	return in
}

// madeUp are the workers that the line's numbers speak of, so that the daemon's
// own plan can decide about them. Nothing is known of each but its state and what
// it has in hand.
func (s *Session) madeUp(in line.In, snap signals.Snapshot) []fleet.Worker {
	known, err := snap.Value("fleet.slots")
	if err != nil {
		known = 0
	}
	slots := toInt(known)
	running := crew("running", fleet.Working, int(count(in, "fleet.running")))
	spread(running, inHand(in, len(running), slots), int(count(in, "fleet.idle")))
	silence(running, int(count(in, "fleet.silent")))
	draining := crew("draining", fleet.Draining, int(count(in, "fleet.draining")))
	for i := range draining {
		draining[i].Drain, draining[i].DrainingSince = decisionID(snap), snap.Now
	}
	asleep := crew("asleep", fleet.Asleep, int(count(in, "fleet.asleep")))
	for i := range asleep {
		asleep[i].AsleepSince = snap.Now
	}
	pending := s.pending(int(count(in, "fleet.pending")), snap)
	for _, ws := range [][]fleet.Worker{running, draining} {
		for i := range ws {
			ws[i].Slots, ws[i].Heard = slots, snap.Now
		}
	}
	return slices.Concat(running, pending, draining, asleep)
}

// pending are n workers that are on their way. Those that were there at the line
// before keep their time; new ones were launched since then, or are half way there
// if that is too long ago. The oldest are the first to arrive.
func (s *Session) pending(n int, snap signals.Snapshot) []fleet.Worker {
	boot, err := snap.Value("fleet.boot_seconds")
	if err != nil {
		boot = 0
	}
	halfWay := snap.Now.Add(-time.Duration(min(boot, 86_400) / 2 * float64(time.Second)))
	s.launched = s.launched[max(0, len(s.launched)-n):]
	for len(s.launched) < n {
		s.launched = append(s.launched, later(s.snapshot.Now, halfWay))
	}
	ws := crew("pending", fleet.Starting, n)
	for i := range ws {
		ws[i].Launched = s.launched[i]
	}
	return ws
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// count is a number of workers as the line gives it. Of those that it does not
// speak of none are made up.
func count(in line.In, name string) float64 {
	if v := in.Signals[name]; v != nil {
		return *v
	}
	return 0
}

// crew are n workers in a state, with IDs in order.
func crew(name string, state fleet.State, n int) []fleet.Worker {
	ws := make([]fleet.Worker, n)
	for i := range ws {
		ws[i] = fleet.Worker{ID: fleet.ID(fmt.Sprintf("%s-%06d", name, i+1)), State: state}
	}
	return ws
}

// inHand is how many items the running workers have in hand. Where the line does
// not say it, what is in flight is in their hands as far as they have slots.
func inHand(in line.In, running, slots int) int {
	if v := in.Signals["fleet.busy_slots"]; v != nil {
		return toInt(*v)
	}
	if v := in.Signals["queue.in_flight"]; v != nil {
		return min(toInt(*v), running*slots)
	}
	return 0
}

func toInt(v float64) int { return int(min(math.Ceil(v), 1e9)) }

// spread gives items to workers evenly, and none to the first few, which are idle.
func spread(ws []fleet.Worker, items, idle int) {
	ws = ws[min(idle, len(ws)):]
	for i := range ws {
		share := items / (len(ws) - i)
		if idle > 0 { // the others are at work
			share = max(share, 1)
		}
		ws[i].Jobs, items = share, max(0, items-share)
	}
}

// silence marks so many workers as silent, those with the most in hand: they are
// the last to be drained, and a silent one is drained never.
func silence(ws []fleet.Worker, n int) {
	for i := range min(n, len(ws)) {
		ws[len(ws)-1-i].Silent = true
	}
}
