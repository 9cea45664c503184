package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
	"skynet/signals/derived"
)

const (
	// readShare is how much of an interval may be spent on reading, and how much
	// again on asking programs.
	readShare = 0.5
	// longestRead bounds each: a source that takes longer is down.
	longestRead = 20 * time.Second
	// unlisted is how long at least a launch counts as starting though the cloud
	// does not list it. EC2's lists lag behind its launches:
	// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
	// It counts from the tick: two minutes, besides the calls that may have run into
	// their deadlines before the launch was sent.
	unlisted = 2*time.Minute + 3*CallTimeout
)

// Tick is one turn of the loop. now is the only reading of the clock that
// anything below it knows.
func (c *Controller) Tick(ctx context.Context, now time.Time) Report {
	begun := time.Now()
	r := c.tick(ctx, now.Round(0).UTC())
	r.Took = time.Since(begun)
	for _, w := range c.watchers {
		w(r)
	}
	return r
}

func (c *Controller) tick(ctx context.Context, now time.Time) Report {
	now = c.times.free(now)
	c.takeUp(ctx, now)
	s, err := c.observe(ctx, now)
	if err != nil {
		return c.fail(ctx, s, fmt.Errorf("no decision: %w", err))
	}
	read := s
	s, d, err := c.think(ctx, c.owed.with(read))
	if err != nil {
		return c.fail(ctx, read, fmt.Errorf("no decision: %w", err))
	}
	rec := journal.Record{Snapshot: s, Decision: d, Intents: c.intents(s, d)}
	if err := c.write(ctx, rec); err != nil {
		c.neverSent(rec.Intents)
		c.owed.keep(read)
		return Report{Snapshot: s, Decision: d, Err: fmt.Errorf("no deed, the journal cannot be written: %w", err)}
	}
	rec.Outcomes = c.act(ctx, rec.Intents)
	did := rec.Deeds()
	c.owed.settle(s)
	c.remember(policy.Remember(s, d, did))
	return Report{Snapshot: s, Decision: d, Deeds: did}
}

// think completes what was observed and decides. A mistake in a policy that makes it
// panic costs its fleet the tick, not the other fleets their controller.
func (c *Controller) think(ctx context.Context, s signals.Snapshot) (seen signals.Snapshot, d policy.Decision, err error) {
	defer mistake(&err)
	seen, d = c.decide(c.complete(ctx, s))
	return seen, d, nil
}

// mistake makes an error of a panic.
func mistake(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("a mistake of ours, please report it: %v", p)
	}
}

// decide asks the decider. Where several fleets share limits they decide one
// after the other, each knowing what the others have and are about to buy.
func (c *Controller) decide(s signals.Snapshot) (signals.Snapshot, policy.Decision) {
	var d policy.Decision
	if c.world.Account == nil {
		d = c.rules.Decider.Decide(s)
		d.Version = c.rules.Version
		return s, d
	}
	c.world.Account.Commit(s.Fleet, func(others signals.Usage) signals.Usage {
		s.Others = &others
		d = c.rules.Decider.Decide(s)
		return d.Usage(s)
	})
	d.Version = c.rules.Version
	return s, d
}

func (c *Controller) write(ctx context.Context, rec journal.Record) error {
	rec.Snapshot.Recent = nil // the journal has them: they are the records before
	c.times.add(rec.Snapshot.Now)
	return c.journal.Write(ctx, rec)
}

// fail writes a tick without a decision down, so that it can be explained. Later
// ticks remember nothing of it but what it had counted. If the journal fails too,
// the report must do.
func (c *Controller) fail(ctx context.Context, s signals.Snapshot, err error) Report {
	c.owed.keep(s)
	d := policy.Decision{ID: fleet.DecisionID(s.Fleet, s.Now), Fleet: s.Fleet, Failed: err.Error()}
	s = s.Freeze()
	s.Orders.Changes = nil // they are for a tick that decides to tell of
	if failed := c.write(ctx, journal.Record{Snapshot: s, Decision: d}); failed != nil {
		err = fmt.Errorf("%w (and the journal cannot be written: %w)", err, failed)
	}
	return Report{Snapshot: s, Decision: d, Err: err}
}

// readLimit is how long reading may take, and asking programs again.
func (c *Controller) readLimit() time.Duration {
	return min(time.Duration(float64(c.fleet.Interval)*readShare), longestRead)
}

// observe reads everything at once, and finds out what came of earlier deeds.
func (c *Controller) observe(ctx context.Context, now time.Time) (signals.Snapshot, error) {
	s, err := c.read(ctx, now)
	if err != nil {
		return s, err
	}
	if s.Open, err = c.settle(ctx, s); err != nil { // in a time of its own: a slow source must not stop it
		return s, err
	}
	c.recent = upTo(c.recent, now)
	s.Recent = slices.Clip(c.recent)
	s.Workers = withUnlisted(s, max(unlisted, 2*c.fleet.Interval))
	return s, nil
}

// read asks the roster and the sources, at once. What the operator has ordered is
// known before: it goes with a tick that fails, too, to whoever takes over.
func (c *Controller) read(ctx context.Context, now time.Time) (s signals.Snapshot, err error) {
	s.Fleet, s.Now = c.fleet.Name, now
	if s.Orders, err = c.ordered(now); err != nil {
		return s, err
	}
	if c.fleet.Virtual {
		s.Signals = c.world.Signals.Collect(ctx, now)
		s.Workers, err = c.world.Roster.Workers(ctx, c.fleet.Name)
		return s, err
	}
	reading, cancel := context.WithTimeout(ctx, c.readLimit())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.Workers, err = c.workers(reading) })
	wg.Go(func() { s.Signals = c.world.Signals.Collect(reading, now) })
	wg.Wait()
	return s, err
}

// ordered is what the operator has ordered.
func (c *Controller) ordered(now time.Time) (s signals.Standing, err error) {
	if c.world.Orders == nil {
		return s, nil
	}
	defer mistake(&err)
	return c.world.Orders.Standing(c.fleet.Name, now), nil
}

// complete adds what follows from what was read and what programs answer, and freezes
// it. Nothing reads after it.
func (c *Controller) complete(ctx context.Context, s signals.Snapshot) signals.Snapshot {
	s.Orders = s.Orders.Since(s.Last().At, s.Now)
	s = derived.Complete(s, c.rules.Signals)
	if c.world.Forecaster != nil {
		s = s.With(c.world.Forecaster.Observe(s))
	}
	if c.world.Advisers != nil {
		asking, cancel := context.WithTimeout(ctx, c.readLimit()) // of their own: a slow source must not cost their answers
		defer cancel()
		s.Advice = c.world.Advisers.Ask(asking, s)
	}
	return s
}

// workers asks the roster, and does not wait for one that ignores its deadline.
func (c *Controller) workers(ctx context.Context) ([]fleet.Worker, error) {
	type answer struct {
		ws  []fleet.Worker
		err error
	}
	select {
	case c.listing <- struct{}{}:
	default:
		return nil, errors.New("the roster is still busy with an earlier tick")
	}
	got := make(chan answer, 1)
	go func() {
		ws, err := c.world.Roster.Workers(ctx, c.fleet.Name)
		<-c.listing // before the answer: the next tick may follow at once
		got <- answer{ws, err}
	}()
	select {
	case a := <-got:
		return a.ws, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the roster does not answer: %w", ctx.Err())
	}
}

// withUnlisted adds fresh launches that the cloud does not list yet: they are
// paid for, and a tick that overlooked them would buy them again.
func withUnlisted(s signals.Snapshot, window time.Duration) []fleet.Worker {
	fresh := s.Since(s.Now.Add(-window))
	if !slices.ContainsFunc(fresh, func(t signals.Tick) bool { return len(t.Deeds.Launched) > 0 }) {
		return s.Workers
	}
	listed := make(map[fleet.ID]bool, len(s.Workers))
	for _, w := range s.Workers {
		listed[w.ID] = true
	}
	ws := s.Workers
	for _, t := range fresh {
		for _, id := range t.Deeds.Launched {
			if !listed[id] {
				listed[id] = true
				ws = append(ws, fleet.Worker{ID: id, State: fleet.Starting, Launched: t.At, Unheard: s.Now.Sub(t.At)})
			}
		}
	}
	return ws
}

// mostTicks is how many ticks are remembered, however long the windows: a day of
// ticks ten seconds apart, an hour of them each second. A window that is not
// covered for it lets nobody go.
const mostTicks = 10_000

// remember keeps a tick for later ones, and forgets those out of every window.
func (c *Controller) remember(t signals.Tick) {
	old := max(0, len(c.recent)+1-mostTicks)
	for old < len(c.recent) && t.At.Sub(c.recent[old].At) > c.memory() {
		old++
	}
	c.recent = append(c.recent[old:], t)
	c.times.forget(t.At)
}

// upTo takes ticks that lie in the future for ticks of now: the clock was set
// back. What they spent stays spent.
func upTo(recent []signals.Tick, now time.Time) []signals.Tick {
	if n := len(recent); n == 0 || !recent[n-1].At.After(now) {
		return recent
	}
	recent = slices.Clone(recent)
	for i := range recent {
		if recent[i].At.After(now) {
			recent[i].At = now
		}
	}
	return recent
}
