package sqs

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	// DefaultPoll is how long one request waits for an item. Each costs $0.40 a
	// million, so that a slot that waits all month costs $0.21; and a worker that
	// is told to drain sees its last request through.
	DefaultPoll = 5 * time.Second
	// longestPoll is the most that SQS waits.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
	longestPoll = 20 * time.Second
	// DefaultBackoff is the pause after the first failed try.
	DefaultBackoff = 2 * time.Second
	// DefaultParallel is how many requests of a large batch are under way at once.
	DefaultParallel = 16
)

// Options change how a Conn works. A zero field means the default.
type Options struct {
	// Poll is the longest that one request waits for an item, in whole seconds up
	// to 20: it bounds how long a cancelled Receive takes.
	Poll time.Duration
	// Backoff is the pause after the first failed try of an item, doubled with
	// each further one up to 15 minutes.
	Backoff time.Duration
	// Parallel is how many requests of a large batch are under way at once.
	Parallel int
	// Warn hears of what is not an error but worth knowing; nil: nobody does.
	Warn func(string)
}

// Conn opens queues of one region. It may be used by many goroutines.
type Conn struct {
	client *api.Client
	opts   Options
}

// New makes a Conn of an SDK configuration, whose region must be that of the
// queues. Throttling is left to the configuration's retry mode: adaptive is the
// one that fits.
func New(cfg aws.Config, opts Options) *Conn {
	return &Conn{client: api.NewFromConfig(cfg), opts: opts.orDefaults()}
}

func (o Options) orDefaults() Options {
	if o.Poll <= 0 {
		o.Poll = DefaultPoll
	}
	o.Poll = min(o.Poll, longestPoll)
	if o.Backoff <= 0 {
		o.Backoff = DefaultBackoff
	}
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	return o
}
