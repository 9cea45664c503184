package file_test

import (
	"testing"
	"time"

	"skynet/policy"
	"skynet/signals"
)

// The cron expression speaks of the file's clock.
func TestSchedule(t *testing.T) {
	p := read(t, "bounds: {max: 90}\ntimezone: Asia/Kathmandu\npolicies:\n  - {type: schedule, name: sunday, cron: \"0 17 * * SUN\", for: 6h, want: 40}\n")
	s, ok := p.Engine.Policies[0].(policy.Schedule)
	if !ok || s.Name() != "sunday" || s.For != 6*time.Hour || s.Workers != 40 {
		t.Fatalf("%+v", s)
	}
	for now, want := range map[string]int{"2026-03-01T17:00:00+05:45": 40, "2026-03-01T16:59:00+05:45": 0, "2026-03-01T17:00:00Z": 40, "2026-03-01T17:15:00Z": 0} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if n, because, err := s.Want(signals.Snapshot{Now: at}); n != want || err != nil {
			t.Errorf("at %s it wants %d, %s, %v", now, n, because, err)
		}
	}
}
