package simulate

import (
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"skynet/simulate/scenario"
)

// queue is one queue of the world: what arrives, what waits, and what is known of
// both.
type queue struct {
	*scenario.Queue
	place    int
	arrivals *arrivals
	fleet    *crew                            // who serves it
	draw     func(*rand.Rand) time.Duration   // how long an item takes
	phases   []func(*rand.Rand) time.Duration // the same, in each phase

	waiting line // never received yet
	again   line // received by a worker that died
	lost    []lost
	inHand  int // received and not yet done
	used    float64
	idle    bool // nothing waited when it was last looked at

	reports

	// For the results.
	arrived, started, done, within int64
	waits                          histogram
	longest                        time.Duration
	waited                         float64       // s
	work                           time.Duration // of items that were done
	promised                       time.Duration // so long an item may wait
}

// lost is an item whose worker died. It is invisible until its time is up.
type lost struct {
	key  uint64
	sent time.Duration
}

// reports is what the agents tell of a queue.
type reports struct {
	completed, redelivered int64 // since the last tick
	seconds, wait          window
	count, sum             float64 // faded number of items, and sum of their seconds
	fresh                  time.Duration
	freshly                int64
	faded                  time.Duration
}

const (
	// As the daemon remembers them.
	secondsMinutes = 15
	waitMinutes    = 5
	halfLife       = 10 * time.Minute
)

func newQueue(q *scenario.Queue, place int, sc *scenario.Scenario, seed uint64, promised time.Duration) *queue {
	one := &queue{
		Queue: q, place: place, arrivals: newArrivals(q, place, sc.End, seed), idle: true, promised: promised,
		reports: reports{seconds: newWindow(secondsMinutes), wait: newWindow(waitMinutes)},
		waits:   histogram{fine: exact},
	}
	if q.Seconds != nil {
		one.draw = q.Seconds.Sampler()
	}
	for _, p := range q.Phases {
		one.phases = append(one.phases, p.Sampler())
	}
	return one
}

// takes draws how long an item takes that was sent then: whoever works on it, and
// whenever, it takes as long.
func (q *queue) takes(r *rand.Rand, sent time.Duration) time.Duration {
	if i := sort.Search(len(q.phases), func(i int) bool { return q.Phases[i].From > sent }); i > 0 {
		return q.phases[i-1](r)
	}
	return q.draw(r)
}

// visible counts those that can be received.
func (q *queue) visible() int { return q.waiting.n + q.again.n }

// left counts what is not done.
func (q *queue) left() int { return q.visible() + q.inHand + len(q.lost) }

// take receives the next item. One that comes back is served first: it was sent
// before those that wait.
func (q *queue) take() (item slot, first bool) {
	if q.again.n > 0 {
		key, sent := q.again.pop()
		q.redelivered++
		return slot{queue: q, key: key, sent: sent}, false
	}
	key, sent := q.waiting.pop()
	return slot{queue: q, key: key, sent: sent}, true
}

// begin notes that an item is started for the first time.
func (q *queue) begin(waited time.Duration, minute int64) {
	q.started++
	if waited <= q.promised {
		q.within++
	}
	q.longest = max(q.longest, waited)
	q.waited += waited.Seconds()
	q.waits.add(waited, 1)
	q.wait.add(minute, waited)
}

// finish notes that an item is done.
func (q *queue) finish(took time.Duration, minute int64) {
	q.done++
	q.completed++
	q.work += took
	q.freshly++
	q.fresh += took
	q.seconds.add(minute, took)
}

// mean is the time an item takes, recent ones weighing more, s; false before the
// first.
func (q *queue) mean(now time.Duration) (float64, bool) {
	f := math.Exp2(-(now - q.faded).Seconds() / halfLife.Seconds())
	q.count, q.sum = float64(q.count*f)+float64(q.freshly), float64(q.sum*f)+q.fresh.Seconds()
	q.faded, q.fresh, q.freshly = now, 0, 0
	if q.count <= 0 {
		return 0, false
	}
	return q.sum / q.count, true
}
