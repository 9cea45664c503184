package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
)

// What a new queue has unless Config says otherwise.
const (
	DefaultVisibility = 30 * time.Second
	DefaultTries      = 3
	DefaultBackoff    = 2 * time.Second
)

const (
	// maxBackoff ends the doubling of the pause after a failed try.
	maxBackoff = 15 * time.Minute
	// deadFor is how long dead letters are kept: as long as SQS keeps anything.
	deadFor = 14 * 24 * time.Hour
	// headroom is the part of the server's message size that is kept for headers,
	// a dead letter's reason among them.
	headroom = 4 << 10
	// consumer is the name of the one consumer of each work stream.
	consumer = "workers"
	// maxPulls is how many workers' slots may wait for items at the same time.
	maxPulls = 16384
)

// Headers of an item and of a dead letter.
const (
	headerID     = "Nats-Msg-Id" // also what JetStream tells repeated sends by
	headerItem   = "Skynet-Item" // the item's ID where the message has another
	headerSent   = "Skynet-Sent" // RFC 3339, sender's clock
	headerReason = "Skynet-Reason"
	headerTries  = "Skynet-Tries"
)

// Keys under which a queue's settings are stored with its consumer.
const (
	metaTries   = "skynet_tries"
	metaBackoff = "skynet_backoff"
)

// Config describes a queue. A zero field means: as it is stored with the queue,
// or the default if the queue is new. So the controller decides, and workers
// open queues by name alone.
type Config struct {
	Name       string
	Visibility time.Duration // how long a received item stays invisible without an Extend
	Tries      int           // deliveries before an item is given up on
	Backoff    time.Duration // pause after the first failed try, doubled with each further one
}

// Queue is a work queue on JetStream. It may be used by many goroutines.
type Queue struct {
	conn   *Conn
	cfg    Config
	ledger *ledger
	pull   puller
	stale  time.Duration // strandedFor
	floor  atomic.Uint64 // below which everything was acknowledged at the last Depth
}

var _ queue.Queue = (*Queue)(nil)

// Queue opens the queue, creating it if need be. Settings that differ from what
// is stored are stored; those who have it open already keep what they know.
func (c *Conn) Queue(ctx context.Context, cfg Config) (*Queue, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	q := &Queue{conn: c, cfg: cfg, stale: strandedFor}
	q.pull = puller{nc: c.nc, stream: q.stream(), consumer: consumer, handBack: q.handBack}
	if err := q.open(ctx); err != nil {
		return nil, fmt.Errorf("open queue %s: %w", cfg.Name, err)
	}
	return q, nil
}

func (c Config) check() error {
	if err := checkName("queue", c.Name); err != nil {
		return err
	}
	if c.Visibility < 0 || c.Tries < 0 || c.Backoff < 0 {
		return fmt.Errorf("queue %s: visibility %v, tries %d and backoff %v must not be negative", c.Name, c.Visibility, c.Tries, c.Backoff)
	}
	if c.Visibility > 0 && c.Visibility < minVisibility {
		return fmt.Errorf("queue %s: visibility %v is too short; the least is %v", c.Name, c.Visibility, minVisibility)
	}
	return nil
}

func (q *Queue) open(ctx context.Context) error {
	js := q.conn.js
	for _, s := range []jetstream.StreamConfig{q.workStream(), q.deadStream()} {
		if _, err := js.CreateOrUpdateStream(ctx, s); err != nil {
			return fmt.Errorf("stream %s: %w", s.Name, err)
		}
	}
	old, err := js.Consumer(ctx, q.stream(), consumer)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	if err == nil {
		q.cfg = q.cfg.or(stored(old.CachedInfo().Config))
	}
	q.cfg = q.cfg.or(Config{Visibility: DefaultVisibility, Tries: DefaultTries, Backoff: DefaultBackoff})
	if _, err := js.CreateOrUpdateConsumer(ctx, q.stream(), q.consumerConfig()); err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	q.ledger, err = openLedger(ctx, js, q.cfg.Name, q.cfg.Visibility)
	return err
}

// or fills c's zero fields from d.
func (c Config) or(d Config) Config {
	if c.Visibility == 0 {
		c.Visibility = d.Visibility
	}
	if c.Tries == 0 {
		c.Tries = d.Tries
	}
	if c.Backoff == 0 {
		c.Backoff = d.Backoff
	}
	return c
}

// stored reads a queue's settings from its consumer; what cannot be read is
// zero.
func stored(c jetstream.ConsumerConfig) Config {
	tries, _ := strconv.Atoi(c.Metadata[metaTries])
	backoff, _ := time.ParseDuration(c.Metadata[metaBackoff])
	return Config{Visibility: c.AckWait, Tries: tries, Backoff: backoff}
}

func (q *Queue) workStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: q.stream(), Subjects: []string{q.subject()},
		Description: "SkyNet: items of queue " + q.cfg.Name,
		Retention:   jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
		AllowDirect: true,
		Duplicates:  2 * patience, // longer than a send is repeated; each ID takes memory
	}
}

func (q *Queue) deadStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: q.deadName(), Subjects: []string{q.deadSubject("*")},
		Description: "SkyNet: items given up on of queue " + q.cfg.Name,
		Storage:     jetstream.FileStorage, AllowDirect: true,
		MaxAge: deadFor, MaxMsgsPerSubject: 1, // one letter an item, however often it was buried
		Duplicates: 2 * patience,
	}
}

func (q *Queue) consumerConfig() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.cfg.Visibility,
		MaxDeliver:    -1, // or items strand in neither count
		MaxAckPending: -1, // the default of 1,000 stalls a fleet
		MaxWaiting:    maxPulls,
		Metadata: map[string]string{
			metaTries: strconv.Itoa(q.cfg.Tries), metaBackoff: q.cfg.Backoff.String(),
		},
	}
}

func (q *Queue) stream() string              { return "queue_" + q.cfg.Name }
func (q *Queue) subject() string             { return "skynet.queue." + q.cfg.Name }
func (q *Queue) deadName() string            { return "dead_" + q.cfg.Name }
func (q *Queue) deadSubject(i string) string { return "skynet.dead." + q.cfg.Name + "." + i }

// Name is the queue's name.
func (q *Queue) Name() string { return q.cfg.Name }

// Visibility is how long a received item stays invisible without an Extend.
func (q *Queue) Visibility() time.Duration { return q.cfg.Visibility }

// MaxBody is the size of the largest item that Send takes, in bytes.
func (q *Queue) MaxBody() int { return int(q.conn.nc.MaxPayload()) - headroom }
