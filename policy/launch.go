package policy

import (
	"time"

	"skynet/signals"
)

// LaunchLimit bounds what is launched or woken in one tick and in one hour.
// Launches that were refused or never became workers spend it too.
//
// It prevents the accident that gave this system's ancestor its first name,
// RubberBand: several hundred large instances launched at once.
type LaunchLimit struct{ PerTick, PerHour int }

// Name is "launch".
func (LaunchLimit) Name() string { return "launch" }

// Soften cuts wakes and launches to what both limits leave; wakes come first,
// as they are cheaper.
func (l LaunchLimit) Soften(s signals.Snapshot, d Decision) Decision {
	asked, spent := len(d.Wake)+d.Launch, asked(s, time.Hour)
	left := max(0, min(l.PerTick, l.PerHour-spent))
	if asked <= left {
		return d
	}
	d = d.buyAtMost(left)
	if left < l.PerTick {
		return d.Because("launch", "launch or wake %d instead of %d: %d of %d this hour are spent, the first of them until %s", left, asked, spent, l.PerHour, utcTime(firstAsked(s).Add(hour)))
	}
	return d.Because("launch", "launch or wake %d instead of %d: at most %d a tick", left, asked, l.PerTick)
}

// firstAsked is when something was launched or woken first within the hour.
func firstAsked(s signals.Snapshot) time.Time {
	ticks := s.Since(s.Now.Add(-hour))
	for i := range ticks {
		if ticks[i].Deeds.Asked > 0 {
			return ticks[i].At
		}
	}
	return s.Now
}

// buyAtMost cuts wakes and launches to n together.
func (d Decision) buyAtMost(n int) Decision {
	n = max(0, n)
	d.Wake = take(d.Wake, n)
	d.Launch = min(d.Launch, n-len(d.Wake))
	return d
}

// asked counts the instances that were asked for in the window before now,
// whatever came of it.
func asked(s signals.Snapshot, window time.Duration) (n int) {
	ticks := s.Since(s.Now.Add(-window))
	for i := range ticks {
		n += ticks[i].Deeds.Asked
	}
	return n
}
