// Package workertest holds an honest queue in memory, for tests of the agent:
// it hides, redelivers, gives up on and loses items as a real one does, in
// real or in virtual time.
package workertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"skynet/queue"
)

// ErrDown is what every call answers while the queue is down.
var ErrDown = errors.New("queue is down")

// Queue keeps items in memory. It is a queue.Source with a Release.
type Queue struct {
	name       string
	visibility time.Duration
	pause      time.Duration // before a failed item is seen again
	tries      int           // before it goes to the dead letters

	mu       sync.Mutex
	items    []*item
	arrived  chan struct{} // closed and replaced when something may have become visible
	down     bool
	waiting  int
	events   []Event
	released int
}

type item struct {
	id      string
	body    []byte
	sent    time.Time
	tries   int
	receipt int // of the delivery that holds it
	visible time.Time
	held    bool
	gone    bool // deleted or dead
	reason  string
}

// Event is one thing that happened to an item.
type Event struct {
	At   time.Time
	ID   string
	What string // deliver, extend, delete, fail, dead, release
	Try  int
}

// New makes an empty queue. Failed items come back after pause, and die after tries.
func New(name string, visibility, pause time.Duration, tries int) *Queue {
	return &Queue{name: name, visibility: visibility, pause: pause, tries: tries, arrived: make(chan struct{})}
}

// Name is the queue's name.
func (q *Queue) Name() string { return q.name }

// Visibility is how long a received item stays hidden.
func (q *Queue) Visibility() time.Duration { return q.visibility }

// Send puts an item into the queue and returns its ID.
func (q *Queue) Send(_ context.Context, body []byte) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id := fmt.Sprintf("%s-%d", q.name, len(q.items)+1)
	q.items = append(q.items, &item{id: id, body: body, sent: time.Now()})
	q.wake()
	return id, nil
}

func (q *Queue) wake() {
	close(q.arrived)
	q.arrived = make(chan struct{})
}

// Receive waits for an item.
func (q *Queue) Receive(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	q.count(1)
	defer q.count(-1)
	end := time.Now().Add(wait)
	for {
		it, next, arrived, err := q.take(ctx)
		if it != nil || err != nil {
			return it, err
		}
		if !time.Now().Before(end) {
			return nil, nil
		}
		if next.IsZero() || next.After(end) {
			next = end
		}
		t := time.NewTimer(time.Until(next))
		select {
		case <-t.C:
		case <-arrived:
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		}
		t.Stop()
	}
}

func (q *Queue) count(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting += n
}

// take hands out the first visible item, or says when one may become visible.
func (q *Queue) take(ctx context.Context) (*queue.Item, time.Time, <-chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := cmpErr(ctx.Err(), q.err()); err != nil {
		return nil, time.Time{}, nil, err
	}
	now, next := time.Now(), time.Time{}
	for _, it := range q.items {
		switch {
		case it.gone:
		case !now.Before(it.visible):
			return q.deliver(it, now), next, nil, nil
		case next.IsZero() || it.visible.Before(next):
			next = it.visible
		}
	}
	return nil, next, q.arrived, nil
}

func (q *Queue) deliver(it *item, now time.Time) *queue.Item {
	it.tries++
	it.receipt++
	it.held = true
	it.visible = now.Add(q.visibility)
	q.log("deliver", it)
	return &queue.Item{ID: it.id, Queue: q.name, Body: it.body, Tries: it.tries, Sent: it.sent, Receipt: it.receipt}
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (q *Queue) err() error {
	if q.down {
		return ErrDown
	}
	return nil
}

func (q *Queue) log(what string, it *item) {
	q.events = append(q.events, Event{At: time.Now(), ID: it.id, What: what, Try: it.tries})
}

// held finds the item of a receipt that still holds it, and does f to it.
func (q *Queue) held(ctx context.Context, it *queue.Item, f func(*item)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := cmpErr(ctx.Err(), q.err()); err != nil {
		return err
	}
	i := slices.IndexFunc(q.items, func(o *item) bool { return o.id == it.ID })
	if i < 0 {
		return queue.ErrGone
	}
	o := q.items[i]
	if o.gone || !o.held || o.receipt != it.Receipt.(int) || !time.Now().Before(o.visible) {
		return queue.ErrGone
	}
	f(o)
	q.wake()
	return nil
}

// Extend keeps the item hidden for another visibility.
func (q *Queue) Extend(ctx context.Context, it *queue.Item) error {
	return q.held(ctx, it, func(o *item) { o.visible = time.Now().Add(q.visibility); q.log("extend", o) })
}

// Delete takes the item out for good.
func (q *Queue) Delete(ctx context.Context, it *queue.Item) error {
	return q.held(ctx, it, func(o *item) { o.gone = true; q.log("delete", o) })
}

// Fail gives the item back after a pause, or up after its last try.
func (q *Queue) Fail(ctx context.Context, it *queue.Item, reason string) error {
	return q.held(ctx, it, func(o *item) {
		o.held, o.reason, o.visible = false, reason, time.Now().Add(q.pause)
		q.log("fail", o)
		if o.tries >= q.tries {
			o.gone = true
			q.log("dead", o)
		}
	})
}

// Release gives the item back at once.
func (q *Queue) Release(ctx context.Context, it *queue.Item) error {
	return q.held(ctx, it, func(o *item) { o.held, o.visible = false, time.Now(); q.released++; q.log("release", o) })
}
