package policy

import (
	"math"

	"skynet/signals"
)

// pace is what keeps up with what comes.
type pace struct {
	arrivals float64 // items/s, over all queues
	load     float64 // slots that they keep at work
	wait     float64 // the tightest, s
	slots    float64
	workers  int
}

// notice is how long it may take, s, until a tick sees what has come: from one
// tick to the next, a minute if that is not known yet.
func notice(s *signals.Snapshot) float64 {
	if step := s.Step(); step > 0 {
		return step.Seconds()
	}
	return 60
}

// paceOf computes the fewest slots with which an item that comes waits longer than
// promised no oftener than it may. Where arrivals are so rare that not one is
// expected in a boot time, and each can wait for a tick and for a boot twice over,
// nobody has to stand by.
func paceOf(s *signals.Snapshot, list []demand, u *supply, quantile float64) (p pace) {
	p.wait = math.MaxFloat64
	for i := range list {
		if d := &list[i]; d.arrivals > 0 {
			p.arrivals += d.arrivals
			p.load += d.arrivals * d.seconds
			p.wait = min(p.wait, d.wait)
		}
	}
	if p.arrivals == 0 || p.arrivals*u.boot < 1 && p.wait >= 2*u.boot+notice(s) {
		return p
	}
	p.load = min(p.load, unlimited)
	p.slots = slotsFor(p.load, p.load/p.arrivals, p.wait, 1-quantile)
	p.workers = ceil(p.slots / u.slots)
	return p
}

// mostErlang is the load above which the bound of slotsFor stands for the sum.
const mostErlang = 1e5

// slotsFor is the fewest slots with which no more than a share of items, late, wait
// longer than wait, when load slots are at work on the mean and an item takes mean
// seconds.
//
// In a queue of random arrivals and durations (M/M/c) the wait exceeds t with
// probability C·exp(−(c−ρ)·t/s), where C is Erlang's second formula; for its
// recursion by way of the first, B(c) = ρ·B(c−1) / (c + ρ·B(c−1)), see
// http://www.wirelesscommunication.nl/reference/chaptr04/erlang/erlangc.htm and
// https://mmarzolla.github.io/queueing/erlangc.html.
func slotsFor(load, mean, wait, late float64) float64 {
	late = max(late, 1e-6)
	// C is at most 1: with so many the rest of the product is small enough alone.
	enough := math.Floor(load) + 1 + math.Ceil(math.Log(1/late)*mean/max(wait, leastSeconds))
	if load > mostErlang {
		return enough
	}
	b := 1.0
	for c := 1.0; c < enough; c++ {
		b = load * b / (c + load*b)
		if c > load && erlangC(b, c, load)*math.Exp(-(c-load)*wait/mean) <= late {
			return c
		}
	}
	return enough
}

// erlangC is the probability of having to wait for one of c slots of which load
// are at work on the mean, given b, that of finding all of them at work if nobody
// waited.
func erlangC(b, c, load float64) float64 { return c * b / (c - load*(1-b)) }
