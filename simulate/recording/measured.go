package recording

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// Reading is a number that was measured over a step of time.
type Reading struct {
	At    time.Time // when the step began
	For   time.Duration
	Value float64
}

// Measured is a recording that is made of what a monitoring system knew, a piece at a
// time. As in an Import, nothing was decided in it.
type Measured struct {
	Fleet    string
	Queues   []string
	Said     string // whose numbers these are, and of what
	Interval time.Duration
	Slots    int                      // items that one instance works on at once; 0: not known
	Price    *float64                 // of an instance, an hour; nil: not known
	Takes    map[string]time.Duration // how long an item of a queue takes; where it is left out, it is estimated
	Counts   map[string][]Reading     // what happened, by signal, oldest first: spread evenly over each step
	Levels   map[string][]Reading     // what was the case in each step
}

// Records are the ticks from one time to another, both included, an interval apart.
// The readings must begin an interval before the first, at a full hour.
func (m *Measured) Records(first, last time.Time) iter.Seq[journal.Record] {
	return func(yield func(journal.Record) bool) {
		w := walk{Measured: m, at: map[string]int{}, lasted: m.lasted()}
		for now := first; !now.After(last); now = now.Add(m.Interval) {
			if !yield(w.record(now)) {
				return
			}
		}
	}
}

// walk goes from tick to tick.
type walk struct {
	*Measured
	at     map[string]int // the first reading that is not over, by signal
	lasted map[string]map[time.Time]float64
}

func (w *walk) record(now time.Time) journal.Record {
	s := signals.Snapshot{Fleet: w.Fleet, Now: now, Queues: w.Queues}
	for _, name := range slices.Sorted(maps.Keys(w.Counts)) {
		s.Signals = append(s.Signals, w.count(name, now))
	}
	for _, name := range slices.Sorted(maps.Keys(w.Levels)) {
		s.Signals = append(s.Signals, w.level(name, now))
	}
	s.Signals = append(s.Signals, w.arrived(s.Signals, now))
	given := func(name string, v float64, note string) {
		sig := signals.Known(name, v, now, w.Interval)
		sig.Note = note
		s.Signals = append(s.Signals, sig)
	}
	const asGiven = "imported: as it was given"
	for _, q := range w.Queues {
		name := signals.OfQueue("work.seconds_mean", q)
		if took, ok := w.Takes[q]; ok {
			given(name, took.Seconds(), asGiven)
		} else if took, ok := w.lasted[q][now.Add(-1).Truncate(time.Hour)]; ok {
			given(name, took, "estimated: what was in flight over what was completed in that hour")
		}
	}
	if w.Slots > 0 {
		given("fleet.slots", float64(w.Slots), asGiven)
	}
	if w.Price != nil {
		given("cost.per_instance", *w.Price, asGiven)
	}
	d := policy.Decision{ID: fleet.DecisionID(w.Fleet, now), Fleet: w.Fleet, Failed: "imported: " + w.Said}
	d.Reasons = []policy.Reason{{By: by, Said: w.Said}}
	return journal.Record{Snapshot: s.Freeze(), Decision: d}
}

const nothing = "nothing was measured at this time, or not all the time"

// count is what happened since the tick before. If a part of that time was not
// measured it is unknown: the rest of it would look quiet.
func (w *walk) count(name string, now time.Time) signals.Signal {
	list, from := w.Counts[name], now.Add(-w.Interval)
	i := w.skip(name, list, from)
	sum, covered, step := 0.0, time.Duration(0), time.Duration(0)
	for ; i < len(list) && list[i].At.Before(now); i++ {
		r := list[i]
		part := earlier(r.At.Add(r.For), now).Sub(later(r.At, from))
		sum, covered, step = sum+r.Value*float64(part)/float64(r.For), covered+part, max(step, r.For)
	}
	if covered < w.Interval {
		return signals.Missing(name, now, nothing)
	}
	sig := signals.Known(name, sum, now, w.Interval)
	if step > w.Interval {
		sig.Note = fmt.Sprintf("imported: spread evenly over %s", step)
	}
	return sig
}

// level is what was the case in the step that ends with the tick.
func (w *walk) level(name string, now time.Time) signals.Signal {
	list := w.Levels[name]
	i := w.skip(name, list, now.Add(-1))
	if i == len(list) || !list[i].At.Before(now) {
		return signals.Missing(name, now, nothing)
	}
	return signals.Known(name, list[i].Value, now, w.Interval)
}

// skip leaves out what was over by a time.
func (w *walk) skip(name string, list []Reading, by time.Time) int {
	i := w.at[name]
	for i < len(list) && !list[i].At.Add(list[i].For).After(by) {
		i++
	}
	w.at[name] = i
	return i
}

// arrived is what arrived in all queues together.
func (w *walk) arrived(list []signals.Signal, now time.Time) signals.Signal {
	total := 0.0
	for _, q := range w.Queues {
		i := slices.IndexFunc(list, func(s signals.Signal) bool { return s.Name == signals.OfQueue("queue.arrived", q) })
		if i < 0 || list[i].Unknown != "" {
			return signals.Missing("queue.arrived", now, nothing)
		}
		total += list[i].Value
	}
	return signals.Known("queue.arrived", total, now, w.Interval)
}

// lasted is how long items took, s, by queue and hour: what was in flight on average
// over how fast it was completed (Little's law,
// https://en.wikipedia.org/wiki/Little%27s_law). What is held without being worked on
// counts too, so that it is an upper bound where workers hoard.
func (m *Measured) lasted() map[string]map[time.Time]float64 {
	out := map[string]map[time.Time]float64{}
	for _, q := range m.Queues {
		held, done := map[time.Time]float64{}, map[time.Time]float64{}
		for _, r := range m.Levels[signals.OfQueue("queue.in_flight", q)] {
			held[r.At.Truncate(time.Hour)] += r.Value * r.For.Seconds()
		}
		for _, r := range m.Counts[signals.OfQueue("queue.completed", q)] {
			done[r.At.Truncate(time.Hour)] += r.Value
		}
		out[q] = map[time.Time]float64{}
		for hour, n := range done {
			if n > 0 && held[hour] > 0 {
				out[q][hour] = held[hour] / n
			}
		}
	}
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
