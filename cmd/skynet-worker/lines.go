package main

import (
	"context"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"skynet/config"
	"skynet/queue/nats"
	"skynet/worker"
)

// lines are the connections to servers of queues, one for each.
type lines struct {
	token string
	log   *zap.Logger
	conns map[string]*nats.Conn
}

func newLines(token string, log *zap.Logger) *lines {
	return &lines{token: token, log: log, conns: map[string]*nats.Conn{}}
}

// open opens the queues that the worker receives from, and the one that it
// reports to.
func (l *lines) open(ctx context.Context, cfg config.Worker) ([]worker.Feed, worker.Voice, error) {
	var feeds []worker.Feed
	for _, q := range cfg.Queues {
		source, err := l.queue(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		feeds = append(feeds, worker.Feed{Source: named{source, q.Name}, Weight: q.Weight})
	}
	conn, name, err := l.dial(ctx, cfg.Heartbeats)
	if err != nil {
		return nil, nil, fmt.Errorf("heartbeats: %w", err)
	}
	voice, err := conn.Mail(ctx, name, nats.DefaultMailAge)
	return feeds, voice, err
}

func (l *lines) queue(ctx context.Context, q config.Queue) (*nats.Queue, error) {
	conn, name, err := l.dial(ctx, q.URL)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	return conn.Queue(ctx, nats.Config{Name: name, Visibility: q.Visibility.Std(), Tries: q.Tries})
}

func (l *lines) dial(ctx context.Context, url string) (*nats.Conn, string, error) {
	a, err := config.ParseAddress(url)
	if err != nil {
		return nil, "", fmt.Errorf("%q %w", url, err)
	}
	if a.Embedded() {
		return nil, "", fmt.Errorf("%q is inside the controller; give a worker its address, nats://host:port/%s", url, a.Name)
	}
	if c := l.conns[a.Host]; c != nil {
		return c, a.Name, nil
	}
	warn := func(said string) { l.log.Warn("queue server", zap.String("said", strings.TrimSpace(said))) }
	c, err := nats.Dial(ctx, nats.DialOptions{URL: "nats://" + a.Host, TokenFile: l.token, Name: "skynet-worker", Warn: warn})
	if err != nil {
		return nil, "", err
	}
	l.conns[a.Host] = c
	return c, a.Name, nil
}

func (l *lines) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// named is a queue under the name that it has in the settings.
type named struct {
	*nats.Queue
	name string
}

var _ worker.Releaser = named{}

func (n named) Name() string { return n.name }
