package controller_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/controller"
	"skynet/journal"
)

// crashed is how a simulated kill -9 leaves the controller: in the middle.
type crashed struct{ at string }

// dying is a journal that survives the controller, which dies at a step of it.
type dying struct {
	journal.Journal
	at    string // write, written, settle, settled
	count *int   // dies when it reaches 0
}

func (d dying) step(name string) {
	if name == d.at {
		if *d.count--; *d.count == 0 {
			panic(crashed{name})
		}
	}
}

func (d dying) Write(ctx context.Context, r journal.Record) error {
	d.step("write")
	err := d.Journal.Write(ctx, r)
	d.step("written")
	return err
}

func (d dying) Settle(ctx context.Context, o journal.Outcome) error {
	d.step("settle")
	err := d.Journal.Settle(ctx, o)
	d.step("settled")
	return err
}

// untilDeath ticks and reports whether the controller died in it.
func untilDeath(f func()) (died bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crashed); !ok {
				panic(r)
			}
			died = true
		}
	}()
	f()
	return false
}

func TestACrashAtAnyStepBuysNothingTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		r.Waiting, r.Boot = 80, 90*time.Second
		r.Unlisted = time.Duration(rapid.IntRange(0, 90).Draw(rt, "unlisted")) * time.Second
		for range rapid.IntRange(1, 4).Draw(rt, "crashes") {
			n := rapid.IntRange(1, 3).Draw(rt, "count")
			memory := r.journal
			r.journal = dying{memory.(journal.Journal), rapid.SampledFrom([]string{"write", "written", "settle", "settled"}).Draw(rt, "at"), &n}
			if rapid.Bool().Draw(rt, "answer lost") {
				r.After = func(call string) error {
					if call == "launch" {
						return errors.New("timeout: the answer was lost")
					}
					return nil
				}
			}
			r.restart()
			if untilDeath(func() { r.minutes(5) }) {
				r.Advance(time.Duration(rapid.IntRange(0, 300).Draw(rt, "away")) * time.Second)
			}
			r.journal, r.After = memory, nil
		}
		r.restart()
		r.minutes(1)
		if n := len(r.Machines()); n > 10 {
			rt.Fatalf("%d machines for a want of 10", n)
		}
		r.minutes(60)
		if r.Done != 80 || len(r.Machines()) != 0 {
			rt.Fatalf("done %d of 80, %d machines left", r.Done, len(r.Machines()))
		}
	})
}

// A launch that a restart sends late is fresh at the next restart too: the cloud
// does not list it yet, however old the tick is that wanted it.
func TestALateLaunchIsRememberedOverTwoRestarts(t *testing.T) {
	r := newRig(t)
	r.Waiting, r.Unlisted = 80, 90*time.Second
	memory := r.journal.(journal.Journal)
	for _, away := range []time.Duration{5 * time.Minute, 10 * time.Second} {
		once := 1
		r.journal = dying{memory, "written", &once}
		r.restart()
		if !untilDeath(func() { r.tick() }) {
			t.Fatal("the controller should have died once its tick was written")
		}
		r.Advance(away)
	}
	r.journal = memory
	r.restart()
	if r.tick(); r.launches() != 10 {
		t.Errorf("10 are wanted: %v", r.Calls)
	}
}

// TestNoIntentNoDeed checks every call against the journal at the moment it is
// made.
func TestNoIntentNoDeed(t *testing.T) {
	seen, bare := deeds(t, journal.NewMemory(2*time.Hour))
	if len(bare) > 0 {
		t.Errorf("done without an intent in the journal: %v", bare)
	}
	for _, call := range []string{"launch", "tag", "terminate"} {
		if !seen[call] {
			t.Errorf("the test saw no %s: %v", call, seen)
		}
	}
}

// late is a journal that takes a tick in only after its deeds: the fault that
// the law is there to notice.
type late struct {
	journal.Journal
	held []journal.Record
}

func (l *late) Write(_ context.Context, r journal.Record) error {
	l.held = append(l.held, r)
	return nil
}

func (l *late) Settle(context.Context, journal.Outcome) error { return nil }

func TestNoIntentNoDeedNoticesAFault(t *testing.T) {
	if _, bare := deeds(t, &late{Journal: journal.NewMemory(2 * time.Hour)}); len(bare) == 0 {
		t.Error("deeds before their intents were not noticed")
	}
}

// deeds runs a burst and returns the calls that were made, and those of them
// whose intent was not in the journal when they were made.
func deeds(t *testing.T, j controller.Journal) (seen map[string]bool, bare []string) {
	kinds := map[string]journal.Kind{
		"launch": journal.Launch, "terminate": journal.Terminate, "tag": journal.Drain,
		"untag": journal.Recall, "sleep": journal.Sleep, "wake": journal.Wake,
	}
	r := newRig(t)
	r.journal = j
	r.restart()
	r.Waiting, seen = 100, map[string]bool{}
	r.Before = func(call string) error {
		if call == "list" {
			return nil
		}
		seen[call] = true
		open, err := j.Unsettled(context.Background(), "render")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(open, func(i journal.Intent) bool { return i.Kind == kinds[call] }) {
			bare = append(bare, call)
		}
		return nil
	}
	r.minutes(40)
	return seen, bare
}

type unwritable struct{ journal.Journal }

func (unwritable) Write(context.Context, journal.Record) error { return errors.New("disk full") }

func TestAJournalThatCannotBeWrittenStopsEveryDeed(t *testing.T) {
	r := newRig(t)
	r.journal = unwritable{r.journal.(journal.Journal)}
	r.restart()
	r.Waiting = 100
	r.minutes(5)
	if len(r.Calls) > 0 {
		t.Errorf("did %v without a journal", r.Calls)
	}
	if err := r.reports[0].Err; err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("the report does not say why: %v", err)
	}
}
