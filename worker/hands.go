package worker

import (
	"context"
	"sync"
)

// hands are the items being worked on, so that all can be stopped at once.
type hands struct {
	mu    sync.Mutex
	next  int
	items map[int]context.CancelCauseFunc
	cause error // not nil: whoever comes now is stopped too
}

// add registers an item by what stops it. The function it returns takes it out.
func (h *hands) add(stop context.CancelCauseFunc) (remove func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		stop(h.cause)
	}
	if h.items == nil {
		h.items = map[int]context.CancelCauseFunc{}
	}
	id := h.next
	h.next++
	h.items[id] = stop
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.items, id)
	}
}

// stop stops all items in hand, and those that come until rest is called.
func (h *hands) stop(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cause = cause
	for _, stop := range h.items {
		stop(cause)
	}
}

// rest lets items be worked on again.
func (h *hands) rest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cause = nil
}
