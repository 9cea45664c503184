package policy

import (
	"time"

	"skynet/signals"
)

// stay is how many workers have work for the time that it takes to let one go and
// to buy another: a boot, a tick until the lack of it is seen, and one until what
// was drained has ended. One that has less costs more than it does; one that
// has more would be missed, and what it saves now, a new one costs twice.
//
// An item counts for no more than that time: however long it takes, it keeps but one
// slot at work.
func (c *call) stay(s *signals.Snapshot) (n int, length time.Duration) {
	over := min(c.supply.boot+2*notice(s), mostStay.Seconds())
	work := 0.0
	for i := range c.demands {
		d := &c.demands[i]
		work += (d.items + d.comes(s, &c.supply)*over) * min(d.seconds, over)
	}
	return ceil(work / (c.supply.slots * over)), signals.Seconds(over)
}

// comes is how many items come in a second, for as long as it takes to buy a
// worker: as many as lately; of those that cannot wait for a boot as many as are
// planned for.
func (d *demand) comes(s *signals.Snapshot, u *supply) float64 {
	if d.wait < u.surest+notice(s) {
		if planned := d.planned(s, u); planned > 0 {
			return planned
		}
	}
	rate, _ := arrivalRate(s, of("queue.arrived", d.queue), signals.Seconds(min(u.boot+notice(s), mostStay.Seconds())))
	return rate
}
