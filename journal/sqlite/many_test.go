package sqlite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"skynet/journal"
	"skynet/journal/journaltest"
)

// Several series at once are what each is alone, whatever has become hours meanwhile.
func TestSeriesOfIsEachSeries(t *testing.T) {
	j := open(t, newPath(t), Options{Details: time.Hour, Minutes: 2 * time.Hour, Hours: 100 * time.Hour})
	var names []string
	for n := range 300 { // five hours
		r := busy(n, 1, 12)
		for i := range r.Snapshot.Signals {
			if (n+i)%5 == 0 {
				r.Snapshot.Signals[i].Unknown = "away"
			}
			if n == 0 {
				names = append(names, r.Snapshot.Signals[i].Name)
			}
		}
		journaltest.Write(t, j, r)
		other := busy(n, 0, 12)
		journaltest.Write(t, j, renamed(other, "upload"))
	}
	if err := j.Prune(t.Context(), busy(299, 0, 0).Snapshot.Now); err != nil {
		t.Fatal(err)
	}
	names = append(names, "nobody.knows.it")
	rapid.Check(t, func(rt *rapid.T) {
		from := journaltest.Start.Add(time.Duration(rapid.IntRange(-100, 300).Draw(rt, "from")) * time.Minute)
		to := from.Add(time.Duration(rapid.IntRange(0, 400).Draw(rt, "for")) * time.Minute)
		step := time.Duration(rapid.IntRange(1, 200).Draw(rt, "step")) * time.Minute
		got, err := j.SeriesOf(t.Context(), "render", names, from, to, step)
		if err != nil {
			rt.Fatal(err)
		}
		for _, name := range names {
			want, err := j.Series(t.Context(), "render", name, from, to, step)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, got[name], cmpopts.EquateEmpty(), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
				rt.Fatalf("%s from %s to %s by %s: %s", name, from, to, step, diff)
			}
		}
		if _, known := got["nobody.knows.it"]; known {
			rt.Fatal("what was never known has a history")
		}
	})
	if _, err := j.SeriesOf(t.Context(), "render", names, journaltest.Start, journaltest.Start.Add(time.Hour), 0); err == nil {
		t.Error("a step of nothing is taken")
	}
}

// renamed is a record as another fleet's.
func renamed(r journal.Record, fleetName string) journal.Record {
	r.Snapshot.Fleet, r.Decision.Fleet, r.Decision.ID = fleetName, fleetName, fleetName+r.Decision.ID
	r.Intents, r.Outcomes = nil, nil
	return r
}

// Heads are the same ticks as Between, in the same order, but for workers and signals.
func TestHeadsAreBetweenWithoutTheBulk(t *testing.T) {
	j := open(t, newPath(t), Options{})
	for n := range 60 {
		journaltest.Write(t, j, busy(n, 5, 10), renamed(busy(n, 1, 1), "upload"))
	}
	for _, c := range []struct{ from, to, limit int }{{0, 59, 0}, {0, 59, 7}, {10, 20, 0}, {10, 20, 3}, {30, 30, 0}, {70, 80, 0}, {20, 10, 0}} {
		from, to := journaltest.Tick("render", c.from).Snapshot.Now, journaltest.Tick("render", c.to).Snapshot.Now
		want, err := j.Between(t.Context(), "render", from, to, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i].Snapshot.Workers, want[i].Snapshot.Signals = nil, nil
		}
		got, err := j.Heads(t.Context(), "render", from, to, c.limit)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%+v: %v %s", c, err, diff)
		}
	}
}
