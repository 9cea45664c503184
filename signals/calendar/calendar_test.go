package calendar_test

import (
	"testing"
	"time"

	"skynet/signals"
	"skynet/signals/calendar"
)

func zone(t *testing.T, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, zone, now     string // now in UTC
		hour, weekday, free float64
	}{
		{"the week begins on Monday", "UTC", "2026-03-02T00:00:00Z", 0, 1, 0},
		{"and ends on Sunday", "UTC", "2026-03-01T23:59:59Z", 167, 7, 0},
		{"noon of a Wednesday", "UTC", "2026-03-04T12:30:00Z", 60, 3, 0},
		{"Sunday in Los Angeles is Monday in UTC", "America/Los_Angeles", "2026-03-02T03:00:00Z", 163, 7, 0},
		{"Monday in Auckland is Sunday in UTC", "Pacific/Auckland", "2026-03-01T11:00:00Z", 0, 1, 0},
		{"half an hour from the full hours", "Asia/Kolkata", "2026-03-01T18:30:00Z", 0, 1, 0},

		// On 29 March 2026 Berlin has no 02:00, on 25 October it has two.
		{"before the clocks go forward", "Europe/Berlin", "2026-03-29T00:59:59Z", 6*24 + 1, 7, 0},
		{"after the clocks went forward", "Europe/Berlin", "2026-03-29T01:00:00Z", 6*24 + 3, 7, 0},
		{"before the clocks go back", "Europe/Berlin", "2026-10-25T00:30:00Z", 6*24 + 2, 7, 0},
		{"after the clocks went back", "Europe/Berlin", "2026-10-25T01:30:00Z", 6*24 + 2, 7, 0},
		{"midnight in summer", "Europe/Berlin", "2026-06-28T22:00:00Z", 0, 1, 0},
		{"midnight in winter", "Europe/Berlin", "2026-01-04T23:00:00Z", 0, 1, 0},

		{"a holiday begins at midnight there", "America/Los_Angeles", "2026-12-25T08:00:00Z", 4 * 24, 5, 1},
		{"not a second before, though it is in UTC", "America/Los_Angeles", "2026-12-25T07:59:59Z", 3*24 + 23, 4, 0},
		{"and lasts to midnight there", "America/Los_Angeles", "2026-12-26T07:59:59Z", 4*24 + 23, 5, 1},
		{"the same day of another year", "UTC", "2027-12-25T12:00:00Z", 5*24 + 12, 6, 0},
		{"a leap day", "UTC", "2028-02-29T12:00:00Z", 24 + 12, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			source := calendar.New(zone(t, c.zone), "2026-12-25", "2028-02-29")
			s := signals.Snapshot{Now: now, Signals: source.Read(t.Context(), now)}.Freeze()
			for i, name := range source.Names() {
				if got, err := s.Value(name); err != nil || got != []float64{c.hour, c.weekday, c.free}[i] {
					t.Errorf("%s is %g, %v; want %+v", name, got, err, c)
				}
			}
		})
	}
}

func TestNoZoneIsUTC(t *testing.T) {
	now := time.Date(2026, 3, 2, 5, 0, 0, 0, zone(t, "Asia/Tokyo")) // Sunday 20:00 in UTC
	if got := calendar.New(nil).Read(t.Context(), now)[0].Value; got != 6*24+20 {
		t.Errorf("hour of week %g", got)
	}
}

var _ signals.Source = (*calendar.Source)(nil)
