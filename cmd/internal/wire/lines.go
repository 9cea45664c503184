// Package wire is what both programs put together in the same way: the
// connections to queues, the log, the version.
package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"skynet/config"
	"skynet/queue"
	"skynet/queue/nats"
)

// What is wired here satisfies what its users ask for.
var (
	_ queue.Queue = (*Queue)(nil)
	_ queue.Mail  = (*nats.Mail)(nil)
)

// Lines are the connections to servers of queues, one for each server.
type Lines struct {
	token  string
	log    *zap.Logger
	embed  func(context.Context) (*nats.Server, error)
	server *nats.Server          // the embedded one, once a queue has asked for it
	conns  map[string]*nats.Conn // by host, "" is the embedded one
}

// NewLines returns Lines that show the token in tokenFile ("": none) to remote
// servers. embed starts the embedded server when the first queue asks for it;
// nil where there is none: a worker's queues are always somewhere else.
func NewLines(tokenFile string, log *zap.Logger, embed func(context.Context) (*nats.Server, error)) *Lines {
	return &Lines{token: tokenFile, log: log, embed: embed, conns: map[string]*nats.Conn{}}
}

// Queue is a queue under the name that it has in the settings, which need not be
// the one that it has on its server.
type Queue struct {
	*nats.Queue
	name string
}

// Name is the name in the settings.
func (q *Queue) Name() string { return q.name }

// Queue opens a queue of the settings.
func (l *Lines) Queue(ctx context.Context, q config.Queue) (*Queue, error) {
	conn, name, err := l.dial(ctx, q.URL)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	opened, err := conn.Queue(ctx, nats.Config{Name: name, Visibility: q.Visibility.Std(), Tries: q.Tries})
	if err != nil {
		return nil, err
	}
	return &Queue{opened, q.Name}, nil
}

// Heartbeats opens the queue of heartbeats.
func (l *Lines) Heartbeats(ctx context.Context, url string) (*nats.Mail, error) {
	conn, name, err := l.dial(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("heartbeats: %w", err)
	}
	return conn.Mail(ctx, name, nats.DefaultMailAge)
}

func (l *Lines) dial(ctx context.Context, url string) (*nats.Conn, string, error) {
	a, err := config.ParseAddress(url)
	if err != nil {
		return nil, "", fmt.Errorf("%q %w", url, err)
	}
	if c := l.conns[a.Host]; c != nil {
		return c, a.Name, nil
	}
	o := nats.DialOptions{URL: "nats://" + a.Host, TokenFile: l.token, Name: "skynet", Warn: l.Warn}
	if a.Embedded() {
		if l.embed == nil {
			return nil, "", fmt.Errorf("%q is inside the controller; write its address, nats://host:port/%s", url, a.Name)
		}
		if l.server, err = l.embed(ctx); err != nil {
			return nil, "", err
		}
		o.URL, o.TokenFile = l.server.URL(), l.server.TokenFile()
	}
	c, err := nats.Dial(ctx, o)
	if err != nil {
		return nil, "", err
	}
	l.conns[a.Host] = c
	return c, a.Name, nil
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
