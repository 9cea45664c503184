package policy

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"skynet/signals"
)

// What is measured is taken within these limits, so that nothing computed from it
// leaves those of a number.
const (
	mostItems    = 1e12
	leastSeconds = 1e-3
	mostSeconds  = 1e9
)

// demand is what a queue asks for.
type demand struct {
	queue    string // "" if the fleet has but one
	wait     float64
	seconds  float64 // to process one item
	assumed  bool    // seconds is: no item was ever done
	items    float64 // that wait
	upto     float64 // items of all batches, those that are still to come among them
	inFlight float64
	arrivals float64 // items/s
	batches  []due
	misses   float64 // so many items may start late
}

// due is a part of what waits, or is to come: upto counts its items and all older
// ones, which must have been started so many seconds from now.
type due struct {
	items, upto, by float64
	coming          bool
}

// unknowns are the signals that are needed and not known.
type unknowns []error

func (u *unknowns) add(err error) {
	if err != nil {
		*u = append(*u, err)
	}
}

// err names the first few: a hundred queues may be unknown for one reason.
func (u unknowns) err() error {
	if len(u) == 0 {
		return nil
	}
	texts := make([]string, 0, few+1)
	for _, err := range take(u, few) {
		texts = append(texts, err.Error())
	}
	if more := len(u) - few; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(texts, "; "))
}

// demands lists what the fleet's queues ask for.
func (p SLO) demands(s *signals.Snapshot, missing *unknowns) []demand {
	if len(s.Queues) == 0 {
		return []demand{p.demand(s, "", missing)}
	}
	list := make([]demand, len(s.Queues))
	for i, q := range s.Queues {
		list[i] = p.demand(s, q, missing)
	}
	return list
}

func (p SLO) demand(s *signals.Snapshot, queue string, missing *unknowns) demand {
	wait := p.Objective.For(queue)
	d := demand{queue: queue, wait: wait.Seconds(), seconds: leastSeconds}
	length := of("work.seconds_mean", queue)
	if v, err := atLeastZero(s, length); err != nil {
		missing.add(err)
	} else {
		d.seconds = min(max(v, leastSeconds), mostSeconds)
		found, _ := signals.Find(s.Signals, length)
		d.assumed = strings.HasPrefix(found.Note, signals.Assumed)
	}
	if v, err := atLeastZero(s, of("queue.in_flight", queue)); err != nil {
		missing.add(err)
	} else {
		d.inFlight = min(v, mostItems)
	}
	if _, err := atLeastZero(s, of("queue.visible", queue)); err != nil {
		missing.add(err)
	} else {
		// That no arrivals are known, which makes ages unknown, is said below.
		batches, _ := s.Waiting(queue)
		d.line(batches)
	}
	arrived := of("queue.arrived", queue)
	if rate, known := arrivalRate(s, arrived, past(wait)); known {
		d.arrivals = rate
	} else {
		missing.add(noArrivals(s, arrived, past(wait)))
	}
	return d
}

// noArrivals says why it is not known how many items come.
func noArrivals(s *signals.Snapshot, name string, window time.Duration) error {
	if len(s.Recent) == 0 {
		return fmt.Errorf("arrivals are unknown: there is no earlier tick to count %s from", name)
	}
	return fmt.Errorf("arrivals are unknown: %s is not known of any tick of the last %s", name, span(window))
}

// of is a signal's name for a queue; queue "" is the only one.
func of(name, queue string) string {
	if queue == "" {
		return name
	}
	return signals.OfQueue(name, queue)
}

// atLeastZero is a value that cannot be negative: one that is must be a mistake,
// and is as good as unknown.
func atLeastZero(s *signals.Snapshot, name string) (float64, error) {
	v, err := s.Value(name)
	if err == nil && v < 0 {
		return 0, fmt.Errorf("%s is unknown: it cannot be %g", name, v)
	}
	return v, err
}

// line puts what waits in line, the oldest first.
func (d *demand) line(batches []signals.Batch) {
	d.batches = make([]due, 0, len(batches)+1)
	for _, b := range batches {
		d.queueUp(b.Items, d.wait-b.Oldest.Seconds())
	}
}

func (d *demand) queueUp(items, by float64) {
	if items > 0 {
		d.items = min(d.items+items, mostItems)
		d.upto = d.items
		d.batches = append(d.batches, due{items: items, upto: d.upto, by: by})
	}
}

// allow computes how many may start late when share of what waits must not.
func (d *demand) allow(share float64) {
	d.misses = max(0, d.items-math.Ceil(share*d.items-1e-9))
}

func inFlight(list []demand) (n float64) {
	for i := range list {
		n += list[i].inFlight
	}
	return n
}

// addOrphans has wait what is in flight beyond what living workers hold. Who held
// it is gone, and the queue will hand it out again. Held counts over all queues, so
// each has its part of the rest.
func addOrphans(list []demand, held float64) {
	all := inFlight(list)
	if all <= held {
		return
	}
	for i := range list {
		d := &list[i]
		d.queueUp(math.Ceil(d.inFlight*(1-held/all)-1e-9), d.wait)
	}
}

// leastCounted is the shortest time, s, that arrivals are divided by: one item in
// the first seconds of a history is no stream of them.
const leastCounted = 60

// arrivalRate is the mean over what is known of a window, items/s. A tick tells
// what arrived since the one before.
func arrivalRate(s *signals.Snapshot, name string, window time.Duration) (rate float64, known bool) {
	items, seconds := 0.0, 0.0
	read := signals.Reader{Name: name}
	start, end := s.Now.Add(-window), s.Now
	v, err := s.Value(name)
	ok := err == nil
	for i := len(s.Recent) - 1; i >= 0 && end.After(start); i-- {
		t := &s.Recent[i]
		if d := end.Sub(t.At).Seconds(); ok && d > 0 && v >= 0 {
			items, seconds = items+min(v, mostItems), seconds+d
		}
		end = t.At
		v, ok = read.Value(t)
	}
	return items / max(seconds, leastCounted), seconds > 0
}
