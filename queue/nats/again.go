package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
)

// Morgue opens the dead-letter queue of a queue that exists, by its name. Unlike Queue
// it creates nothing and leaves the queue's settings as they are: it is for who comes
// by while a controller looks after the queue.
func (c *Conn) Morgue(ctx context.Context, name string) (queue.Morgue, error) {
	if err := checkName("queue", name); err != nil {
		return nil, err
	}
	q := &Queue{conn: c, cfg: Config{Name: name}}
	for _, stream := range []string{q.stream(), q.deadName()} {
		_, err := c.js.Stream(ctx, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, fmt.Errorf("there is no queue %s on this server: a controller whose settings name it makes it when it starts", name)
		}
		if err != nil {
			return nil, fmt.Errorf("open queue %s: %w", name, err)
		}
	}
	return q, nil
}

// Again puts the items of the letters that pick chooses back into the queue, at its
// end, under the IDs that they had, with all their tries before them. Some dozens are
// sent side by side, so that their order is not kept. An item is on disk in the queue
// before its letter goes; a crash in between leaves both, and for half a minute the
// server knows that the item was sent, so that an Again soon after sends it no second
// time.
func (q *Queue) Again(ctx context.Context, pick func(queue.Dead) bool) ([]queue.Settled, error) {
	done, failed, err := q.dispose(ctx, pick, func(ctx context.Context, msg *jetstream.RawStreamMsg) (queue.Settled, error) {
		id := letterOf(msg)
		if err := q.revive(ctx, msg); err != nil {
			return queue.Settled{}, fmt.Errorf("item %s: %w", id, err)
		}
		if err := q.unbury(ctx, msg.Sequence); err != nil {
			return queue.Settled{}, fmt.Errorf("item %s is in the queue again, and its dead letter could not be deleted: %w", id, err)
		}
		return queue.Settled{ID: id, As: id}, nil
	})
	if err != nil {
		err = fmt.Errorf("send dead letters of queue %s again: %w", q.Name(), halted(ctx, err, failed,
			"up to %d more items may be in the queue and among the dead as well; what else is left is untouched"))
	}
	return done, err
}

// Drop deletes the letters that pick chooses.
func (q *Queue) Drop(ctx context.Context, pick func(queue.Dead) bool) ([]queue.Settled, error) {
	done, failed, err := q.dispose(ctx, pick, func(ctx context.Context, msg *jetstream.RawStreamMsg) (queue.Settled, error) {
		return queue.Settled{ID: letterOf(msg)}, q.unbury(ctx, msg.Sequence)
	})
	if err != nil {
		err = fmt.Errorf("drop dead letters of queue %s: %w", q.Name(), halted(ctx, err, failed,
			"up to %d more letters may be gone; what else is left is untouched"))
	}
	return done, err
}

// disposal deals with one letter.
type disposal func(context.Context, *jetstream.RawStreamMsg) (queue.Settled, error)

// dispose deals with the letters that pick chooses, some dozens side by side, and
// stops at the first that it cannot deal with. With the first's error it returns how
// many have failed.
func (q *Queue) dispose(ctx context.Context, pick func(queue.Dead) bool, do disposal) (done []queue.Settled, failed int, err error) {
	var chosen []*jetstream.RawStreamMsg
	for msg, err := range q.letters(ctx) {
		if err != nil {
			return done, 0, err
		}
		if pick(letter(msg)) {
			chosen = append(chosen, msg)
		}
		if len(chosen) < besides {
			continue
		}
		some, failed, err := together(ctx, chosen, do)
		if done = append(done, some...); err != nil {
			return done, failed, err
		}
		chosen = nil
	}
	some, failed, err := together(ctx, chosen, do)
	return append(done, some...), failed, err
}

// halted says in an operator's words why letters were not dealt with, and what is not
// known of those that were under way.
func halted(ctx context.Context, err error, failed int, doubt string) error {
	left := "what is left is untouched"
	if failed > 0 {
		left = fmt.Sprintf(doubt, failed)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("stopped before the end; %s", left)
	case final(err) && failed > 1:
		return fmt.Errorf("%w; %d failed like it", err, failed-1)
	case final(err):
		return err
	case errors.Is(err, client.ErrReconnectBufExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, client.ErrTimeout):
		return fmt.Errorf("the queue server does not answer any more; %s", left)
	}
	return fmt.Errorf("the queue server does not answer any more; %s: %w", left, err)
}

// together deals with some letters side by side, each to its end. The error is the
// first one's that fails, of so many.
func together(ctx context.Context, some []*jetstream.RawStreamMsg, do disposal) (done []queue.Settled, failed int, err error) {
	all, errs := make([]queue.Settled, len(some)), make([]error, len(some))
	var wg sync.WaitGroup
	for i, msg := range some {
		wg.Go(func() { all[i], errs[i] = do(ctx, msg) })
	}
	wg.Wait()
	for i, one := range all {
		if errs[i] != nil {
			failed, err = failed+1, cmp.Or(err, errs[i])
			continue
		}
		done = append(done, one)
	}
	return done, failed, err
}

// revive stores the item of a letter at the end of the queue. By the letter's place and
// time the server tells that it was stored before.
func (q *Queue) revive(ctx context.Context, from *jetstream.RawStreamMsg) error {
	msg := client.NewMsg(q.subject())
	msg.Data = from.Data
	msg.Header.Set(headerID, fmt.Sprintf("revived-%d-%d", from.Sequence, from.Time.UnixNano()))
	msg.Header.Set(headerItem, letterOf(from))
	msg.Header.Set(headerSent, time.Now().UTC().Format(time.RFC3339Nano)) // its wait begins anew
	return q.conn.insist(ctx, func(ctx context.Context) error {
		_, err := q.conn.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
		return err
	})
}

// unbury deletes a letter, also when ctx has just ended: its item may be in the queue
// by now. One that has gone meanwhile is deleted.
func (q *Queue) unbury(ctx context.Context, seq uint64) error {
	return q.conn.insist(context.WithoutCancel(ctx), func(ctx context.Context) error {
		s, err := q.conn.js.Stream(ctx, q.deadName())
		if err != nil {
			return err
		}
		err = s.DeleteMsg(ctx, seq)
		if err == nil {
			return nil
		}
		if _, look := s.GetMsg(ctx, seq); errors.Is(look, jetstream.ErrMsgNotFound) {
			return nil
		}
		return err
	})
}
