// Package queuetest holds every queue driver to the promises of package queue.
// A driver's test calls Run with a way to open queues; what a worker and the
// controller rely on is then tried against the real thing: there is no fake in
// here and nothing looks behind the interface.
package queuetest

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"skynet/queue"
)

// Terms are what the suite asks of a queue that it opens. A driver whose server
// knows whole seconds only gives whole seconds.
type Terms struct {
	Visibility time.Duration
	Tries      int           // at least 2
	Pause      time.Duration // after the first failed try
	// Lag is how far the counts may be behind the truth.
	Lag time.Duration
	// Cancel is how long a receive may take to end when its context has, 2 s if
	// zero: a driver that cannot take its question back sees it through.
	Cancel time.Duration
	// LateDelete: a holder whose time ran out may delete the item all the same. What
	// it did is done.
	LateDelete bool
	// HeldBackInFlight: an item that is held back after a failed try counts as in
	// flight.
	HeldBackInFlight bool
	// Loose: what waits and what is in flight are counted at different moments, so
	// that an item on its way between the two is in both counts or in neither.
	Loose bool
	// BadNames are names that the driver refuses; if nil, all that are not small
	// letters, digits and _.
	BadNames []string
}

// heldBack is the depth with one item after a failed try.
func (t Terms) heldBack() queue.Depth {
	if t.HeldBackInFlight {
		return queue.Depth{InFlight: 1}
	}
	return queue.Depth{Delayed: 1}
}

// Opener opens the queue of that name under the suite's terms, creating it
// if need be, or returns the driver's error.
type Opener func(ctx context.Context, name string) (queue.Queue, error)

// Run tries all promises, each on a queue of its own. open must keep what it
// opens until t ends.
func Run(t *testing.T, terms Terms, open Opener) {
	run(t, terms, func(t *testing.T, try func(*testing.T, Opener)) { try(t, open) })
}

// RunVirtual is Run in virtual time, for a server that lives in the test's own memory
// and is reached without a network. Each promise has a world of its own.
func RunVirtual(t *testing.T, terms Terms, world func() Opener) {
	run(t, terms, func(t *testing.T, try func(*testing.T, Opener)) {
		synctest.Test(t, func(t *testing.T) { try(t, world()) })
	})
}

func run(t *testing.T, terms Terms, in func(t *testing.T, try func(*testing.T, Opener))) {
	for name, try := range map[string]func(*bench){
		"send_receive_delete":      sendReceiveDelete,
		"empty":                    empty,
		"cancel":                   cancelled,
		"expiry":                   expiry,
		"extend":                   extend,
		"gone":                     gone,
		"fail":                     fail,
		"crash":                    crash,
		"dead_letters_in_order":    deadLettersInOrder,
		"dead_letters_again":       deadLettersAgain,
		"dead_letters_dropped":     deadLettersDropped,
		"depth_without_workers":    depthWithoutWorkers,
		"depth_under_load":         depthUnderLoad,
		"oldest":                   oldest,
		"names":                    names,
		"large":                    large,
		"two_openers":              twoOpeners,
		"receipts_stay_with_queue": strangersReceipt,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(t *testing.T, open Opener) {
				b := &bench{T: t, Terms: terms, open: open, name: name}
				b.Queue = b.opened(name)
				try(b)
			})
		})
	}
}

// bench is one test's queue and what it is tried with.
type bench struct {
	*testing.T
	Terms
	Queue queue.Queue
	open  Opener
	name  string
}

func (b *bench) opened(name string) queue.Queue {
	b.Helper()
	q, err := b.open(b.Context(), name)
	if err != nil {
		b.Fatalf("open queue %s: %v", name, err)
	}
	return q
}

func (b *bench) send(n int) []string {
	b.Helper()
	ids := make([]string, n)
	for i := range ids {
		id, err := b.Queue.Send(b.Context(), fmt.Appendf(nil, "item %d", i))
		if err != nil {
			b.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

// receive wants an item within wait.
func (b *bench) receive(wait time.Duration) *queue.Item {
	b.Helper()
	it, err := b.Queue.Receive(b.Context(), wait)
	if err != nil {
		b.Fatal(err)
	}
	if it == nil {
		b.Fatalf("no item within %v", wait)
	}
	return it
}

// nothing wants no item for wait.
func (b *bench) nothing(wait time.Duration) {
	b.Helper()
	it, err := b.Queue.Receive(b.Context(), wait)
	if err != nil {
		b.Fatal(err)
	}
	if it != nil {
		b.Fatalf("item %s was handed out in its try %d; it should be invisible", it.ID, it.Tries)
	}
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) depth() queue.Depth {
	b.Helper()
	d, err := b.Queue.Depth(b.Context())
	b.ok(err)
	d.OldestAge, d.OldestKnown = 0, false
	return d
}

// soon wants these counts within limit and the driver's lag.
func (b *bench) soon(limit time.Duration, want queue.Depth) {
	b.Helper()
	end := time.Now().Add(limit + b.Lag)
	for {
		got := b.depth()
		if got == want {
			return
		}
		if time.Now().After(end) {
			b.Fatalf("depth is still %+v, want %+v", got, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
