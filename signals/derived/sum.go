package derived

import (
	"strings"
	"time"

	"skynet/signals"
)

// sums are the signals of a fleet that are the sum of its queues' own:
// queue.visible is the sum of queues.<name>.visible over them.
var sums = []string{
	"queue.visible", "queue.in_flight", "queue.delayed", "queue.dead",
	"queue.completed", "queue.redelivered", "work.failed", "work.bytes_in", "work.bytes_out",
}

// OfQueues gives the queue.* and work.* signals of a fleet from those of its
// queues (sorted by name). One unknown part makes the whole unknown, with that
// part's reason.
func OfQueues(queues []string, each []signals.Signal, now time.Time) []signals.Signal {
	list := make([]signals.Signal, 0, len(sums)+2)
	for _, name := range sums {
		list = append(list, combine(name, queues, each, now, add))
	}
	list = append(list, combine("queue.oldest_age", queues, each, now, largest))
	return append(list, meanSeconds(queues, each, now))
}

// ofQueue names the queue's own signal for a fleet's: queue.visible of photos
// is queues.photos.visible.
func ofQueue(name, queue string) string {
	_, leaf, _ := strings.Cut(name, ".")
	return "queues." + queue + "." + leaf
}

func add(a, b float64) float64     { return a + b }
func largest(a, b float64) float64 { return max(a, b) }

func combine(name string, queues []string, each []signals.Signal, now time.Time, with func(a, b float64) float64) signals.Signal {
	if len(queues) == 0 {
		return signals.Missing(name, now, "the fleet has no queue")
	}
	total, parts := 0.0, make([]signals.Signal, 0, len(queues))
	for _, q := range queues {
		part, ok := signals.Find(each, ofQueue(name, q))
		if !ok {
			return signals.Missing(name, now, ofQueue(name, q)+" is unknown: no source gives it")
		}
		v, err := part.Check(now)
		if err != nil {
			return signals.Missing(name, now, err.Error())
		}
		total, parts = with(total, v), append(parts, part)
	}
	return madeOf(parts, name, total, now)
}

// madeOf is a signal that follows from others: as old as the oldest of them,
// and good for as long as the first of them to expire.
func madeOf(parts []signals.Signal, name string, v float64, now time.Time) signals.Signal {
	at := now
	until := parts[0].At.Add(parts[0].Good)
	for _, p := range parts {
		if p.At.Before(at) {
			at = p.At
		}
		if end := p.At.Add(p.Good); end.Before(until) {
			until = end
		}
	}
	return signals.Known(name, v, at, until.Sub(at))
}

// meanSeconds is the time an item takes over all queues, weighted by what
// waits in each, by completions when nothing waits. Queues that have no
// estimate yet are left out; if none has one, it is unknown.
func meanSeconds(queues []string, each []signals.Signal, now time.Time) signals.Signal {
	const name = "work.seconds_mean"
	for _, weight := range []string{"queue.visible", "queue.completed", ""} {
		if s, ok := weighted(name, weight, queues, each, now); ok {
			return s
		}
	}
	return signals.Missing(name, now, "no worker has finished an item yet")
}

func weighted(name, weight string, queues []string, each []signals.Signal, now time.Time) (signals.Signal, bool) {
	sum, of := 0.0, 0.0
	var parts []signals.Signal
	for _, q := range queues {
		part, ok := signals.Find(each, ofQueue(name, q))
		if !ok {
			continue
		}
		v, err := part.Check(now)
		if err != nil {
			continue
		}
		w := weightOf(weight, q, each, now)
		sum, of, parts = sum+w*v, of+w, append(parts, part)
	}
	if of == 0 {
		return signals.Signal{}, false
	}
	return madeOf(parts, name, sum/of, now), true
}

func weightOf(weight, queue string, each []signals.Signal, now time.Time) float64 {
	if weight == "" {
		return 1
	}
	s, _ := signals.Find(each, ofQueue(weight, queue))
	v, err := s.Check(now)
	if err != nil {
		return 0
	}
	return v
}
