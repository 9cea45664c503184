package sqs

import (
	"context"
	"fmt"
	"time"
)

// shortRetention is a retention that a busy weekend outlasts.
const shortRetention = 24 * time.Hour

// Check reads the queue's settings, and its dead-letter queue's, and returns what
// an operator should know of them.
func (q *Queue) Check(ctx context.Context) (warnings []string, err error) {
	a, err := q.conn.attributes(ctx, q.cfg.URL, everything)
	if err != nil {
		return nil, q.failed("check", err)
	}
	say := func(format string, args ...any) {
		warnings = append(warnings, "queue "+q.cfg.Name+" "+fmt.Sprintf(format, args...))
	}
	if a.visibility != q.cfg.Visibility {
		say("has a visibility timeout of %s, which is not used: the settings' %s is given with each receive", a.visibility, q.cfg.Visibility)
	}
	if a.retention < shortRetention {
		say("drops what has waited for %s, unseen; raise its message retention period", a.retention)
	}
	if a.redrive.tries == 0 {
		say("has no redrive policy: items that fail circle until they are dropped after %s; give it a dead-letter queue", a.retention)
		return warnings, nil
	}
	if q.cfg.Tries > 0 && q.cfg.Tries != a.redrive.tries {
		say("gives up items after %d receives, as its redrive policy says, not after the settings' %d tries; make them the same", a.redrive.tries, q.cfg.Tries)
	}
	dead, err := q.conn.attributes(ctx, a.redrive.url, everything)
	switch {
	case err != nil:
		say("has a dead-letter queue that cannot be read: %v", err)
	case dead.retention <= a.retention:
		// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
		say("has a dead-letter queue that keeps items for %s, counted from when they were first sent; raise its message retention period above the queue's %s", dead.retention, a.retention)
	}
	return warnings, nil
}
