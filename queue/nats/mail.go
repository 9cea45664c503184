package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
)

const (
	// DefaultMailAge is how long mail waits for a reader.
	DefaultMailAge = 5 * time.Minute
	// maxMail and maxMailBytes bound what waits; the oldest is dropped first.
	maxMail      = 100_000
	maxMailBytes = 64 << 20
	// reader is the name of a mail stream's one consumer.
	reader = "reader"
)

// Mail carries short messages that are worth reading for minutes only
// (heartbeats). They are in the server's memory: a restart of the server loses
// them, and costs no disk write each.
type Mail struct {
	conn *Conn
	name string
	age  time.Duration
	pull puller
}

var _ queue.Mail = (*Mail)(nil)

// Mail opens the mail of that name, creating it if need be. Messages older than
// maxAge (0: DefaultMailAge) are dropped.
func (c *Conn) Mail(ctx context.Context, name string, maxAge time.Duration) (*Mail, error) {
	if err := checkName("mail", name); err != nil {
		return nil, err
	}
	if maxAge == 0 {
		maxAge = DefaultMailAge
	}
	m := &Mail{conn: c, name: name, age: maxAge}
	m.pull = puller{nc: c.nc, stream: m.stream(), consumer: reader, handBack: func(msg *client.Msg) { _ = msg.Nak() }}
	if err := m.open(ctx); err != nil {
		return nil, fmt.Errorf("open mail %s: %w", name, err)
	}
	return m, nil
}

// open makes the stream and its consumer; they are gone after a restart of the
// server, so whoever misses them calls it again.
func (m *Mail) open(ctx context.Context) error {
	_, err := m.conn.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: m.stream(), Subjects: []string{m.subject()}, Description: "SkyNet: mail " + m.name,
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.MemoryStorage, Discard: jetstream.DiscardOld,
		MaxAge: m.age, MaxMsgs: maxMail, MaxBytes: maxMailBytes,
		Duplicates: min(m.age, time.Second), // not used
	})
	if err != nil {
		return err
	}
	_, err = m.conn.js.CreateOrUpdateConsumer(ctx, m.stream(), jetstream.ConsumerConfig{
		Durable: reader, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 10 * time.Second,
		MaxDeliver: 1, MaxAckPending: -1, // read once: what a reader died with expires
	})
	return err
}

func (m *Mail) stream() string  { return "mail_" + m.name }
func (m *Mail) subject() string { return "skynet.mail." + m.name }

// Post leaves a message for the reader. It does not try again for long: the next
// heartbeat is a better one.
func (m *Mail) Post(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	_, err := m.conn.js.Publish(ctx, m.subject(), body, jetstream.WithRetryAttempts(0))
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // the server was restarted
		if err = m.open(ctx); err == nil {
			_, err = m.conn.js.Publish(ctx, m.subject(), body)
		}
	}
	if err != nil {
		return fmt.Errorf("post to mail %s: %w", m.name, err)
	}
	return nil
}

// Collect returns up to limit messages, oldest first, waiting up to wait for the
// first. It consumes them. None in time is an empty list.
func (m *Mail) Collect(ctx context.Context, limit int, wait time.Duration) ([]queue.Letter, error) {
	msgs, err := m.collect(ctx, limit, time.Now().Add(wait))
	if errors.Is(err, client.ErrNoResponders) { // the server was restarted
		if err = m.open(ctx); err == nil {
			msgs, err = m.collect(ctx, limit, time.Now().Add(wait))
		}
	}
	out := m.consume(msgs)
	if err != nil && len(out) == 0 {
		_ = pause(ctx)
		return nil, fmt.Errorf("collect mail %s: %w", m.name, err)
	}
	return out, nil
}

func (m *Mail) collect(ctx context.Context, limit int, until time.Time) ([]*client.Msg, error) {
	msgs, err := m.pull.sweep(ctx, limit)
	if err != nil || len(msgs) > 0 {
		return msgs, err
	}
	first, err := m.first(ctx, until)
	if err != nil || first == nil || limit == 1 {
		return list(first), err
	}
	rest, err := m.pull.sweep(ctx, limit-1)
	return append(list(first), rest...), err
}

// first waits for one message; nil if none came in time.
func (m *Mail) first(ctx context.Context, until time.Time) (*client.Msg, error) {
	for time.Now().Before(until) {
		msg, err := m.pull.one(ctx, time.Until(until))
		if msg != nil || err != nil {
			return msg, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, nil
}

func list(msg *client.Msg) []*client.Msg {
	if msg == nil {
		return nil
	}
	return []*client.Msg{msg}
}

// consume takes the messages out of the mail. One whose acknowledgement is lost
// is not read again: it was delivered, and expires.
func (m *Mail) consume(msgs []*client.Msg) []queue.Letter {
	out := make([]queue.Letter, 0, len(msgs))
	for _, msg := range msgs {
		_ = msg.Ack()
		out = append(out, stamped(msg))
	}
	if len(msgs) > 0 {
		_ = m.conn.nc.FlushTimeout(briefly)
	}
	return out
}

// stamped is a message with the time at which the server stored it.
func stamped(msg *client.Msg) queue.Letter {
	l := queue.Letter{Body: msg.Data}
	if meta, err := msg.Metadata(); err == nil {
		l.At = meta.Timestamp
	}
	return l
}
