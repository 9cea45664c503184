package heartbeats

import (
	"time"

	"skynet/fleet"
)

// noticed is how long somebody else's word of an interruption counts: the
// instance is gone two minutes after it, or it was not meant.
const noticed = 15 * time.Minute

// notice is one of an interruption.
type notice struct {
	fleet.Interruption
	told time.Time
}

// Notice takes in, at now, that a worker will be interrupted, from whoever knows it
// besides the worker: the cloud tells both, and the worker may be too busy to ask.
func (e *Ears) Notice(now time.Time, id fleet.ID, i fleet.Interruption) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.notices) < mostWorkers {
		e.notices[id] = notice{i, now}
	}
}

// AtRisk takes in, at now, that the cloud expects to interrupt a worker.
func (e *Ears) AtRisk(now time.Time, id fleet.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.risks) < mostWorkers {
		e.risks[id] = now
	}
}
