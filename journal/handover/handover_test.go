package handover_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/handover"
	"skynet/journal/journaltest"
	"skynet/journal/sqlite"
	"skynet/signals"
)

// log keeps notes, or refuses them.
type log struct {
	mu    sync.Mutex
	notes [][]byte
	fail  error
	kept  bool // though it fails
}

func (l *log) Note(_ context.Context, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail == nil || l.kept {
		l.notes = append(l.notes, body)
	}
	return l.fail
}

func (l *log) follow(t testing.TB, f *handover.Follower) {
	t.Helper()
	for _, n := range l.notes {
		if err := f.Take(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestItIsAJournal(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journal.Journal { return handover.New(journal.NewMemory(0), &log{}) })
}

// TestASuccessorHasTheSameJournal: whatever was written and settled, the successor's
// journal is the same to the byte, however often and from wherever it is told.
func TestASuccessorHasTheSameJournal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, own := &log{}, journal.NewMemory(1000*time.Hour)
		j := handover.New(own, l)
		for _, r := range journaltest.Draw(rt, "render", 6) {
			outcomes := r.Outcomes
			r.Outcomes = nil
			if err := j.Write(t.Context(), r); err != nil {
				rt.Fatal(err)
			}
			for _, o := range outcomes {
				if err := j.Settle(t.Context(), o); err != nil {
					rt.Fatal(err)
				}
			}
		}
		if err := j.Flush(t.Context()); err != nil {
			rt.Fatal(err)
		}
		next := journal.NewMemory(1000 * time.Hour)
		f := handover.NewFollower(next)
		for range rapid.IntRange(1, 2).Draw(rt, "times") {
			l.follow(t, f)
		}
		want, _ := own.Records(t.Context(), "render", time.Time{}, 0)
		got, _ := next.Records(t.Context(), "render", time.Time{}, 0)
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" || f.Ticks() != len(want) {
			rt.Errorf("%d ticks taken (-own +next):\n%s", f.Ticks(), diff)
		}
	})
}

func TestTheRequestStaysTheSameToTheByte(t *testing.T) {
	l := &log{}
	journaltest.Write(t, handover.New(journal.NewMemory(0), l), journaltest.Tick("render", 0))
	next, err := sqlite.Open(filepath.Join(t.TempDir(), "journal.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	l.follow(t, handover.NewFollower(next))
	open, err := next.Unsettled(t.Context(), "render")
	if err != nil || len(open) != 2 || string(open[0].Order.Request) != `{ "version" : "7" }` {
		t.Errorf("%+v, %v", open, err)
	}
}

func TestWithoutTheNoteNothingIsWritten(t *testing.T) {
	own, l := journal.NewMemory(0), &log{fail: errors.New("not held")}
	j := handover.New(own, l)
	if err := j.Write(t.Context(), journaltest.Tick("render", 0)); !errors.Is(err, l.fail) {
		t.Errorf("%v", err)
	}
	journaltest.Expect(t, own, "render", time.Time{}, 0)
}

// TestWhatWasNotedAndNotDone: the note is there though it failed, or the journal
// failed after it. A successor must not send the launch.
func TestWhatWasNotedAndNotDone(t *testing.T) {
	for _, c := range []struct {
		name string
		l    *log
		own  journal.Journal
	}{
		{"the answer was lost", &log{fail: errors.New("lost"), kept: true}, journal.NewMemory(0)},
		{"the disk is full", &log{}, full{journal.NewMemory(0)}},
	} {
		j := handover.New(c.own, c.l)
		if err := j.Write(t.Context(), journaltest.Tick("render", 0)); err == nil {
			t.Fatalf("%s: no error", c.name)
		}
		c.l.fail = nil
		if err := j.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		next := journal.NewMemory(0)
		c.l.follow(t, handover.NewFollower(next))
		open, _ := next.Unsettled(t.Context(), "render")
		records, _ := next.Records(t.Context(), "render", time.Time{}, 0)
		if len(open) != 0 || len(records) != 1 || records[0].Deeds().Asked != 0 {
			t.Errorf("%s: open %+v, records %+v", c.name, open, records)
		}
	}
}

// full is a journal on a full disk.
type full struct{ journal.Journal }

func (full) Write(context.Context, journal.Record) error { return errors.New("disk full") }

func TestOutcomesGoAlongWithTheNextTick(t *testing.T) {
	l := &log{}
	j := handover.New(journal.NewMemory(0), l)
	first := journaltest.Tick("render", 0)
	journaltest.Write(t, j, first)
	o := journal.Outcome{Intent: first.Intents[0].ID, At: first.Snapshot.Now, Done: []fleet.ID{"i-9"}}
	if err := j.Settle(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	l.fail = errors.New("down")
	if err := j.Flush(t.Context()); err == nil {
		t.Error("no error")
	}
	l.fail = nil
	journaltest.Write(t, j, journaltest.Tick("render", 1))
	next := journal.NewMemory(0)
	l.follow(t, handover.NewFollower(next))
	records, _ := next.Records(t.Context(), "render", time.Time{}, 0)
	if len(records) != 2 || len(records[0].Outcomes) != 1 || records[0].Deeds().Launched[0] != "i-9" {
		t.Errorf("%+v", records)
	}
	n := len(l.notes)
	if err := j.Flush(t.Context()); err != nil || len(l.notes) != n {
		t.Errorf("noted twice: %v", err)
	}
}

func TestWhatCannotBeReadStops(t *testing.T) {
	l := &log{}
	journaltest.Write(t, handover.New(journal.NewMemory(0), l), journaltest.Tick("render", 0))
	for _, body := range [][]byte{nil, []byte("hello"), l.notes[0][:len(l.notes[0])/2]} {
		next := journal.NewMemory(0)
		err := handover.NewFollower(next).Take(t.Context(), body)
		if err == nil || !strings.Contains(err.Error(), "delete it") {
			t.Errorf("%q: %v", body, err)
		}
		journaltest.Expect(t, next, "render", time.Time{}, 0)
	}
}

func TestStandingOrdersAreHandedOverUntilTheyExpire(t *testing.T) {
	l := &log{}
	r := journaltest.Tick("render", 0)
	until := r.Snapshot.Now.Add(time.Hour)
	r.Snapshot.Orders = signals.Standing{Pause: &signals.Pause{Until: until, Why: "deploy"}}
	journaltest.Write(t, handover.New(journal.NewMemory(0), l), r)
	f := handover.NewFollower(journal.NewMemory(0))
	l.follow(t, f)
	if s := f.Standing("render", until.Add(-time.Second)); s.Pause == nil || s.Pause.Why != "deploy" {
		t.Errorf("%+v", s)
	}
	if s := f.Standing("render", until); !s.IsZero() {
		t.Errorf("%+v", s)
	}
	if s := f.Standing("other", until); !s.IsZero() {
		t.Errorf("%+v", s)
	}
}

func FuzzTake(f *testing.F) {
	l := &log{}
	journaltest.Write(f, handover.New(journal.NewMemory(0), l), journaltest.Tick("render", 0))
	f.Add(l.notes[0])
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = handover.NewFollower(journal.NewMemory(0)).Take(t.Context(), body)
	})
}
