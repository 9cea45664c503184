// Package queue says what a queue of work must do, whoever runs it: hand out
// an item, keep it invisible while it is worked on, take it back when its
// worker dies, and say how much is waiting.
//
// The shape is Amazon SQS's (at least once, visibility timeout, dead-letter
// queue after a number of tries), so that an adapter for SQS is thin and other
// queues are held to the same promises by the same conformance tests.
package queue

import (
	"context"
	"errors"
	"time"
)

// Item is one message of work, as received.
type Item struct {
	ID    string    // the same on every delivery
	Queue string    // name of the queue it came from
	Body  []byte    // what was sent
	Tries int       // how often it was delivered, this time included: 1 at first
	Sent  time.Time // when it was first sent, zero if the queue cannot tell
	// Receipt is the driver's handle on this delivery. Only the driver that made
	// it looks inside.
	Receipt any
}

// ErrGone says that the item is no longer ours: it was deleted, or its
// visibility ran out and it was handed to somebody else.
var ErrGone = errors.New("item is no longer held")

// Depth is how much a queue holds. Counts of a distributed queue are near the
// truth, not exact.
type Depth struct {
	Visible  int // waiting to be received: includes items whose holder has died
	InFlight int // held by a worker that still says so
	Delayed  int // not receivable yet (a failed try being held back)
	Dead     int // in the dead-letter queue
	// DeadUnknown says why Dead is not known, where another call for it failed.
	DeadUnknown string
	// OldestAge is the age of the oldest waiting item; 0 when nothing waits.
	OldestAge time.Duration
	// OldestKnown is false where the queue cannot tell OldestAge.
	OldestKnown bool
}

// Source is what a worker needs of a queue.
type Source interface {
	Name() string
	// Visibility is how long a received item stays invisible without an Extend.
	Visibility() time.Duration
	// Receive waits up to wait for an item. No item in time is (nil, nil). It
	// returns soon after ctx ends, and holds nothing back that it does not return.
	Receive(ctx context.Context, wait time.Duration) (*Item, error)
	// Extend keeps the item invisible for another Visibility from now.
	Extend(ctx context.Context, it *Item) error
	// Delete takes the item out of the queue for good: it is done.
	Delete(ctx context.Context, it *Item) error
	// Fail gives the item back after a failed try: it is delivered again after a
	// pause, or goes to the dead-letter queue with the reason after its last try.
	Fail(ctx context.Context, it *Item, reason string) error
}

// Sender puts work into a queue.
type Sender interface {
	// Send stores an item durably before it returns the item's ID.
	Send(ctx context.Context, body []byte) (id string, err error)
}

// Gauge is what the controller needs of a queue.
type Gauge interface {
	Name() string
	Depth(ctx context.Context) (Depth, error)
}

// Dead is one item that was given up on.
type Dead struct {
	ID     string    `json:"id"`
	Body   []byte    `json:"-"`
	Reason string    `json:"reason"`
	Tries  int       `json:"tries"`
	At     time.Time `json:"at"`
}

// Morgue is the dead-letter queue of a queue. Again and Drop deal with the letters
// that pick chooses, of those that are there when the call begins: an item that is sent
// again and given up on at once is not sent once more. They return what is dealt with,
// beside an error too, which is ErrMore where there may be letters that pick has not
// seen. Where pick says no to all, nothing is changed.
type Morgue interface {
	// DeadLetters lists up to limit letters, oldest first, without changing them. Where
	// it comes upon fewer, and there may be others that it cannot see now, they come
	// with ErrMore.
	DeadLetters(ctx context.Context, limit int) ([]Dead, error)
	// Again puts items back into the queue, as if they had just been sent, with all
	// their tries before them; the letter goes once the item is in the queue. Whoever
	// dies in between leaves both, and the next Again may send the item once more.
	Again(ctx context.Context, pick func(Dead) bool) ([]Settled, error)
	// Drop deletes letters for good, and their items with them.
	Drop(ctx context.Context, pick func(Dead) bool) ([]Settled, error)
}

// ErrMore says that a Morgue has seen all letters that it can see at once, and that
// there may be more.
var ErrMore = errors.New("there may be more dead letters than are read at once: run it again until it says so no more")

// Settled is a dead letter that was dealt with.
type Settled struct {
	ID string `json:"id"`
	// As is the ID of the item that was sent again: another one where the queue gives
	// every message its own. "" after a Drop.
	As string `json:"as,omitempty"`
}

// Queue is all of it: what a driver offers.
type Queue interface {
	Source
	Sender
	Gauge
	Morgue
}

// Mail is a queue of short messages that are read once and by one reader
// (heartbeats): no visibility, no redelivery; what nobody reads expires.
type Mail interface {
	Post(ctx context.Context, body []byte) error
	// Collect returns up to limit messages that have arrived, oldest first,
	// waiting up to wait for the first. It consumes them.
	Collect(ctx context.Context, limit int, wait time.Duration) ([]Letter, error)
}

// Letter is one message of a Mail. It may have waited there for minutes before
// it was read, so that it says when it came.
type Letter struct {
	Body []byte
	At   time.Time // when it arrived, by the server's clock; zero if the mail cannot tell
	// From is the instance whose own credentials posted it, by the server's word and
	// not the letter's; "" where the server knows of no instance.
	From string
}
