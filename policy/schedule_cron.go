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
// Fields are read by the library. When they match is worked out here, on a clock
// that never jumps (see schedule_days.go), and then when that clock's times happen
// in a zone. The library's own way goes from minute to minute, skips a start in a
// half hour that Lord Howe's clocks leave out, and does one twice in an hour that
// comes twice.
type Cron struct {
	text    string
	days    days
	minutes uint64 // bit 0 to 59
	hours   uint64 // bit 0 to 23
	elapsed bool   // any minute or any hour: follows the time that passes
}

// Fields that are read.
const cronFields = cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor |
	cron.DomL | cron.DowNth | cron.DowLast | cron.DowOrDom

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
	parsed, err := cron.MustNewParser(cronFields).Parse(text)
	if err != nil {
		return Cron{}, errors.New("is not a cron expression: " + err.Error())
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Cron{}, errors.New("has no fixed times; write it like */15 * * * *")
	}
	c := cronOf(text, starred(spec, fields))
	if c.after(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Cron{}, errors.New("never happens: no such day")
	}
	return c, nil
}

func cronOf(text string, spec *cron.SpecSchedule) Cron {
	return Cron{
		text: text, minutes: spec.Minute &^ anyValue, hours: spec.Hour &^ anyValue,
		elapsed: (spec.Minute|spec.Hour)&anyValue != 0, days: daysOf(spec),
	}
}

// anyValue is the library's mark on a field of *.
const anyValue = 1 << 63

// starred marks the fields that begin with *: the library does not mark */2, cron
// does.
func starred(parsed *cron.SpecSchedule, fields []string) *cron.SpecSchedule {
	spec := *parsed
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
func (c Cron) last(now time.Time, k *clock, back time.Duration) (time.Time, bool) {
	var start time.Time
	if c.elapsed {
		start = c.lastElapsed(now, k, now.Add(-back))
	} else if w := c.atOrBefore(k.highest(now)); !w.IsZero() {
		start = k.firstShown(w, now)
	}
	return start, !start.IsZero() && now.Sub(start) < back
}

// next is the first start after now.
func (c Cron) next(now time.Time, k *clock) (time.Time, bool) {
	var start time.Time
	if c.elapsed {
		start = c.nextElapsed(now, k)
	} else if w := c.after(k.highest(now)); !w.IsZero() {
		start = k.firstShown(w, now)
	}
	return start, !start.IsZero()
}

// lastElapsed looks from change to change of the zone's clock, not beyond oldest.
func (c Cron) lastElapsed(now time.Time, k *clock, oldest time.Time) time.Time {
	for t := now; t.After(oldest); {
		p := k.period(t)
		w := c.atOrBefore(t.UTC().Add(p.ahead))
		if start := w.Add(-p.ahead); w.IsZero() || !start.Before(p.from) {
			return start
		}
		t = p.from.Add(-time.Second)
	}
	return time.Time{}
}

// nextElapsed looks from change to change of the zone's clock, whose first moment
// may be a start.
func (c Cron) nextElapsed(now time.Time, k *clock) time.Time {
	p := k.period(now)
	w := c.after(now.UTC().Add(p.ahead))
	for !w.IsZero() {
		if start := w.Add(-p.ahead); p.to.IsZero() || start.Before(p.to) {
			return start
		}
		from := p.to
		p = k.period(from)
		w = c.after(from.Add(p.ahead - time.Second))
	}
	return w
}
