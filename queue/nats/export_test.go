package nats

import "time"

// RescueAfter has items count as stranded that are so old.
func (q *Queue) RescueAfter(d time.Duration) { q.stale = d }
