package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
)

// errDone says that the item is no longer in the queue at all.
var errDone = fmt.Errorf("%w: it is out of the queue", queue.ErrGone)

// What the server hears about a delivery.
const (
	sayDone   = "+ACK"
	sayGiveUp = "+TERM"
	sayBack   = "-NAK"
)

// sayLater makes the item deliverable after d. Unlike JetStream's "in progress"
// it also works in the moment after the deadline, when the item is already on
// the server's list for redelivery.
func sayLater(d time.Duration) string { return fmt.Sprintf(`-NAK {"delay":%d}`, d.Nanoseconds()) }

// Extend keeps the item invisible for another Visibility from now. It tries
// again for some seconds while the server is away. ErrGone says that somebody
// else has the item, or that it is out of the queue.
func (q *Queue) Extend(ctx context.Context, it *queue.Item) error {
	return q.settle(ctx, "extend", it, func(ctx context.Context, d *delivery) error {
		return q.say(ctx, d, sayLater(q.cfg.Visibility))
	})
}

// Delete takes the item out of the queue for good; the server has said so when
// it returns. It is ErrGone, and the item stays, if somebody else has it by now:
// of several holders one alone deletes.
func (q *Queue) Delete(ctx context.Context, it *queue.Item) error {
	asked := false
	return q.settle(ctx, "delete", it, func(ctx context.Context, d *delivery) error {
		err := q.say(ctx, d, sayDone)
		if err != nil && asked {
			err = q.remove(ctx, d, err)
		}
		asked = true
		if err == nil {
			_ = q.ledger.release(ctx, d.seq) // else it expires
			q.forget(ctx, d)
		}
		return err
	})
}

// forget drops what is known of an item's deliveries; usually nothing is.
func (q *Queue) forget(ctx context.Context, d *delivery) {
	if d.times > d.tries {
		_ = q.ledger.unspare(ctx, d.seq)
	}
}

// remove deletes the item past the consumer. A server that was killed may have
// forgotten the last tenth of a second of its deliveries, and does not answer an
// acknowledgement of one of these.
func (q *Queue) remove(ctx context.Context, d *delivery, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attempt)
	defer cancel()
	s, err := q.conn.js.Stream(ctx, q.stream())
	if err != nil {
		return cause
	}
	if err := s.DeleteMsg(ctx, d.seq); err != nil && !missing(err) {
		return cause
	}
	return nil
}

// Fail gives the item back after a failed try: it is received again after a
// pause that doubles with each try, or goes to the dead-letter queue with the
// reason after its last.
func (q *Queue) Fail(ctx context.Context, it *queue.Item, reason string) error {
	return q.settle(ctx, "fail", it, func(ctx context.Context, d *delivery) error {
		if d.tries >= q.cfg.Tries {
			return q.bury(ctx, it, d, reason)
		}
		return q.postpone(ctx, d)
	})
}

// Release gives back an item that was not worked on to its end through no fault
// of its own: it can be received again at once, and this was no try.
func (q *Queue) Release(ctx context.Context, it *queue.Item) error {
	return q.settle(ctx, "release", it, func(ctx context.Context, d *delivery) error {
		_ = q.ledger.spare(ctx, d.seq) // else it counts
		if err := q.say(ctx, d, sayBack); err != nil {
			return err
		}
		_ = q.ledger.release(ctx, d.seq) // else it expires
		return nil
	})
}

func (q *Queue) postpone(ctx context.Context, d *delivery) error {
	wait := backoff(q.cfg.Backoff, d.tries)
	if err := q.say(ctx, d, sayLater(wait)); err != nil {
		return err
	}
	// The ledger is for counting: the item is given back already.
	_ = q.ledger.holdBack(ctx, d.seq, wait)
	_ = q.ledger.release(ctx, d.seq)
	return nil
}

// backoff is the pause after the given number of tries.
func backoff(first time.Duration, tries int) time.Duration {
	d := first
	for i := 1; i < tries && d < maxBackoff; i++ {
		d *= 2
	}
	return min(d, max(first, maxBackoff))
}

// settle does something about an item that the caller holds, if it still does,
// and repeats it while the server is away.
func (q *Queue) settle(ctx context.Context, verb string, it *queue.Item, do func(context.Context, *delivery) error) error {
	d, ok := it.Receipt.(*delivery)
	if !ok || d.queue != q.Name() {
		return fmt.Errorf("%s item %s of queue %s: it was not received from this queue", verb, it.ID, q.Name())
	}
	asked := false
	err := q.conn.insist(ctx, func(ctx context.Context) error {
		err := q.hold(ctx, d)
		if asked && verb != "extend" && errors.Is(err, errDone) {
			return nil // the first question did it, only its answer was lost
		}
		if errors.Is(err, queue.ErrGone) {
			return err
		}
		asked = true
		return do(ctx, d)
	})
	if err != nil {
		return fmt.Errorf("%s item %s of queue %s: %w", verb, it.ID, q.Name(), err)
	}
	return nil
}

// hold renews the caller's claim, and is ErrGone if it may not. Any other error
// says nothing about the item.
func (q *Queue) hold(ctx context.Context, d *delivery) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := q.ledger.renew(ctx, d.seq, d.claim)
	if errors.Is(err, errTaken) {
		n, err = q.reclaim(ctx, d)
	}
	if err == nil {
		d.claim = n
	}
	return err
}

// reclaim makes a new claim on an item whose claim is gone, because it expired
// or because the server was restarted, unless the item has gone with it.
func (q *Queue) reclaim(ctx context.Context, d *delivery) (uint64, error) {
	taken, err := q.ledger.claimed(ctx, d.seq)
	if err != nil {
		return 0, err
	}
	if taken {
		return 0, queue.ErrGone
	}
	if err := q.present(ctx, d.seq); err != nil {
		return 0, err
	}
	n, err := q.ledger.renew(ctx, d.seq, 0)
	if errors.Is(err, errTaken) { // somebody was quicker
		err = queue.ErrGone
	}
	return n, err
}

// present is errDone if the item is no longer in the queue.
func (q *Queue) present(ctx context.Context, seq uint64) error {
	s, err := q.conn.js.Stream(ctx, q.stream())
	if err != nil {
		return err
	}
	_, err = s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return errDone
	}
	return err
}

// say tells the server something about a delivery and waits until it has been
// heard.
func (q *Queue) say(ctx context.Context, d *delivery, what string) error {
	ctx, cancel := context.WithTimeout(ctx, attempt/2) // leaves time for another way
	defer cancel()
	_, err := q.conn.nc.RequestWithContext(ctx, d.reply, []byte(what))
	return err
}
