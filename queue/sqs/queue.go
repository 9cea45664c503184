package sqs

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"skynet/queue"
)

// longestVisibility is the most that SQS knows.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
const longestVisibility = 12 * time.Hour

// Config describes a queue.
type Config struct {
	Name string // in signals, items and errors; need not be the one in the URL
	URL  string // https://sqs.REGION.amazonaws.com/ACCOUNT/NAME
	// Visibility is how long a received item stays invisible without an Extend,
	// rounded up to whole seconds. It is given with each receive, whatever the
	// queue's own timeout is; zero is the queue's own.
	Visibility time.Duration
	// Tries is how often an item is expected to be delivered before it goes to the
	// dead-letter queue. What counts is the redrive policy of the queue: Check
	// tells where the two differ. Zero expects nothing.
	Tries int
}

// Queue is a work queue on SQS. It may be used by many goroutines.
type Queue struct {
	conn *Conn
	cfg  Config

	mu     sync.Mutex
	known  attributes // as last read, in part
	read   time.Time  // when the redrive policy was
	warned map[string]bool
}

var _ queue.Queue = (*Queue)(nil)

// Queue opens the queue, which must exist: an error names it and says what to do.
func (c *Conn) Queue(ctx context.Context, cfg Config) (*Queue, error) {
	if cfg.Name == "" {
		cfg.Name = nameOf(cfg.URL)
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("queue %s: %w", cfg.Name, err)
	}
	q := &Queue{conn: c, cfg: cfg, warned: map[string]bool{}}
	known, err := c.attributes(ctx, cfg.URL, everything)
	if err != nil {
		return nil, fmt.Errorf("open queue %s at %s: %w", cfg.Name, cfg.URL, err)
	}
	q.known, q.read = known, time.Now()
	if q.cfg.Visibility == 0 {
		q.cfg.Visibility = known.visibility
	}
	q.cfg.Visibility = wholeSeconds(q.cfg.Visibility)
	return q, nil
}

// urls have an account and a name of letters, digits, - and _, up to 80 with
// .fifo. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
var urls = regexp.MustCompile(`^https?://[^/?#@]+/[0-9]{12}/([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$`)

func checkURL(url string) error {
	if !urls.MatchString(url) {
		return fmt.Errorf("%q is not the URL of a queue; write it like https://sqs.eu-west-1.amazonaws.com/123456789012/photos", url)
	}
	return nil
}

func (c Config) check() error {
	if err := checkURL(c.URL); err != nil {
		return err
	}
	if c.Visibility < 0 || c.Visibility > longestVisibility || c.Tries < 0 {
		return fmt.Errorf("visibility %v must be at most %v, and tries %d not negative", c.Visibility, longestVisibility, c.Tries)
	}
	return nil
}

// wholeSeconds rounds up: SQS knows no fractions.
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

func inSeconds(d time.Duration) int32 { return int32(wholeSeconds(d) / time.Second) }

// Name is the queue's name.
func (q *Queue) Name() string { return q.cfg.Name }

// Visibility is how long a received item stays invisible without an Extend.
func (q *Queue) Visibility() time.Duration { return q.cfg.Visibility }

func (q *Queue) fifo() bool { return ordered(q.cfg.URL) }

func (q *Queue) failed(verb string, err error) error {
	return fmt.Errorf("%s queue %s: %w", verb, q.cfg.Name, err)
}

// warn says something once: it would be said for every item.
func (q *Queue) warn(what string) {
	q.mu.Lock()
	said := q.warned[what]
	q.warned[what] = true
	q.mu.Unlock()
	if !said {
		q.conn.opts.Warn("queue " + q.cfg.Name + ": " + what)
	}
}

// stale is how old what is known of the redrive policy may be when an item is
// about to be given up on.
const stale = time.Minute

// redrive is where the dead go. It is read again if it has not been for a while:
// operators change it while workers run.
func (q *Queue) redrive(ctx context.Context) (redrive, error) {
	q.mu.Lock()
	known, fresh := q.known.redrive, time.Since(q.read) < stale
	q.mu.Unlock()
	if fresh {
		return known, nil
	}
	a, err := q.conn.attributes(ctx, q.cfg.URL, whereTheDeadGo)
	if err != nil {
		return redrive{}, err
	}
	q.learn(a.redrive)
	return a.redrive, nil
}

func (q *Queue) learn(r redrive) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.known.redrive, q.read = r, time.Now()
}

// Depth counts what the queue holds, in one call, and one more at the same time
// for the dead-letter queue. An item that is held back after a failed try counts
// as in flight, as it does for SQS. Counts are eventually right: SQS says within
// a minute of the last change.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	q.mu.Lock()
	dead := q.known.redrive.url
	q.mu.Unlock()
	morgue := make(chan error, 1)
	var buried attributes
	go func() {
		var err error
		if dead != "" {
			buried, err = q.conn.attributes(ctx, dead, counts)
		}
		morgue <- err
	}()
	a, err := q.conn.attributes(ctx, q.cfg.URL, counts)
	deadErr := <-morgue
	if err != nil {
		return queue.Depth{}, q.failed("depth of", err)
	}
	q.learn(a.redrive)
	d := queue.Depth{Visible: a.visible, InFlight: a.inFlight, Delayed: a.delayed, Dead: buried.visible + buried.inFlight + buried.delayed}
	if deadErr != nil {
		d.DeadUnknown = fmt.Sprintf("dead-letter queue %s: %v", nameOf(dead), deadErr)
	}
	return d, nil
}

// errStranger says that an item came from elsewhere.
var errStranger = errors.New("it was not received from this queue")
