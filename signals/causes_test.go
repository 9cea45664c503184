package signals_test

import (
	"slices"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Those that died have each the cause that the cloud names, or the plan's; who is
// alive, or died of nothing that anybody names, has none.
func TestCauses(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	gaveUp := func(ago time.Duration, cause fleet.Cause, ids ...fleet.ID) signals.Tick {
		tick := signals.Tick{At: noon.Add(-ago)}
		for _, id := range ids {
			tick.Deeds.Terminated = append(tick.Deeds.Terminated, fleet.Exit{ID: id, Cause: cause})
		}
		return tick
	}
	ws := []fleet.Worker{
		{ID: "i-1", State: fleet.Leaving, Reason: "Client.InternalError: Client error on launch"},
		{ID: "i-2", State: fleet.Leaving, Reason: "Client.UserInitiatedShutdown: User initiated shutdown"},
		{ID: "i-3", State: fleet.Asleep, Reason: "Server.InsufficientInstanceCapacity"},
		{ID: "i-4", State: fleet.Leaving},
	}
	for _, c := range []struct {
		name   string
		died   []fleet.ID
		recent []signals.Tick
		want   []string
	}{
		{"nobody died", nil, nil, nil},
		{"the cloud says why", []fleet.ID{"i-3", "i-1"}, nil, []string{"Server.InsufficientInstanceCapacity", "Client.InternalError: Client error on launch"}},
		{"it says so of some", []fleet.ID{"i-4", "i-1"}, nil, []string{"", "Client.InternalError: Client error on launch"}},
		{"nobody says", []fleet.ID{"i-4", "i-9"}, nil, nil},
		{"ended by hand", []fleet.ID{"i-2"}, nil, []string{"Client.UserInitiatedShutdown: User initiated shutdown"}},
		{"given up by the plan", []fleet.ID{"i-2"}, []signals.Tick{gaveUp(time.Minute, fleet.CauseDead, "i-2")}, []string{signals.Overdue}},
		{"given up, and not listed any more", []fleet.ID{"i-9"}, []signals.Tick{gaveUp(time.Minute, fleet.CauseDead, "i-9", "i-8")}, []string{signals.Overdue}},
		{"let go for another cause", []fleet.ID{"i-1"}, []signals.Tick{gaveUp(time.Minute, fleet.CauseOrphan, "i-1")}, []string{"Client.InternalError: Client error on launch"}},
		{"given up long ago, in an earlier life", []fleet.ID{"i-3"}, []signals.Tick{gaveUp(2*time.Hour, fleet.CauseDead, "i-3")}, []string{"Server.InsufficientInstanceCapacity"}},
	} {
		if got := signals.Causes(signals.Snapshot{Now: noon, Workers: ws, Died: c.died, Recent: c.recent}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
