package worker

import (
	"sync"

	"skynet/fleet"
)

// tally counts what was done, by queue, since it was last taken.
type tally struct {
	mu    sync.Mutex
	works []fleet.Work // in the order of the feeds, so that heartbeats read alike
}

func newTally(feeds []*feed) *tally {
	t := &tally{}
	for _, f := range feeds {
		t.works = append(t.works, fleet.Work{Queue: f.name})
	}
	return t
}

// count lets f change the counters of one queue.
func (t *tally) count(queue string, f func(*fleet.Work)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.works {
		if t.works[i].Queue == queue {
			f(&t.works[i])
		}
	}
}

// take returns what was counted and starts again from zero.
func (t *tally) take() []fleet.Work {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []fleet.Work
	for i, w := range t.works {
		if !w.Empty() {
			out = append(out, w)
		}
		t.works[i] = fleet.Work{Queue: w.Queue}
	}
	return out
}
