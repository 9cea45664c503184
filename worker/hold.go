package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"

	"skynet/queue"
)

// callLimit bounds one call to a queue about an item in hand.
const callLimit = 10 * time.Second

// hold keeps an item invisible until let is called. The context it returns
// ends, with the reason as its cause, when the item must not be worked on any
// longer: it is lost, or the agent gives up what it holds.
func (a *Agent) hold(life context.Context, f *feed, it *queue.Item) (held context.Context, let func()) {
	held, stop := context.WithCancelCause(life)
	remove := a.hands.add(stop)
	var keeper sync.WaitGroup
	quit, quitting := context.WithCancel(held)
	if v := f.src.Visibility(); v > 0 {
		keeper.Go(func() { a.keep(quit, f, it, stop) })
	}
	return held, sync.OnceFunc(func() {
		quitting()
		keeper.Wait() // an Extend that comes after a Fail would undo its pause
		remove()
		stop(nil)
	})
}

// keep extends the item's visibility at a third of it, so that two calls may
// fail before it is seen by others. An item that we cannot extend is worked on:
// most likely nobody else can reach the queue either.
func (a *Agent) keep(ctx context.Context, f *feed, it *queue.Item, stop context.CancelCauseFunc) {
	third := f.src.Visibility() / 3
	for wait := third; pause(ctx, wait); {
		once, cancel := context.WithTimeout(ctx, min(third, callLimit))
		err := f.src.Extend(once, it)
		cancel()
		if errors.Is(err, queue.ErrGone) {
			stop(err)
			return
		}
		if ctx.Err() != nil {
			return
		}
		wait = third
		if n := f.settling.saw(a.log, err); err != nil {
			wait = min(third, backoff(n))
		}
	}
}

// try has the craft work on the item once. A panic is a failed try: one bad
// item must not take the others in hand with it.
func (a *Agent) try(ctx context.Context, it *queue.Item) (d Done, err error) {
	if a.set.limit > 0 {
		var cancel context.CancelFunc
		late := fmt.Errorf("took longer than %s", a.set.limit)
		ctx, cancel = context.WithTimeoutCause(ctx, a.set.limit, late)
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("panic", zap.String(keyItem, it.ID), zap.Any(keyReason, p), zap.ByteString("stack", debug.Stack()))
			d, err = Done{}, fmt.Errorf("the worker panicked: %v", p)
		}
	}()
	if cause := context.Cause(ctx); cause != nil {
		return Done{}, cause // it came when all was being given back
	}
	d, err = a.craft.Do(ctx, it.ID, it.Body)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // "signal: killed" is what it looked like, this is why
	}
	return d, err
}
