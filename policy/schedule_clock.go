package policy

import "time"

// A wall time is what a zone's clock shows, written as a time of UTC.

// clock is a zone's. It remembers the period that it was asked of last: nearly
// all that a schedule asks lies in one.
type clock struct {
	zone  *time.Location
	now   period
	known bool
}

// period is a span in which a zone's clock does not jump, from zero and to zero
// where it has no end, and how far the clock is ahead of UTC.
type period struct {
	from, to time.Time
	ahead    time.Duration
}

func (p period) holds(t time.Time) bool {
	return !t.Before(p.from) && (p.to.IsZero() || t.Before(p.to))
}

// period is the one around t.
func (k *clock) period(t time.Time) period {
	if k.known && k.now.holds(t) {
		return k.now
	}
	t = t.In(k.zone)
	from, to := t.ZoneBounds()
	if !to.IsZero() && !to.After(t) {
		to = t.Add(time.Hour) // package time ends the last day of some leap years before it begins
	}
	_, seconds := t.Zone()
	k.now, k.known = period{from.UTC(), to.UTC(), time.Duration(seconds) * time.Second}, true
	return k.now
}

// highest is the latest wall time that a zone's clock has shown by t. It is
// later than what the clock shows in an hour that comes a second time.
func (k *clock) highest(t time.Time) time.Time {
	p := k.period(t)
	wall := t.UTC().Add(p.ahead)
	if p.from.IsZero() || t.Sub(p.from) > dayAndNight {
		return wall
	}
	before := p.from.Add(-time.Nanosecond)
	if shown := before.Add(k.period(before).ahead); shown.After(wall) {
		return shown
	}
	return wall
}

const (
	dayAndNight  = 24 * time.Hour // no clock has been set back further since there are zones
	farthestZone = 16 * time.Hour // no zone is further ahead of UTC, or was
)

// firstShown is when a zone's clock first shows a wall time, or the moment at
// which it jumps over it. It is looked for first in the period around a time.
func (k *clock) firstShown(wall, around time.Time) time.Time {
	p := k.period(around)
	if start := wall.Add(-p.ahead); p.holds(start) && start.Sub(p.from) > dayAndNight {
		return start // an earlier period cannot have shown it
	}
	for p = k.period(wall.Add(-farthestZone)); ; p = k.period(p.to) {
		switch start := wall.Add(-p.ahead); {
		case start.Before(p.from):
			return p.from
		case p.to.IsZero() || start.Before(p.to):
			return start
		}
	}
}
