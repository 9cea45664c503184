package policy

import (
	"cmp"
	"time"

	"skynet/signals"
)

// SLO wants the fewest workers that keep the objective: so large a share of the
// items start within the wait that is promised. It wants the largest of three
// numbers.
//
// For what waits: a slot that is free h seconds before a deadline can start
// floor(h/s)+1 items of s seconds each, a busy one starts one less. Items are
// taken first in, first out, so of the first N items so many must have been
// started when the last of them is due, its wait less its age from now. Running
// workers start at once, those on their way when they are there, new ones after a
// boot. What new workers cannot reach in time is due within the wait from when
// they could be there: a hopeless burst does not buy the world, but is not
// ignored either, and meanwhile nobody is let go who could start some of it.
// Queues share the workers: each needs a share of them.
//
// For what comes: enough slots that an item which finds them at work as usual
// does not wait too long (see erlangC).
//
// For what is being worked on: the slots that it takes.
//
// Lastly it keeps of those there are what it wanted within the last boot time: a
// worker let go in a dip shorter than its boot would be missed. The policy is a release window of
// its own.
type SLO struct {
	As        string // how it is called in reasons; "": slo
	Objective Objective
}

// Name is how it is called in reasons.
func (p SLO) Name() string { return cmp.Or(p.As, "slo") }

const (
	// leastPast and mostPast bound the time over which arrivals are averaged: less
	// would chase noise, more would miss the evening.
	leastPast, mostPast = 5 * time.Minute, time.Hour
	// mostKept bounds how long what was wanted is kept, however slow a boot is.
	mostKept = 10 * time.Minute
	// looks is how many earlier ticks are looked at for what they called for.
	looks = 20
)

// past is how far back the arrivals of a queue are averaged.
func past(wait time.Duration) time.Duration { return min(max(leastPast, wait), mostPast) }

// Window is how far back it looks for arrivals, ages and wants.
func (p SLO) Window() time.Duration {
	longest := p.Objective.Wait
	for _, w := range p.Objective.Queues {
		longest = max(longest, w)
	}
	return max(mostKept, past(longest))
}

// Want returns the fewest workers that keep the objective. Where a signal is
// unknown it returns what the others call for, and an error.
func (p SLO) Want(s signals.Snapshot) (int, string, error) {
	c, unknown := p.size(&s)
	said, n := c.said(p.Objective.Quantile), c.workers()
	// Of those there are: what was called for and never came is called for no more.
	most, length := p.kept(&s, &c)
	if most = min(most, c.supply.have); most > n {
		sayKept(&said, most, length)
		n = most
	}
	// One that may never come must not have another go that is there.
	if lost := min(c.supply.lost, c.supply.have-n); lost > 0 {
		n += lost
		sayLost(&said, n, c.supply.lost)
	}
	return min(n, unlimited), string(said), unknown.err()
}

// call is what a tick calls for.
type call struct {
	supply  supply
	demands []demand
	waiting int  // workers for what waits
	late    bool // more is due than those that there are can start in time
	pace    pace
}

// workers is the largest of the three numbers.
func (c *call) workers() int { return max(c.waiting, c.pace.workers, c.holding()) }

// holding is how many workers it takes to work on what is being worked on.
func (c *call) holding() int { return ceil(c.supply.busy / c.supply.slots) }

// size computes what a tick calls for, but for what is kept from earlier ones.
func (p SLO) size(s *signals.Snapshot) (c call, missing unknowns) {
	c.demands = p.demands(s, &missing)
	c.supply = supplyOf(s, inFlight(c.demands), &missing)
	addOrphans(c.demands, c.supply.held)
	for i := range c.demands {
		c.demands[i].allow(p.Objective.Quantile)
	}
	c.waiting, c.late = fewest(&c.supply, c.demands)
	c.pace = paceOf(s, c.demands, &c.supply, p.Objective.Quantile)
	return c, missing
}

// kept is the most that the ticks within the last boot time called for. They are
// decided again by what is remembered of them: what they wanted in the end may
// itself have been kept, and would never be forgotten.
func (p SLO) kept(s *signals.Snapshot, c *call) (most int, length time.Duration) {
	most, length = c.workers(), min(signals.Seconds(c.supply.boot), mostKept)
	seen := s.Now
	for i := len(s.Recent) - 1; i >= 0; i-- {
		t := &s.Recent[i]
		last := i == len(s.Recent)-1
		if !last && s.Now.Sub(t.At) > length {
			break
		}
		if t.Want <= most || !last && seen.Sub(t.At) < length/looks {
			continue
		}
		seen = t.At
		then, _ := p.size(&signals.Snapshot{Fleet: s.Fleet, Now: t.At, Queues: s.Queues, Signals: t.Signals, Recent: s.Recent[:i]})
		most = max(most, min(t.Want, then.workers()))
	}
	return most, length
}
