// Package journaltest says what every journal must do, as a test that each
// implementation runs, and draws random ticks to store in one:
//
//	func TestMemory(t *testing.T) {
//		journaltest.Run(t, func(t *testing.T) journal.Journal { return journal.NewMemory(0) })
//	}
package journaltest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// Start is the time of the first tick that Tick makes.
var Start = time.Date(2026, 3, 1, 17, 0, 0, 123456789, time.UTC)

// Opener makes an empty journal, and closes it when the test ends.
type Opener func(t *testing.T) journal.Journal

// Run holds a journal to the contract of journal.Journal.
func Run(t *testing.T, open Opener) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, journal.Journal){
		"round trip":        roundTrip,
		"since and limit":   sinceAndLimit,
		"clock set back":    clockSetBack,
		"fleets apart":      fleetsApart,
		"settle":            settle,
		"settle again":      settleAgain,
		"settle unknown":    settleUnknown,
		"unsettled order":   unsettledOrder,
		"duplicates":        duplicates,
		"malformed":         malformed,
		"nothing is shared": nothingShared,
		"empty":             empty,
		"cancelled":         cancelled,
		"concurrent":        concurrent,
		"random ticks":      random,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Tick makes the nth tick of a fleet, a minute after the one before: small,
// with one worker, two signals, and an intent to launch and one to drain.
func Tick(fleetName string, n int) journal.Record {
	now := Start.Add(time.Duration(n) * time.Minute)
	id := fmt.Sprintf("%s-%d", fleetName, n)
	return journal.Record{
		Snapshot: signals.Snapshot{
			Fleet: fleetName, Now: now,
			Workers: []fleet.Worker{{ID: "i-1", State: fleet.Working, Jobs: n % 5, Slots: 4, Heard: now.Add(-time.Second)}},
			Signals: []signals.Signal{
				signals.Known("queue.visible", float64(n), now, time.Minute),
				signals.Missing("work.seconds_mean", now, "no item was completed"),
			},
		},
		Decision: policy.Decision{
			ID: id, Fleet: fleetName, Have: 1, Raw: 3, Want: 2, Launch: 1, Drain: []fleet.ID{"i-1"},
			Reasons: []policy.Reason{{By: "slo", Said: "12 items × 90 s: <all> start within 2m & more"}},
		},
		Intents: []journal.Intent{
			{ID: id + "/launch", Fleet: fleetName, Decision: id, At: now, Kind: journal.Launch, Order: &fleet.Order{
				Fleet: fleetName, Count: 1, Token: "sky-" + id, Request: []byte(`{ "version" : "7" }`)}},
			{ID: id + "/drain", Fleet: fleetName, Decision: id, At: now, Kind: journal.Drain, IDs: []fleet.ID{"i-1"}},
		},
	}
}

// Ticks makes ticks from (included) to to (not included) of a fleet.
func Ticks(fleetName string, from, to int) (some []journal.Record) {
	for n := from; n < to; n++ {
		some = append(some, Tick(fleetName, n))
	}
	return some
}

// Write writes records, or fails the test.
func Write(t testing.TB, j journal.Journal, some ...journal.Record) {
	t.Helper()
	for _, r := range some {
		if err := j.Write(t.Context(), r); err != nil {
			t.Fatalf("write %s: %v", r.Decision.ID, err)
		}
	}
}

// Expect fails the test unless the journal returns want, whole and in order.
func Expect(t testing.TB, j journal.Journal, fleetName string, since time.Time, limit int, want ...journal.Record) {
	t.Helper()
	got, err := j.Records(t.Context(), fleetName, since, limit)
	if err != nil {
		t.Fatalf("records: %v", err)
	}
	clones := make([]journal.Record, len(want))
	for i := range want {
		clones[i] = want[i].Clone()
	}
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(clones, got); diff != "" {
		t.Fatalf("records of %s since %s, limit %d (-want +got):\n%s", fleetName, since, limit, diff)
	}
}

func mustSettle(t *testing.T, j journal.Journal, o journal.Outcome) {
	t.Helper()
	if err := j.Settle(t.Context(), o); err != nil {
		t.Fatalf("settle %s: %v", o.Intent, err)
	}
}

func expectUnsettled(t *testing.T, j journal.Journal, fleetName string, want ...journal.Intent) {
	t.Helper()
	got, err := j.Unsettled(t.Context(), fleetName)
	if err != nil {
		t.Fatalf("unsettled: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("unsettled of %s (-want +got):\n%s", fleetName, diff)
	}
}

func expectError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}
