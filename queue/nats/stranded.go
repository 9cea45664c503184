package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// strandedFor is how old an item must be at least to count as stranded.
	strandedFor = 10 * time.Second
	// mostRescued is how many items one Depth hands out again.
	mostRescued = 64
)

// rescue sends those items again that the server has kept, but hands out no more:
// all that lie at or below the consumer's floor, where everything was acknowledged. A
// server whose disk is full notes an acknowledgement and cannot take the item out of
// its stream; when it starts anew the item is there again. For its queue it would
// wait for ever, and keep a worker waiting for it. Whether it was really done is for
// the worker to see.
//
// What was just acknowledged is still on its way out: only what lay below the floor at
// the Depth before counts.
func (q *Queue) rescue(ctx context.Context, s jetstream.Stream) error {
	info := s.CachedInfo()
	if info.State.Msgs == 0 || info.TimeStamp.Sub(info.State.FirstTime) < q.stale {
		return nil
	}
	c, err := q.conn.js.Consumer(ctx, q.stream(), consumer)
	if err != nil {
		return err
	}
	now := c.CachedInfo().AckFloor.Stream
	floor := min(now, q.floor.Swap(now))
	n := 0
	for next := info.State.FirstSeq; next <= floor && n < mostRescued; n++ {
		msg, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(q.subject()))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return err
		}
		if msg.Sequence > floor || info.TimeStamp.Sub(msg.Time) < q.stale {
			break
		}
		if err := q.sendAgain(ctx, s, msg); err != nil {
			return err
		}
		next = msg.Sequence + 1
	}
	if n > 0 {
		q.conn.warn(fmt.Sprintf("queue %s: %d items that were kept but not handed out any more are handed out again: the server could not write when they were done", q.Name(), n))
	}
	return nil
}

// sendAgain puts a copy of an item at the end of the queue, then takes the item out.
// The server may still know the item's ID, and would take the copy for a repeated
// send: it has one of its own for the server. A crash between the two leaves both, and
// the next copy is taken for the same.
func (q *Queue) sendAgain(ctx context.Context, s jetstream.Stream, msg *jetstream.RawStreamMsg) error {
	again := &client.Msg{Subject: q.subject(), Data: msg.Data, Header: client.Header{}}
	again.Header.Set(headerID, fmt.Sprintf("again-%d", msg.Sequence))
	again.Header.Set(headerItem, idOf(msg.Header, q.Name(), msg.Sequence))
	if sent := msg.Header.Get(headerSent); sent != "" {
		again.Header.Set(headerSent, sent)
	}
	if _, err := q.conn.js.PublishMsg(ctx, again); err != nil {
		return err
	}
	if err := s.DeleteMsg(ctx, msg.Sequence); err != nil && !missing(err) {
		return err
	}
	return nil
}

// idOf is the ID of the item in a message.
func idOf(h client.Header, queue string, seq uint64) string {
	if id := cmp.Or(h.Get(headerItem), h.Get(headerID)); id != "" {
		return id
	}
	return fmt.Sprintf("%s-%d", queue, seq) // sent by another program
}
