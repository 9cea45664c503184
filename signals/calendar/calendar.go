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
	holidays []string // dates, 2006-01-02
}

// New returns a Source for a time zone (nil: UTC) and its holidays, dates
// written 2006-01-02.
func New(zone *time.Location, holidays ...string) *Source { return &Source{zone, holidays} }

// Names lists the calendar signals.
func (*Source) Names() []string {
	return []string{"calendar.hour_of_week", "calendar.weekday", "calendar.holiday"}
}

// Read never fails: a clock is always there.
func (s *Source) Read(_ context.Context, now time.Time) []signals.Signal {
	return signals.Calendar(now, s.zone, s.holidays)
}
