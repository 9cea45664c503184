package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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
	msg.Header.Set(headerID, it.ID)
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
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]queue.Dead, error) {
	s, err := q.conn.js.Stream(ctx, q.deadName())
	if err != nil {
		return nil, fmt.Errorf("dead letters of queue %s: %w", q.Name(), err)
	}
	var out []queue.Dead
	next := max(1, s.CachedInfo().State.FirstSeq)
	for len(out) < limit {
		msg, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(q.deadSubject("*")))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("dead letters of queue %s: %w", q.Name(), err)
		}
		out, next = append(out, letter(msg)), msg.Sequence+1
	}
	return out, nil
}

func letter(msg *jetstream.RawStreamMsg) queue.Dead {
	tries, _ := strconv.Atoi(msg.Header.Get(headerTries))
	return queue.Dead{
		ID: msg.Header.Get(headerID), Body: msg.Data,
		Reason: msg.Header.Get(headerReason), Tries: tries, At: msg.Time,
	}
}
