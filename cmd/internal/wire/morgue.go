package wire

import (
	"context"
	"fmt"

	"skynet/config"
	"skynet/queue"
	"skynet/queue/nats"
)

// Morgue opens the dead-letter queue of a queue of the settings that somebody else looks
// after: unlike Queue it makes nothing, and changes no settings that are stored with the
// queue.
func (l *Lines) Morgue(ctx context.Context, q config.Queue) (queue.Morgue, error) {
	a, err := l.address(q.URL)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	if a.System == config.SQSQueue {
		return l.open(ctx, q, a)
	}
	var conn *nats.Conn
	if conn, err = l.dial(ctx, q.URL, a); err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	return conn.Morgue(ctx, a.Name)
}
