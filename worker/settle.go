package worker

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"skynet/config/redact"
	"skynet/fleet"
	"skynet/queue"
)

// Releaser is what a queue may offer beyond queue.Source: to take an item back
// that was not worked on to its end through no fault of its own, for delivery at
// once. A queue that cannot lets the item's visibility run out.
type Releaser interface {
	Release(ctx context.Context, it *queue.Item) error
}

const (
	lastCall    = 3 * time.Second  // for a call after the agent was told to stop at once
	settleLimit = 2 * time.Minute  // for tries to reach a queue about a finished item
	tellLimit   = 30 * time.Second // for the craft to write down why a try failed
	maxReason   = 1000             // bytes of a reason: enough to read, fits any queue's attribute
	fullRest    = time.Minute      // without a receive, after the disk was full
)

// outcome is what came of one item.
type outcome struct {
	it   *queue.Item
	feed *feed
	try  Try
	done Done
	took time.Duration
	err  error
	let  func() // stops keeping it invisible
}

// settle tells the queue what came of an item. cause is why it was taken out
// of hand, nil if it was not.
func (a *Agent) settle(life context.Context, o outcome, cause error) {
	log := a.log.With(zap.String(keyItem, o.it.ID), zap.String(keyQueue, o.feed.name),
		zap.Float64(keySeconds, o.took.Seconds()))
	switch {
	case o.err == nil:
		a.finish(life, o, log)
	case errors.Is(cause, queue.ErrGone):
		log.Warn("lost", zap.Error(o.err))
	case cause != nil:
		a.giveBack(life, o, log)
	default:
		a.fail(life, o, log)
	}
}

func (a *Agent) finish(life context.Context, o outcome, log *zap.Logger) {
	err := a.insist(life, o.feed, func(ctx context.Context) error { return o.feed.src.Delete(ctx, o.it) })
	if err != nil {
		// Not counted: whoever gets it next finishes it, over the same outputs.
		log.Warn("done, but not taken out of its queue", zap.Error(err))
		return
	}
	a.tally.count(o.feed.name, func(w *fleet.Work) {
		w.Completed++
		w.BytesIn += o.done.BytesIn
		w.BytesOut += o.done.BytesOut
		w.Seconds.Add(o.took.Seconds())
	})
	if o.done.Idle != "" {
		log = log.With(zap.String(keyReason, o.done.Idle))
	}
	log.Info("done", zap.Strings(keyOutputs, o.done.Outputs))
}

func (a *Agent) fail(life context.Context, o outcome, log *zap.Logger) {
	why := reason(o.err)
	a.tally.count(o.feed.name, func(w *fleet.Work) { w.Failed++ })
	log.Info("failed", zap.String(keyReason, why), zap.Int(keyTries, o.it.Tries))
	a.tellFailed(life, o, log)
	a.restIfFull(o.err, log)
	o.let()
	err := a.insist(life, o.feed, func(ctx context.Context) error { return o.feed.src.Fail(ctx, o.it, why) })
	if err != nil {
		log.Warn("failed, and the queue could not be told", zap.Error(err))
	}
}

// restIfFull has the worker take no more items for a while when its disk is full:
// what has just failed here would fail again within seconds, and others have room.
func (a *Agent) restIfFull(err error, log *zap.Logger) {
	if !noRoom(err) {
		return
	}
	log.Warn("this worker's disk is full, takes no items for a while", zap.Duration("for", fullRest))
	for _, f := range a.feeds {
		a.share.rest(f, time.Now().Add(fullRest))
	}
}

// noRoom reports a full disk, also where a program says it in words.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), syscall.ENOSPC.Error()) ||
		strings.Contains(err.Error(), "No space left on device")
}

// tellFailed tells the craft of a failed try, while the item is still kept.
func (a *Agent) tellFailed(life context.Context, o outcome, log *zap.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(life), tellLimit)
	defer cancel()
	if err := a.craft.Failed(ctx, o.try, o.err); err != nil {
		log.Warn("failed, and this could not be written down", zap.Error(err))
	}
}

// giveBack returns an item that was not worked on to its end to its queue, so
// that another worker has it at once. We count no failure and give no reason.
// Whether the item had one of its tries is up to the queue: queue/nats takes it
// off the count, on SQS every delivery is one.
func (a *Agent) giveBack(life context.Context, o outcome, log *zap.Logger) {
	o.let()
	r, ok := o.feed.src.(Releaser)
	if !ok {
		log.Info("left to its visibility", zap.String(keyReason, reason(o.err)))
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(life), lastCall)
	defer cancel()
	if err := r.Release(ctx, o.it); err != nil {
		log.Warn("left to its visibility", zap.String(keyReason, reason(o.err)), zap.Error(err))
		return
	}
	log.Info("given back", zap.String(keyReason, reason(o.err)))
}

// insist calls until the queue answers, for a bounded time; the agent's end
// leaves it one last call. That an item is gone is an answer.
func (a *Agent) insist(life context.Context, f *feed, call func(context.Context) error) error {
	start := time.Now()
	for {
		last := life.Err() != nil
		err := once(life, last, call)
		if err == nil || errors.Is(err, queue.ErrGone) {
			f.settling.saw(a.log, nil)
			return err
		}
		n := f.settling.saw(a.log, err)
		if last || time.Since(start) > max(settleLimit, f.src.Visibility()) {
			return err
		}
		pause(life, backoff(n))
	}
}

func once(life context.Context, last bool, call func(context.Context) error) error {
	limit := callLimit
	if last {
		limit = lastCall
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(life), limit)
	defer cancel()
	return call(ctx)
}

// reason is an error as one short line of valid text, without what looks like a secret:
// it goes to whoever may read the queue. That is looked for in the whole text, since half
// a secret looks like none.
func reason(err error) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(redact.Text(err.Error()), "?")), " ")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}
