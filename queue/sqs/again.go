package sqs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"skynet/queue"
)

const (
	// settleTime is how long letters stay invisible while they are dealt with: a
	// thousand take a minute.
	settleTime = 5 * time.Minute
	// settleWithin is when no further letter is begun with, so that none is dealt with
	// that somebody else may have by then.
	settleWithin = settleTime - 30*time.Second
)

// What keeps letters from being dealt with.
var (
	errNoMorgue = errors.New("it has no dead-letter queue; give it a redrive policy that names one")
	errStopped  = errors.New("stopped before the end; what is left is untouched")
	errSlow     = fmt.Errorf("SQS has taken longer than %s; what is left is untouched: run it again", settleWithin)
)

// Again puts the items of the letters that pick chooses back into the queue, oldest
// first, with their own attributes and in their own groups, and deletes each letter once
// its item is there. To SQS these are new messages, with new IDs and all their receives
// before them. It reads up to a thousand letters, which are invisible to others for so
// long; those that are not chosen are shown again at the end, and if we die before, after
// five minutes. Of a FIFO queue SQS gives out ten of a group at a time: [queue.ErrMore].
func (q *Queue) Again(ctx context.Context, pick func(queue.Dead) bool) ([]queue.Settled, error) {
	sent := map[string]string{} // bodies and new IDs, by item: SQS may hold two letters of one item
	done, err := q.dispose(ctx, pick, func(ctx context.Context, from types.Message, dead queue.Dead) (queue.Settled, error) {
		same := dead.ID + "\n" + string(dead.Body)
		if sent[same] == "" {
			id, err := q.sendAgain(ctx, from)
			if err != nil && ctx.Err() != nil {
				return queue.Settled{}, fmt.Errorf("stopped before the end; item %s may be in the queue and among the dead as well, what else is left is untouched", dead.ID)
			}
			if err != nil {
				return queue.Settled{}, fmt.Errorf("item %s: %w", dead.ID, err)
			}
			sent[same] = id
		}
		return queue.Settled{ID: dead.ID, As: sent[same]}, nil
	})
	if err != nil {
		err = q.failed("send again dead letters of", err)
	}
	return done, err
}

// Drop deletes the letters that pick chooses. It reads like Again.
func (q *Queue) Drop(ctx context.Context, pick func(queue.Dead) bool) ([]queue.Settled, error) {
	done, err := q.dispose(ctx, pick, func(_ context.Context, _ types.Message, dead queue.Dead) (queue.Settled, error) {
		return queue.Settled{ID: dead.ID}, nil
	})
	if err != nil {
		err = q.failed("drop dead letters of", err)
	}
	return done, err
}

// disposal deals with one letter, but for its deletion.
type disposal func(context.Context, types.Message, queue.Dead) (queue.Settled, error)

// dispose deals with the letters that pick chooses, deletes each, and stops at the first
// that it cannot deal with. What is left is shown again. All are read before the first
// is dealt with: an item that is sent again may be back among the dead within a second.
func (q *Queue) dispose(ctx context.Context, pick func(queue.Dead) bool, do disposal) (done []queue.Settled, err error) {
	r, err := q.redrive(ctx)
	if err == nil && r.url == "" {
		err = errNoMorgue
	}
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	letters, err := q.conn.take(ctx, r.url, settleTime)
	if ctx.Err() != nil {
		err = errStopped
	}
	var left []types.Message
	defer func() { q.show(ctx, r.url, left) }()
	var more error
	if err == nil {
		more = q.unseen(ctx, r.url, letters)
	}
	for _, m := range inOrderOfAge(letters) {
		dead := letter(m, r.tries)
		if err != nil || !pick(dead) {
			left = append(left, m)
			continue
		}
		var one queue.Settled
		if one, err = q.disposeOf(ctx, begun, r, m, dead, do); err != nil {
			left = append(left, m)
			continue
		}
		done = append(done, one)
	}
	return done, cmp.Or(err, more)
}

func (q *Queue) disposeOf(ctx context.Context, begun time.Time, r redrive, m types.Message, dead queue.Dead, do disposal) (queue.Settled, error) {
	switch {
	case ctx.Err() != nil:
		return queue.Settled{}, errStopped
	case past(begun, time.Now()) > settleWithin:
		return queue.Settled{}, errSlow
	}
	one, err := do(ctx, m, dead)
	if err != nil {
		return one, err
	}
	if err := q.conn.discard(ctx, r.url, m); err != nil {
		if one.As != "" {
			err = fmt.Errorf("item %s is in the queue again, and its dead letter could not be deleted: %w", dead.ID, err)
		}
		return one, err
	}
	return one, nil
}

// discard deletes a letter, also when ctx has just ended: its item may be in the queue
// by now.
func (c *Conn) discard(ctx context.Context, url string, m types.Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteWithin)
	defer cancel()
	_, err := c.client.DeleteMessage(ctx, &api.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
	return plain(err)
}

// sendAgain sends the item of a letter, without what we wrote upon the letter. A FIFO
// queue takes it for a new one, unless it was sent from this very letter within five
// minutes.
func (q *Queue) sendAgain(ctx context.Context, from types.Message) (id string, err error) {
	attrs := maps.Clone(from.MessageAttributes)
	for _, ours := range []string{attrItem, attrReason, attrTries, attrSent} {
		delete(attrs, ours)
	}
	in := &api.SendMessageInput{QueueUrl: &q.cfg.URL, MessageBody: from.Body, MessageAttributes: attrs}
	if q.fifo() {
		m := q.grouped(Message{
			Group: from.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
			Dedup: "revived-" + aws.ToString(from.MessageId),
		})
		in.MessageGroupId, in.MessageDeduplicationId = &m.Group, &m.Dedup
	}
	out, err := q.conn.client.SendMessage(ctx, in)
	if err != nil {
		return "", plain(err)
	}
	return aws.ToString(out.MessageId), nil
}
