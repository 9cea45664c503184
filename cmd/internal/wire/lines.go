// Package wire is what both programs put together in the same way: the
// connections to queues, the log, the version.
package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	smithy "github.com/aws/smithy-go/middleware"
	"go.uber.org/zap"

	"skynet/config"
	"skynet/queue"
	"skynet/queue/nats"
	"skynet/queue/sqs"
)

// What is wired here satisfies what its users ask for.
var (
	_ queue.Queue = (*Queue)(nil)
	_ queue.Mail  = (*nats.Mail)(nil)
	_ queue.Mail  = (*sqs.Mail)(nil)
	_ line        = (*nats.Queue)(nil)
	_ line        = (*sqs.Queue)(nil)
	_ Checked     = (*sqs.Queue)(nil)
	_ Checked     = (*sqs.Mail)(nil)
)

// Lines are the connections to servers of queues, one for each server, and one
// for each region of AWS.
type Lines struct {
	// AWS is added to what clients of AWS are made with, before the first is.
	AWS     []func(*smithy.Stack) error
	token   string
	log     *zap.Logger
	embed   func(context.Context) (*nats.Server, error)
	server  *nats.Server          // the embedded one, once a queue has asked for it
	conns   map[string]*nats.Conn // by host, "" is the embedded one
	regions map[string]*sqs.Conn  // by region
}

// NewLines returns Lines that show the token in tokenFile ("": none) to remote
// servers. embed starts the embedded server when the first queue asks for it;
// nil where there is none: a worker's queues are always somewhere else.
func NewLines(tokenFile string, log *zap.Logger, embed func(context.Context) (*nats.Server, error)) *Lines {
	return &Lines{token: tokenFile, log: log, embed: embed, conns: map[string]*nats.Conn{}, regions: map[string]*sqs.Conn{}}
}

// line is what both kinds of queues offer, beyond which each has more.
type line interface {
	queue.Queue
	// Release gives back an item that was not worked on to its end.
	Release(ctx context.Context, it *queue.Item) error
	// MaxBody is the size of the largest item that Send takes, in bytes.
	MaxBody() int
}

// Checked is a queue, or mail, that has settings of its own elsewhere.
type Checked interface {
	// Check reads them and returns what an operator should know.
	Check(ctx context.Context) (warnings []string, err error)
}

// Queue is a queue under the name that it has in the settings, which need not be
// the one that it has on its server.
type Queue struct {
	line
	name string
}

// Name is the name in the settings.
func (q *Queue) Name() string { return q.name }

// Check returns what an operator should know of the queue's own settings: nothing
// where it has none.
func (q *Queue) Check(ctx context.Context) ([]string, error) { return Check(ctx, q.line) }

// Check returns what an operator should know of the settings that a queue or mail
// has of its own: nothing where it has none.
func Check(ctx context.Context, of any) ([]string, error) {
	if c, ok := of.(Checked); ok {
		return c.Check(ctx)
	}
	return nil, nil
}

// Queue opens a queue of the settings.
func (l *Lines) Queue(ctx context.Context, q config.Queue) (*Queue, error) {
	a, err := l.address(q.URL)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	opened, err := l.open(ctx, q, a)
	if err != nil {
		return nil, err
	}
	return &Queue{opened, q.Name}, nil
}

func (l *Lines) open(ctx context.Context, q config.Queue, a config.Address) (line, error) {
	if a.System == config.SQSQueue {
		conn, err := l.region(ctx, a.Region)
		if err != nil {
			return nil, fmt.Errorf("queue %s: %w", q.Name, err)
		}
		return orNil(conn.Queue(ctx, sqs.Config{Name: q.Name, URL: q.URL, Visibility: q.Visibility.Std(), Tries: q.Tries}))
	}
	conn, err := l.dial(ctx, q.URL, a)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	return orNil(conn.Queue(ctx, nats.Config{Name: a.Name, Visibility: q.Visibility.Std(), Tries: q.Tries}))
}

// orNil keeps a nil pointer out of the interface.
func orNil[T line](q T, err error) (line, error) {
	if err != nil {
		return nil, err
	}
	return q, nil
}

// Heartbeats opens the queue of heartbeats.
func (l *Lines) Heartbeats(ctx context.Context, url string) (queue.Mail, error) {
	return l.Mail(ctx, "heartbeats", url)
}

// Mail opens a queue of short messages, which the settings call as.
func (l *Lines) Mail(ctx context.Context, as, url string) (queue.Mail, error) {
	m, err := l.mail(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", as, err)
	}
	return m, nil
}

func (l *Lines) mail(ctx context.Context, url string) (queue.Mail, error) {
	a, err := l.address(url)
	if err != nil {
		return nil, err
	}
	if a.System == config.SQSQueue {
		conn, err := l.region(ctx, a.Region)
		if err != nil {
			return nil, err
		}
		return conn.Mail(ctx, url)
	}
	conn, err := l.dial(ctx, url, a)
	if err != nil {
		return nil, err
	}
	return conn.Mail(ctx, a.Name, nats.DefaultMailAge)
}

func (l *Lines) address(url string) (config.Address, error) {
	a, err := config.ParseAddress(url)
	if err != nil {
		return a, fmt.Errorf("%q %w", url, err)
	}
	return a, nil
}

// region is the connection to SQS in one region.
func (l *Lines) region(ctx context.Context, name string) (*sqs.Conn, error) {
	if c := l.regions[name]; c != nil {
		return c, nil
	}
	cfg, err := AWS(ctx, name)
	if err != nil {
		return nil, err
	}
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), l.AWS...)
	l.regions[name] = sqs.New(cfg, sqs.Options{Warn: l.Warn})
	return l.regions[name], nil
}

func (l *Lines) dial(ctx context.Context, url string, a config.Address) (c *nats.Conn, err error) {
	if c := l.conns[a.Host]; c != nil {
		return c, nil
	}
	o := nats.DialOptions{URL: "nats://" + a.Host, TokenFile: l.token, Name: "skynet", Warn: l.Warn}
	if a.Embedded() {
		if l.embed == nil {
			return nil, fmt.Errorf("%q is inside the controller; write its address, nats://host:port/%s", url, a.Name)
		}
		if l.server, err = l.embed(ctx); err != nil {
			return nil, err
		}
		o.URL, o.TokenFile = l.server.URL(), l.server.TokenFile()
	}
	if c, err = nats.Dial(ctx, o); err != nil {
		return nil, err
	}
	l.conns[a.Host] = c
	return c, nil
}

// Warn logs what a server or a connection to one has to say.
func (l *Lines) Warn(said string) {
	l.log.Warn("queue server", zap.String("said", strings.TrimSpace(said)))
}

// Reach is how another process finds a queue: an embedded one at its address.
func (l *Lines) Reach(url string) (string, error) {
	a, err := config.ParseAddress(url)
	if err != nil || !a.Embedded() {
		return url, err
	}
	if l.server == nil {
		return "", errors.New("the embedded queue server does not run")
	}
	return l.server.URL() + "/" + a.Name, nil
}

// TokenFile is what other processes show to the servers.
func (l *Lines) TokenFile() string {
	if l.server != nil {
		return l.server.TokenFile()
	}
	return l.token
}

// Close hangs up, then ends the embedded server.
func (l *Lines) Close() error {
	for _, c := range l.conns {
		c.Close()
	}
	if l.server != nil {
		l.server.Shutdown()
	}
	return nil
}
