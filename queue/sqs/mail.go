package sqs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"skynet/queue"
)

const (
	// postWithin bounds a Post: the next heartbeat is a better one.
	postWithin = 5 * time.Second
	// readTime is how long mail is invisible while it is being deleted: what a
	// reader died with comes again.
	readTime = 30 * time.Second
	// readers is how many requests for more are under way once a first was full.
	readers = 4
	// deleteWithin bounds taking mail out of the queue once it was read.
	deleteWithin = 10 * time.Second
)

// Mail carries short messages that are worth reading for minutes only
// (heartbeats), over a standard queue. Its retention says how long what nobody
// reads waits: set it to five minutes. One that is read and cannot be deleted
// comes again; a reader must know what it has read.
type Mail struct {
	conn *Conn
	url  string
}

var _ queue.Mail = (*Mail)(nil)

// Mail opens the mail at the URL, which must exist.
func (c *Conn) Mail(ctx context.Context, url string) (*Mail, error) {
	if err := checkURL(url); err != nil {
		return nil, err
	}
	if ordered(url) {
		return nil, fmt.Errorf("%s is a FIFO queue, in which one message that nobody reads holds up others; use a standard queue", url)
	}
	if _, err := c.attributes(ctx, url, everything); err != nil {
		return nil, fmt.Errorf("open mail at %s: %w", url, err)
	}
	return &Mail{conn: c, url: url}, nil
}

// Post leaves a message for the reader. It does not try again for long: the next
// heartbeat is a better one.
func (m *Mail) Post(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, postWithin)
	defer cancel()
	_, err := m.conn.client.SendMessage(ctx, &api.SendMessageInput{QueueUrl: &m.url, MessageBody: new(string(body))})
	if err != nil {
		return fmt.Errorf("post to mail %s: %w", nameOf(m.url), plain(err))
	}
	return nil
}

// Collect returns up to limit messages, oldest first, waiting up to wait for the
// first, rounded up to whole seconds. It consumes them. None in time is an empty
// list. When ctx ends it sees its request through, for up to Options.Poll, and
// leaves what it brings for the next reader.
func (m *Mail) Collect(ctx context.Context, limit int, wait time.Duration) ([]queue.Letter, error) {
	messages, err := m.collect(ctx, limit, wait)
	if ctx.Err() != nil {
		_ = m.conn.show(context.WithoutCancel(ctx), m.url, messages) // they come back by themselves
		return nil, fmt.Errorf("collect mail %s: %w", nameOf(m.url), ctx.Err())
	}
	if err != nil && len(messages) == 0 {
		return nil, fmt.Errorf("collect mail %s: %w", nameOf(m.url), err)
	}
	m.consume(ctx, messages)
	letters := make([]queue.Letter, 0, len(messages))
	for _, msg := range messages {
		letters = append(letters, queue.Letter{Body: []byte(aws.ToString(msg.Body)), At: sentAt(msg), From: sender(msg)})
	}
	slices.SortStableFunc(letters, func(a, b queue.Letter) int { return a.At.Compare(b.At) })
	return letters, nil
}

// collect asks once, and for more for as long as there is plenty.
func (m *Mail) collect(ctx context.Context, limit int, wait time.Duration) ([]types.Message, error) {
	all, err := m.ask(ctx, min(limit, atOnce), min(max(wholeSeconds(wait), 0), m.conn.opts.Poll))
	for plenty := len(all) == atOnce; plenty && err == nil && len(all) < limit && ctx.Err() == nil; {
		var more []types.Message
		more, err = m.more(ctx, limit-len(all))
		all, plenty = append(all, more...), len(more) > 0
	}
	return all, err
}

// more asks several times at once without waiting.
func (m *Mail) more(ctx context.Context, limit int) (all []types.Message, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for asked := 0; asked < min(limit, readers*atOnce); asked += atOnce {
		wg.Go(func() {
			got, e := m.ask(ctx, min(limit-asked, atOnce), 0)
			mu.Lock()
			defer mu.Unlock()
			all, err = append(all, got...), errors.Join(err, e)
		})
	}
	wg.Wait()
	return all, err
}

// ask receives once, in a request that ctx does not cut off.
func (m *Mail) ask(ctx context.Context, most int, wait time.Duration) ([]types.Message, error) {
	if ctx.Err() != nil || most < 1 {
		return nil, ctx.Err()
	}
	once, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+grace)
	defer cancel()
	out, err := m.conn.client.ReceiveMessage(once, &api.ReceiveMessageInput{
		QueueUrl: &m.url, MaxNumberOfMessages: int32(most), VisibilityTimeout: inSeconds(readTime), WaitTimeSeconds: inSeconds(wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameSenderId},
	})
	if err != nil {
		return nil, plain(err)
	}
	return out.Messages, nil
}

// instance is how EC2 writes the ID of one.
var instance = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// sender is the instance that sent a message: one that speaks with the credentials of
// its profile is in a session of the role which bears its ID, and cannot choose
// another. SQS writes ROLE:SESSION then, and of anybody else something that is no
// instance. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
func sender(m types.Message) string {
	_, session, _ := strings.Cut(m.Attributes[string(types.MessageSystemAttributeNameSenderId)], ":")
	if !instance.MatchString(session) {
		return ""
	}
	return session
}

// consume takes messages out of the queue, ten in a request. What is left comes
// again.
func (m *Mail) consume(ctx context.Context, messages []types.Message) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteWithin)
	defer cancel()
	var wg sync.WaitGroup
	for part := range slices.Chunk(messages, atOnce) {
		wg.Go(func() {
			list := make([]types.DeleteMessageBatchRequestEntry, 0, len(part))
			for i, msg := range part {
				list = append(list, types.DeleteMessageBatchRequestEntry{Id: new(strconv.Itoa(i)), ReceiptHandle: msg.ReceiptHandle})
			}
			out, err := m.conn.client.DeleteMessageBatch(ctx, &api.DeleteMessageBatchInput{QueueUrl: &m.url, Entries: list})
			if err == nil && len(out.Failed) > 0 {
				err = errors.New(reasonOf(out.Failed[0]))
			}
			if err != nil {
				m.conn.opts.Warn(fmt.Sprintf("mail %s: %d messages that were read could not all be deleted and come again: %v", nameOf(m.url), len(part), plain(err)))
			}
		})
	}
	wg.Wait()
}

// show gives messages back, ten in a request. What is left comes back in its
// time; the error says why.
func (c *Conn) show(ctx context.Context, url string, messages []types.Message) error {
	ctx, cancel := context.WithTimeout(ctx, deleteWithin)
	defer cancel()
	errs := make([]error, (len(messages)+atOnce-1)/atOnce)
	var wg sync.WaitGroup
	for n, part := range slices.Collect(slices.Chunk(messages, atOnce)) {
		wg.Go(func() {
			list := make([]types.ChangeMessageVisibilityBatchRequestEntry, 0, len(part))
			for i, msg := range part {
				list = append(list, types.ChangeMessageVisibilityBatchRequestEntry{Id: new(strconv.Itoa(i)), ReceiptHandle: msg.ReceiptHandle})
			}
			out, err := c.client.ChangeMessageVisibilityBatch(ctx, &api.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: list})
			if err == nil && len(out.Failed) > 0 {
				err = errors.New(reasonOf(out.Failed[0]))
			}
			errs[n] = plain(err)
		})
	}
	wg.Wait()
	return cmp.Or(errs...) // the others are alike
}

// longestMail is how long mail may wait before it is worth a warning.
const longestMail = 15 * time.Minute

// Check reads the mail's settings and returns what an operator should know.
func (m *Mail) Check(ctx context.Context) (warnings []string, err error) {
	a, err := m.conn.attributes(ctx, m.url, everything)
	if err != nil {
		return nil, fmt.Errorf("check mail %s: %w", nameOf(m.url), err)
	}
	if a.retention > longestMail {
		warnings = append(warnings, fmt.Sprintf("mail %s keeps what nobody reads for %s, and a controller that comes back reads all of it first; set its message retention period to 5 minutes", nameOf(m.url), a.retention))
	}
	return warnings, nil
}
