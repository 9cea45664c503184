package signals

import (
	"slices"
	"time"
)

// Calendar says where in the week a fleet is, in its own time zone (nil: UTC),
// and whether the day is one of its holidays, written 2006-01-02. Monday is
// weekday 1, and Monday 00:00 is hour 0 of the week.
func Calendar(now time.Time, zone *time.Location, holidays []string) []Signal {
	if zone == nil {
		zone = time.UTC
	}
	local := now.In(zone)
	day := (int(local.Weekday())+6)%7 + 1 // Go's week begins on Sunday as 0
	holiday := 0.0
	if slices.Contains(holidays, local.Format(time.DateOnly)) {
		holiday = 1
	}
	return []Signal{
		Known("calendar.hour_of_week", float64((day-1)*24+local.Hour()), now, time.Hour),
		Known("calendar.weekday", float64(day), now, time.Hour),
		Known("calendar.holiday", holiday, now, time.Hour),
	}
}
