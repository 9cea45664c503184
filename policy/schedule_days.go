package policy

import (
	"math/bits"
	"time"

	"github.com/netresearch/go-cron"
)

// days says on which days of a month a cron expression matches. A set of numbers
// is the bits of a word: bit 1 is the first day, January, or Monday.
type days struct {
	dom, month, dow uint64
	fromEnd         []int       // days before the last of the month: L is 0, L-3 is 3
	nth             []nthOfKind // MON#2, FRI#L
	either          bool        // of the two fields of days one is enough
}

// nthOfKind is the nth of its weekdays in a month, -1 the last.
type nthOfKind struct{ weekday, n int }

func daysOf(spec *cron.SpecSchedule) days {
	d := days{
		dom: spec.Dom &^ anyValue, month: spec.Month &^ anyValue, dow: spec.Dow &^ anyValue,
		either: (spec.Dom|spec.Dow)&anyValue == 0,
	}
	for _, c := range spec.DomConstraints { // those of working days are not among the fields that are read
		switch c.Type {
		case cron.DomLast:
			d.fromEnd = append(d.fromEnd, 0)
		case cron.DomLastOffset:
			d.fromEnd = append(d.fromEnd, c.N)
		}
	}
	for _, c := range spec.DowConstraints {
		d.nth = append(d.nth, nthOfKind{c.Weekday, c.N})
	}
	return d
}

// of are the days of a month that match.
func (d days) of(year int, month time.Month) uint64 {
	if d.month&(1<<month) == 0 {
		return 0
	}
	first := int(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday())
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	byDate, byWeekday := d.dates(length), d.weekdays(first, length)
	if d.either {
		byDate |= byWeekday
	} else {
		byDate &= byWeekday
	}
	return byDate & (1<<(length+1) - 1)
}

func (d days) dates(length int) uint64 {
	set := d.dom
	for _, n := range d.fromEnd {
		if n < length {
			set |= 1 << (length - n)
		}
	}
	return set
}

// weekdays are the days of a month that begins on a weekday, Sunday being 0.
func (d days) weekdays(first, length int) uint64 {
	week := d.dow>>first | d.dow<<(7-first) // bit 0 is now the first of the month
	week &= 1<<7 - 1
	set := (week | week<<7 | week<<14 | week<<21 | week<<28) << 1
	for _, k := range d.nth {
		earliest := (k.weekday-first+7)%7 + 1
		day := earliest + 7*(k.n-1)
		if k.n < 0 {
			day = earliest + (length-earliest)/7*7
		}
		set |= 1 << day // beyond the month's end it is cut off later
	}
	return set
}

// cronYears is how far a match is looked for: Feb 29 may be eight years away, and
// on a given weekday forty.
const cronYears = 40

// after is the first minute that matches after a wall time's, zero if none does.
func (c Cron) after(wall time.Time) time.Time {
	year, month, day := wall.Date()
	set := c.days.of(year, month)
	if set&(1<<day) != 0 {
		if hour, minute, ok := c.timeFrom(wall.Hour(), wall.Minute()+1); ok {
			return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
		}
	}
	hour, minute, _ := c.timeFrom(0, 0)
	for range cronYears*12 + 1 {
		if d, ok := lowest(set, day+1); ok {
			return time.Date(year, month, d, hour, minute, 0, 0, time.UTC)
		}
		day, month = 0, month+1
		if month > time.December {
			year, month = year+1, time.January
		}
		set = c.days.of(year, month)
	}
	return time.Time{}
}

// atOrBefore is the last minute that matches and is not after a wall time.
func (c Cron) atOrBefore(wall time.Time) time.Time {
	year, month, day := wall.Date()
	set := c.days.of(year, month)
	if set&(1<<day) != 0 {
		if hour, minute, ok := c.timeTo(wall.Hour(), wall.Minute()); ok {
			return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
		}
	}
	hour, minute, _ := c.timeTo(23, 59)
	for range cronYears*12 + 1 {
		if d, ok := topmost(set, day-1); ok {
			return time.Date(year, month, d, hour, minute, 0, 0, time.UTC)
		}
		day, month = 32, month-1
		if month < time.January {
			year, month = year-1, time.December
		}
		set = c.days.of(year, month)
	}
	return time.Time{}
}

// timeFrom is the first time of a day that matches, from an hour and minute on.
func (c Cron) timeFrom(hour, minute int) (h, m int, ok bool) {
	if c.hours&(1<<hour) != 0 {
		if m, ok = lowest(c.minutes, minute); ok {
			return hour, m, true
		}
	}
	m, _ = lowest(c.minutes, 0)
	h, ok = lowest(c.hours, hour+1)
	return h, m, ok
}

// timeTo is the last time of a day that matches, up to an hour and minute.
func (c Cron) timeTo(hour, minute int) (h, m int, ok bool) {
	if c.hours&(1<<hour) != 0 {
		if m, ok = topmost(c.minutes, minute); ok {
			return hour, m, true
		}
	}
	m, _ = topmost(c.minutes, 59)
	h, ok = topmost(c.hours, hour-1)
	return h, m, ok
}

// lowest is the lowest of a set's numbers from a number on.
func lowest(set uint64, from int) (int, bool) {
	set &= ^uint64(0) << from
	return bits.TrailingZeros64(set), set != 0
}

// topmost is the highest of a set's numbers up to a number, which may be -1.
func topmost(set uint64, upTo int) (int, bool) {
	set &= 1<<(upTo+1) - 1
	return bits.Len64(set) - 1, set != 0
}
