package controller_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// fates counts, over all ticks, who was born and who died.
func (r *rig) fates() (born, died int) {
	for _, rep := range r.reports {
		born, died = born+len(rep.Snapshot.Born), died+len(rep.Snapshot.Died)
	}
	return born, died
}

func TestWorkersThatEndAtOnceOpenTheBreaker(t *testing.T) {
	r := newRig(t)
	r.Waiting = 80
	for range 20 {
		r.tick()
		r.Advance(5 * time.Second)
		for _, m := range r.Machines() {
			r.Kill(m.ID)
		}
		r.Advance(interval - 5*time.Second)
	}
	if _, died := r.fates(); died < 10 {
		t.Errorf("%d deaths were noticed", died)
	}
	if n := r.launches(); n > 10+7 { // ten at first, then a probe now and then
		t.Errorf("%d launched, though none ever worked", n)
	}
}

func TestWorkersThatBootWithinATickCloseTheBreaker(t *testing.T) {
	r := newRig(t)
	r.Waiting, r.DOA = 24, true
	r.minutes(7) // three are dead on arrival
	r.DOA, r.Boot, r.Waiting = false, 5*time.Second, 2000
	r.minutes(4) // a probe, and then all that are wanted
	if n := len(r.Machines()); n != 10 {
		t.Errorf("%d machines after a probe that worked, want 10", n)
	}
	if born, _ := r.fates(); born == 0 {
		t.Error("nobody was born")
	}
}

func TestAClockThatIsSetBackStopsNothing(t *testing.T) {
	for _, by := range []time.Duration{0, time.Millisecond} { // on the grid of the ticks, or beside it
		r := newRig(t)
		r.minutes(6)
		r.Waiting = 24
		first := r.tick().Deeds.Launched
		r.Advance(interval)
		r.minutes(1) // they work
		for _, id := range first {
			r.Kill(id)
		}
		r.Waiting = 0
		r.minutes(3)
		r.Waiting = 24
		at := start.Add(5*time.Minute + by)
		bought := 0
		for range 4 {
			rep := r.Tick(context.Background(), at)
			if rep.Err != nil {
				t.Fatalf("set back: %v", rep.Err)
			}
			for _, id := range rep.Deeds.Launched {
				if slices.Contains(first, id) {
					t.Fatalf("an old launch was answered instead of a new one: %v", rep.Deeds.Launched)
				}
				bought++
			}
			at = at.Add(interval)
		}
		if bought != 3 {
			t.Errorf("bought %d for 24 items at 8 each, want 3", bought)
		}
	}
}

// lateError is a journal whose write reports an error after it took effect.
type lateError struct {
	journal.Journal
	fails bool
}

func (l *lateError) Write(ctx context.Context, r journal.Record) error {
	if err := l.Journal.Write(ctx, r); err != nil || !l.fails {
		return err
	}
	return errors.New("input/output error at commit")
}

func TestAWriteThatFailedAfterAllBuysNothingTwice(t *testing.T) {
	r := newRig(t)
	j := &lateError{Journal: r.journal.(journal.Journal), fails: true}
	r.journal = j
	r.restart()
	r.Waiting = 80
	r.minutes(1)
	if len(r.Calls) > 0 {
		t.Fatalf("did %v though the journal reported an error", r.Calls)
	}
	j.fails = false
	r.minutes(1)
	r.restart() // a later run must not send the old order either
	r.minutes(1)
	if n := r.launches(); n != 10 {
		t.Errorf("launched %d, want 10 once", n)
	}
}

// inDoubt is a rig whose controller has just died between a launch's intent and the deed.
func inDoubt(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	n := 1
	r.journal = dying{r.journal.(journal.Journal), "written", &n}
	r.restart()
	r.Waiting = 80
	if !untilDeath(func() { r.tick() }) {
		t.Fatal("the controller was to die between the intent and the deed")
	}
	r.Advance(interval)
	r.journal = r.journal.(dying).Journal
	return r
}

func TestAnOrderIsNotSentAgainAboveALoweredMaximum(t *testing.T) {
	r := inDoubt(t)
	e := engine()
	e.Bounds.Max = 2
	r.run(e)
	for range 15 {
		r.tick()
		if b := r.Billed(); b > 2 {
			t.Fatalf("%d are billed under a maximum of 2", b)
		}
		r.Advance(interval)
	}
	if r.Billed() == 0 && r.Waiting > 0 {
		t.Error("the order in doubt blocks buying for ever")
	}
}

// hangs is a source of signals that answers nothing in time.
type hangs struct{}

func (hangs) Collect(ctx context.Context, now time.Time) []signals.Signal {
	<-ctx.Done()
	return []signals.Signal{signals.Missing("queues.photos.visible", now, "late")}
}

func TestABlindTickBuysTheMinimum(t *testing.T) {
	r := newRig(t)
	f := controller.Fleet{Name: "render", Interval: 100 * time.Millisecond}
	e := engine()
	e.Bounds.Min = 2
	c := controller.New(f, controller.World{Cloud: r.World, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: hangs{}}, rules(e), r.journal)
	rep := c.Tick(context.Background(), r.Now)
	if rep.Err != nil || len(rep.Deeds.Launched) != 2 {
		t.Errorf("launched %v, err %v; want two, the minimum", rep.Deeds.Launched, rep.Err)
	}
}

// silent is a roster that does not even heed its deadline.
type silent struct{ controller.Roster }

func (silent) Workers(context.Context, string) ([]fleet.Worker, error) { select {} }

func TestARosterThatHangsDoesNotStopTheLoop(t *testing.T) {
	r := newRig(t)
	f := controller.Fleet{Name: "render", Interval: 50 * time.Millisecond}
	c := controller.New(f, controller.World{Cloud: r.World, Roster: silent{}, Signals: r.World}, rules(engine()), r.journal)
	for range 2 {
		if rep := c.Tick(context.Background(), r.Now); rep.Err == nil || len(r.Calls) > 0 {
			t.Errorf("err %v, calls %v; want no decision", rep.Err, r.Calls)
		}
	}
}

// names is a source that takes a name that is computed here.
type names struct{ controller.Signals }

func (n names) Collect(ctx context.Context, now time.Time) []signals.Signal {
	return append(n.Signals.Collect(ctx, now), signals.Known("fleet.running", 9, now, 0), signals.Known("queue.visible", 9, now, 0))
}

func TestASourceCannotTakeAComputedName(t *testing.T) {
	r := newRig(t)
	f := controller.Fleet{Name: "render", Interval: interval}
	w := controller.World{Cloud: r.World, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: names{r.World}}
	s := controller.New(f, w, rules(policy.Engine{Bounds: policy.Bounds{Max: 1}}), r.journal).Tick(context.Background(), r.Now).Snapshot
	for _, name := range []string{"fleet.running", "queue.visible"} {
		if v, err := s.Value(name); v != 0 || err != nil {
			t.Errorf("%s is %g, %v; want the computed 0", name, v, err)
		}
	}
	if slices.ContainsFunc(s.Signals, func(s signals.Signal) bool { return s.Name == "" }) {
		t.Errorf("a signal without a name: %+v", s.Signals)
	}
}

// paused is an operator who has the fleet left alone.
type paused time.Time

func (p paused) Standing(string, time.Time) signals.Standing {
	return signals.Standing{Pause: &signals.Pause{Until: time.Time(p), Why: "new disks"}}
}

// An order in doubt is not sent again while the fleet is paused: it may never have
// arrived, and then that would buy.
func TestAnOrderIsNotSentAgainWhilePaused(t *testing.T) {
	r := inDoubt(t)
	until := r.Now.Add(3*interval + 1)
	w := controller.World{Cloud: r.World, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: r.World, Orders: paused(until)}
	r.Controller = controller.New(controller.Fleet{Name: "render", Interval: interval}, w, rules(engine()), r.journal)
	for !r.Now.After(until) {
		if rep := r.tick(); rep.Err != nil || r.Billed() > 0 || rep.Snapshot.Open == 0 {
			t.Fatalf("%d are billed in a pause, %d in doubt; %v", r.Billed(), rep.Snapshot.Open, rep.Err)
		}
		r.Advance(interval)
	}
	if r.tick(); r.Billed() == 0 {
		t.Error("nothing is bought after the pause")
	}
}

// What was ordered is known of a tick that came to nothing, too: who takes over from
// there leaves a paused fleet alone.
func TestAFailedTickKnowsTheOrders(t *testing.T) {
	r, until := newRig(t), start.Add(time.Hour)
	w := controller.World{Cloud: r.World, Roster: deaf{}, Signals: r.World, Orders: paused(until)}
	r.Controller = controller.New(controller.Fleet{Name: "render", Interval: interval}, w, rules(engine()), r.journal)
	r.tick()
	records, err := r.journal.Records(t.Context(), "render", time.Time{}, 1)
	if err != nil || len(records) != 1 || records[0].Decision.Failed == "" {
		t.Fatalf("%+v, %v; want a tick that failed", records, err)
	}
	if p := records[0].Snapshot.Orders.Pause; p == nil || !p.Until.Equal(until) {
		t.Errorf("%+v is known of a pause until %s", p, until)
	}
}

// deaf is a roster that cannot be listed.
type deaf struct{ controller.Roster }

func (deaf) Workers(context.Context, string) ([]fleet.Worker, error) {
	return nil, errors.New("connection refused")
}

// lostAnswers is a cloud whose launches never arrive, which nobody knows.
type lostAnswers struct{ controller.Cloud }

func (lostAnswers) Launch(context.Context, fleet.Order) ([]fleet.ID, error) {
	return nil, errors.New("no answer within the call's deadline")
}

// Two orders in doubt fit below a lowered maximum one by one, and not together.
func TestOrdersInDoubtFitBelowALoweredMaximumTogether(t *testing.T) {
	r := newRig(t)
	reach := controller.World{Cloud: lostAnswers{r.World}, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: r.World}
	e := engine()
	e.Guards = []policy.Guard{policy.LaunchLimit{PerTick: 2, PerHour: 100}}
	r.Controller = controller.New(controller.Fleet{Name: "render", Interval: interval}, reach, rules(e), r.journal)
	r.Waiting = 80
	for range 2 {
		r.tick()
		r.Advance(interval)
	}
	if rep := r.reports[1]; rep.Snapshot.Open+rep.Deeds.Asked != 4 {
		t.Fatalf("%d are in doubt and %d asked for, want four of two orders", rep.Snapshot.Open, rep.Deeds.Asked)
	}
	reach.Cloud = r.World
	e.Bounds.Max = 3
	r.Adopt(reach, rules(e))
	for range 15 {
		if r.tick(); r.Billed() > 3 {
			t.Fatalf("%d are billed under a maximum of 3", r.Billed())
		}
		r.Advance(interval)
	}
	if r.Billed() == 0 {
		t.Error("the orders in doubt block buying for ever")
	}
}
