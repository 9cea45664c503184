package policy

import (
	"cmp"
	"time"

	"skynet/signals"
)

// SLO wants the fewest workers that keep the objective: so large a share of the
// items start within the wait that is promised. It wants the largest of four
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
// Queues share the workers: each needs a share of them. Where a worker ordered at
// the next tick would come too late for what comes until then, that is forecast and
// stands in line behind what waits.
//
// For what comes, where it cannot wait for a boot: enough slots that an item which
// finds them at work as usual does not wait too long (see erlangC), and enough for
// what is forecast with a margin that is learned from how often items were late.
//
// For what is being worked on: the slots that it takes.
//
// Of those there are it keeps as many as would have work for the time that it
// takes to let one go and buy another (see stay): so a queue with time to wait is
// worked off by few, and a lull shorter than a boot costs no boot.
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
	// mostStay bounds how far ahead a worker needs work to stay, however slow a boot is.
	mostStay = 20 * time.Minute
)

// past is how far back the arrivals of a queue are averaged.
func past(wait time.Duration) time.Duration { return min(max(leastPast, wait), mostPast) }

// Window is how far back it looks for arrivals and ages.
func (p SLO) Window() time.Duration {
	longest := p.Objective.Wait
	for _, w := range p.Objective.Queues {
		longest = max(longest, w)
	}
	return max(mostStay, past(longest))
}

// Want returns the fewest workers that keep the objective. Where a signal is
// unknown it returns what the others call for, and an error.
func (p SLO) Want(s signals.Snapshot) (int, string, error) {
	c, unknown := p.size(&s)
	said, n := c.said(p.Objective.Quantile), c.workers()
	stays, length := c.stay(&s)
	if stays = min(stays, c.supply.have); stays > n {
		sayStays(&said, stays, length)
		n = stays
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

// size computes what a tick calls for, but for those who stay.
func (p SLO) size(s *signals.Snapshot) (c call, missing unknowns) {
	c.demands = p.demands(s, &missing)
	c.supply = supplyOf(s, inFlight(c.demands), &missing)
	addOrphans(c.demands, c.supply.held)
	for i := range c.demands {
		c.demands[i].allow(p.Objective.Quantile)
		c.demands[i].expect(s, &c.supply)
	}
	c.waiting, c.late = fewest(&c.supply, c.demands)
	c.pace = paceOf(s, c.demands, &c.supply, p.Objective.Quantile)
	return c, missing
}
