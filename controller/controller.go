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
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
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
	Queues   []string      // names of its queues
	Slots    int           // what one instance works on at once, 0 if only it can tell
	Interval time.Duration // from tick to tick
}

// World is what a Controller reads and acts on.
type World struct {
	Cloud   Cloud
	Roster  Roster
	Signals Signals
}

// Controller looks after one fleet. Its methods are called by one goroutine.
type Controller struct {
	fleet   Fleet
	world   World
	decider Decider
	journal Journal

	recent    []signals.Tick  // earlier ticks, newest last
	times     times           // when there was a tick: names and tokens follow from it
	unsettled bool            // an intent may have no outcome: look before the next tick
	unsent    map[string]bool // intents that may be in the journal, and were never sent
	listing   chan struct{}   // holds one token while the roster is asked
	watchers  []func(Report)
}

// Report is what became of a tick.
type Report struct {
	Snapshot signals.Snapshot
	Decision policy.Decision
	Deeds    signals.Deeds
	Took     time.Duration
	Err      error // why there was no decision, or no deed
}

// memory is how far back a tick remembers: the longest window of any guard.
const memory = time.Hour + 5*time.Minute

// New returns a Controller. Call Resume before the first Tick.
func New(f Fleet, w World, d Decider, j Journal) *Controller {
	return &Controller{
		fleet: f, world: w, decider: d, journal: j, unsettled: true,
		times: times{}, unsent: map[string]bool{}, listing: make(chan struct{}, 1),
	}
}

// Watch calls f with the report of every tick from now on.
func (c *Controller) Watch(f func(Report)) { c.watchers = append(c.watchers, f) }

// Resume reads what an earlier run left in the journal, so that budgets and
// windows go on where they were. It changes nothing in the fleet.
func (c *Controller) Resume(ctx context.Context, now time.Time) ([]fleet.Worker, error) {
	records, err := c.journal.Records(ctx, c.fleet.Name, now.Add(-memory), 0)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	c.recent = c.recent[:0]
	for _, r := range records {
		c.recent = append(c.recent, r.Tick())
		c.times.add(r.Snapshot.Now)
	}
	for _, r := range records {
		c.amendAll(r)
	}
	return records[len(records)-1].Snapshot.Workers, nil
}

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
