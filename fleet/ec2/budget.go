package ec2

import (
	"fmt"
	"sync"
	"time"

	"skynet/fleet"
)

// budget bounds how many calls that change something are sent in any minute. The
// account's rates are shared with everybody in it: a mistake of ours must not lock
// out the operator who comes to mend it.
type budget struct {
	most int

	mu   sync.Mutex
	sent []time.Time
}

// take takes one call, or says that it must wait for a later tick.
func (b *budget) take(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.sent) > 0 && now.Sub(b.sent[0]) >= time.Minute {
		b.sent = b.sent[1:]
	}
	if len(b.sent) >= b.most {
		return fmt.Errorf("%w: %d calls were sent in the last minute, as many as we allow ourselves", fleet.ErrThrottled, b.most)
	}
	b.sent = append(b.sent, now)
	return nil
}
