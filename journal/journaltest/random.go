package journaltest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// random writes random ticks of two fleets, and expects them back as they
// were. Each try has fleets of its own in the one journal.
func random(t *testing.T, j journal.Journal) {
	try := 0
	rapid.Check(t, func(rt *rapid.T) {
		try++
		render, upload := fmt.Sprintf("render_%d", try), fmt.Sprintf("upload_%d", try)
		all := Draw(rt, render, 5)
		for i, r := range Draw(rt, upload, len(all)) {
			Write(t, j, r, all[i])
		}
		Expect(t, j, render, time.Time{}, 0, all...)
		n := rapid.IntRange(0, len(all)-1).Draw(rt, "since")
		limit := rapid.IntRange(1, len(all)).Draw(rt, "limit")
		Expect(t, j, render, all[n].Snapshot.Now, limit, all[max(n, len(all)-limit):]...)
	})
}

// Draw draws n ticks of a fleet in which workers come, change and go, as they
// do from tick to tick, mostly listed in order, now and then not.
func Draw(rt *rapid.T, fleetName string, n int) (some []journal.Record) {
	now := Start
	var workers []fleet.Worker
	for i := range n {
		now = now.Add(time.Duration(rapid.Int64Range(1, int64(2*time.Minute)).Draw(rt, "step")))
		workers = drawWorkers(rt, workers)
		some = append(some, drawTick(rt, fleetName, i, now, workers))
	}
	return some
}

func drawTick(rt *rapid.T, fleetName string, n int, now time.Time, workers []fleet.Worker) journal.Record {
	id := fmt.Sprintf("%s-%d", fleetName, n)
	r := journal.Record{
		Snapshot: signals.Snapshot{Fleet: fleetName, Now: now, Workers: append([]fleet.Worker(nil), workers...),
			Signals: drawSignals(rt, now), Born: drawIDs(rt), Died: drawIDs(rt), Causes: drawCauses(rt)},
		Decision: policy.Decision{ID: id, Fleet: fleetName, Have: len(workers), Raw: rapid.Int().Draw(rt, "raw"),
			Want: rapid.IntRange(0, 99).Draw(rt, "want"), Blind: rapid.Bool().Draw(rt, "blind"),
			Recall: drawIDs(rt), Wake: drawIDs(rt), Drain: drawIDs(rt), Sleep: drawIDs(rt), Terminate: drawExits(rt),
			Wants:   []policy.Want{{Policy: "slo", Want: n, Because: text.Draw(rt, "because"), Abstain: rapid.Bool().Draw(rt, "abstain")}},
			Reasons: []policy.Reason{{By: "bounds", Said: text.Draw(rt, "said")}}},
	}
	for _, kind := range []journal.Kind{journal.Launch, journal.Drain, journal.Terminate} {
		if rapid.Bool().Draw(rt, "intend") {
			r.Intents = append(r.Intents, drawIntent(rt, r, kind))
		}
	}
	for _, i := range r.Intents {
		if rapid.Bool().Draw(rt, "settled") {
			r.Outcomes = append(r.Outcomes, journal.Outcome{Intent: i.ID, At: drawTime(rt, now), Done: drawIDs(rt), Failed: text.Draw(rt, "failed")})
		}
	}
	return r
}

var text = rapid.StringN(0, 6, -1)

func drawIntent(rt *rapid.T, r journal.Record, kind journal.Kind) journal.Intent {
	i := journal.Intent{ID: r.Decision.ID + "/" + string(kind), Fleet: r.Decision.Fleet, Decision: r.Decision.ID,
		At: r.Snapshot.Now, Kind: kind}
	switch kind {
	case journal.Launch:
		i.Order = &fleet.Order{Fleet: i.Fleet, Count: rapid.IntRange(1, 9).Draw(rt, "count"), Token: text.Draw(rt, "token"),
			Request: rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "request")} // any bytes: nobody but the adapter reads them
	case journal.Terminate:
		i.Exits = drawExits(rt)
	default:
		i.IDs = drawIDs(rt)
	}
	return i
}

// drawWorkers changes each worker with a chance of one half: one may go, two
// may come.
func drawWorkers(rt *rapid.T, before []fleet.Worker) (ws []fleet.Worker) {
	for _, w := range before {
		switch rapid.IntRange(0, 7).Draw(rt, "fate") {
		case 0: // it is gone
		case 1, 2, 3:
			ws = append(ws, drawWorker(rt, w.ID))
		default:
			ws = append(ws, w)
		}
	}
	for range rapid.IntRange(0, 2).Draw(rt, "new") {
		ws = append(ws, drawWorker(rt, fleet.ID(fmt.Sprintf("i-%02d", rapid.IntRange(0, 30).Draw(rt, "id")))))
	}
	if rapid.IntRange(0, 7).Draw(rt, "shuffled") > 0 {
		fleet.Sort(ws)
	}
	return ws
}

func drawWorker(rt *rapid.T, id fleet.ID) fleet.Worker {
	flag := func() bool { return rapid.Bool().Draw(rt, "flag") }
	at := func() time.Time { return drawTime(rt, Start) }
	return fleet.Worker{
		ID: id, State: fleet.State(rapid.IntRange(0, int(fleet.Leaving)).Draw(rt, "state")),
		Jobs: rapid.IntRange(0, 4).Draw(rt, "jobs"), Slots: 4, Order: text.Draw(rt, "order"),
		Type: "c7i.large", Zone: text.Draw(rt, "zone"), Spot: flag(), Hourly: float64(rapid.IntRange(0, 2).Draw(rt, "hourly")) / 8, Drain: text.Draw(rt, "drain"),
		Launched: at(), Woken: at(), Heard: at(), DrainingSince: at(), AsleepSince: at(),
		Silent: flag(), Impaired: flag(), Interrupted: flag(), AtRisk: flag(), Reason: text.Draw(rt, "reason"),
	}
}

func drawSignals(rt *rapid.T, now time.Time) (list []signals.Signal) {
	for range rapid.IntRange(0, 6).Draw(rt, "signals") {
		name := rapid.SampledFrom([]string{"queue.visible", "fleet.cpu_mean", "queue.oldest_age", "cost.hour"}).Draw(rt, "name")
		list = append(list, signals.Signal{Name: name, Value: drawValue(rt), At: drawTime(rt, now),
			Good: time.Duration(rapid.Int64().Draw(rt, "good")), Unknown: text.Draw(rt, "unknown")})
	}
	return list
}

func drawValue(rt *rapid.T) float64 {
	odd := []float64{0, math.Copysign(0, -1), 1, -1, 1 << 53, 1 << 62, 1 << 63, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), 0.1}
	return rapid.OneOf(rapid.SampledFrom(odd), rapid.Float64()).Draw(rt, "value")
}

// drawTime draws a moment near now, or none, or one that is far off, in UTC
// or elsewhere.
func drawTime(rt *rapid.T, now time.Time) time.Time {
	t := now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(rt, "offset")))
	switch rapid.IntRange(0, 9).Draw(rt, "kind") {
	case 0, 1:
		return time.Time{}
	case 2:
		return t.In(time.FixedZone("west", -7*3600))
	case 3:
		return t.AddDate(rapid.IntRange(-2000, 7000).Draw(rt, "years"), 0, 0)
	}
	return t
}

func drawIDs(rt *rapid.T) []fleet.ID {
	return rapid.SliceOfN(rapid.SampledFrom([]fleet.ID{"i-01", "i-02", "i-03"}), 0, 3).Draw(rt, "ids")
}

func drawCauses(rt *rapid.T) []string { return rapid.SliceOfN(text, 0, 3).Draw(rt, "causes") }

func drawExits(rt *rapid.T) (some []fleet.Exit) {
	for _, id := range drawIDs(rt) {
		some = append(some, fleet.Exit{ID: id, Cause: fleet.Cause(rapid.IntRange(0, int(fleet.CauseSlept)).Draw(rt, "cause"))})
	}
	return some
}
