// Package calendar is the source of the calendar signals: where in the week
// the fleet is, in its own time zone.
package calendar

import (
	"context"
	"time"
	_ "time/tzdata" // so that a zone is known on a machine without zone files (keda#932)

	"skynet/signals"
)

// Source tells the day and hour.
type Source struct {
	zone     *time.Location
	holidays map[string]bool // by date, 2006-01-02
}

// New returns a Source for a time zone (nil: UTC) and its holidays, dates
// written 2006-01-02.
func New(zone *time.Location, holidays ...string) *Source {
	if zone == nil {
		zone = time.UTC
	}
	s := &Source{zone: zone, holidays: map[string]bool{}}
	for _, day := range holidays {
		s.holidays[day] = true
	}
	return s
}

// Names lists the calendar signals.
func (*Source) Names() []string {
	return []string{"calendar.hour_of_week", "calendar.weekday", "calendar.holiday"}
}

// Read never fails: a clock is always there. Monday is weekday 1, and Monday
// 00:00 is hour 0 of the week.
func (s *Source) Read(_ context.Context, now time.Time) []signals.Signal {
	local := now.In(s.zone)
	day := (int(local.Weekday())+6)%7 + 1 // Go's week begins on Sunday as 0
	holiday := 0.0
	if s.holidays[local.Format(time.DateOnly)] {
		holiday = 1
	}
	return []signals.Signal{
		signals.Known("calendar.hour_of_week", float64((day-1)*24+local.Hour()), now, time.Hour),
		signals.Known("calendar.weekday", float64(day), now, time.Hour),
		signals.Known("calendar.holiday", holiday, now, time.Hour),
	}
}
