// Package queues is the source of the queue signals: how much waits in one
// queue, how much is in flight, delayed and dead, and how old the oldest is.
package queues

import (
	"context"
	"time"

	"skynet/queue"
	"skynet/signals"
)

// Source reads one queue's depth.
type Source struct {
	gauge queue.Gauge
	good  time.Duration // how long a depth is good for
}

// New returns a Source of the queue's depth. A depth is good for the length of
// a tick's interval: an older one says nothing about now.
func New(g queue.Gauge, interval time.Duration) *Source { return &Source{gauge: g, good: interval} }

var leaves = []string{"visible", "in_flight", "delayed", "dead", "oldest_age"}

func (s *Source) name(leaf string) string { return "queues." + s.gauge.Name() + "." + leaf }

// Names are queues.<name>.visible and so on.
func (s *Source) Names() []string {
	names := make([]string, len(leaves))
	for i, l := range leaves {
		names[i] = s.name(l)
	}
	return names
}

// Read asks the queue. If it does not answer, every signal says why.
func (s *Source) Read(ctx context.Context, now time.Time) []signals.Signal {
	d, err := s.gauge.Depth(ctx)
	if err != nil {
		return s.all(func(name string) signals.Signal { return signals.Missing(name, now, err.Error()) })
	}
	values := map[string]int{"visible": d.Visible, "in_flight": d.InFlight, "delayed": d.Delayed, "dead": d.Dead}
	list := make([]signals.Signal, 0, len(leaves))
	for _, l := range leaves {
		n, counted := values[l]
		switch {
		case l == "dead" && d.DeadUnknown != "":
			list = append(list, signals.Missing(s.name(l), now, d.DeadUnknown))
		case counted:
			list = append(list, s.count(l, n, now))
		}
	}
	return append(list, s.age(d, now))
}

func (s *Source) all(of func(string) signals.Signal) (list []signals.Signal) {
	for _, n := range s.Names() {
		list = append(list, of(n))
	}
	return list
}

// count refuses what cannot be: a negative depth is a fault, not an empty queue.
func (s *Source) count(leaf string, n int, now time.Time) signals.Signal {
	if n < 0 {
		return signals.Missing(s.name(leaf), now, "the queue reports a negative count")
	}
	return signals.Known(s.name(leaf), float64(n), now, s.good)
}

func (s *Source) age(d queue.Depth, now time.Time) signals.Signal {
	const leaf = "oldest_age"
	switch {
	case d.OldestKnown:
		return signals.Known(s.name(leaf), max(0, d.OldestAge.Seconds()), now, s.good) // the queue's clock may be ahead
	case d.Visible == 0 && d.InFlight == 0:
		return signals.Known(s.name(leaf), 0, now, s.good)
	}
	return signals.Missing(s.name(leaf), now, "this queue cannot tell the age of its oldest item")
}
