package sqs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// What one request may hold.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
const (
	atOnce   = 10      // messages
	maxBatch = 1 << 20 // bytes of all bodies together, and of one
)

const (
	// rounds is how often the rest of a batch is sent again.
	rounds = 6
	// firstPause is before the first of these, doubled with each further one.
	firstPause = 100 * time.Millisecond
)

// Message is an item to send.
type Message struct {
	Body []byte
	// Group of a FIFO queue: its items are received in the order in which they were
	// sent, one at a time. "" is a group of its own: no order, and it waits for none.
	Group string
	// Dedup is by what a FIFO queue tells that an item was sent before, within five
	// minutes. "" is a new one.
	Dedup string
}

// Send stores an item: it is with SQS when Send returns.
func (q *Queue) Send(ctx context.Context, body []byte) (string, error) {
	m := Message{Body: body}
	if err := q.fits(m); err != nil {
		return "", q.failed("send to", err)
	}
	m = q.grouped(m)
	in := &api.SendMessageInput{QueueUrl: &q.cfg.URL, MessageBody: new(string(body))}
	if q.fifo() {
		in.MessageGroupId, in.MessageDeduplicationId = &m.Group, &m.Dedup
	}
	out, err := q.conn.client.SendMessage(ctx, in)
	if err != nil {
		return "", q.failed("send to", plain(err))
	}
	return aws.ToString(out.MessageId), nil
}

// grouped gives a message of a FIFO queue what it needs.
func (q *Queue) grouped(m Message) Message {
	if q.fifo() && m.Group == "" {
		m.Group = rand.Text()
	}
	if q.fifo() && m.Dedup == "" {
		m.Dedup = rand.Text()
	}
	return m
}

// MaxBody is the size of the largest item that Send takes, in bytes.
func (q *Queue) MaxBody() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := q.known.largest; n > 0 {
		return min(n, maxBatch)
	}
	return maxBatch
}

// fits refuses what SQS would: an empty item, one that is too large, and bytes
// that are no text.
func (q *Queue) fits(m Message) error {
	switch most := q.MaxBody(); {
	case len(m.Body) == 0:
		return errors.New("the item is empty, which SQS does not accept")
	case len(m.Body) > most:
		return fmt.Errorf("the item has %d bytes, at most %d are accepted; put large things into a store and send their name", len(m.Body), most)
	case !utf8.Valid(m.Body):
		return errors.New("the item is not text (UTF-8), which SQS does not accept; encode it")
	}
	for _, r := range string(m.Body) {
		if legal(r) != r {
			return fmt.Errorf("the item holds the character %U, which SQS does not accept; encode it", r)
		}
	}
	return nil
}

// legal is a character that SQS accepts, or a question mark.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
func legal(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000 && r <= 0x10FFFF:
		return r
	}
	return '?'
}

// SendAll stores many items, ten in a request and many requests at once; those
// of a FIFO queue one request after the other, to keep their order. What a
// request leaves out is sent again. It returns the items' IDs in order; those
// that could not be sent have "", and the error says why.
func (q *Queue) SendAll(ctx context.Context, messages []Message) (ids []string, err error) {
	for i, m := range messages {
		if err := q.fits(m); err != nil {
			return nil, q.failed(fmt.Sprintf("send item %d of %d to", i+1, len(messages)), err)
		}
	}
	ids = make([]string, len(messages))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	parallel := q.conn.opts.Parallel
	if q.fifo() {
		parallel = 1
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, parallel)
	for _, part := range parts(messages) {
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-room }()
			if err := q.sendPart(ctx, messages, part, ids); err != nil {
				stop(err) // the others would fail alike
			}
		})
	}
	wg.Wait()
	if ctx.Err() == nil {
		return ids, nil
	}
	sent := 0
	for _, id := range ids {
		sent += min(len(id), 1)
	}
	return ids, fmt.Errorf("send to queue %s: %d of %d items were sent: %w", q.cfg.Name, sent, len(ids), context.Cause(ctx))
}

// span is some messages of many: from, and before to.
type span struct{ from, to int }

// parts cuts messages into what fits into one request each.
func parts(messages []Message) (all []span) {
	for from := 0; from < len(messages); {
		to, size := from, 0
		for to < len(messages) && to-from < atOnce && (to == from || size+len(messages[to].Body) <= maxBatch) {
			size += len(messages[to].Body)
			to++
		}
		all, from = append(all, span{from, to}), to
	}
	return all
}

// sendPart sends one request, and again what it leaves out.
func (q *Queue) sendPart(ctx context.Context, messages []Message, part span, ids []string) error {
	left := q.entries(messages, part)
	pause := firstPause
	for round := 1; ; round++ {
		out, err := q.conn.client.SendMessageBatch(ctx, &api.SendMessageBatchInput{QueueUrl: &q.cfg.URL, Entries: left})
		if err != nil {
			return plain(err)
		}
		for _, s := range out.Successful {
			if i, err := strconv.Atoi(aws.ToString(s.Id)); err == nil && i >= part.from && i < part.to {
				ids[i] = aws.ToString(s.MessageId)
			}
		}
		rest, err := unsent(left, out.Failed)
		if err != nil || len(rest) == 0 {
			return err
		}
		if round == rounds {
			return fmt.Errorf("%d of %d items were refused %d times: %s", len(rest), part.to-part.from, rounds, reasonOf(out.Failed[0]))
		}
		if left = rest; !sleep(ctx, pause) {
			return ctx.Err()
		}
		pause *= 2
	}
}

func (q *Queue) entries(messages []Message, part span) []types.SendMessageBatchRequestEntry {
	list := make([]types.SendMessageBatchRequestEntry, 0, part.to-part.from)
	for i := part.from; i < part.to; i++ {
		m := q.grouped(messages[i])
		e := types.SendMessageBatchRequestEntry{Id: new(strconv.Itoa(i)), MessageBody: new(string(m.Body))}
		if q.fifo() {
			e.MessageGroupId, e.MessageDeduplicationId = &m.Group, &m.Dedup
		}
		list = append(list, e)
	}
	return list
}

// unsent are the entries that failed and may be sent again; an error if one of
// them would fail again.
func unsent(sent []types.SendMessageBatchRequestEntry, failed []types.BatchResultErrorEntry) (rest []types.SendMessageBatchRequestEntry, err error) {
	for _, f := range failed {
		if f.SenderFault {
			return nil, errors.New("an item is refused: " + reasonOf(f))
		}
		for _, e := range sent {
			if aws.ToString(e.Id) == aws.ToString(f.Id) {
				rest = append(rest, e)
			}
		}
	}
	return rest, nil
}

func reasonOf(f types.BatchResultErrorEntry) string {
	return aws.ToString(f.Code) + ": " + aws.ToString(f.Message)
}

// sleep waits for d, or until ctx ends: false.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
