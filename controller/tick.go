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
)

const (
	// readShare is how much of an interval may be spent on reading.
	readShare = 0.5
	// longestRead bounds it: a source that takes longer is down.
	longestRead = 20 * time.Second
	// unlisted is how long at least a launch counts as starting though the cloud
	// does not list it. EC2's lists lag behind its launches:
	// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
	unlisted = 2 * time.Minute
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
	s, err := c.observe(ctx, now)
	if err != nil {
		return Report{Snapshot: s, Err: fmt.Errorf("no decision: %w", err)}
	}
	d := c.decider.Decide(s)
	rec := journal.Record{Snapshot: s, Decision: d, Intents: c.intents(s, d)}
	rec.Snapshot.Recent = nil // the journal has them: they are the records before
	c.times.add(now)
	if err := c.journal.Write(ctx, rec); err != nil {
		c.neverSent(rec.Intents)
		return Report{Snapshot: s, Decision: d, Err: fmt.Errorf("no deed, the journal cannot be written: %w", err)}
	}
	rec.Outcomes = c.act(ctx, rec.Intents)
	did := rec.Deeds()
	c.remember(policy.Remember(s, d, did))
	return Report{Snapshot: s, Decision: d, Deeds: did}
}

// observe reads everything at once and freezes it. Nothing reads after it.
func (c *Controller) observe(ctx context.Context, now time.Time) (signals.Snapshot, error) {
	s := signals.Snapshot{Fleet: c.fleet.Name, Now: now}
	limit := min(time.Duration(float64(c.fleet.Interval)*readShare), longestRead)
	reading, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { s.Workers, err = c.workers(reading) })
	wg.Go(func() { s.Signals = c.world.Signals.Collect(reading, now) })
	wg.Wait()
	if err != nil {
		return s, err
	}
	if s.Open, err = c.settle(ctx, s.Workers, now); err != nil { // in a time of its own: a slow source must not stop it
		return s, err
	}
	c.recent = upTo(c.recent, now)
	s.Recent = slices.Clip(c.recent)
	s.Workers = withUnlisted(s, max(unlisted, 2*c.fleet.Interval))
	s.Born, s.Died = signals.Fates(c.lastUnheard(), s.Workers)
	// What is computed here comes first: a source that takes its name loses.
	s.Signals = signals.Sort(append(signals.OfWorkers(s.Workers, c.fleet.Slots, now), s.Signals...))
	s.Signals = append(signals.OfQueues(c.fleet.Queues, s.Signals, now), s.Signals...)
	return s.Freeze(), nil
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

func (c *Controller) lastUnheard() []fleet.ID {
	if len(c.recent) == 0 {
		return nil
	}
	return c.recent[len(c.recent)-1].Starting
}

// withUnlisted adds fresh launches that the cloud does not list yet: they are
// paid for, and a tick that overlooked them would buy them again.
func withUnlisted(s signals.Snapshot, window time.Duration) []fleet.Worker {
	listed := make(map[fleet.ID]bool, len(s.Workers))
	for _, w := range s.Workers {
		listed[w.ID] = true
	}
	ws := s.Workers
	for _, t := range s.Since(s.Now.Add(-window)) {
		for _, id := range t.Deeds.Launched {
			if !listed[id] {
				listed[id] = true
				ws = append(ws, fleet.Worker{ID: id, State: fleet.Starting, Launched: t.At, Unheard: s.Now.Sub(t.At)})
			}
		}
	}
	return ws
}

// remember keeps a tick for later ones, and forgets those out of every window.
func (c *Controller) remember(t signals.Tick) {
	old := 0
	for old < len(c.recent) && t.At.Sub(c.recent[old].At) > memory {
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
