package policy

import (
	"cmp"
	"strconv"
	"time"

	"skynet/signals"
)

// Schedule wants a fixed number of workers for some time from each start of a
// cron expression, and none between. A time that is always the same in a
// fleet's week is known better from a calendar than from a forecast: capacity is
// there when the rush begins.
type Schedule struct {
	As      string         // how it is called in reasons; "": schedule
	Cron    Cron           // when it starts
	For     time.Duration  // how long it is on from each start, as time passes
	Zone    *time.Location // whose clock Cron speaks of; nil: UTC
	Workers int            // wanted while it is on
}

// LongestSchedule is the longest that one start may keep a schedule on.
const LongestSchedule = 366 * 24 * time.Hour

// Name is how it is called in reasons.
func (c Schedule) Name() string { return cmp.Or(c.As, "schedule") }

// Want is Workers while it is on, 0 while it is off, and until when.
func (c Schedule) Want(s signals.Snapshot) (int, string, error) {
	k := &clock{zone: cmp.Or(c.Zone, time.UTC)}
	if start, ok := c.Cron.last(s.Now, k, c.For); ok {
		return c.Workers, c.until(start, k), nil
	}
	next, ok := c.Cron.next(s.Now, k)
	if !ok {
		return 0, "off: it never starts again", nil
	}
	return 0, "off until " + k.shows(next), nil
}

// until says when it ends. Starts that fall within it, and into what they
// prolong, count: a few, since those of "* * * * *" never end.
func (c Schedule) until(start time.Time, k *clock) string {
	const few = 3
	end := start.Add(c.For)
	for range few {
		next, ok := c.Cron.next(start, k)
		if !ok || next.After(end) {
			return "on until " + k.shows(end) + ", want " + strconv.Itoa(c.Workers)
		}
		start, end = next, next.Add(c.For)
	}
	return "on until " + k.shows(end) + " at least, want " + strconv.Itoa(c.Workers)
}

// shows is a time as people read it on the clock.
func (k *clock) shows(t time.Time) string {
	return t.In(k.zone).Format("Mon 2006-01-02 15:04 MST")
}
