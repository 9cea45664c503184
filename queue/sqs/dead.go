package sqs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"skynet/queue"
)

// Attributes of an item that we sent to its dead-letter queue ourselves.
const (
	attrItem   = "SkynetItem"   // its ID
	attrReason = "SkynetReason" // of its last try
	attrTries  = "SkynetTries"
	attrSent   = "SkynetSent" // when it was first sent, RFC 3339
)

const (
	// maxReason is the part of a reason that is kept, in bytes.
	maxReason = 1000
	// mostAttributes is how many an item may have.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
	mostAttributes = 10
	// listTime is how long dead letters stay invisible while they are listed.
	listTime = 30 * time.Second
	// mostLetters and mostBytes bound what is read of a dead-letter queue at once.
	mostLetters = 1000
	mostBytes   = 64 << 20
)

// bury sends an item to the dead-letter queue with the reason, then deletes it:
// if we die in between it is there twice, which is better than not at all. Where
// sending is refused it is left to SQS, which moves it without a reason when the
// next receive comes across it.
func (q *Queue) bury(ctx context.Context, it *queue.Item, d *delivery, r redrive, reason string) error {
	err := q.sendDead(ctx, it, d, r, reason)
	if refused(err) {
		q.warn(fmt.Sprintf("items go to dead-letter queue %s without a reason; allow sqs:SendMessage on it: %v", nameOf(r.url), err))
		return q.giveBack(ctx, d, 0)
	}
	if err != nil {
		return fmt.Errorf("dead-letter queue %s: %w", nameOf(r.url), err)
	}
	return q.delete(ctx, d)
}

// refused reports that the same would be refused again: not allowed, too large,
// no such queue.
func refused(err error) bool {
	code := codeOf(err)
	return err != nil && (denied(code) || missing(err, code) || strings.HasPrefix(code, "Invalid") || strings.HasPrefix(code, "KMS.") && code != "KMS.ThrottlingException")
}

func (q *Queue) sendDead(ctx context.Context, it *queue.Item, d *delivery, r redrive, reason string) error {
	in := &api.SendMessageInput{QueueUrl: &r.url, MessageBody: new(string(it.Body)), MessageAttributes: obituary(it, d, reason)}
	if ordered(r.url) {
		in.MessageGroupId, in.MessageDeduplicationId = new(cmp.Or(d.group, it.ID)), &it.ID
	}
	_, err := q.conn.client.SendMessage(ctx, in)
	return plain(err)
}

// obituary is what goes along: ours, and the item's own attributes as far as
// there is room.
func obituary(it *queue.Item, d *delivery, reason string) map[string]types.MessageAttributeValue {
	all := map[string]types.MessageAttributeValue{
		attrItem: note(it.ID), attrTries: note(strconv.Itoa(d.tries)), attrReason: note(cmp.Or(oneLine(reason), "no reason given")),
	}
	if !it.Sent.IsZero() {
		all[attrSent] = note(it.Sent.UTC().Format(time.RFC3339Nano))
	}
	for _, name := range slices.Sorted(maps.Keys(d.attrs)) {
		if _, ours := all[name]; !ours && len(all) < mostAttributes {
			all[name] = d.attrs[name]
		}
	}
	return all
}

func note(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: new("String"), StringValue: &s}
}

// oneLine makes a reason fit for an attribute.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.Map(legal, strings.ToValidUTF8(s, "?"))), " ")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}

// DeadLetters lists up to limit items that were given up on, oldest first. SQS
// has no way to look without receiving: the letters are invisible to others for a
// moment, each listing counts as a receive of them, and of more than a thousand,
// and of letters that are hidden by somebody else, some are not seen: it comes with
// [queue.ErrMore] then.
func (q *Queue) DeadLetters(ctx context.Context, limit int) ([]queue.Dead, error) {
	r, err := q.redrive(ctx)
	if err != nil {
		return nil, q.failed("dead letters of", err)
	}
	if r.url == "" {
		return nil, nil
	}
	messages, err := q.conn.take(ctx, r.url, listTime)
	var more error
	if err == nil && len(messages) <= limit {
		more = q.unseen(ctx, r.url, messages)
	}
	q.show(ctx, r.url, messages)
	if err != nil {
		return nil, q.failed("dead letters of", err)
	}
	out := make([]queue.Dead, 0, len(messages))
	for _, m := range inOrderOfAge(messages) {
		out = append(out, letter(m, r.tries))
	}
	return out[:min(limit, len(out))], more
}

// unseen is ErrMore, and why, where there may be letters besides those that were just
// taken: more than are read at once, some that somebody else hides, who may have been
// killed, or the rest of a group, of which a FIFO queue hands out no more while the
// first are out. SQS counts letters hidden by us among the others; its counts lag
// behind, by a minute or so, and may send us to look once more for nothing.
// https://repost.aws/knowledge-center/sqs-fifo-messages-not-returned
func (q *Queue) unseen(ctx context.Context, url string, taken []types.Message) error {
	if full(taken) {
		return queue.ErrMore
	}
	a, err := q.conn.attributes(ctx, url, counts)
	known := a.visible + a.inFlight + a.delayed
	switch {
	case err == nil && known > len(taken):
		return fmt.Errorf("SQS counts %d dead letters and hands out %d now: the others come after those of their group, or are hidden, for five minutes at most, by who has looked at them: %w",
			known, len(taken), queue.ErrMore)
	case err != nil && ordered(url) && len(taken) > 0: // it may not be ours to ask
		return fmt.Errorf("SQS hands out ten dead letters of a group at a time: %w", queue.ErrMore)
	case err != nil && ctx.Err() == nil:
		q.warn(fmt.Sprintf("dead-letter queue %s does not say how many it holds; letters that somebody else looks at are not seen: %v", nameOf(url), err))
	}
	return nil
}

// show shows letters to others again.
func (q *Queue) show(ctx context.Context, url string, letters []types.Message) {
	if err := q.conn.show(context.WithoutCancel(ctx), url, letters); err != nil {
		q.warn(fmt.Sprintf("dead letters that were looked at stay hidden for a while, five minutes at most: %v", err))
	}
}

// take receives what is there, hidden from others for so long: up to mostLetters, and
// not much more than mostBytes.
func (c *Conn) take(ctx context.Context, url string, hidden time.Duration) (all []types.Message, err error) {
	seen := map[string]bool{}
	for !full(all) {
		out, err := c.client.ReceiveMessage(ctx, &api.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: atOnce, VisibilityTimeout: inSeconds(hidden), WaitTimeSeconds: 1,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameMessageGroupId,
			},
			MessageAttributeNames: []string{"All"}, // go along where the item is sent again
		})
		if err != nil {
			return all, plain(err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			if id := aws.ToString(m.MessageId); !seen[id] {
				seen[id], all = true, append(all, m)
			}
		}
	}
	return all, nil
}

// full reports that no more is read at once.
func full(list []types.Message) bool {
	bytes := 0
	for _, m := range list {
		bytes += len(aws.ToString(m.Body))
	}
	return len(list) >= mostLetters || bytes >= mostBytes
}

// inOrderOfAge sorts messages, the oldest first.
func inOrderOfAge(list []types.Message) []types.Message {
	slices.SortStableFunc(list, func(a, b types.Message) int {
		return cmp.Or(sentAt(a).Compare(sentAt(b)), cmp.Compare(aws.ToString(a.MessageId), aws.ToString(b.MessageId)))
	})
	return list
}

// letter reads a dead letter. One that SQS moved says nothing of itself.
func letter(m types.Message, tries int) queue.Dead {
	said := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	d := queue.Dead{
		ID: cmp.Or(said(attrItem), aws.ToString(m.MessageId)), Body: []byte(aws.ToString(m.Body)),
		Reason: said(attrReason), Tries: tries, At: sentAt(m),
	}
	if n, err := strconv.Atoi(said(attrTries)); err == nil {
		d.Tries = n
	}
	if d.Reason == "" {
		d.Reason = fmt.Sprintf("not done after %d tries: its worker died or let go of it without saying why", d.Tries)
	}
	return d
}
