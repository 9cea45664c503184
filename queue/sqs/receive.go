package sqs

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"skynet/queue"
)

const (
	// grace is how much longer than its wait a receive may take.
	grace = 5 * time.Second
	// giveBackWithin bounds giving an item back that nobody waits for any more.
	giveBackWithin = 3 * time.Second
	// tooShort is the rest of a wait that is not worth a request.
	tooShort = 250 * time.Millisecond
	// longestHold is how long an item can be kept from its receipt: 12 hours, and
	// a little less because the receipt was a little earlier than we know.
	longestHold = longestVisibility - 10*time.Second
)

// delivery is this driver's handle on one delivery of an item: the Receipt.
type delivery struct {
	url      string // of the queue
	handle   string
	tries    int
	group    string // of an item of a FIFO queue
	attrs    map[string]types.MessageAttributeValue
	received time.Time

	mu    sync.Mutex
	until time.Time // when its visibility runs out, as far as we know
	over  bool      // deleted or given back
}

// state tells whether the delivery is over, or its visibility ran out.
func (d *delivery) state(now time.Time) (over, late bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over, past(d.until, now) >= 0
}

// past is how long ago t was, by the clock that says more: one of the two stands
// still while the machine sleeps, the other may be set.
func past(t, now time.Time) time.Duration {
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

func (d *delivery) keptUntil(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until = t
}

func (d *delivery) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
}

// Receive waits up to wait for an item, rounded up to whole seconds; none is
// (nil, nil). Zero asks once without waiting, and asks a part of SQS's servers
// only, so that it may miss what is there. When ctx ends Receive sees its request
// through, for up to Options.Poll, and gives back what it brings; that item has
// used one of its tries.
func (q *Queue) Receive(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	until := time.Now().Add(wait)
	for {
		if err := ctx.Err(); err != nil {
			return nil, q.failed("receive from", err)
		}
		it, err := q.poll(ctx, time.Until(until))
		if err != nil {
			return nil, q.failed("receive from", err)
		}
		if it != nil || time.Until(until) < tooShort {
			return it, nil
		}
	}
}

// poll asks once, in a request that ctx does not cut off.
func (q *Queue) poll(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	wait = min(max(wholeSeconds(wait), 0), q.conn.opts.Poll)
	once, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+grace)
	defer cancel()
	out, err := q.conn.client.ReceiveMessage(once, q.request(wait))
	if err == nil && len(out.Messages) > 0 {
		it, d := q.unpack(out.Messages[0])
		if ctx.Err() == nil {
			return it, nil
		}
		q.handBack(d)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, plain(err)
}

func (q *Queue) request(wait time.Duration) *api.ReceiveMessageInput {
	in := &api.ReceiveMessageInput{
		QueueUrl: &q.cfg.URL, MaxNumberOfMessages: 1,
		VisibilityTimeout: inSeconds(q.cfg.Visibility), WaitTimeSeconds: inSeconds(wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp,
		},
		MessageAttributeNames: []string{"All"}, // go along to the dead-letter queue
	}
	if q.fifo() {
		in.MessageSystemAttributeNames = append(in.MessageSystemAttributeNames, types.MessageSystemAttributeNameMessageGroupId)
		in.ReceiveRequestAttemptId = new(rand.Text()) // a repeated request brings the same item
	}
	return in
}

// unpack makes an item of a message.
func (q *Queue) unpack(m types.Message) (*queue.Item, *delivery) {
	now := time.Now()
	d := &delivery{
		url: q.cfg.URL, handle: aws.ToString(m.ReceiptHandle), tries: max(1, count(m, types.MessageSystemAttributeNameApproximateReceiveCount)),
		group: m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)], attrs: m.MessageAttributes,
		received: now, until: now.Add(q.cfg.Visibility),
	}
	it := &queue.Item{ID: aws.ToString(m.MessageId), Queue: q.cfg.Name, Body: []byte(aws.ToString(m.Body)), Tries: d.tries, Sent: sentAt(m), Receipt: d}
	return it, d
}

// handBack gives an item back that nobody waits for any more. Where that fails
// it comes back after its visibility.
func (q *Queue) handBack(d *delivery) {
	ctx, cancel := context.WithTimeout(context.Background(), giveBackWithin)
	defer cancel()
	if err := q.hide(ctx, d, 0); err != nil {
		q.warn("an item that came too late could not be given back: " + err.Error())
	}
}

// hide makes an item invisible for d from now; zero shows it.
func (q *Queue) hide(ctx context.Context, d *delivery, visibility time.Duration) error {
	_, err := q.conn.client.ChangeMessageVisibility(ctx, &api.ChangeMessageVisibilityInput{
		QueueUrl: &d.url, ReceiptHandle: &d.handle, VisibilityTimeout: inSeconds(visibility),
	})
	return plain(err)
}

// count is a number among a message's attributes, 0 if it is not there.
func count(m types.Message, name types.MessageSystemAttributeName) int {
	n, _ := strconv.Atoi(m.Attributes[string(name)])
	return n
}

// sentAt is when a message was first sent, to the millisecond; zero if it does
// not say.
func sentAt(m types.Message) time.Time {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
