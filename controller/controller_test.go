package controller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals/derived"
	"skynet/test/world"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const interval = time.Minute

// engine keeps eight items per worker, up to ten workers.
func engine() policy.Engine {
	plan := policy.DefaultPlan()
	plan.Boot = 5 * time.Minute
	return policy.Engine{
		Bounds:   policy.Bounds{Max: 10},
		Policies: []policy.Policy{policy.Backlog{PerWorker: 8}},
		Plan:     plan,
		Guards: []policy.Guard{
			policy.Blind{}, policy.Quorum{Share: 0.8}, policy.Release{After: 2 * time.Minute},
			policy.LaunchLimit{PerTick: 10, PerHour: 40}, policy.Breaker{Dead: 3},
		},
	}
}

// rig is a world, a journal that outlives controllers, and the controller that
// runs now.
type rig struct {
	t *testing.T
	*world.World
	journal controller.Journal
	*controller.Controller
	reports []controller.Report
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, World: world.New(start), journal: journal.NewMemory(2 * time.Hour)}
	r.restart()
	return r
}

// rules are those of one queue and workers of one slot.
func rules(d controller.Decider) controller.Rules {
	return controller.Rules{Decider: d, Signals: derived.Settings{Queues: []string{"photos"}, Slots: 1, Interval: interval}}
}

// restart begins a new run of the controller on the same world and journal.
func (r *rig) restart() { r.run(engine()) }

// run is a restart with an engine of one's own.
func (r *rig) run(e policy.Engine) {
	f := controller.Fleet{Name: "render", Interval: interval}
	w := controller.World{Cloud: r.World, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: r.World}
	r.Controller = controller.New(f, w, rules(e), r.journal)
	if _, err := r.Resume(context.Background(), r.Now); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tick() controller.Report {
	r.t.Helper()
	rep := r.Tick(context.Background(), r.Now)
	r.reports = append(r.reports, rep)
	if b := r.Billed(); b > 10 {
		r.t.Fatalf("%d machines are billed, at most 10 may be", b)
	}
	if k := r.KilledBusy(); len(k) > 0 {
		r.t.Fatalf("let go of %v with an item in hand", k)
	}
	return rep
}

// minutes ticks once a minute.
func (r *rig) minutes(n int) {
	r.t.Helper()
	for range n {
		r.tick()
		r.Advance(interval)
	}
}

func (r *rig) launches() (n int) {
	for _, c := range r.Calls {
		var k int
		if _, err := fmt.Sscanf(c, "launch %d", &k); err == nil {
			n += k
		}
	}
	return n
}

func TestABurstIsWorkedOffAndTheFleetGoesHome(t *testing.T) {
	r := newRig(t)
	r.Waiting = 100
	r.minutes(40)
	if r.Done != 100 || r.Waiting != 0 {
		t.Errorf("done %d, waiting %d, want 100 and 0", r.Done, r.Waiting)
	}
	if n := len(r.Machines()); n != 0 {
		t.Errorf("%d machines are left, the minimum is 0", n)
	}
	if n := r.launches(); n != 10 {
		t.Errorf("%d launched, want 10 once", n)
	}
}

func TestPendingLaunchesAreNotBoughtAgain(t *testing.T) {
	r := newRig(t)
	r.Waiting, r.Boot, r.Unlisted = 24, 4*time.Minute, 90*time.Second
	r.minutes(4)
	if n := r.launches(); n != 3 {
		t.Errorf("launched %d for 24 items at 8 each, want 3: %v", n, r.Calls)
	}
}

// A launch that no list ever shows (it died at once, or its tag was lost) is not waited
// for for ever.
func TestALaunchThatIsNeverListedIsBoughtAnew(t *testing.T) {
	r := newRig(t)
	r.Waiting, r.Unlisted, r.DOA = 8, 24*time.Hour, true
	r.minutes(2)
	if n := r.launches(); n != 1 {
		t.Fatalf("launched %d while the first may yet be listed", n)
	}
	if r.minutes(8); r.launches() < 2 {
		t.Errorf("launched %d in ten minutes", r.launches())
	}
}

func TestADrainingWorkerIsRecalledBeforeAnyIsBought(t *testing.T) {
	r := newRig(t)
	r.Waiting, r.Item = 16, 150*time.Second
	r.minutes(6) // two workers, each busy for minutes
	for !slices.ContainsFunc(r.Machines(), func(m *world.Machine) bool { return m.Tags[fleet.TagDrain] != "" }) {
		if r.Now.Sub(start) > 2*time.Hour {
			t.Fatal("nobody was ever asked to drain")
		}
		r.minutes(1)
	}
	bought := r.launches()
	r.Waiting = 16
	r.minutes(1)
	if r.launches() != bought || !slices.ContainsFunc(r.Calls, func(c string) bool { return strings.HasPrefix(c, "untag") }) {
		t.Errorf("bought %d with a draining worker at hand: %v", r.launches()-bought, r.Calls)
	}
}

func TestNoListNoDecision(t *testing.T) {
	r := newRig(t)
	r.Waiting = 80
	r.minutes(3)
	before := len(r.Calls)
	r.Waiting = 0
	r.Before = failing("list")
	r.minutes(10)
	if rep := r.reports[len(r.reports)-1]; rep.Err == nil || len(r.Calls) != before {
		t.Errorf("acted without knowing the fleet: err %v, calls %v", rep.Err, r.Calls[before:])
	}
}

func failing(call string) func(string) error {
	return func(c string) error {
		if c == call {
			return errors.New(call + ": the cloud is away")
		}
		return nil
	}
}

func TestLaunchesThatNeverBecomeWorkersOpenTheBreaker(t *testing.T) {
	r := newRig(t)
	r.Waiting, r.DOA = 80, true
	r.minutes(60)
	if n := r.launches(); n > 10+60/6+1 {
		t.Errorf("%d launched in an hour in which none became a worker", n)
	}
	if last := r.reports[len(r.reports)-1].Decision; !slices.ContainsFunc(last.Reasons, func(x policy.Reason) bool { return x.By == "breaker" }) {
		t.Errorf("the breaker says nothing: %+v", last.Reasons)
	}
	r.DOA = false
	r.minutes(30)
	if r.Done == 0 {
		t.Error("the breaker did not close when launches worked again")
	}
}

func TestADryRunTouchesNothing(t *testing.T) {
	r := newRig(t)
	f := controller.Fleet{Name: "render", Interval: interval}
	w := controller.World{Cloud: r.World, Roster: &roster.Roster{Registry: r.World, Ears: r.World}, Signals: r.World}
	c := controller.New(f, controller.ReadOnly(w), rules(engine()), journal.NewMemory(2*time.Hour))
	r.Waiting = 500
	for range 70 {
		rep := c.Tick(context.Background(), r.Now)
		if rep.Decision.Launch != 10 {
			t.Fatalf("would launch %d, want 10 at every tick: a dry run spends no budget: %+v", rep.Decision.Launch, rep.Decision.Reasons)
		}
		r.Advance(interval)
	}
	if len(r.Calls) > 0 {
		t.Errorf("a dry run did %v", r.Calls)
	}
}
