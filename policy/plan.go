package policy

import (
	"slices"
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
	Hourly  bool          // instances are paid for by the hour: those near the end of one go first
}

// DefaultPlan waits 15 minutes for a boot (Karpenter's registration timeout)
// and 10 for a silent worker (Lifeguard's), and has no drain deadline.
func DefaultPlan() Plan { return Plan{Boot: 15 * time.Minute, Silence: 10 * time.Minute} }

// of fills in the deeds that bring d.Have to d.Want. Order matters: first those
// who are overdue leave, then the difference is made up, without buying what
// can be recalled or woken, and without paying for more than maximum at once.
func (p Plan) of(s signals.Snapshot, d Decision, maximum int) Decision {
	done := make(marks, len(s.Workers))
	d, leaving := p.expire(s, d, done)
	d, named := p.obey(s, d, done)
	if missing := d.Want - d.Have; missing > 0 {
		d = p.grow(s, d.sayOpen(s.Open), done, missing-s.Open, maximum)
	} else {
		// Those who leave anyway need not be drained twice over. They are replaced
		// only by a later tick, once they are gone: were they replaced now, a guard
		// that keeps them would make every tick buy one more.
		d = p.shrink(s, d, done, -missing-leaving-named)
	}
	return p.release(s, d, done)
}

// grow makes up for n missing workers: recall, then wake, then launch.
func (p Plan) grow(s signals.Snapshot, d Decision, done marks, n, maximum int) Decision {
	if n <= 0 {
		return d
	}
	back := take(recallable(s, done), n)
	for _, place := range back {
		done[place] = true
	}
	d.Recall = ids(s.Workers, back)
	n -= len(d.Recall)
	billed := s.Billed() + s.Open
	room := max(0, maximum-billed)
	d.Wake = ids(s.Workers, take(wakeable(s, done), min(n, room)))
	n, room = n-len(d.Wake), room-len(d.Wake)
	d.Launch = min(n, room)
	d = d.sayGrowth()
	if n > d.Launch {
		d = d.Because("plan", "%d fewer than wanted: %d are billed already or asked for, at most %d may be", n-d.Launch, billed, maximum)
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
func (p Plan) shrink(s signals.Snapshot, d Decision, done marks, n int) Decision {
	if n <= 0 {
		return d
	}
	known := pick(s.Workers, func(i int, w *fleet.Worker) bool {
		return w.State == fleet.Working && !w.Silent && !done[i]
	})
	known = sorted(s.Workers, known, func(w *fleet.Worker) rank { return p.cheapest(w, s.Now) })
	drain := ids(s.Workers, take(known, n))
	if len(drain) > 0 {
		d = d.Because("plan", "drain %d of %d, idle ones first: %s", len(drain), d.Have, listed(drain))
	}
	d.Drain = append(d.Drain, drain...)
	return d
}

// cheapest ranks workers by what it costs to lose them: what they have in hand,
// whether the cloud expects to take them anyway, what is left of an hour that is paid
// for; and the oldest go first, so that the fleet stays young.
func (p Plan) cheapest(w *fleet.Worker, now time.Time) rank {
	r := rank{int64(w.Jobs), 1, 0, w.Launched.UnixMicro()}
	if w.AtRisk {
		r[1] = 0
	}
	if p.Hourly {
		r[2] = int64(hourLeft(w, now))
	}
	return r
}

// release lets go of workers that have said themselves that they are empty,
// unless they have just been recalled: some to sleep, the others for good, and for
// good whom the operator wanted to be rid of.
func (p Plan) release(s signals.Snapshot, d Decision, done marks) Decision {
	beds := 0
	if p.Keep > 0 {
		beds = p.Keep - len(pick(s.Workers, asleep))
	}
	var leave []fleet.ID
	for i := range s.Workers {
		w := &s.Workers[i]
		switch {
		case w.State != fleet.Drained || done[i]:
		case beds > 0 && !w.Spot && !w.Interrupted && !ordered(s, w):
			beds--
			d.Sleep = append(d.Sleep, w.ID)
		default:
			leave = append(leave, w.ID)
		}
	}
	d.Terminate = slices.Grow(d.Terminate, len(leave))
	for _, id := range leave {
		d.Terminate = append(d.Terminate, fleet.Exit{ID: id, Cause: fleet.CauseDrained})
	}
	return p.sayRelease(d, leave)
}

func (p Plan) sayRelease(d Decision, leave []fleet.ID) Decision {
	switch n := len(d.Sleep); n {
	case 0:
	case 1:
		d = d.Because("plan", "%s sleeps: it has drained, and up to %d are kept", d.Sleep[0], p.Keep)
	default:
		d = d.Because("plan", "%d sleep: they have drained, and up to %d are kept: %s", n, p.Keep, listed(d.Sleep))
	}
	switch n := len(leave); n {
	case 0:
	case 1:
		d = d.Because("plan", "%s is let go: it says it has drained", leave[0])
	default:
		d = d.Because("plan", "%d are let go: they say they have drained: %s", n, listed(leave))
	}
	return d
}

func asleep(_ int, w *fleet.Worker) bool { return w.State == fleet.Asleep || w.State == fleet.Stopping }
