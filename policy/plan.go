package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Plan turns a number into deeds on workers known by name. It also holds the
// deadlines, because they make a decision do more: a guard could not.
type Plan struct {
	Boot    time.Duration // launched or woken and unheard for longer: dead on arrival
	Silence time.Duration // unheard for longer, after being heard: to be replaced
	Drain   time.Duration // a drain that takes longer ends anyway; 0: never
	Keep    int           // how many drained on-demand workers sleep instead of ending
	AtMost  time.Duration // asleep for longer: let go; 0: never
}

// DefaultPlan waits 15 minutes for a boot (Karpenter's registration timeout)
// and 10 for a silent worker (Lifeguard's), and has no drain deadline.
func DefaultPlan() Plan { return Plan{Boot: 15 * time.Minute, Silence: 10 * time.Minute} }

// of fills in the deeds that bring d.Have to d.Want. Order matters: first those
// who are overdue leave, then the difference is made up, without buying what
// can be recalled or woken, and without paying for more than maximum at once.
func (p Plan) of(s signals.Snapshot, d Decision, maximum int) Decision {
	d = p.expire(s, d)
	if missing := d.Want - d.Have; missing > 0 {
		d = p.grow(s, d.sayOpen(s.Open), missing-s.Open, maximum)
	} else {
		// Those who leave anyway need not be drained twice over. They are replaced
		// only by a later tick, once they are gone: were they replaced now, a guard
		// that keeps them would make every tick buy one more.
		d = p.shrink(s, d, -missing-leaving(s, d.Terminate))
	}
	return p.release(s, d)
}

// expire lets go of workers whose deadline has passed.
func (p Plan) expire(s signals.Snapshot, d Decision) Decision {
	silent := 0
	for _, w := range s.Workers {
		cause, overdue := p.overdue(w, s.Now)
		if !overdue {
			continue
		}
		if cause == fleet.CauseSilent {
			if silent++; silent > replaceBudget(d.Have) {
				continue
			}
		}
		d.Terminate = append(d.Terminate, fleet.Exit{ID: w.ID, Cause: cause})
		d = d.Because("plan", "%s", p.overdueSaid(w, cause, s.Now))
	}
	return d
}

// replaceBudget bounds how many silent workers are replaced in one tick: a
// tenth of the fleet, at least one. Losing the heartbeats of many is more
// likely our fault than theirs.
func replaceBudget(have int) int { return max(1, have/10) }

// leaving counts the exits among what counts as capacity.
func leaving(s signals.Snapshot, exits []fleet.Exit) (n int) {
	for _, w := range s.Workers {
		if w.State.Serves() && slices.ContainsFunc(exits, func(x fleet.Exit) bool { return x.ID == w.ID }) {
			n++
		}
	}
	return n
}

// grow makes up for n missing workers: recall, then wake, then launch.
func (p Plan) grow(s signals.Snapshot, d Decision, n, maximum int) Decision {
	if n <= 0 {
		return d
	}
	d.Recall = take(recallable(s, d), n)
	n -= len(d.Recall)
	room := max(0, maximum-s.Billed()-s.Open)
	d.Wake = take(wakeable(s, d), min(n, room))
	n, room = n-len(d.Wake), room-len(d.Wake)
	d.Launch = min(n, room)
	d = d.sayGrowth()
	if n > d.Launch {
		d = d.Because("plan", "%d fewer than wanted: %d are billed already or asked for, at most %d may be", n-d.Launch, s.Billed()+s.Open, maximum)
	}
	return d
}

func (d Decision) sayOpen(n int) Decision {
	if n == 0 {
		return d
	}
	return d.Because("plan", "%d asked for without an answer so far count as on their way", n)
}

func (d Decision) sayGrowth() Decision {
	if len(d.Recall) > 0 {
		d = d.Because("plan", "recall %d draining before buying any: %s", len(d.Recall), listed(d.Recall))
	}
	if len(d.Wake) > 0 {
		d = d.Because("plan", "wake %d sleeping: %s", len(d.Wake), listed(d.Wake))
	}
	if d.Launch > 0 {
		d = d.Because("plan", "launch %d", d.Launch)
	}
	return d
}

// shrink picks n workers to drain among those that are known to serve: idle
// ones first, then those with the least in hand. One that is silent or still
// starting is not known, so it is not picked.
func (p Plan) shrink(s signals.Snapshot, d Decision, n int) Decision {
	known := pick(s.Workers, func(w fleet.Worker) bool {
		return w.State == fleet.Working && !w.Silent && !exits(d, w.ID)
	})
	slices.SortFunc(known, func(a, b fleet.Worker) int {
		return cmp.Or(
			cmp.Compare(a.Jobs, b.Jobs),
			a.Launched.Compare(b.Launched), // the oldest first: the fleet stays young
			strings.Compare(string(a.ID), string(b.ID)),
		)
	})
	d.Drain = take(ids(known), n)
	if len(d.Drain) > 0 {
		d = d.Because("plan", "drain %d of %d, idle ones first: %s", len(d.Drain), d.Have, listed(d.Drain))
	}
	return d
}

// release lets go of workers that have said themselves that they are empty,
// unless they have just been recalled: some to sleep, the others for good.
func (p Plan) release(s signals.Snapshot, d Decision) Decision {
	beds := p.Keep - len(pick(s.Workers, asleep))
	drained := pick(s.Workers, func(w fleet.Worker) bool {
		return w.State == fleet.Drained && !slices.Contains(d.Recall, w.ID) && !exits(d, w.ID)
	})
	for _, w := range drained {
		if beds > 0 && !w.Spot && !w.Interrupted {
			beds--
			d.Sleep = append(d.Sleep, w.ID)
			d = d.Because("plan", "%s sleeps: it has drained, and up to %d are kept", w.ID, p.Keep)
			continue
		}
		d.Terminate = append(d.Terminate, fleet.Exit{ID: w.ID, Cause: fleet.CauseDrained})
		d = d.Because("plan", "%s is let go: it says it has drained", w.ID)
	}
	return d
}

func asleep(w fleet.Worker) bool { return w.State == fleet.Asleep || w.State == fleet.Stopping }
