package main

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

// lines are the connections to servers of queues: the embedded one, which is
// started when the first queue asks for it, and remote ones.
type lines struct {
	folder string // of the embedded server
	token  string // file with the token of remote servers
	log    *zap.Logger
	server *nats.Server
	conns  map[string]*nats.Conn // by host, "" is the embedded one
}

func newLines(folder, token string, log *zap.Logger) *lines {
	return &lines{folder: folder, token: token, log: log, conns: map[string]*nats.Conn{}}
}

func (l *lines) warn(said string) {
	l.log.Warn("queue server", zap.String("said", strings.TrimSpace(said)))
}

// queue opens a queue of the settings.
func (l *lines) queue(ctx context.Context, q config.Queue) (queue.Queue, error) {
	conn, name, err := l.dial(ctx, q.URL)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	return conn.Queue(ctx, nats.Config{Name: name, Visibility: q.Visibility.Std(), Tries: q.Tries})
}

// mail opens the queue of heartbeats.
func (l *lines) mail(ctx context.Context, url string) (queue.Mail, error) {
	conn, name, err := l.dial(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("heartbeats: %w", err)
	}
	return conn.Mail(ctx, name, nats.DefaultMailAge)
}

func (l *lines) dial(ctx context.Context, url string) (*nats.Conn, string, error) {
	a, err := config.ParseAddress(url)
	if err != nil {
		return nil, "", fmt.Errorf("%q %w", url, err)
	}
	if c := l.conns[a.Host]; c != nil {
		return c, a.Name, nil
	}
	o := nats.DialOptions{URL: "nats://" + a.Host, TokenFile: l.token, Name: "skynet", Warn: l.warn}
	if a.Embedded() {
		if l.server, err = nats.Start(ctx, nats.ServerOptions{Dir: l.folder, Warn: l.warn}); err != nil {
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

// reach is how a worker finds a queue: an embedded server by its address here.
func (l *lines) reach(url string) (string, error) {
	a, err := config.ParseAddress(url)
	if err != nil || !a.Embedded() {
		return url, err
	}
	if l.server == nil {
		return "", errors.New("the embedded queue server does not run")
	}
	return l.server.URL() + "/" + a.Name, nil
}

// tokenFile is what workers show to the servers.
func (l *lines) tokenFile() string {
	if l.server != nil {
		return l.server.TokenFile()
	}
	return l.token
}

func (l *lines) close() error {
	for _, c := range l.conns {
		c.Close()
	}
	if l.server != nil {
		l.server.Shutdown()
	}
	return nil
}
