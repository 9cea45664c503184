package signals_test

import (
	"testing"
	"time"

	"skynet/signals"
)

// The time in which nobody ticked is no step: else the first ticks after a restart
// would be taken for a window that is covered, and let somebody go.
func TestTheTimeBeforeARestartCoversNothing(t *testing.T) {
	now := time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
	for n := range 15 {
		s := signals.Snapshot{Now: now, Recent: []signals.Tick{{At: now.Add(-7 * 24 * time.Hour)}}}
		for i := n; i > 0; i-- {
			s.Recent = append(s.Recent, signals.Tick{At: now.Add(-time.Duration(i) * time.Minute)})
		}
		if s.Covers(15 * time.Minute) {
			t.Errorf("%d ticks after it: covered, at a step of %s", n, s.Step())
		}
	}
}
