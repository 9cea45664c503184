package policy

import (
	"math"

	"skynet/signals"
)

// pace is what keeps up with what comes.
type pace struct {
	arrivals float64 // items/s, over all queues
	load     float64 // slots that they keep at work
	expected float64 // items/s, as forecast, of queues that cannot wait for a boot
	planned  float64 // slots that those keep at work
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
// promised no oftener than it may. A queue whose items can wait until a tick has
// seen them and a worker has booted for them needs nobody to stand by; for others
// there must be as many as what is forecast calls for.
func paceOf(s *signals.Snapshot, list []demand, u *supply, quantile float64) (p pace) {
	wait, hurried, held := math.MaxFloat64, 0.0, 0.0
	for i := range list {
		d := &list[i]
		p.arrivals += d.arrivals
		p.load += d.arrivals * d.seconds
		if d.wait >= u.surest+notice(s) {
			continue
		}
		if d.arrivals > 0 {
			hurried, held, wait = hurried+d.arrivals, held+d.arrivals*d.seconds, min(wait, d.wait)
		}
		rate := d.planned(s, u)
		p.expected += rate
		p.planned += rate * d.seconds
	}
	p.load, p.planned, held = min(p.load, unlimited), min(p.planned, unlimited), min(held, unlimited)
	if hurried > 0 {
		p.slots = slotsFor(held, held/hurried, wait, 1-quantile)
	}
	p.slots = max(p.slots, p.planned)
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
