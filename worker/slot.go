package worker

import (
	"context"
	"time"

	"go.uber.org/zap"

	"skynet/fleet"
	"skynet/queue"
	"skynet/worker/gate"
)

const (
	receiveSlack = 10 * time.Second // what a receive may take beyond its wait
	// longWait is the longest that one receive waits for an item: the most that SQS
	// allows. sharedWait is that on one of several queues, so that an empty one does
	// not hold a slot back.
	longWait, sharedWait = 20 * time.Second, time.Second
)

// lane takes one item after the other through its stages until the agent stops.
func (a *Agent) lane(life context.Context) {
	for {
		p, ok := a.gate.Enter(life)
		if !ok {
			return
		}
		f, it := a.receive(life, p)
		s := a.gate.Left(p, it != nil, time.Now())
		if it != nil {
			a.carry(life, p, a.take(life, f, it, s))
		}
	}
}

// receive returns the next item and its feed, or none when the gate shuts.
// The feeds are asked in turn without waiting, the most due first; when all
// are empty, the slot waits on the one that the fewest others wait on.
// Ahead of a free slot it asks once, and not for long.
func (a *Agent) receive(ctx context.Context, p gate.Pass) (*feed, *queue.Item) {
	ctx, cancel := until(ctx, p.Shut)
	defer cancel()
	for ctx.Err() == nil {
		order := a.share.order(time.Now())
		if len(order) == 0 {
			pause(ctx, a.share.relief(time.Now()))
			continue
		}
		if f, it := a.sweep(ctx, order); it != nil {
			return f, it
		}
		if f, it := a.linger(ctx, order, p.Early); it != nil || p.Early {
			return f, it
		}
	}
	return nil, nil
}

func (a *Agent) sweep(ctx context.Context, order []*feed) (*feed, *queue.Item) {
	if len(a.feeds) == 1 {
		return nil, nil // its long wait answers at once when there is something
	}
	for _, f := range order {
		if it, _ := a.ask(ctx, f, 0); it != nil {
			return f, it
		}
	}
	return nil, nil
}

func (a *Agent) linger(ctx context.Context, order []*feed, short bool) (*feed, *queue.Item) {
	wait := longWait
	if len(a.feeds) > 1 || short {
		wait = sharedWait
	}
	f := a.share.wait(order)
	defer a.share.leave(f)
	it, err := a.ask(ctx, f, wait)
	if err != nil && len(order) > 1 {
		pause(ctx, firstPause) // the sweep has just found the others empty
	}
	return f, it
}

// ask receives once from one feed. After an error the feed is left alone for a
// while, by all slots.
func (a *Agent) ask(ctx context.Context, f *feed, wait time.Duration) (*queue.Item, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err() // a cancelled receive may still take an item with it
	}
	once, cancel := context.WithTimeout(ctx, wait+receiveSlack)
	defer cancel()
	it, err := f.src.Receive(once, wait)
	switch {
	case it != nil:
		f.receiving.saw(a.log, nil)
		return it, nil
	case ctx.Err() != nil:
		return nil, nil // the gate has shut: whatever the error, it is ours
	}
	if n := f.receiving.saw(a.log, err); err != nil {
		a.share.rest(f, time.Now().Add(backoff(n)))
		return nil, err
	}
	a.share.empty(f)
	return nil, nil
}

// countStart counts a redelivery, or the wait of an item that is started for
// the first time: on a later try the wait holds what its first workers took.
func (a *Agent) countStart(h *hand, start time.Time) {
	f, it := h.feed, h.it
	h.begun = true
	a.tally.count(f.name, func(w *fleet.Work) {
		if it.Tries > 1 {
			w.Redelivered++
		} else if !it.Sent.IsZero() {
			w.Wait.Add(max(start.Sub(it.Sent).Seconds(), 0)) // clocks differ: before it was sent is at once
		}
	})
	a.log.Debug("started", zap.String(keyItem, it.ID), zap.String(keyQueue, f.name), zap.Int(keyTries, it.Tries))
}
