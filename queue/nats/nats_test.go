package nats_test

import (
	"context"
	"testing"
	"time"

	"skynet/queue"
	"skynet/queue/nats"
	"skynet/queue/queuetest"
)

// started runs a server on dir until the test ends.
func started(t *testing.T, dir string) *nats.Server {
	t.Helper()
	s, err := nats.Start(t.Context(), nats.ServerOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

// dialled connects to the server until the test ends.
func dialled(t *testing.T, url, tokenFile string) *nats.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := nats.Dial(ctx, nats.DialOptions{URL: url, TokenFile: tokenFile, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func fresh(t *testing.T) *nats.Conn {
	t.Helper()
	s := started(t, t.TempDir())
	return dialled(t, s.URL(), s.TokenFile())
}

func opened(t *testing.T, c *nats.Conn, cfg nats.Config) *nats.Queue {
	t.Helper()
	q, err := c.Queue(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	terms := queuetest.Terms{
		Visibility: 600 * time.Millisecond, Tries: 3, Pause: 300 * time.Millisecond, Lag: 2500 * time.Millisecond,
	}
	queuetest.Run(t, terms, func(ctx context.Context, name string) (queue.Queue, error) {
		q, err := c.Queue(ctx, nats.Config{Name: name, Visibility: terms.Visibility, Tries: terms.Tries, Backoff: terms.Pause})
		if err != nil {
			return nil, err
		}
		return q, nil
	})
}
