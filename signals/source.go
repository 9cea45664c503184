package signals

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Source gives some signals when asked.
type Source interface {
	// Names says what it gives, before it is asked: if it does not answer in
	// time, these are unknown.
	Names() []string
	// Read measures. A number that cannot be had is a signal with the reason,
	// not an error and not left out. It should return when ctx ends.
	Read(ctx context.Context, now time.Time) []Signal
}

// Collector asks sources all at once.
type Collector struct {
	sources []asked
}

type asked struct {
	Source
	busy chan struct{} // holds one token while a Read is under way
}

// NewCollector returns a Collector of the sources.
func NewCollector(sources ...Source) *Collector {
	c := &Collector{}
	for _, s := range sources {
		c.sources = append(c.sources, asked{Source: s, busy: make(chan struct{}, 1)})
	}
	return c
}

// Collect reads every source at once and returns when all have answered or ctx
// ends. What is late, or still busy with an earlier tick's question, is
// unknown: a tick never waits for one slow source beyond its deadline.
func (c *Collector) Collect(ctx context.Context, now time.Time) []Signal {
	answers := make([][]Signal, len(c.sources))
	var wg sync.WaitGroup
	for i, s := range c.sources {
		wg.Go(func() { answers[i] = s.ask(ctx, now) })
	}
	wg.Wait()
	var all []Signal
	for _, a := range answers {
		all = append(all, a...)
	}
	return all
}

func (a asked) ask(ctx context.Context, now time.Time) []Signal {
	select {
	case a.busy <- struct{}{}:
	default:
		return unknown(a.Names(), now, "the source is still busy with an earlier tick")
	}
	answer := make(chan []Signal, 1)
	go func() {
		list := a.read(ctx, now)
		<-a.busy // before the answer: the next tick may follow at once
		answer <- list
	}()
	select {
	case list := <-answer:
		return a.complete(list, now)
	case <-ctx.Done():
		return unknown(a.Names(), now, "no answer within the tick's deadline")
	}
}

// read guards the tick against a source that panics.
func (a asked) read(ctx context.Context, now time.Time) (list []Signal) {
	defer func() {
		if r := recover(); r != nil {
			list = unknown(a.Names(), now, fmt.Sprintf("the source failed: %v", r))
		}
	}()
	return a.Read(ctx, now)
}

// complete adds what a source promised and did not give.
func (a asked) complete(list []Signal, now time.Time) []Signal {
	list = slices.Clone(list) // the source may keep its own
	given := make(map[string]bool, len(list))
	for i, s := range list {
		given[s.Name] = true
		if s.Unknown == "" {
			list[i] = Known(s.Name, s.Value, s.At, s.Good)
		}
	}
	for _, name := range a.Names() {
		if !given[name] {
			list = append(list, Missing(name, now, "the source did not give it"))
		}
	}
	return list
}

func unknown(names []string, at time.Time, why string) []Signal {
	list := make([]Signal, len(names))
	for i, n := range names {
		list[i] = Missing(n, at, why)
	}
	return list
}
