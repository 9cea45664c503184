package nats

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
)

// maxReason is the part of a reason that is kept, in bytes; with the other
// headers it must fit into headroom.
const maxReason = 1000

// bury moves an item to the dead-letter stream: first it is stored there, then it
// leaves the queue. If we die in between it is buried again, on the same subject,
// where one message alone has room.
func (q *Queue) bury(ctx context.Context, it *queue.Item, d *delivery, reason string) error {
	msg := client.NewMsg(q.deadSubject(grave(it.ID)))
	msg.Data = it.Body
	// What the server tells repeated burials by. The item's ID will not do: one that
	// was sent again and is given up on within half a minute would be taken for the
	// letter that has gone, and be in neither stream.
	msg.Header.Set(headerID, fmt.Sprintf("dead-%d-%s", d.seq, grave(it.ID)))
	msg.Header.Set(headerItem, it.ID)
	msg.Header.Set(headerSent, it.Sent.UTC().Format(time.RFC3339Nano))
	msg.Header.Set(headerTries, strconv.Itoa(it.Tries))
	msg.Header.Set(headerReason, oneLine(reason))
	if _, err := q.conn.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0)); err != nil {
		return fmt.Errorf("bury item %s: %w", it.ID, err)
	}
	if err := q.say(ctx, d, sayGiveUp); err != nil {
		return fmt.Errorf("bury item %s: %w", it.ID, err)
	}
	_ = q.ledger.release(ctx, d.seq)
	_ = q.ledger.letGo(ctx, d.seq)
	q.forget(ctx, d)
	return nil
}

// grave is an ID as part of a subject: other programs' IDs may hold anything.
func grave(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// oneLine makes a reason fit for a header.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxReason {
		s = s[:maxReason] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// DeadLetters lists up to limit items that were given up on, oldest first. They
// are kept for 14 days.
func (q *Queue) DeadLetters(ctx context.Context, limit int) (list []queue.Dead, err error) {
	for msg, err := range q.letters(ctx) {
		if err != nil {
			return nil, fmt.Errorf("dead letters of queue %s: %w", q.Name(), err)
		}
		if len(list) >= limit {
			break
		}
		list = append(list, letter(msg))
	}
	return list, nil
}

// letters are those that are there now, oldest first. An error ends them.
func (q *Queue) letters(ctx context.Context) iter.Seq2[*jetstream.RawStreamMsg, error] {
	return func(yield func(*jetstream.RawStreamMsg, error) bool) {
		s, err := q.conn.js.Stream(ctx, q.deadName())
		if err != nil {
			yield(nil, err)
			return
		}
		last := s.CachedInfo().State.LastSeq
		for next := max(1, s.CachedInfo().State.FirstSeq); next <= last; {
			msg, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(q.deadSubject("*")))
			if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && msg.Sequence > last {
				return
			}
			if !yield(msg, err) || err != nil {
				return
			}
			next = msg.Sequence + 1
		}
	}
}

func letter(msg *jetstream.RawStreamMsg) queue.Dead {
	tries, _ := strconv.Atoi(msg.Header.Get(headerTries))
	return queue.Dead{
		ID: letterOf(msg), Body: msg.Data,
		Reason: msg.Header.Get(headerReason), Tries: tries, At: msg.Time,
	}
}

// letterOf is the ID of the item in a letter.
func letterOf(msg *jetstream.RawStreamMsg) string {
	return cmp.Or(msg.Header.Get(headerItem), msg.Header.Get(headerID))
}
