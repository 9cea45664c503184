package queues_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/queue"
	"skynet/signals"
	"skynet/signals/queues"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// gauge is a queue that says what it is told to.
type gauge struct {
	depth queue.Depth
	err   error
}

func (gauge) Name() string                                 { return "photos" }
func (g gauge) Depth(context.Context) (queue.Depth, error) { return g.depth, g.err }

func read(t *testing.T, g gauge) []signals.Signal {
	return queues.New(g, time.Minute).Read(t.Context(), noon)
}

func known(leaf string, v float64) signals.Signal {
	return signals.Known("queues.photos."+leaf, v, noon, time.Minute)
}

func missing(leaf, why string) signals.Signal {
	return signals.Missing("queues.photos."+leaf, noon, why)
}

func TestRead(t *testing.T) {
	negative, tellsNot := "the queue reports a negative count", "this queue cannot tell the age of its oldest item"
	for _, c := range []struct {
		name string
		g    gauge
		want []signals.Signal
	}{
		{"all of it", gauge{depth: queue.Depth{Visible: 5, InFlight: 2, Delayed: 3, Dead: 1, OldestAge: 90 * time.Second, OldestKnown: true}},
			[]signals.Signal{known("visible", 5), known("in_flight", 2), known("delayed", 3), known("dead", 1), known("oldest_age", 90)}},
		{"empty", gauge{},
			[]signals.Signal{known("visible", 0), known("in_flight", 0), known("delayed", 0), known("dead", 0), known("oldest_age", 0)}},
		{"cannot tell the age", gauge{depth: queue.Depth{Visible: 1}},
			[]signals.Signal{known("visible", 1), known("in_flight", 0), known("delayed", 0), known("dead", 0), missing("oldest_age", tellsNot)}},
		{"cannot tell, something is in flight", gauge{depth: queue.Depth{InFlight: 1}},
			[]signals.Signal{known("visible", 0), known("in_flight", 1), known("delayed", 0), known("dead", 0), missing("oldest_age", tellsNot)}},
		{"sent by a clock ahead of ours", gauge{depth: queue.Depth{Visible: 1, OldestAge: -time.Second, OldestKnown: true}},
			[]signals.Signal{known("visible", 1), known("in_flight", 0), known("delayed", 0), known("dead", 0), known("oldest_age", 0)}},
		{"a negative count is a fault, not an empty queue", gauge{depth: queue.Depth{Visible: -1, Dead: -1}},
			[]signals.Signal{missing("visible", negative), known("in_flight", 0), known("delayed", 0), missing("dead", negative), missing("oldest_age", tellsNot)}},
		{"no answer", gauge{depth: queue.Depth{Visible: 7}, err: errors.New("500")},
			[]signals.Signal{missing("visible", "500"), missing("in_flight", "500"), missing("delayed", "500"), missing("dead", "500"), missing("oldest_age", "500")}},
		{"an error without words", gauge{err: errors.New("")},
			[]signals.Signal{missing("visible", ""), missing("in_flight", ""), missing("delayed", ""), missing("dead", ""), missing("oldest_age", "")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(t, c.g)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNames(t *testing.T) {
	var given []string
	for _, s := range read(t, gauge{}) {
		given = append(given, s.Name)
	}
	if diff := cmp.Diff(queues.New(gauge{}, time.Minute).Names(), given); diff != "" {
		t.Error(diff)
	}
}

var _ signals.Source = (*queues.Source)(nil)
