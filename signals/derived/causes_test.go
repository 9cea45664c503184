package derived_test

import (
	"slices"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/derived"
)

// Who died since the last tick stands in the snapshot with what the cloud says of it.
func TestWhoDiedHasACause(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := derived.Complete(signals.Snapshot{
		Fleet: "render", Now: now,
		Workers: []fleet.Worker{{ID: "i-1", State: fleet.Leaving, Reason: "Server.InternalError"}, {ID: "i-2", State: fleet.Leaving, Reason: "of age"}},
		Recent:  []signals.Tick{{At: now.Add(-time.Minute), Starting: []fleet.ID{"i-1"}}},
	}, derived.Settings{})
	if !slices.Equal(s.Died, []fleet.ID{"i-1"}) || !slices.Equal(s.Causes, []string{"Server.InternalError"}) {
		t.Errorf("died %q of %q", s.Died, s.Causes)
	}
}
