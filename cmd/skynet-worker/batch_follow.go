package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/queue"
	"skynet/worker/batch"
)

// pursuit looks at a batch again and again.
type pursuit struct {
	record *batch.Record
	shelf  batch.Shelf
	watch  *batch.Watch
	gauge  queue.Gauge // nil: the queue cannot be asked
	now    func() time.Time

	tally batch.Tally // after the last look
	depth queue.Depth // of the queue
	asked bool        // it answered
	empty time.Time   // since when nothing was seen in it; zero while there is something

	resent int // items that were sent again before
}

const (
	// often is the least time between two looks. One that takes long waits longer:
	// looking costs requests, and they must not be what the store is busy with.
	often, share = time.Second, 4
	rarely       = time.Minute
	// quiet is how long nothing may be seen in a queue until nothing is left in it, so
	// that an item between two states is not missed, and quietSQS where counts are
	// those of some moment ago.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
	quiet, quietSQS = 3 * time.Second, 75 * time.Second
)

// look looks once. The queue is asked first: what leaves it meanwhile is found in
// the store.
func (p *pursuit) look(ctx context.Context) error {
	p.ask(ctx)
	if p.tally.Unsent > 0 {
		if err := p.shelf.Refresh(ctx, p.record); err != nil {
			return err
		}
	}
	if err := p.watch.Look(ctx); err != nil {
		return err
	}
	if !p.empty.IsZero() && p.now().Sub(p.empty) >= p.quiet() {
		p.watch.Over()
	}
	p.tally = batch.Count(p.watch.Results, p.now())
	return nil
}

// quiet is how long this queue must seem empty.
func (p *pursuit) quiet() time.Duration {
	if p.depth.OldestKnown { // a queue that knows its oldest item knows its items
		return quiet
	}
	return quietSQS
}

func (p *pursuit) ask(ctx context.Context) {
	if p.gauge == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	d, err := p.gauge.Depth(ctx)
	p.depth, p.asked = d, err == nil
	switch {
	case !p.asked || d.Visible+d.InFlight+d.Delayed > 0:
		p.empty = time.Time{}
	case p.empty.IsZero():
		p.empty = p.now()
	}
}

// untilSure looks until what is open is known to be in the queue, or lost.
func (p *pursuit) untilSure(ctx context.Context) error {
	for {
		if err := p.look(ctx); err != nil || !p.watch.Open() || p.empty.IsZero() {
			return err
		}
		if !nap(ctx, often) {
			return ctx.Err()
		}
	}
}

// follow looks until the batch is over.
func (i *inquiry) follow(ctx context.Context, c *cobra.Command, p *pursuit) error {
	if i.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, i.timeout)
		defer cancel()
	}
	var err error
	if w := terminal(c.OutOrStdout()); w != nil && i.format == "text" {
		err = watchLive(ctx, w, p)
	} else {
		err = p.follow(ctx, func(error) {})
	}
	if err != nil && ctx.Err() != nil {
		return i.cut(c, p, ctx.Err())
	}
	if errors.Is(err, errQuit) {
		return i.cut(c, p, err)
	}
	return err
}

// cut ends a wait before the batch is over, with what is known by then.
func (i *inquiry) cut(c *cobra.Command, p *pursuit, why error) error {
	said := "stopped"
	if errors.Is(why, context.DeadlineExceeded) {
		said = "after " + i.timeout.String()
	}
	if p.tally.Items == 0 {
		return finding{errors.New(said + ", before the batch could be looked at")}
	}
	return errors.Join(i.show(c, p), finding{fmt.Errorf("%s: %w", said, verdict(p.tally))})
}

// follow looks until nothing is open. A store that does not answer is asked again.
func (p *pursuit) follow(ctx context.Context, seen func(err error)) error {
	for failures := 0; ; {
		begun := time.Now()
		err := p.look(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		seen(err)
		if failures++; err == nil {
			failures = 0
		}
		if failures == patience {
			return finding{err}
		}
		if err == nil && !p.watch.Open() {
			return nil
		}
		if !nap(ctx, pauseAfter(time.Since(begun))) {
			return ctx.Err()
		}
	}
}

// patience is how many looks in a row may fail.
const patience = 10

// pauseAfter is how long nothing is looked at after a look that took so long.
func pauseAfter(took time.Duration) time.Duration {
	return min(max(often, share*took), rarely)
}

// nap waits, or until ctx ends: false.
func nap(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// oneLine is a text without its line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
