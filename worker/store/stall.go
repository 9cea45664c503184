package store

import (
	"context"
	"fmt"
	"io"
	"time"
)

// watchdog ends a context when nothing has come for a while: a store that stands
// still would hold an item until its limit of time.
type watchdog struct {
	ctx   context.Context
	end   context.CancelCauseFunc
	timer *time.Timer
	after time.Duration
}

// watch starts a watchdog; with 0 there is none to be afraid of.
func watch(ctx context.Context, after time.Duration) (context.Context, *watchdog) {
	ctx, end := context.WithCancelCause(ctx)
	w := &watchdog{ctx: ctx, end: end, after: after}
	if after > 0 {
		w.timer = time.AfterFunc(after, func() { end(fmt.Errorf("the store has sent nothing for %s", after)) })
	}
	return ctx, w
}

func (w *watchdog) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.end(nil)
}

// why is the watchdog's reason, where it was the one that ended the context.
func (w *watchdog) why(err error) error {
	if cause := context.Cause(w.ctx); cause != nil {
		return cause
	}
	return err
}

// reading is r, of which every byte that comes is heard, and which ends with the
// context even where what lies below does not listen to it.
func (w *watchdog) reading(r io.Reader) io.Reader { return heard{r, w} }

type heard struct {
	io.Reader
	dog *watchdog
}

func (h heard) Read(p []byte) (int, error) {
	if err := context.Cause(h.dog.ctx); err != nil {
		return 0, err
	}
	n, err := h.Reader.Read(p)
	if n > 0 && h.dog.timer != nil {
		h.dog.timer.Reset(h.dog.after)
	}
	return n, err
}
