package controller_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
)

// permit is a lease that lasts for so long.
type permit struct{ lasts time.Duration }

var errNotHeld = errors.New("the lease is not held")

func (p *permit) Guard(ctx context.Context, need time.Duration) (context.Context, context.CancelFunc, error) {
	if p.lasts < need {
		return nil, nil, errNotHeld
	}
	ctx, cancel := context.WithTimeout(ctx, p.lasts)
	return ctx, cancel, nil
}

// leased has the rig act only while it holds a lease.
func (r *rig) leased(p *permit) {
	w := controller.World{Cloud: r.World, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: r.World}
	r.Controller = controller.New(controller.Fleet{Name: "render", Interval: interval}, controller.Leased(w, p), rules(engine()), r.journal)
	if _, err := r.Resume(context.Background(), r.Now); err != nil {
		r.t.Fatal(err)
	}
}

func TestWithoutTheLeaseNothingIsSent(t *testing.T) {
	r, p := newRig(t), &permit{lasts: time.Minute}
	r.leased(p)
	r.Waiting = 24
	r.minutes(2)
	if r.Billed() != 3 {
		t.Fatalf("%d machines while it is held", r.Billed())
	}
	p.lasts = 25 * time.Second // less than a call may take
	before := len(r.Calls)
	r.Waiting = 80
	rep := r.tick()
	if rep.Err != nil || rep.Decision.Launch == 0 || rep.Deeds.Asked != 0 {
		t.Errorf("%+v %v", rep.Deeds, rep.Err)
	}
	if open, _ := r.journal.Unsettled(t.Context(), "render"); len(open) != 0 {
		t.Errorf("what was not sent is in doubt: %+v", open)
	}
	r.Waiting = 0
	r.minutes(20) // drains are refused too
	if len(r.Calls) != before || r.Billed() != 3 {
		t.Errorf("sent %v, %d machines", r.Calls[before:], r.Billed())
	}
	p.lasts = time.Minute
	r.minutes(20)
	if len(r.Calls) == before || r.Billed() != 0 {
		t.Errorf("sent %v, %d machines once it is held again", r.Calls[before:], r.Billed())
	}
}

// TestWhatWasInDoubtStaysSo: a launch whose answer was lost is not sent again without
// the lease, which says nothing of the first time.
func TestWhatWasInDoubtStaysSo(t *testing.T) {
	r, p := newRig(t), &permit{lasts: time.Minute}
	r.leased(p)
	r.Waiting, r.Unlisted = 24, 90*time.Second
	r.After = func(string) error { return errors.New("the answer was lost") }
	r.tick()
	r.After, p.lasts = nil, 0
	r.Advance(interval)
	if rep := r.tick(); rep.Snapshot.Open != 3 || len(r.Machines()) != 3 {
		t.Errorf("%d in doubt, %d machines", rep.Snapshot.Open, len(r.Machines()))
	}
	p.lasts = time.Minute
	r.minutes(2)
	if open, _ := r.journal.Unsettled(t.Context(), "render"); len(open) != 0 || len(r.Machines()) != 3 {
		t.Errorf("%d open, %d machines", len(open), len(r.Machines()))
	}
}

func TestACallEndsWithTheLease(t *testing.T) {
	c := &bounded{chooser: chooser{}}
	w := controller.Leased(controller.World{Cloud: c}, &permit{lasts: 20 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := w.Cloud.Sleep(ctx, nil); err != nil || time.Until(c.end) > 10*time.Second {
		t.Errorf("%s, %v", time.Until(c.end), err)
	}
	if _, err := w.Cloud.Sleep(t.Context(), nil); !errors.Is(err, fleet.ErrFenced) || !errors.Is(err, errNotHeld) || !fleet.Refused(err) {
		t.Errorf("%v", err)
	}
	d, drafts := w.Cloud.(controller.Drafter)
	if !drafts || string(d.Draft(fleet.Order{}, nil).Request) != `{"living":0}` {
		t.Error("does not draft any more")
	}
	if _, drafts := controller.Leased(controller.World{Cloud: newRig(t).World}, &permit{}).Cloud.(controller.Drafter); drafts {
		t.Error("drafts though its cloud does not")
	}
}

// bounded tells until when it was called.
type bounded struct {
	chooser
	end time.Time
}

func (b *bounded) Sleep(ctx context.Context, _ []fleet.ID) ([]fleet.ID, error) {
	b.end, _ = ctx.Deadline()
	return nil, nil
}
