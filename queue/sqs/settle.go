package sqs

import (
	"context"
	"fmt"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"skynet/queue"
)

// maxBackoff ends the doubling of the pause after a failed try.
const maxBackoff = 15 * time.Minute

// What is said beside queue.ErrGone.
var (
	errOver    = fmt.Errorf("%w: it was deleted or given back already", queue.ErrGone)
	errLate    = fmt.Errorf("%w: its visibility ran out", queue.ErrGone)
	errTooLong = fmt.Errorf("%w: it has been held for 12 hours, the longest that SQS allows", queue.ErrGone)
)

// Extend keeps the item invisible for another Visibility from now, but not
// beyond 12 hours from its receipt: then it is ErrGone. It is ErrGone too if its
// visibility ran out before. SQS itself refuses that while nobody has the item;
// if it accepts, somebody else has, since only what is in flight is extended.
func (q *Queue) Extend(ctx context.Context, it *queue.Item) error {
	return q.settle("extend", it, func(d *delivery) error {
		now := time.Now()
		over, late := d.state(now)
		left := (longestHold - past(d.received, now)).Truncate(time.Second)
		switch {
		case over:
			return errOver
		case left < time.Second:
			return errTooLong
		}
		v := min(q.cfg.Visibility, left)
		if err := q.hide(ctx, d, v); err != nil {
			return err
		}
		if late {
			return errLate
		}
		d.keptUntil(now.Add(v))
		return nil
	})
}

// Delete takes the item out of the queue for good. Unlike the rest it is not
// ErrGone for whoever is late: SQS accepts it on a standard queue, what was done
// is done, and if somebody else has the item by now it may come again.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
func (q *Queue) Delete(ctx context.Context, it *queue.Item) error {
	return q.settle("delete", it, func(d *delivery) error {
		if over, _ := d.state(time.Now()); over {
			return errOver
		}
		return q.delete(ctx, d)
	})
}

func (q *Queue) delete(ctx context.Context, d *delivery) error {
	_, err := q.conn.client.DeleteMessage(ctx, &api.DeleteMessageInput{QueueUrl: &d.url, ReceiptHandle: &d.handle})
	if err == nil {
		d.end()
	}
	return plain(err)
}

// Fail gives the item back after a failed try: it is received again after a
// pause that doubles with each try, or goes to the dead-letter queue with the
// reason after its last, as the queue's redrive policy counts. An item of a FIFO
// queue that is held back blocks its group for so long.
func (q *Queue) Fail(ctx context.Context, it *queue.Item, reason string) error {
	return q.settle("fail", it, func(d *delivery) error {
		if err := d.ours(); err != nil {
			return err
		}
		r, err := q.redrive(ctx)
		if err != nil {
			return err
		}
		if r.tries > 0 && d.tries >= r.tries {
			return q.bury(ctx, it, d, r, reason)
		}
		return q.giveBack(ctx, d, q.backoff(d))
	})
}

// Release gives back an item that was not worked on to its end through no fault
// of its own: it can be received again at once. This was one of its tries all
// the same, since SQS counts receives.
func (q *Queue) Release(ctx context.Context, it *queue.Item) error {
	return q.settle("release", it, func(d *delivery) error {
		if err := d.ours(); err != nil {
			return err
		}
		return q.giveBack(ctx, d, 0)
	})
}

// ours is ErrGone if the item may be somebody else's by now: to show it would
// take it out of their hands.
func (d *delivery) ours() error {
	over, late := d.state(time.Now())
	switch {
	case over:
		return errOver
	case late:
		return errLate
	}
	return nil
}

func (q *Queue) giveBack(ctx context.Context, d *delivery, pause time.Duration) error {
	err := q.hide(ctx, d, pause)
	if err == nil {
		d.end()
	}
	return err
}

// backoff is the pause after as many tries as the item has had, within the 12
// hours from its receipt.
func (q *Queue) backoff(d *delivery) time.Duration {
	pause := q.conn.opts.Backoff
	for i := 1; i < d.tries && pause < maxBackoff; i++ {
		pause *= 2
	}
	return max(0, min(pause, maxBackoff, longestHold-past(d.received, time.Now())))
}

// settle does something about an item that was received here.
func (q *Queue) settle(verb string, it *queue.Item, do func(*delivery) error) error {
	d, ok := it.Receipt.(*delivery)
	err := errStranger
	if ok && d.url == q.cfg.URL {
		err = do(d)
	}
	if err != nil {
		return fmt.Errorf("%s item %s of queue %s: %w", verb, it.ID, q.cfg.Name, err)
	}
	return nil
}
