package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"skynet/queue"
)

// callLimit bounds one call to a queue about an item in hand.
const callLimit = 10 * time.Second

// hold keeps an item invisible until let is called. The context it returns
// ends, with the reason as its cause, when the item must not be worked on any
// longer: it is lost, or the agent gives up what it holds.
// stop ends it.
func (a *Agent) hold(life context.Context, f *feed, it *queue.Item) (held context.Context, stop context.CancelCauseFunc, let func()) {
	held, stop = context.WithCancelCause(life)
	remove := a.hands.add(stop)
	var keeper sync.WaitGroup
	quit, quitting := context.WithCancel(held)
	if v := f.src.Visibility(); v > 0 {
		keeper.Go(func() { a.keep(quit, f, it, stop) })
	}
	return held, stop, sync.OnceFunc(func() {
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
