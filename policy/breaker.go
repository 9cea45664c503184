package policy

import (
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Breaker opens when launches do not become workers: then one probe at a time
// is launched, until one is heard of.
//
// It prevents the launch loop of karpenter-provider-aws (#1905: 235 nodes in
// twelve hours for one pod) without the starvation that drone/autoscaler got
// by counting broken servers as capacity (#16, #33, #48, #51, #96).
type Breaker struct {
	Dead int // so many in a row, within an hour, open it
}

// Name is "breaker".
func (Breaker) Name() string { return "breaker" }

// Soften cuts wakes and launches to one probe, or to none while one is on its
// way.
func (b Breaker) Soften(s signals.Snapshot, d Decision) Decision {
	dead := deadInARow(s)
	asked := len(d.Wake) + d.Launch
	if dead < b.Dead || asked == 0 {
		return d
	}
	if len(signals.Unheard(s.Workers)) > 0 || s.Open > 0 {
		d = d.buyAtMost(0)
		return d.Because("breaker", "launch none instead of %d: the last %d launches never became workers, a probe is on its way", asked, dead)
	}
	d = d.buyAtMost(1)
	return d.Because("breaker", "launch one probe instead of %d: the last %d launches never became workers", asked, dead)
}

// deadInARow counts, over the last hour, the launches that died unheard since
// the last one that was heard. One that works is proof enough, whatever died in
// the same tick.
func deadInARow(s signals.Snapshot) (n int) {
	count := func(born, died []fleet.ID) {
		n += len(died)
		if len(born) > 0 {
			n = 0
		}
	}
	ticks := s.Since(s.Now.Add(-time.Hour))
	for i := range ticks {
		count(ticks[i].Born, ticks[i].Died)
	}
	count(s.Born, s.Died)
	return n
}
