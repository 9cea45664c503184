package simulate

import (
	"math"
	"math/rand/v2"
	"time"

	"skynet/simulate/scenario"
)

// batch is items that were sent at the same time. Their keys, by which what
// they take is drawn, follow each other.
type batch struct {
	sent time.Duration
	key  uint64
	n    int
}

// Keys of a queue's own arrivals are numbered from its place on; an item that is
// fed on keeps its key.
const keyBits = 40

// arrivals gives the arrivals of one queue in order of time. It holds no more
// than the step that it is in, and is drawn anew for each run.
type arrivals struct {
	queue *scenario.Queue
	place uint64
	until time.Duration
	rng   chance

	row    int
	total  float64 // items of the series until now
	given  float64 // of which so many were given
	number uint64

	gaps      *rand.Rand    // of the step
	left      int           // items of the step
	sum, past float64       // of its gaps
	next      batch         // the next one, n = 0 at the end
	ahead     time.Duration // when the next item of the series comes; below 0: not drawn yet
}

func newArrivals(q *scenario.Queue, place int, until time.Duration, seed uint64) *arrivals {
	a := &arrivals{queue: q, place: uint64(place), until: until, rng: newChance(seed)}
	a.ahead = -1
	a.advance()
	return a
}

// advance finds the next batch.
func (a *arrivals) advance() {
	at, ok := a.peek()
	if !ok || at >= a.until {
		a.next = batch{sent: math.MaxInt64}
		return
	}
	b := batch{sent: at, key: a.place<<keyBits | a.number}
	for ok && at == b.sent {
		b.n++
		a.number++
		a.take()
		at, ok = a.peek()
	}
	a.next = b
}

// peek is when the next item comes; false if none does.
func (a *arrivals) peek() (time.Duration, bool) {
	if jobs := a.queue.Trace.Jobs; len(jobs) > 0 {
		if a.number >= uint64(len(jobs)) {
			return 0, false
		}
		return jobs[a.number].At, true
	}
	if a.ahead < 0 {
		a.ahead = a.draw()
	}
	return a.ahead, a.ahead != math.MaxInt64
}

func (a *arrivals) take() { a.ahead = -1 }

// draw is when the next item of the series comes. Within a step items come at
// random: n points in a stretch lie as n+1 exponential gaps divide it, which are
// drawn twice, first for their sum, so that none need be kept. Times are to the
// millisecond, as SQS stamps messages.
// Source: Devroye, Non-Uniform Random Variate Generation, 1986, V.2.
func (a *arrivals) draw() time.Duration {
	for a.left == 0 {
		if a.row >= len(a.queue.Series.Steps) {
			return math.MaxInt64
		}
		a.step()
	}
	a.left--
	a.past += a.gaps.ExpFloat64()
	s := &a.queue.Series.Steps[a.row-1]
	return (s.At + time.Duration(a.past/a.sum*float64(s.For))).Truncate(time.Millisecond)
}

// step begins a step. What a series has in fractions of items adds up.
func (a *arrivals) step() {
	s := &a.queue.Series.Steps[a.row]
	a.total += float64(s.Items * a.queue.Arrivals.Scale)
	n := math.Floor(a.total+0.5) - a.given
	a.given += n
	a.left, a.sum, a.past = int(n), 0, 0
	if n > 0 {
		r := a.rng.of(forArrivals, a.place, uint64(a.row))
		for range a.left + 1 {
			a.sum += r.ExpFloat64()
		}
		a.gaps = a.rng.of(forArrivals, a.place, uint64(a.row))
	}
	a.row++
}

// line is items that wait, first in, first out.
type line struct {
	list []batch
	head int
	n    int
}

func (l *line) push(b batch) {
	if last := len(l.list) - 1; last >= l.head && l.list[last].sent == b.sent && l.list[last].key+uint64(l.list[last].n) == b.key {
		l.list[last].n += b.n
	} else {
		if l.head > 1024 && l.head > len(l.list)/2 {
			l.list = l.list[:copy(l.list, l.list[l.head:])]
			l.head = 0
		}
		l.list = append(l.list, b)
	}
	l.n += b.n
}

// pop takes one item.
func (l *line) pop() (key uint64, sent time.Duration) {
	b := &l.list[l.head]
	key, sent = b.key, b.sent
	b.key++
	b.n--
	l.n--
	if b.n == 0 {
		l.head++
		if l.n == 0 {
			l.list, l.head = l.list[:0], 0
		}
	}
	return key, sent
}

// oldest is when the first of them was sent.
func (l *line) oldest() time.Duration { return l.list[l.head].sent }
