// Package simulate plays a policy against a scenario in virtual time. The world
// is made up here (queues, machines, prices, faults), but what runs in it is the
// daemon's own: the controller, its policies, plan and guards, and a journal.
//
//	arrivals ──► queues ──► machines ──► done
//	               │ signals   ▲ launch, wake, drain,
//	               ▼           │ sleep, terminate
//	             controller.Controller, at every multiple of the interval
//
// The same scenario and seed give the same results, to the byte, whatever else
// runs. Two policies on one scenario meet the same arrivals, each of which takes
// as long, and machines of which the n-th boots as slowly.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skynet/controller"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
	"skynet/signals/derived"
	"skynet/signals/forecast"
	"skynet/simulate/scenario"
)

// Policy is a policy to be played.
type Policy struct {
	Name      string             // in results: the file that was named
	Decider   controller.Decider // of every fleet
	Signals   derived.Settings   // as far as the policy file says
	Silent    time.Duration      // unheard for longer, a worker counts as silent; 0: 200 s
	Objective policy.Objective   // what within_objective counts by
	Advisers  controller.Advisers
	Interval  time.Duration // from tick to tick; 0: the scenario's
	Blind     bool          // it asks for no forecasts: none are made
}

func (p Policy) interval(sc *scenario.Scenario) time.Duration {
	if p.Interval > 0 {
		return p.Interval
	}
	return sc.Interval.Std()
}

func (p Policy) silence() time.Duration {
	if p.Silent > 0 {
		return p.Silent
	}
	return 200 * time.Second
}

// Options are what may be left out.
type Options struct {
	Seed     *uint64 // instead of the scenario's
	Journal  controller.Journal
	Progress func(share float64)                             // of the time that is known to pass
	Watch    func(fleetName string, r controller.Report)     // every tick
	Moments  func(m Moment)                                  // after every tick, and at the end: for reports
	state    func(w *world, at time.Duration, ticked string) // for tests
}

// after is how long a run goes on after the last arrival.
const after = 24 * time.Hour

// Run plays a policy against a scenario until all that arrived is done, at most a
// day after the last arrival.
func Run(ctx context.Context, sc *scenario.Scenario, p Policy, o Options) (Result, error) {
	begun := time.Now()
	if len(sc.Queues) == 0 || len(sc.Fleets) == 0 {
		return Result{}, errors.New("simulate: the scenario has no queue or no fleet")
	}
	r := &run{options: o, policy: p, world: newWorld(sc, p, seedOf(sc, o))}
	if err := r.hire(ctx); err != nil {
		return Result{}, err
	}
	if err := r.play(ctx); err != nil {
		return Result{}, err
	}
	r.ended()
	res := r.result()
	res.WallSeconds = time.Since(begun).Seconds()
	return res, nil
}

func seedOf(sc *scenario.Scenario, o Options) uint64 {
	if o.Seed != nil {
		return *o.Seed
	}
	return uint64(sc.Seed)
}

// run is one policy on one scenario.
type run struct {
	options Options
	policy  Policy
	world   *world
	loops   []*controller.Controller
	ticks   int

	ahead     []*forecast.Forecaster // of each fleet; nil: it has none
	scores    []*forecast.Scores
	witnesses []witness // of each fleet, for moments
}

// hire puts the daemon's loop of each fleet together.
func (r *run) hire(ctx context.Context) error {
	w := r.world
	interval := r.policy.interval(w.sc)
	j := r.options.Journal
	if j == nil {
		j = thin{journal.NewMemory(2 * interval)}
	}
	for _, c := range w.crews {
		rules := controller.Rules{Decider: r.policy.Decider, Signals: c.settings(r.policy.Signals, interval)}
		there := controller.World{Cloud: c, Roster: c, Signals: c, Advisers: r.policy.Advisers}
		if ahead := r.lookAhead(rules.Signals); ahead != nil {
			there.Forecaster = ahead
		}
		loop := controller.New(controller.Fleet{Name: c.Name, Interval: interval, Virtual: true}, there, rules, j)
		if r.options.Watch != nil {
			loop.Watch(func(rep controller.Report) { r.options.Watch(c.Name, rep) })
		}
		if _, err := loop.Resume(ctx, w.start); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		r.loops = append(r.loops, loop)
	}
	return nil
}

// thin is a journal without what was known: nothing is read back from it but
// intents without an outcome, which it keeps in any case. The controller itself
// remembers what its windows need.
type thin struct{ *journal.Memory }

func (t thin) Write(ctx context.Context, r journal.Record) error {
	r.Snapshot = signals.Snapshot{Fleet: r.Snapshot.Fleet, Now: r.Snapshot.Now}
	return t.Memory.Write(ctx, r)
}

// settings are the policy file's, and what a settings file would say of the fleet.
func (c *crew) settings(set derived.Settings, interval time.Duration) derived.Settings {
	set.Queues = nil
	for _, q := range c.queues {
		set.Queues = append(set.Queues, q.Name)
	}
	set.Slots, set.Interval, set.Prices = c.Slots, interval, nil
	for i := range max(1, len(c.Types)) {
		if c.Priced() {
			p, _ := c.price(i, false)
			set.Prices = append(set.Prices, derived.Price{Type: c.typeName(i), Hourly: p})
		}
	}
	return set
}

// play lets time pass, from tick to tick.
func (r *run) play(ctx context.Context) error {
	w := r.world
	interval := r.policy.interval(w.sc)
	first := w.start.Truncate(interval)
	if first.Before(w.start) {
		first = first.Add(interval)
	}
	for at := first.Sub(w.start); ; at += interval {
		if w.now < w.sc.End && at >= w.sc.End && w.advance(w.sc.End) || w.advance(min(at, w.sc.End+after)) || w.now >= w.sc.End+after {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.tick(ctx, at)
	}
}

func (r *run) tick(ctx context.Context, at time.Duration) {
	w := r.world
	r.ticks++
	if at > w.sc.End {
		r.unscored()
	}
	for i, loop := range r.loops {
		w.crews[i].forget()
		done := loop.Tick(ctx, w.at(at))
		if r.options.state != nil {
			r.options.state(w, at, w.crews[i].Name)
		}
		r.moment(i, at, done.Decision)
	}
	const often = 500
	if r.options.Progress != nil && r.ticks%often == 0 {
		r.options.Progress(min(1, at.Seconds()/w.sc.End.Seconds()))
	}
}
