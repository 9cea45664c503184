// Package controller is the loop: observe, decide, write down, act. It holds
// no arithmetic (package policy does) and knows no vendor (adapters do).
//
//	    ┌──────── every interval ────────┐
//	    ▼                                │
//	observe ──► decide ──► journal ──► act ──► settle
//	 │ roster    (pure)     │ fails:     │ each deed has an intent before
//	 │ fails:               │ no deed    │ it and an outcome after it
//	 ▼ no decision          ▼            ▼
package controller

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
	"skynet/signals/derived"
)

// Cloud launches, wakes, puts to sleep and terminates. It grows by count and
// shrinks by name: no call takes a smaller number. Every call returns the part
// that was done beside the error for the rest.
type Cloud interface {
	// Launch starts o.Count instances, and no more under the same token however
	// often it is called. An error that wraps a refusal (see fleet.Refused) says
	// that what is missing was not launched: it must not be joined with one that
	// leaves it open, such as a timeout.
	Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error)
	Wake(ctx context.Context, ids []fleet.ID) (done []fleet.ID, err error)
	Sleep(ctx context.Context, ids []fleet.ID) (done []fleet.ID, err error)
	Terminate(ctx context.Context, ids []fleet.ID) (done []fleet.ID, err error)
}

// Drafter is a Cloud that makes choices for an order: a template's version, the
// kinds it offers, Spot or not. They go into the order's Request before it is
// journalled, so that what is sent again after a crash is what was sent. It is pure
// but for what the cloud has told it, and sends nothing.
type Drafter interface {
	Draft(o fleet.Order, ws []fleet.Worker) fleet.Order
}

// Roster knows the workers of a fleet and passes requests on to them.
type Roster interface {
	Workers(ctx context.Context, fleetName string) ([]fleet.Worker, error)
	Drain(ctx context.Context, ids []fleet.ID, decision string) (done []fleet.ID, err error)
	Recall(ctx context.Context, ids []fleet.ID) (done []fleet.ID, err error)
}

// Signals measures what a tick knows besides the workers.
type Signals interface {
	Collect(ctx context.Context, now time.Time) []signals.Signal
}

// Decider decides. It must be pure: policy.Engine is one.
type Decider interface {
	Decide(s signals.Snapshot) policy.Decision
	// Max is the most that may be billed at once.
	Max() int
	// Window is how far back it looks.
	Window() time.Duration
}

// Journal is what the loop writes to and restarts from.
type Journal interface {
	Write(ctx context.Context, r journal.Record) error
	Settle(ctx context.Context, o journal.Outcome) error
	Unsettled(ctx context.Context, fleetName string) ([]journal.Intent, error)
	Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]journal.Record, error)
}

// Fleet is what a Controller is told of the fleet that it looks after.
type Fleet struct {
	Name     string
	Interval time.Duration // from tick to tick
	// Virtual says that time stands still while a tick reads, as in a simulation: no
	// reading is too late, however busy the machine that it runs on, and nothing is
	// read beside anything else.
	Virtual bool
}

// Advisers are programs of the user's, asked about what a tick knows before it
// decides. What they do not answer in time is in the advice, with the reason.
type Advisers interface {
	Ask(ctx context.Context, s signals.Snapshot) []signals.Advice
}

// Forecaster takes in what a tick knows of arrivals and says what is to come. It
// remembers: what it says is in the snapshot, so that the tick can be decided again.
type Forecaster interface {
	Observe(s signals.Snapshot) []signals.Signal
}

// Orders are the operator's standing orders.
type Orders interface {
	Standing(fleetName string, now time.Time) signals.Standing
}

// Account keeps what all fleets of the daemon use together, so that limits over
// all of them hold though each decides for itself.
type Account interface {
	// Commit gives decide what the other fleets use and keeps what it returns as
	// this fleet's own. No two fleets are inside at once.
	Commit(fleetName string, decide func(others signals.Usage) (own signals.Usage))
}

// World is what a Controller reads and acts on.
type World struct {
	Cloud      Cloud
	Roster     Roster
	Signals    Signals
	Forecaster Forecaster // nil: there is no forecast
	Advisers   Advisers   // nil: nobody is asked
	Orders     Orders     // nil: there are none
	Account    Account    // nil: this fleet is alone
}

// Rules are how a Controller decides: what the policy file says. They can be
// replaced while it runs.
type Rules struct {
	Decider Decider
	Signals derived.Settings // what derived signals depend on
	Version string           // tells these rules from others, in decisions; may be ""
}

// Controller looks after one fleet. Its methods are called by one goroutine.
type Controller struct {
	fleet   Fleet
	world   World
	rules   Rules
	journal Journal
	fresh   atomic.Pointer[change] // to be taken up by the next tick

	recent    []signals.Tick  // earlier ticks, newest last
	owed      owed            // counted in ticks that came to nothing
	times     times           // when there was a tick: names and tokens follow from it
	unsettled bool            // an intent may have no outcome: look before the next tick
	unsent    map[string]bool // intents that may be in the journal, and were never sent
	listing   chan struct{}   // holds one token while the roster is asked
	watchers  []func(Report)
}

// change is a world and rules that replace those of earlier ticks.
type change struct {
	world World
	rules Rules
}

// Report is what became of a tick.
type Report struct {
	Snapshot signals.Snapshot
	Decision policy.Decision
	Deeds    signals.Deeds
	Took     time.Duration
	Err      error // why there was no decision, or no deed
}

// New returns a Controller. Call Resume before the first Tick.
func New(f Fleet, w World, r Rules, j Journal) *Controller {
	return &Controller{
		fleet: f, world: w, rules: r, journal: j, unsettled: true,
		owed: owed{}, unsent: map[string]bool{}, listing: make(chan struct{}, 1),
	}
}

// Adopt has the ticks from the next one on read and act on w and decide by r.
// What was remembered stays. Unlike the other methods it may be called by any
// goroutine.
func (c *Controller) Adopt(w World, r Rules) { c.fresh.Store(&change{w, r}) }

// takeUp takes up what was adopted since the tick before. If that looks further
// back, the journal has what was forgotten.
func (c *Controller) takeUp(ctx context.Context, now time.Time) {
	f := c.fresh.Swap(nil)
	if f == nil {
		return
	}
	before := c.memory()
	c.world, c.rules = f.world, f.rules
	if c.memory() > before {
		c.lookFurtherBack(ctx, now)
	}
}

// lookFurtherBack remembers what the journal has from before the oldest tick that
// is remembered. If it cannot be read, a window that ticks do not cover lets nobody
// go, as after a first start.
func (c *Controller) lookFurtherBack(ctx context.Context, now time.Time) {
	reading, cancel := context.WithTimeout(ctx, longestRead)
	defer cancel()
	records, err := c.journal.Records(reading, c.fleet.Name, now.Add(-c.memory()), mostTicks)
	if err != nil {
		return
	}
	oldest := now
	if len(c.recent) > 0 {
		oldest = c.recent[0].At
	}
	var earlier []signals.Tick
	for _, r := range records {
		if r.Decision.Failed == "" && r.Snapshot.Now.Before(oldest) {
			earlier = append(earlier, r.Tick())
		}
	}
	c.recent = append(earlier, c.recent...)
}

// memory is how far back a tick remembers: what the longest window needs, and a
// little more, since a window is covered only by a tick before its start.
func (c *Controller) memory() time.Duration {
	return c.rules.Decider.Window() + 5*time.Minute + 3*c.fleet.Interval
}

// Watch calls f with the report of every tick from now on.
func (c *Controller) Watch(f func(Report)) { c.watchers = append(c.watchers, f) }

// Resume reads what an earlier run left in the journal, so that budgets and
// windows go on where they were. It changes nothing in the fleet.
func (c *Controller) Resume(ctx context.Context, now time.Time) ([]fleet.Worker, error) {
	records, err := c.earlier(ctx, now)
	if err != nil {
		return nil, err
	}
	var workers []fleet.Worker
	c.recent, c.owed = c.recent[:0], owedBy(records)
	for _, r := range records {
		c.times.add(r.Snapshot.Now)
		if r.Decision.Failed == "" {
			c.recent = append(c.recent, asThen(r).Tick())
			workers = r.Snapshot.Workers
		}
	}
	for _, r := range records {
		c.amendAll(r)
	}
	return workers, nil
}

// earlier reads the ticks that are to be remembered. However long ago the last one
// that decided was, what it had learned is worth having.
func (c *Controller) earlier(ctx context.Context, now time.Time) (records []journal.Record, err error) {
	decided := func(r journal.Record) bool { return r.Decision.Failed == "" }
	records, err = c.journal.Records(ctx, c.fleet.Name, now.Add(-c.memory()), mostTicks)
	for n := 1; err == nil && n <= mostFailed && !slices.ContainsFunc(records, decided); n *= 10 {
		records, err = c.journal.Records(ctx, c.fleet.Name, time.Time{}, n)
	}
	return records, err
}

// mostFailed is how many of the last ticks are looked at to find one that decided.
const mostFailed = 10_000

// Run ticks at every multiple of the interval until ctx ends. It never stops
// by itself: a tick that fails is reported, and the next one tries again.
func (c *Controller) Run(ctx context.Context) {
	for {
		now := time.Now()
		next := now.Truncate(c.fleet.Interval).Add(c.fleet.Interval)
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			// A tick that has begun is finished: its calls have deadlines of their own.
			c.Tick(context.WithoutCancel(ctx), time.Now())
		}
	}
}
