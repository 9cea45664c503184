package sqlite

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/journaltest"
)

func expectRecords(t testing.TB, r journal.Reader, want []journal.Record) {
	t.Helper()
	got, err := r.Records(t.Context(), want[0].Snapshot.Fleet, time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	clones := make([]journal.Record, len(want))
	for i := range want {
		clones[i] = want[i].Clone()
	}
	if diff := cmp.Diff(clones, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

// TestReopen closes and opens the file between random ticks.
func TestReopen(t *testing.T) {
	path, try := newPath(t), 0
	j := open(t, path, Options{})
	rapid.Check(t, func(rt *rapid.T) {
		try++
		all := journaltest.Draw(rt, fmt.Sprintf("render_%d", try), 3)
		for i, r := range all {
			if try%10 == 0 && i == 1 {
				_ = j.Close()
				j = open(t, path, Options{})
			}
			journaltest.Write(t, j, r)
		}
		expectRecords(t, j, all)
	})
	whole(t, j)
}

// TestNumbersToTheBit compares what == cannot tell apart.
func TestNumbersToTheBit(t *testing.T) {
	j := open(t, newPath(t), Options{})
	r := journaltest.Tick("render", 0)
	odd := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(-1), 1<<53 + 2, -7, 0.1}
	for i, v := range odd {
		s := r.Snapshot.Signals[0]
		s.Name, s.Value = fmt.Sprintf("odd.%d", i), v
		r.Snapshot.Signals = append(r.Snapshot.Signals, s)
	}
	journaltest.Write(t, j, r)
	got, err := j.Records(t.Context(), "render", time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range odd {
		if back := got[0].Snapshot.Signals[2+i].Value; math.Float64bits(back) != math.Float64bits(v) {
			t.Errorf("%g (%x) came back as %g (%x)", v, math.Float64bits(v), back, math.Float64bits(back))
		}
	}
}

// whole asks SQLite itself.
func whole(t testing.TB, j *Journal) {
	t.Helper()
	var said string
	if err := j.db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
		t.Fatalf("integrity: %s, %v", said, err)
	}
	if rows, err := j.db.Query("PRAGMA foreign_key_check"); err != nil {
		t.Fatal(err)
	} else {
		defer rows.Close()
		if rows.Next() {
			t.Fatal("a row refers to one that is not there")
		}
	}
}

// busy makes a fleet's tick in which n workers are at work, as they are: the
// heartbeat of each is new, the jobs of some have changed.
func busy(tick, workers, signals int) journal.Record {
	r := journaltest.Tick("render", tick)
	now, one := r.Snapshot.Now, r.Snapshot.Signals[0]
	r.Snapshot.Workers, r.Snapshot.Signals = nil, nil
	for i := range workers {
		r.Snapshot.Workers = append(r.Snapshot.Workers, fleet.Worker{
			ID: fleet.ID(fmt.Sprintf("i-0abcdef123456%03d", i)), State: fleet.Working, Jobs: (tick/3 + i) % 5, Slots: 4,
			Order: "sky-0123456789abcdef0123456789abcdef", Type: "c7i.xlarge", Zone: "eu-west-1a",
			Launched: journaltest.Start.Add(-time.Hour), Heard: now.Add(-time.Duration(i*7919+tick*104729) * time.Microsecond)})
	}
	for i := range signals {
		s := one
		s.Name, s.Good = fmt.Sprintf("queues.number_%02d.visible", i), 3*time.Minute
		if s.Value = float64(tick * i); i%2 == 0 {
			s.Value = float64(tick*i) / 7
		}
		if i%3 == 0 {
			s.At = now.Add(-time.Duration(i*15485863+tick*32452843) * time.Nanosecond)
		}
		r.Snapshot.Signals = append(r.Snapshot.Signals, s)
	}
	if tick%10 > 0 {
		r.Intents = nil // most ticks hold
	}
	return r
}

func TestImagesBoundTheWalk(t *testing.T) {
	j := open(t, newPath(t), Options{})
	var all []journal.Record
	for n := range 2*imageEvery + 5 {
		all = append(all, busy(n, 3, 1))
	}
	journaltest.Write(t, j, all...)
	var images, changes int
	if err := j.db.QueryRow("SELECT count(workers), (SELECT count(*) FROM changes) FROM decisions").Scan(&images, &changes); err != nil {
		t.Fatal(err)
	}
	if images != 3 || changes != 3*(len(all)-images) {
		t.Fatalf("%d images and %d changes in %d ticks of 3 workers", images, changes, len(all))
	}
	expectRecords(t, j, all)
	journaltest.Expect(t, j, "render", all[100].Snapshot.Now, 0, all[100:]...)
	journaltest.Expect(t, j, "render", time.Time{}, 1, all[len(all)-1:]...)
}

func TestWorkersThatDoNotChangeTakeNoRoom(t *testing.T) {
	j := open(t, newPath(t), Options{})
	r := journaltest.Tick("render", 0)
	for n := range 5 {
		next := journaltest.Tick("render", n)
		next.Snapshot.Workers = r.Snapshot.Workers
		journaltest.Write(t, j, next)
	}
	var changes int
	if err := j.db.QueryRow("SELECT count(*) FROM changes").Scan(&changes); err != nil || changes != 0 {
		t.Fatalf("%d changes of a worker that did not change, %v", changes, err)
	}
}

func TestADamagedRowCostsLittle(t *testing.T) {
	j := open(t, newPath(t), Options{})
	var all []journal.Record
	for n := range 2 * imageEvery {
		all = append(all, busy(n, 2, 2))
	}
	journaltest.Write(t, j, all...)
	if _, err := j.db.Exec("UPDATE changes SET patch = '{' WHERE tick = 51"); err != nil {
		t.Fatal(err)
	}
	got, err := j.Records(t.Context(), "render", time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := append(all[:50:50], all[imageEvery:]...) // back with the next image
	if len(got) != len(want) || got[50].Decision.ID != want[50].Decision.ID {
		t.Fatalf("got %d ticks, want %d", len(got), len(want))
	}
	if said := j.Degraded(); !strings.Contains(said, "10 ticks are damaged") {
		t.Fatalf("it must say so, and says %q", said)
	}
	if _, err := j.db.Exec("UPDATE intents SET body = 'x' WHERE tick = 1"); err != nil {
		t.Fatal(err)
	}
	if got, err = j.Records(t.Context(), "render", time.Time{}, 0); err != nil || len(got) != len(want)-1 {
		t.Fatalf("a damaged intent: %d ticks, want %d, %v", len(got), len(want)-1, err)
	}
	if _, err = j.Unsettled(t.Context(), "render"); err == nil {
		t.Fatal("a launch that cannot be read must not be forgotten in silence")
	}
}

func expectSame(t *testing.T, got, want journal.Record) {
	t.Helper()
	if diff := cmp.Diff(want.Clone(), got); diff != "" {
		t.Fatalf("%s (-want +got)\n%s", want.Decision.ID, diff)
	}
}
