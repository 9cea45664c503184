package sqlite

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"skynet/journal"
	"skynet/journal/journaltest"
	"skynet/signals"
)

func TestPruneKeepsWhatOptionsSay(t *testing.T) {
	j := open(t, newPath(t), Options{Details: time.Hour, Minutes: 2 * time.Hour, Hours: 4 * time.Hour})
	all := journaltest.Ticks("render", 0, 300) // five hours
	for n := range all {
		for _, i := range all[n].Intents[n%2:] { // of every other tick the launch stays open
			all[n].Outcomes = append(all[n].Outcomes, journal.Outcome{Intent: i.ID, At: i.At})
		}
		if n < 30 {
			journaltest.Write(t, j, journaltest.Tick("upload", n)) // a fleet that is no more
		}
	}
	journaltest.Write(t, j, all...)
	if names, err := j.Fleets(t.Context()); err != nil || cmp.Diff([]string{"render", "upload"}, names) != "" {
		t.Fatalf("fleets are %v, %v", names, err)
	}
	now := all[299].Snapshot.Now
	before, err := j.Unsettled(t.Context(), "render")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to do
		if err := j.Prune(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	journaltest.Expect(t, j, "render", now.Add(-time.Hour), 0, all[239:]...)
	got, _ := j.Records(t.Context(), "render", time.Time{}, 0)
	if len(got) < 61 || len(got) > 61+imageEvery {
		t.Fatalf("%d ticks are kept, want 61 and at most %d more", len(got), imageEvery)
	}
	if after, err := j.Unsettled(t.Context(), "render"); err != nil || cmp.Diff(before, after) != "" || len(after) != 150 {
		t.Fatalf("of %d unsettled intents %d are left, %v", len(before), len(after), err)
	}
	journaltest.Expect(t, j, "upload", time.Time{}, 0)
	whole(t, j)
	counts(t, j, map[string]int{"intents": 150 + 60 + len(got)*3/2, "outcomes": len(got) * 3 / 2})
	journaltest.Write(t, j, journaltest.Tick("upload", 300)) // it comes back
	journaltest.Expect(t, j, "upload", time.Time{}, 0, journaltest.Tick("upload", 300))
}

func counts(t *testing.T, j *Journal, want map[string]int) {
	t.Helper()
	for table, n := range want {
		var got int
		if err := j.db.QueryRow("SELECT count(*) FROM " + table).Scan(&got); err != nil || got != n {
			t.Errorf("%d rows in %s, want %d (%v)", got, table, n, err)
		}
	}
}

// TestSeriesIsTheSameBeforeAndAfterTheRoll reads a history by the hour, prunes
// in several goes, and reads it again.
func TestSeriesIsTheSameBeforeAndAfterTheRoll(t *testing.T) {
	j := open(t, newPath(t), Options{Details: time.Hour, Minutes: 2 * time.Hour})
	start := journaltest.Start.Truncate(time.Hour)
	for n := range 480 {
		r := journaltest.Tick("render", n)
		r.Snapshot.Now, r.Intents = start.Add(time.Duration(n)*time.Minute), nil
		r.Snapshot.Signals[0].Value = 1000 * math.Sin(float64(n))
		if n/60 == 3 { // unknown for an hour
			r.Snapshot.Signals[0] = signals.Missing("queue.visible", r.Snapshot.Now, "throttled")
		}
		journaltest.Write(t, j, r)
	}
	read := func(step time.Duration) []Point {
		points, err := j.Series(t.Context(), "render", "queue.visible", start, start.Add(8*time.Hour), step)
		if err != nil {
			t.Fatal(err)
		}
		return points
	}
	before := read(time.Hour)
	if len(before) != 7 || before[0].Count != 60 || before[0].At != start || before[3].At != start.Add(4*time.Hour) {
		t.Fatalf("want seven hours without the fourth, got %v", before)
	}
	if last := before[6]; last.Last != 1000*math.Sin(479) || math.Abs(last.Max-1000) > 1 || math.Abs(last.Mean) > 50 {
		t.Fatalf("the last hour is %+v", last)
	}
	for _, minute := range []int{300, 333, 480} {
		if err := j.Prune(t.Context(), start.Add(time.Duration(minute)*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, read(time.Hour), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Fatalf("after pruning at minute %d (-want +got):\n%s", minute, diff)
		}
	}
	counts(t, j, map[string]int{"hours": 5})
	if n := len(read(time.Minute)); n != 5+120 {
		t.Fatalf("%d points, want five of whole hours and 120 of minutes", n)
	}
	if got, _ := j.Series(t.Context(), "render", "work.seconds_mean", start, start.Add(8*time.Hour), time.Hour); len(got) > 0 {
		t.Fatalf("a signal that was never known has no points, got %v", got)
	}
	if _, err := j.Series(t.Context(), "render", "queue.visible", start, start, 0); err == nil {
		t.Fatal("a step of nothing must be an error")
	}
}

func TestPruneGivesSpaceBack(t *testing.T) {
	j := open(t, newPath(t), Options{Details: time.Minute, Minutes: time.Minute})
	if _, err := j.db.Exec("CREATE TABLE ballast AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 3000) SELECT i, zeroblob(3000) FROM n; DROP TABLE ballast"); err != nil {
		t.Fatal(err)
	}
	if err := j.Prune(t.Context(), journaltest.Start); err != nil {
		t.Fatal(err)
	}
	var free int
	if err := j.db.QueryRow("PRAGMA freelist_count").Scan(&free); err != nil || free > slack {
		t.Fatalf("%d pages lie unused, want at most %d (%v)", free, slack, err)
	}
}
