package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"skynet/queue"
)

// delivery is this driver's handle on one delivery of an item: the Receipt.
type delivery struct {
	queue string
	reply string // subject that the server hears about this delivery on
	seq   uint64 // of the item in its stream
	times int    // deliveries of the item, this one included
	tries int    // those of them that were tries

	mu    sync.Mutex
	claim uint64 // number of the last claim in the ledger, 0 if it failed
}

// Receive waits up to wait for an item; none is (nil, nil). When ctx ends it
// returns within about a second, because it sees its question to the server
// through; an item that comes in that second is given back at once, and that
// was no try. An item that came too often is buried here instead of being
// returned. While the server is away, Receive waits a moment and returns an
// error.
func (q *Queue) Receive(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	until := time.Now().Add(wait)
	for {
		it, err := q.receive(ctx, time.Until(until))
		if err != nil {
			if ctx.Err() == nil {
				_ = pause(ctx)
			}
			return nil, fmt.Errorf("receive from queue %s: %w", q.Name(), err)
		}
		if it != nil || !time.Now().Before(until) {
			return it, nil
		}
	}
}

// receive pulls once. No item is (nil, nil).
func (q *Queue) receive(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	msg, err := q.pull.one(ctx, wait)
	if err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	if err := ctx.Err(); err != nil {
		if msg != nil {
			q.handBack(msg)
			_ = q.conn.nc.FlushTimeout(briefly) // the caller may be about to end the process
		}
		return nil, err
	}
	if msg == nil {
		return nil, nil
	}
	it, d, err := q.unpack(msg)
	if err != nil {
		return nil, err
	}
	return q.accept(ctx, it, d)
}

// unpack makes an item of a message.
func (q *Queue) unpack(msg *client.Msg) (*queue.Item, *delivery, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, nil, fmt.Errorf("a message without delivery data: %w", err)
	}
	d := &delivery{queue: q.Name(), reply: msg.Reply, seq: meta.Sequence.Stream, times: int(meta.NumDelivered), tries: int(meta.NumDelivered)}
	it := &queue.Item{
		ID: idOf(msg.Header, q.Name(), d.seq), Queue: q.Name(), Body: msg.Data,
		Tries: d.tries, Sent: meta.Timestamp, Receipt: d,
	}
	if sent, err := time.Parse(time.RFC3339Nano, msg.Header.Get(headerSent)); err == nil {
		it.Sent = sent
	}
	return it, d, nil
}

// accept enters a delivery in the ledger, or buries an item that came too
// often.
func (q *Queue) accept(ctx context.Context, it *queue.Item, d *delivery) (*queue.Item, error) {
	// The item is ours now, whatever becomes of ctx.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attempt)
	defer cancel()
	if d.times > 1 {
		d.tries = q.triesOf(ctx, d)
		it.Tries = d.tries
		_ = q.ledger.letGo(ctx, d.seq)
	}
	if d.tries > q.cfg.Tries {
		it.Tries = d.tries - 1 // this delivery is no try: nobody gets it
		q.conn.warn(fmt.Sprintf("queue %s gives up item %s: %s", q.Name(), it.ID, unsaid(it.Tries)))
		return nil, q.bury(ctx, it, d, unsaid(it.Tries))
	}
	// Without a claim the item counts as waiting until the next Extend, which is
	// better than not to work on it.
	d.claim, _ = q.ledger.claim(ctx, d.seq)
	return it, nil
}

// triesOf is how many of an item's deliveries were tries. Where it cannot be
// told, the item gets another one rather than being given up.
func (q *Queue) triesOf(ctx context.Context, d *delivery) int {
	n, err := q.ledger.spared(ctx, d.seq)
	if err != nil {
		return min(d.times, q.cfg.Tries)
	}
	return max(1, d.times-n)
}

// handBack gives a message back that nobody has worked on, which is no try.
func (q *Queue) handBack(msg *client.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), attempt) // whoever asked has gone
	defer cancel()
	if meta, err := msg.Metadata(); err == nil {
		_ = q.ledger.spare(ctx, meta.Sequence.Stream) // else it counts
	}
	_ = msg.Nak()
}

// unsaid is the reason for an item that came too often. Some of its tries may
// have failed with a reason; the last holder gave none.
func unsaid(tries int) string {
	return fmt.Sprintf("not done after %d tries: its worker died or let go of it without saying why", tries)
}
