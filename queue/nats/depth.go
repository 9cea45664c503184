package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
)

// longestWalk bounds the search for the oldest waiting item, in items.
const longestWalk = 64

// errTakenMeanwhile says that what waited when items were counted is gone by now.
var errTakenMeanwhile = errors.New("the oldest waiting item was taken meanwhile")

// Depth counts what the queue holds. The total is the stream's size, since work
// leaves it when it is done; of these the ledger knows what is held and what is
// held back; the rest waits. It stays true when the last worker dies, within a
// quarter of a second after its visibility (a second or two after the pause of a
// failed try), and right after the server was restarted counts what is held as
// waiting until its holder's next Extend.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	d, err := q.depth(ctx)
	if err != nil {
		return queue.Depth{}, fmt.Errorf("depth of queue %s: %w", q.Name(), err)
	}
	return d, nil
}

func (q *Queue) depth(ctx context.Context) (queue.Depth, error) {
	held, back, err := q.ledger.counts(ctx)
	if err != nil {
		return queue.Depth{}, err
	}
	dead, err := size(ctx, q.conn.js, q.deadName())
	if err != nil {
		return queue.Depth{}, err
	}
	s, err := q.conn.js.Stream(ctx, q.stream())
	if err != nil {
		return queue.Depth{}, err
	}
	if err := q.rescue(ctx, s); err != nil {
		q.conn.warn(fmt.Sprintf("queue %s: look for items that are not handed out: %v", q.Name(), err)) // they are counted all the same
	}
	total := int(s.CachedInfo().State.Msgs)
	d := queue.Depth{InFlight: min(held, total), Dead: dead}
	d.Delayed = min(back, total-d.InFlight)
	d.Visible = total - d.InFlight - d.Delayed
	d.OldestAge, err = q.oldest(ctx, s, d)
	d.OldestKnown = err == nil
	return d, nil
}

// oldest is the age of the oldest waiting item, by the server's clock alone:
// senders' clocks may differ from it.
func (q *Queue) oldest(ctx context.Context, s jetstream.Stream, d queue.Depth) (time.Duration, error) {
	info := s.CachedInfo()
	if d.Visible == 0 {
		return 0, nil
	}
	sent, err := info.State.FirstTime, error(nil)
	if d.InFlight+d.Delayed > 0 {
		sent, err = q.firstWaiting(ctx, s, d)
	}
	if err != nil {
		return 0, err
	}
	return max(0, info.TimeStamp.Sub(sent)), nil
}

// firstWaiting returns when the oldest item that nobody holds was stored, or
// errTakenMeanwhile. If every delivered item is accounted for, that is the first
// undelivered one; otherwise some holder has died, and we look for its item among
// the oldest. After longestWalk items held by others the last of them is the
// answer: what waits is younger.
func (q *Queue) firstWaiting(ctx context.Context, s jetstream.Stream, d queue.Depth) (time.Time, error) {
	c, err := q.conn.js.Consumer(ctx, q.stream(), consumer)
	if err != nil {
		return time.Time{}, err
	}
	info := c.CachedInfo()
	next, taken := info.Delivered.Stream+1, map[uint64]bool{}
	if info.NumAckPending > d.InFlight+d.Delayed {
		next = s.CachedInfo().State.FirstSeq
		if taken, err = q.ledger.items(ctx); err != nil {
			return time.Time{}, err
		}
	}
	var sent time.Time
	for range longestWalk {
		msg, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(q.subject()))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return time.Time{}, errTakenMeanwhile
		}
		if err != nil {
			return time.Time{}, err
		}
		if sent = msg.Time; !taken[msg.Sequence] {
			break
		}
		next = msg.Sequence + 1
	}
	return sent, nil
}
