package worker

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	firstPause = 200 * time.Millisecond
	lastPause  = 15 * time.Second
)

// backoff is how long to wait before try n+1 after n failures: doubling,
// bounded, and anything from half to the whole of it, so that a fleet that lost
// its queue does not come back to it in step.
func backoff(n int) time.Duration {
	d := lastPause
	if n >= 1 && n < 8 {
		d = min(firstPause<<(n-1), lastPause)
	}
	return d/2 + rand.N(d/2+1)
}

// pause waits for d, or until ctx ends: false.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// until returns a context that also ends when the channel is closed.
func until(ctx context.Context, shut <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-shut:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// trouble logs the start and the end of a trouble, and nothing in between: an
// hour without a queue is two lines.
type trouble struct {
	mu    sync.Mutex
	what  string // "receive from photos"
	count int
}

// saw takes note of how a try went and returns how many have failed in a row.
func (t *trouble) saw(log *zap.Logger, err error) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && t.count == 0:
		log.Warn("cannot "+t.what+", trying on", zap.Error(err))
	case err == nil && t.count > 0:
		log.Info("can "+t.what+" again", zap.Int(keyTries, t.count))
	}
	if err == nil {
		t.count = 0
	} else {
		t.count++
	}
	return t.count
}
