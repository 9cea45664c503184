package nats

import (
	"context"
	"time"
)

// RescueAfter has items count as stranded that are so old.
func (q *Queue) RescueAfter(d time.Duration) { q.stale = d }

// SendDeadAgain is an Again that dies before it deletes the first letter.
func (q *Queue) SendDeadAgain(ctx context.Context) error {
	for msg, err := range q.letters(ctx) {
		if err == nil {
			err = q.revive(ctx, msg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
