package controller_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// far is a policy that looks a long way back.
type far struct {
	policy.Policy
	window time.Duration
}

func (f far) Window() time.Duration { return f.window }

// worldOf is what a rig's controllers read and act on.
func (r *rig) worldOf() controller.World {
	return controller.World{Cloud: r.World, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: r.World}
}

// A policy file that looks further back than the one before it finds in the
// journal what was forgotten meanwhile.
func TestALongerWindowIsReadFromTheJournal(t *testing.T) {
	r := newRig(t)
	r.journal = journal.NewMemory(24 * time.Hour)
	r.restart()
	r.minutes(5 * 60)
	e := engine()
	e.Policies = []policy.Policy{far{policy.Backlog{PerWorker: 8}, 4 * time.Hour}}
	r.Adopt(r.worldOf(), rules(e))
	s := r.tick().Snapshot
	if !s.Covers(4 * time.Hour) {
		t.Errorf("%d ticks from %s on are remembered at %s", len(s.Recent), s.Recent[0].At, s.Now)
	}
	for i := 1; i < len(s.Recent); i++ {
		if !s.Recent[i].At.After(s.Recent[i-1].At) {
			t.Fatalf("tick %d is of %s, the one before of %s", i, s.Recent[i].At, s.Recent[i-1].At)
		}
	}
}

// What was learned is taken over from the last tick that decided, however many
// could not since.
func TestWhatWasLearnedOutlivesTicksThatFailed(t *testing.T) {
	r := newRig(t)
	learned := journal.Record{
		Snapshot: signals.Snapshot{Fleet: "render", Now: start, Boots: []float64{77}, Workers: []fleet.Worker{{ID: "i-1", State: fleet.Working}}},
		Decision: policy.Decision{ID: fleet.DecisionID("render", start), Fleet: "render"},
	}
	if err := r.journal.Write(context.Background(), learned); err != nil {
		t.Fatal(err)
	}
	r.Before = failing("list")
	r.Advance(interval)
	r.minutes(100)
	r.Before = nil
	for _, away := range []time.Duration{0, 30 * 24 * time.Hour} {
		r.Advance(away)
		c := controller.New(controller.Fleet{Name: "render", Interval: interval}, r.worldOf(), rules(engine()), r.journal)
		if _, err := c.Resume(context.Background(), r.Now); err != nil {
			t.Fatal(err)
		}
		if s := c.Tick(context.Background(), r.Now).Snapshot; len(s.Boots) != 1 || s.Boots[0] != 77 {
			t.Errorf("%s later: boots %v", away, s.Boots)
		}
	}
}

// slow is a source that uses up its time.
type slow struct{ controller.Signals }

func (s slow) Collect(ctx context.Context, now time.Time) []signals.Signal {
	<-ctx.Done()
	return s.Signals.Collect(context.WithoutCancel(ctx), now)
}

type adviser struct{ left time.Duration }

func (a *adviser) Ask(ctx context.Context, _ signals.Snapshot) []signals.Advice {
	if end, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		a.left = time.Until(end)
	}
	return nil
}

// A source that is slow costs its own signals, not the answers of programs.
func TestProgramsHaveATimeOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		w, asked := r.worldOf(), &adviser{}
		w.Signals, w.Advisers = slow{r.World}, asked
		c := controller.New(controller.Fleet{Name: "render", Interval: interval}, w, rules(engine()), r.journal)
		c.Tick(context.Background(), r.Now)
		if asked.left < 10*time.Second {
			t.Errorf("programs have %s left", asked.left)
		}
	})
}

type panics struct{ policy.Policy }

func (panics) Want(signals.Snapshot) (int, string, error) { panic("index out of range") }

type wild struct{}

func (wild) Ask(context.Context, signals.Snapshot) []signals.Advice { panic("no such file") }
func (wild) Standing(string, time.Time) (_ signals.Standing)        { panic("no such fleet") }

// A mistake in one fleet's policy must not take the others' controller down. The
// tick is in the journal, and the next one tries again.
func TestAPanicCostsOneTick(t *testing.T) {
	for name, change := range map[string]func(*controller.World, *policy.Engine){
		"policy":   func(_ *controller.World, e *policy.Engine) { e.Policies = []policy.Policy{panics{e.Policies[0]}} },
		"programs": func(w *controller.World, _ *policy.Engine) { w.Advisers = wild{} },
		"orders":   func(w *controller.World, _ *policy.Engine) { w.Orders = wild{} },
	} {
		r := newRig(t)
		r.Waiting = 80
		w, e := r.worldOf(), engine()
		change(&w, &e)
		r.Adopt(w, rules(e))
		if rep := r.tick(); rep.Err == nil || rep.Decision.Failed == "" || len(r.Calls) > 0 {
			t.Errorf("%s: %v, failed %q, did %v", name, rep.Err, rep.Decision.Failed, r.Calls)
		}
		r.Advance(interval)
		r.Adopt(r.worldOf(), rules(engine()))
		if rep := r.tick(); rep.Err != nil || len(rep.Deeds.Launched) != 10 {
			t.Errorf("%s: the tick after it: %v, %+v", name, rep.Err, rep.Deeds)
		}
	}
}

// hurried says how much time it was given.
type hurried struct {
	controller.Signals
	t *testing.T
}

func (h hurried) Collect(ctx context.Context, now time.Time) []signals.Signal {
	if end, ok := ctx.Deadline(); ok {
		h.t.Errorf("a reading in virtual time has to end by %s", end)
	}
	return h.Signals.Collect(ctx, now)
}

// In virtual time a machine that is busy with something else makes nothing late:
// a tick a second is decided as it would be anywhere.
func TestVirtualTimeDoesNotPassWhileReading(t *testing.T) {
	r := newRig(t)
	w := r.worldOf()
	w.Signals = hurried{r.World, t}
	r.Waiting = 80
	c := controller.New(controller.Fleet{Name: "render", Interval: time.Second, Virtual: true}, w, rules(engine()), r.journal)
	if rep := c.Tick(context.Background(), r.Now); rep.Err != nil || len(rep.Deeds.Launched) != 10 {
		t.Errorf("%v, %+v", rep.Err, rep.Deeds)
	}
}
