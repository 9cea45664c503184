package policy

import (
	"errors"
	"strings"
	"time"

	"github.com/netresearch/go-cron"
)

// Cron says when something starts, in the five fields of crontab(5): minute, hour,
// day of month, month, day of week. Names (SUN, FEB), lists, ranges, steps and
// @daily and its like will do, also L for the last day of a month, MON#2 for its
// second Monday and FRI#L for its last Friday. Where both days are restricted
// either of them will do, as in crontab(5); one that begins with * is not a
// restriction.
//
// Fields are read by the library, and matched by it on a clock that never jumps;
// when that clock's times happen in a zone is worked out here. The library's
// own way skips a start in a half hour that Lord Howe's clocks leave out, and
// does one twice in an hour that comes twice.
type Cron struct {
	text    string
	starts  *cron.SpecSchedule
	elapsed bool // any minute or any hour: follows the time that passes
}

// Fields that are read, and how far the library looks for a match: Feb 29 may
// be eight years away, and on a given weekday forty.
const (
	cronFields = cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor |
		cron.DomL | cron.DowNth | cron.DowLast | cron.DowOrDom
	cronYears = 40
)

// ParseCron reads a cron expression. One that never matches is an error.
func ParseCron(text string) (Cron, error) {
	fields := strings.Fields(text)
	switch {
	case strings.Contains(text, "TZ="):
		return Cron{}, errors.New("names a time zone; use timezone: of the file")
	case strings.HasPrefix(text, "@every"):
		return Cron{}, errors.New("has no fixed times; write it like */15 * * * *")
	case strings.HasPrefix(text, "@"):
	case len(fields) != 5:
		return Cron{}, errors.New("does not have five fields; write minute, hour, day of month, month and day of week, like 0 17 * * SUN")
	}
	parsed, err := cron.MustNewParser(cronFields).WithMaxSearchYears(cronYears).Parse(text)
	if err != nil {
		return Cron{}, errors.New("is not a cron expression: " + err.Error())
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Cron{}, errors.New("has no fixed times; write it like */15 * * * *")
	}
	c := Cron{text: text, starts: onUTC(spec, fields)}
	c.elapsed = (c.starts.Minute|c.starts.Hour)&anyValue != 0
	if c.after(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Cron{}, errors.New("never happens: no such day")
	}
	return c, nil
}

// anyValue is the library's mark on a field of *.
const anyValue = 1 << 63

// onUTC has the schedule speak of a clock that never jumps, and marks the fields
// that begin with *: the library does not mark */2, cron does.
func onUTC(parsed *cron.SpecSchedule, fields []string) *cron.SpecSchedule {
	spec := *parsed
	spec.Location = time.UTC
	spec.Second = anyValue | 1<<60 - 1 // it goes from second to second; see after and atOrBefore
	if len(fields) == 5 {
		for i, f := range []*uint64{&spec.Minute, &spec.Hour, &spec.Dom, &spec.Month, &spec.Dow} {
			if strings.HasPrefix(fields[i], "*") {
				*f |= anyValue
			}
		}
	}
	return &spec
}

// String is the expression as it was written.
func (c Cron) String() string { return c.text }

// Vixie's cron, and ISC's after it: a start that the clock jumps over happens
// right after the jump, and one whose time comes twice happens the first time.
// Those for any minute or any hour follow the time that passes instead: what is
// jumped over does not happen, what comes twice happens twice.
// https://man7.org/linux/man-pages/man8/cron.8.html, "Daylight Saving Time and
// other time changes".

// last is the latest start at or before now, if it is less than back ago.
func (c Cron) last(now time.Time, zone *time.Location, back time.Duration) (time.Time, bool) {
	var start time.Time
	if c.elapsed {
		start = c.lastElapsed(now, zone, now.Add(-back))
	} else if w := c.atOrBefore(highest(now, zone)); !w.IsZero() {
		start = firstShown(w, zone)
	}
	return start, !start.IsZero() && now.Sub(start) < back
}

// next is the first start after now.
func (c Cron) next(now time.Time, zone *time.Location) (time.Time, bool) {
	var start time.Time
	if c.elapsed {
		start = c.nextElapsed(now, zone)
	} else if w := c.after(highest(now, zone)); !w.IsZero() {
		start = firstShown(w, zone)
	}
	return start, !start.IsZero()
}

// after is the first minute that matches after a wall time's, zero if none does.
func (c Cron) after(wall time.Time) time.Time {
	return c.starts.Next(wall.Truncate(time.Minute).Add(time.Minute - time.Second))
}

// atOrBefore is the last minute that matches and is not after a wall time.
func (c Cron) atOrBefore(wall time.Time) time.Time {
	return c.starts.Prev(wall.Truncate(time.Minute).Add(time.Minute)).Truncate(time.Minute)
}

// lastElapsed looks from change to change of the zone's clock, not beyond oldest.
func (c Cron) lastElapsed(now time.Time, zone *time.Location, oldest time.Time) time.Time {
	for t := now; t.After(oldest); {
		from, _, ahead := period(t, zone)
		w := c.atOrBefore(t.UTC().Add(ahead))
		if start := w.Add(-ahead); w.IsZero() || !start.Before(from) {
			return start
		}
		t = from.Add(-time.Second)
	}
	return time.Time{}
}

// nextElapsed looks from change to change of the zone's clock, whose first moment
// may be a start.
func (c Cron) nextElapsed(now time.Time, zone *time.Location) time.Time {
	_, to, ahead := period(now, zone)
	w := c.after(now.UTC().Add(ahead))
	for !w.IsZero() {
		if start := w.Add(-ahead); to.IsZero() || start.Before(to) {
			return start
		}
		from := to
		_, to, ahead = period(from, zone)
		w = c.after(from.Add(ahead - time.Second))
	}
	return w
}

// A wall time is what a zone's clock shows, written as a time of UTC.

// period is the span around t in which a zone's clock does not jump, from zero
// and to zero where it has no end, and how far the clock is ahead of UTC.
func period(t time.Time, zone *time.Location) (from, to time.Time, ahead time.Duration) {
	t = t.In(zone)
	from, to = t.ZoneBounds()
	if !to.IsZero() && !to.After(t) {
		to = t.Add(time.Hour) // package time ends the last day of some leap years before it begins
	}
	_, seconds := t.Zone()
	return from.UTC(), to.UTC(), time.Duration(seconds) * time.Second
}

// highest is the latest wall time that a zone's clock has shown by t. It is
// later than what the clock shows in an hour that comes a second time.
func highest(t time.Time, zone *time.Location) time.Time {
	from, _, ahead := period(t, zone)
	wall := t.UTC().Add(ahead)
	if from.IsZero() || t.Sub(from) > dayAndNight {
		return wall
	}
	before := from.Add(-time.Nanosecond)
	_, _, was := period(before, zone)
	if shown := before.Add(was); shown.After(wall) {
		return shown
	}
	return wall
}

const (
	dayAndNight  = 24 * time.Hour // no clock has been set back further since there are zones
	farthestZone = 16 * time.Hour // no zone is further ahead of UTC, or was
)

// firstShown is when a zone's clock first shows a wall time, or the moment at
// which it jumps over it.
func firstShown(wall time.Time, zone *time.Location) time.Time {
	from, to, ahead := period(wall.Add(-farthestZone), zone)
	for {
		start := wall.Add(-ahead)
		if start.Before(from) {
			return from
		}
		if to.IsZero() || start.Before(to) {
			return start
		}
		from, to, ahead = period(to, zone)
	}
}
