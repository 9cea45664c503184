package journaltest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/journal"
)

func roundTrip(t *testing.T, j journal.Journal) {
	r := Tick("render", 0)
	east := time.FixedZone("east", 3*3600)
	r.Snapshot.Now = r.Snapshot.Now.In(east)
	r.Outcomes = []journal.Outcome{{Intent: r.Intents[1].ID, At: Start.Add(1), Done: []fleet.ID{"i-1"}}}
	r.Snapshot.Recent = append(r.Snapshot.Recent, Tick("render", -1).Tick())
	Write(t, j, r)
	Expect(t, j, "render", time.Time{}, 0, r)
	got, err := j.Records(t.Context(), "render", time.Time{}, 0)
	if err != nil || got[0].Snapshot.Recent != nil || got[0].Snapshot.Now.Location() != time.UTC {
		t.Fatalf("want no Recent and UTC, got %v, %v, %v", got[0].Snapshot.Recent, got[0].Snapshot.Now, err)
	}
	if order := got[0].Intents[0].Order; string(order.Request) != `{ "version" : "7" }` {
		t.Fatalf("the request must be sent again byte by byte, got %s", order.Request)
	}
}

func sinceAndLimit(t *testing.T, j journal.Journal) {
	all := Ticks("render", 0, 10)
	Write(t, j, all...)
	at := func(n int) time.Time { return all[n].Snapshot.Now }
	Expect(t, j, "render", time.Time{}, 0, all...)
	Expect(t, j, "render", at(4), 0, all[4:]...) // since is inclusive
	Expect(t, j, "render", at(4).Add(1), 0, all[5:]...)
	Expect(t, j, "render", at(4), 3, all[7:]...) // the newest are kept
	Expect(t, j, "render", at(8), 3, all[8:]...)
	Expect(t, j, "render", time.Time{}, 10, all...)
	Expect(t, j, "render", at(9).Add(1), 0)
}

func clockSetBack(t *testing.T, j journal.Journal) {
	a, b, c := Tick("render", 5), Tick("render", 2), Tick("render", 6)
	Write(t, j, a, b, c)
	Expect(t, j, "render", time.Time{}, 0, b, a, c)
	Expect(t, j, "render", b.Snapshot.Now.Add(1), 0, a, c)
	Expect(t, j, "render", time.Time{}, 2, a, c)
	twin := Tick("render", 6)
	twin.Decision.ID, twin.Intents = "twin", nil // at the very same time
	Write(t, j, twin)
	Expect(t, j, "render", time.Time{}, 2, c, twin)
}

func fleetsApart(t *testing.T, j journal.Journal) {
	var of [2][]journal.Record
	for n := range 4 {
		for k, name := range []string{"render", "upload"} {
			r := Tick(name, n)
			r.Snapshot.Workers[0].Jobs += k
			of[k] = append(of[k], r)
			Write(t, j, r)
		}
	}
	Expect(t, j, "render", time.Time{}, 0, of[0]...)
	Expect(t, j, "upload", time.Time{}, 2, of[1][2:]...)
	expectUnsettled(t, j, "upload", intents(of[1])...)
}

func intents(of []journal.Record) (all []journal.Intent) {
	for _, r := range of {
		all = append(all, r.Intents...)
	}
	return all
}

func settle(t *testing.T, j journal.Journal) {
	r, next := Tick("render", 0), Tick("render", 1)
	Write(t, j, r, next)
	o := journal.Outcome{Intent: r.Intents[1].ID, At: Start.Add(3), Done: []fleet.ID{"i-1"}, Failed: "the rest: <throttled>"}
	mustSettle(t, j, o)
	expectUnsettled(t, j, "render", r.Intents[0], next.Intents[0], next.Intents[1])
	r.Outcomes = []journal.Outcome{o}
	Expect(t, j, "render", time.Time{}, 0, r, next)
}

func settleAgain(t *testing.T, j journal.Journal) {
	r := Tick("render", 0)
	Write(t, j, r)
	first := journal.Outcome{Intent: r.Intents[1].ID, At: Start.Add(1), Failed: "throttled"}
	other := journal.Outcome{Intent: r.Intents[0].ID, At: Start.Add(2), Done: []fleet.ID{"i-9"}}
	again := journal.Outcome{Intent: r.Intents[1].ID, At: Start.Add(3), Done: []fleet.ID{"i-1"}}
	for _, o := range []journal.Outcome{first, other, again} {
		mustSettle(t, j, o)
	}
	expectUnsettled(t, j, "render")
	r.Outcomes = []journal.Outcome{again, other} // it replaces, and keeps its place
	Expect(t, j, "render", time.Time{}, 0, r)
}

func settleUnknown(t *testing.T, j journal.Journal) {
	Write(t, j, Tick("render", 0))
	err := j.Settle(t.Context(), journal.Outcome{Intent: "render-0/wake", At: Start})
	expectError(t, err, journal.ErrNoIntent)
	if !strings.Contains(err.Error(), "render-0/wake") {
		t.Fatalf("the error must name the intent: %v", err)
	}
	stray := Tick("render", 1)
	stray.Outcomes = []journal.Outcome{{Intent: "render-0/drain", At: Start}}
	expectError(t, j.Write(t.Context(), stray), journal.ErrNoIntent)
}

func unsettledOrder(t *testing.T, j journal.Journal) {
	late, early := Tick("render", 3), Tick("render", 1)
	early.Outcomes = []journal.Outcome{{Intent: early.Intents[0].ID, At: Start}}
	Write(t, j, late, early)
	expectUnsettled(t, j, "render", early.Intents[1], late.Intents[0], late.Intents[1])
}

func duplicates(t *testing.T, j journal.Journal) {
	r := Tick("render", 0)
	Write(t, j, r)
	err := j.Write(t.Context(), r)
	expectError(t, err, journal.ErrDuplicate)
	if !strings.Contains(err.Error(), r.Decision.ID) {
		t.Fatalf("the error must name the decision: %v", err)
	}
	other, next := Tick("render", 1), Tick("render", 1)
	other.Intents[1].ID = r.Intents[0].ID
	other.Snapshot.Signals[0].Name = "a.new_name"
	expectError(t, j.Write(t.Context(), other), journal.ErrDuplicate)
	Expect(t, j, "render", time.Time{}, 0, r)
	expectUnsettled(t, j, "render", r.Intents...)
	next.Snapshot.Signals[0].Name = "a.new_name" // as new as before: what was refused left nothing behind
	Write(t, j, next)
	Expect(t, j, "render", time.Time{}, 0, r, next)
}

func malformed(t *testing.T, j journal.Journal) {
	for name, spoil := range map[string]func(*journal.Record){
		"no ID":           func(r *journal.Record) { r.Decision.ID = "" },
		"no fleet":        func(r *journal.Record) { r.Decision.Fleet, r.Snapshot.Fleet = "", "" },
		"two fleets":      func(r *journal.Record) { r.Snapshot.Fleet = "upload" },
		"no time":         func(r *journal.Record) { r.Snapshot.Now = time.Time{} },
		"foreign intent":  func(r *journal.Record) { r.Intents[0].Decision = "other" },
		"nameless intent": func(r *journal.Record) { r.Intents[0].ID = "" },
		"timeless intent": func(r *journal.Record) { r.Intents[0].At = time.Time{} },
		"twin intents":    func(r *journal.Record) { r.Intents[1].ID = r.Intents[0].ID },
	} {
		r := Tick("render", 0)
		spoil(&r)
		if err := j.Write(t.Context(), r); err == nil {
			t.Errorf("%s: must be refused", name)
		}
	}
	Expect(t, j, "render", time.Time{}, 0)
}

func nothingShared(t *testing.T, j journal.Journal) {
	r := Tick("render", 0)
	Write(t, j, r)
	r.Snapshot.Workers[0].Jobs, r.Decision.Drain[0], r.Intents[0].Order.Request[0] = 99, "i-x", 'x'
	got, err := j.Records(t.Context(), "render", time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	got[0].Snapshot.Signals[0].Value, got[0].Intents[0].Order.Count = 99, 99
	open, err := j.Unsettled(t.Context(), "render")
	if err != nil {
		t.Fatal(err)
	}
	open[0].Order.Token, open[1].IDs[0] = "x", "i-x"
	Expect(t, j, "render", time.Time{}, 0, Tick("render", 0))
	expectUnsettled(t, j, "render", Tick("render", 0).Intents...)
}

func empty(t *testing.T, j journal.Journal) {
	Expect(t, j, "render", time.Time{}, 5)
	expectUnsettled(t, j, "render")
	bare := journal.Record{Snapshot: Tick("render", 0).Snapshot, Decision: Tick("render", 0).Decision}
	bare.Snapshot.Workers, bare.Snapshot.Signals = nil, nil
	Write(t, j, bare)
	Expect(t, j, "render", time.Time{}, 0, bare)
}

func cancelled(t *testing.T, j journal.Journal) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	expectError(t, j.Write(ctx, Tick("render", 0)), context.Canceled)
	_, err := j.Records(ctx, "render", time.Time{}, 0)
	expectError(t, err, context.Canceled)
	Write(t, j, Tick("render", 0))
}

func concurrent(t *testing.T, j journal.Journal) {
	names := []string{"render", "upload", "batch"}
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			for _, r := range Ticks(name, 0, 10) {
				if err := j.Write(t.Context(), r); err != nil {
					t.Error(err)
				}
				if err := j.Settle(t.Context(), journal.Outcome{Intent: r.Intents[0].ID, At: Start}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 10 {
				got, err := j.Records(t.Context(), name, time.Time{}, 0)
				if err != nil || !slices.IsSortedFunc(got, func(a, b journal.Record) int { return a.Snapshot.Now.Compare(b.Snapshot.Now) }) {
					t.Error("a reader beside a writer:", err)
				}
			}
		})
	}
	wg.Wait()
}
