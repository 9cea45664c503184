package policy

import "time"

// Objective is the wait that is promised: so large a share of items start within
// it, counted from when they were sent.
type Objective struct {
	Wait     time.Duration
	Quantile float64                  // the share, above 0 and below 1
	Queues   map[string]time.Duration // another wait for one queue, by its name
}

// For is the wait that is promised to a queue's items.
func (o Objective) For(queue string) time.Duration {
	if w, ok := o.Queues[queue]; ok {
		return w
	}
	return o.Wait
}
