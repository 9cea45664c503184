package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/config/redact"
	"skynet/queue"
	"skynet/queue/nats"
)

// morgues are the dead-letter queues of the settings' queues.
type morgues struct {
	cfg     config.Config
	timeout time.Duration
	log     *zap.Logger
}

// notes is a log whose warnings are notes for who called the command.
func notes(to io.Writer) *zap.Logger {
	quiet := zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.WarnLevel)
	return zap.New(noting{quiet, steady{to}})
}

// noting is the core of notes.
type noting struct {
	zapcore.Core
	to io.Writer
}

// Check implements zapcore.Core.
func (n noting) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if n.Enabled(e.Level) {
		return c.AddCore(e, n)
	}
	return c
}

// Write implements zapcore.Core.
func (n noting) Write(e zapcore.Entry, fields []zapcore.Field) error {
	said := e.Message
	for _, f := range fields {
		if f.Type == zapcore.StringType {
			said += ": " + f.String
		}
	}
	_, err := fmt.Fprintln(n.to, "skynet: note:", oneLine(redact.Text(said)))
	return err
}

func morguesOf(c *cobra.Command) (m morgues, err error) {
	m.log = notes(c.ErrOrStderr())
	path, _ := c.Flags().GetString("config")
	if path == "" {
		path = installed
	}
	if m.timeout, _ = c.Flags().GetDuration("timeout"); m.timeout <= 0 {
		return m, fmt.Errorf("--timeout %s must be more than 0s", m.timeout)
	}
	if m.cfg, err = config.Load(path, nil); err != nil && !c.Flags().Changed("config") {
		err = fmt.Errorf("%w; give --config", err)
	}
	if folder, _ := c.Flags().GetString("state-dir"); folder != "" {
		m.cfg.StateDir = folder
	}
	return m, err
}

// named are the queues of these names; all, if there are none.
func (m morgues) named(names []string) (list []config.Queue, err error) {
	if len(names) == 0 {
		return m.cfg.Queues, nil
	}
	for n, name := range names {
		if slices.Contains(names[:n], name) {
			continue
		}
		i := slices.IndexFunc(m.cfg.Queues, func(q config.Queue) bool { return q.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is not a queue of the settings, only %s", name, m.queues())
		}
		list = append(list, m.cfg.Queues[i])
	}
	return list, nil
}

func (m morgues) queues() string {
	var names []string
	for _, q := range m.cfg.Queues {
		names = append(names, q.Name)
	}
	return orNone(strings.Join(names, ", "))
}

// unopened says that a dead-letter queue could not be opened: nothing was done to it.
type unopened struct{ error }

func (u unopened) Unwrap() error { return u.error }

// with opens the dead-letter queue of a queue for as long as do takes.
func (m morgues) with(ctx context.Context, q config.Queue, do func(queue.Morgue) error) (err error) {
	opening, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	q, token, err := m.reach(opening, q)
	if err != nil {
		return unopened{fmt.Errorf("queue %s: %w", q.Name, err)}
	}
	l := wire.NewLines(token, m.log, nil)
	defer func() { err = errors.Join(err, l.Close()) }()
	open, err := l.Morgue(opening, q)
	if err != nil {
		return unopened{err}
	}
	return do(open)
}

// reach is a queue as another process than the daemon finds it, and what it shows to a
// NATS server: an embedded one is at its address, with a token of its own.
func (m morgues) reach(ctx context.Context, q config.Queue) (config.Queue, string, error) {
	a, err := config.ParseAddress(q.URL)
	if err != nil || !a.Embedded() {
		return q, m.cfg.NATS.TokenFile, err
	}
	url, token, err := nats.Find(ctx, filepath.Join(m.cfg.StateDir, "nats"))
	if errors.Is(err, nats.ErrNotRunning) {
		return q, "", fmt.Errorf("%w; the embedded queue runs inside the controller: start it (systemctl start skynet, or skynet run with these settings)", err)
	}
	if err != nil {
		return q, "", curable(err)
	}
	q.URL = url + "/" + a.Name
	return q, token, nil
}
