package simulate

import (
	"errors"
	"time"

	"skynet/simulate/clairvoyant"
)

// demand is what one queue brings, in steps: for who knows it all. It is as large
// as the run is long, whatever arrives.
type demand struct {
	step  time.Duration
	steps int
	items []int64 // that arrive in each step
	total int64
	took  float64 // s, all of them
	came  []int64 // µs that the items of each step take

	// Slots that work on an item are so many from when it arrives until it would be
	// done: each begins with a part of a step and goes on at a slope.
	part, slope []int64 // µs
}

const (
	// A step is a small part of the wait that is promised, and there are no more than
	// so many: what is due within a step counts as coming evenly.
	partOfWait = 8
	mostSteps  = 1_000_000
	allSteps   = 5_000_000 // of all queues, in each of which a step takes 32 bytes
)

// steps are as long as they may be.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute,
	2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
}

// stepFor is the longest step that is a small part of every wait, or the shortest
// of which there are not too many.
func stepFor(w *world, horizon time.Duration) time.Duration {
	wait := w.queues[0].promised
	for _, q := range w.queues {
		wait = min(wait, q.promised)
	}
	most := time.Duration(min(mostSteps, allSteps/len(w.queues)))
	step := steps[0]
	for _, s := range steps {
		if s <= wait/partOfWait && s <= time.Minute || horizon/step > most {
			step = s
		}
	}
	return step
}

func newDemand(step time.Duration, steps int) *demand {
	return &demand{step: step, steps: steps, items: make([]int64, steps), came: make([]int64, steps), part: make([]int64, steps), slope: make([]int64, steps+1)}
}

// demands are those of all queues, as the world would meet them if every item
// began when it came. What one queue feeds to another comes there when it could be
// done.
func (w *world) demands(step time.Duration, steps int) ([]*demand, error) {
	var all []*demand
	for range w.queues {
		all = append(all, newDemand(step, steps))
	}
	for _, q := range w.queues {
		for a := q.arrivals; a.next.n > 0; a.advance() {
			for i := range uint64(a.next.n) {
				w.follow(all, q, a.next.sent, a.next.key+i)
			}
		}
	}
	const most = 4e12 // s: what can be added up in µs
	for _, d := range all {
		if !(d.took < most) {
			return nil, errors.New("simulate: the work that arrives would take longer than there are numbers for: shorten seconds or lower scale")
		}
	}
	return all, nil
}

// follow goes with an item from queue to queue.
func (w *world) follow(all []*demand, q *queue, at time.Duration, key uint64) {
	for range w.queues {
		took := w.length(q, key, at)
		if !all[q.place].add(at, took) || q.Next < 0 {
			return
		}
		at += took
		q = w.queues[q.Next]
	}
}

// add counts an item; false if it comes when all is over.
func (d *demand) add(at, took time.Duration) bool {
	i := int(at / d.step)
	if i >= d.steps {
		return false
	}
	d.items[i]++
	d.total++
	d.came[i] += took.Microseconds()
	d.took += took.Seconds()
	d.turn(at, 1)
	d.turn(at+took, -1)
	return true
}

// turn has so many slots more work from then on.
func (d *demand) turn(at time.Duration, slots int64) {
	i := int(at / d.step)
	if i >= d.steps {
		return
	}
	d.part[i] += slots * (time.Duration(i+1)*d.step - at).Microseconds()
	d.slope[i+1] += slots
}

// work is slot-time, µs, from step to step.
func (d *demand) work() []int64 {
	w := make([]int64, d.steps)
	slots := int64(0)
	for i := range w {
		slots += d.slope[i]
		w[i] = d.part[i] + slots*d.step.Microseconds()
	}
	return w
}

// class is queues whose items may wait as long.
type class struct {
	clairvoyant.Class
	came []int64 // µs that the items take that come until each step begins
}

// classes puts queues into classes, and tells the place of each one's class.
func classes(queues []*queue, all []*demand) (list []*class, of []int) {
	place := map[time.Duration]int{}
	for _, q := range queues {
		i, ok := place[q.promised]
		if !ok {
			i = len(list)
			place[q.promised] = i
			n := all[q.place].steps
			list = append(list, &class{Class: clairvoyant.Class{Wait: q.promised, Work: make([]int64, n)}, came: make([]int64, n+1)})
		}
		for t, w := range all[q.place].work() {
			list[i].Work[t] += w
			list[i].came[t+1] += all[q.place].came[t]
		}
		of = append(of, i)
	}
	for _, c := range list {
		for t := range c.Work {
			c.came[t+1] += c.came[t]
		}
	}
	return list, of
}
