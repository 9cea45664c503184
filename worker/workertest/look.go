package workertest

import (
	"slices"
	"time"
)

// Down makes every call fail, or work again.
func (q *Queue) Down(down bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = down
}

// Steal makes the item visible to others although it is held, as a lapse of
// visibility does.
func (q *Queue) Steal(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.id == id {
			it.held = false
			it.visible = time.Now().Add(time.Hour)
		}
	}
}

// Receiving is how many receives are under way.
func (q *Queue) Receiving() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// Held is how many items are held by somebody now.
func (q *Queue) Held() int {
	return q.tally(func(it *item) bool { return !it.gone && it.held && time.Now().Before(it.visible) })
}

// Left is how many items are neither deleted nor dead.
func (q *Queue) Left() int { return q.tally(func(it *item) bool { return !it.gone }) }

func (q *Queue) tally(is func(*item) bool) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if is(it) {
			n++
		}
	}
	return n
}

// Count is how often something happened.
func (q *Queue) Count(what string) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.events {
		if e.What == what {
			n++
		}
	}
	return n
}

// Reason is why the item failed last.
func (q *Queue) Reason(id string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.id == id {
			return it.reason
		}
	}
	return ""
}

// Events is what happened so far.
func (q *Queue) Events() []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.events)
}
