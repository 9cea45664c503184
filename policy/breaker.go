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

// longestPause is the longest time between two probes.
const longestPause = 15 * time.Minute

// Soften cuts wakes and launches to one probe, or to none while one is on its
// way. After a probe that died the next waits, longer each time: probes are
// launches, and those of an hour are counted.
func (b Breaker) Soften(s signals.Snapshot, d Decision) Decision {
	dead, probes := b.deadInARow(s)
	asked := len(d.Wake) + d.Launch
	if dead < b.Dead || asked == 0 {
		return d
	}
	if len(signals.Unheard(s.Workers)) > 0 || s.Open > 0 {
		d = d.buyAtMost(0)
		return d.Because("breaker", "launch none instead of %d: %s, a probe is on its way", asked, b.Said(s))
	}
	if next := lastAsked(s).Add(pauseAfter(probes)); s.Now.Before(next) {
		d = d.buyAtMost(0)
		return d.Because("breaker", "launch none instead of %d: %s, the next probe is due at %s", asked, b.Said(s), utcTime(next))
	}
	d = d.buyAtMost(1)
	return d.Because("breaker", "launch one probe instead of %d: %s", asked, b.Said(s))
}

// DeadInARow is how many launches of the last hour never became workers, since the
// last one that did: the breaker is open when it is Dead or more.
func (b Breaker) DeadInARow(s signals.Snapshot) int {
	dead, _ := b.deadInARow(s)
	return dead
}

// pauseAfter is how long after a launch the next probe comes when so many probes
// have died: none at first, then a minute, then twice as long each time.
func pauseAfter(probes int) time.Duration {
	if probes == 0 {
		return 0
	}
	return min(time.Minute<<min(probes-1, 10), longestPause)
}

// lastAsked is when something was launched or woken last, within the hour.
func lastAsked(s signals.Snapshot) (at time.Time) {
	ticks := s.Since(s.Now.Add(-hour))
	for i := range ticks {
		if ticks[i].Deeds.Asked > 0 {
			at = ticks[i].At
		}
	}
	return at
}

// utcTime is a time of day as a reason names it: times in reasons are UTC.
func utcTime(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// deadInARow counts, over the last hour, the launches that died unheard since
// the last one that was heard, and of the ticks that saw some die those with the
// breaker open. One that works is proof enough, whatever died in the same tick.
func (b Breaker) deadInARow(s signals.Snapshot) (dead, probes int) {
	count := func(born, died []fleet.ID) {
		if len(died) > 0 && dead >= b.Dead {
			probes++
		}
		dead += len(died)
		if len(born) > 0 {
			dead, probes = 0, 0
		}
	}
	ticks := s.Since(s.Now.Add(-hour))
	for i := range ticks {
		count(ticks[i].Born, ticks[i].Died)
	}
	count(s.Born, s.Died)
	return dead, probes
}
