// Package forecast says how many items are to come: within the next 5, 15 and 60
// minutes, with quantiles, from what each queue has brought so far. Models compete,
// and each is scored on what it said before. Everything moves on by complete minutes,
// costs microseconds, and depends on nothing but what was observed.
package forecast

import (
	"fmt"
	"time"

	"skynet/signals"
)

// Settings are what a fleet's settings and its policy file say that forecasts depend on.
type Settings struct {
	Zone     *time.Location // of weeks and days; nil: UTC
	Holidays []string       // dates, 2006-01-02: days that resemble Sundays and earlier holidays
	Queues   []string       // names of the fleet's queues; none: queue.* stands for the one there is
}

// Forecaster forecasts the arrivals of one fleet. It is not safe for use by several
// goroutines at once.
type Forecaster struct {
	set   Settings
	days  *days
	taps  map[string]*tap
	fleet *tap // of the sum of several queues; of the one queue where there is one
	last  time.Time
	held  float64 // came on some queues while others were not known

	scores *Scores // nil: nobody judges
}

// New returns a Forecaster that knows nothing yet.
func New(set Settings) *Forecaster {
	return &Forecaster{set: set, days: newDays(set.Zone, set.Holidays), taps: map[string]*tap{}}
}

// tap finds a queue's arrivals; "" is the only queue of a fleet that names none.
func (f *Forecaster) tap(queue string) *tap {
	t, ok := f.taps[queue]
	if !ok {
		t = &tap{stream: newStream(f.days), names: namesOf(queue)}
		f.taps[queue] = t
	}
	return t
}

// Learn takes in history, oldest first, before the first Observe: so many items came
// to a queue in the span that ended at a time. The queue of a fleet that names none
// is "".
func (f *Forecaster) Learn(queue string, at time.Time, span time.Duration, items float64) {
	if span <= 0 || !countable(items) {
		return
	}
	t := f.tap(queue)
	if from := at.Add(-span); t.known.Before(from) {
		t.known = from
	}
	t.take(at, t.known, items)
}

// Observe takes in what a completed snapshot says of arrivals since the tick before,
// and returns every forecast.* signal of the fleet, and of each queue.
func (f *Forecaster) Observe(s signals.Snapshot) []signals.Signal {
	queues := s.Queues
	if len(queues) == 0 {
		queues = f.set.Queues
	}
	before := s.Last().At
	if before.IsZero() || !before.Before(s.Now) {
		before = f.last
	}
	f.last = s.Now
	if len(queues) < 2 {
		return f.single(s, queues, before)
	}
	return f.several(s, queues, before)
}

// single is the forecast of a fleet with one queue, which is that of the fleet too.
func (f *Forecaster) single(s signals.Snapshot, queues []string, before time.Time) []signals.Signal {
	name := ""
	if len(queues) == 1 {
		name = queues[0]
	}
	t := f.tap(name)
	n, err := arrived(s, name, true)
	t.hear(s.Now, before, n, err)
	f.fleet, t.judge = t, f.scores
	out := make([]signals.Signal, 0, 2*len(leaves))
	out = t.signals(out, s.Now, &fleetNames)
	if name != "" {
		out = t.signals(out, s.Now, &t.names)
	}
	return out
}

// several is the forecast of a fleet of several queues. The fleet's own is that of
// the sum of arrivals: quantiles do not add up.
func (f *Forecaster) several(s signals.Snapshot, queues []string, before time.Time) []signals.Signal {
	if f.fleet == nil {
		f.fleet = f.sumOf(queues)
		f.fleet.judge = f.scores
	}
	out := make([]signals.Signal, 0, (len(queues)+1)*len(leaves))
	var sum float64
	var missing error
	for _, q := range queues {
		n, err := arrived(s, q, false)
		t := f.tap(q)
		t.hear(s.Now, before, n, err)
		out = t.signals(out, s.Now, &t.names)
		if err != nil {
			missing = err
		} else {
			sum += n
		}
	}
	f.held += sum
	f.fleet.hear(s.Now, before, f.held, missing)
	if missing == nil || s.Now.Sub(f.fleet.known) > covers {
		f.held = 0
	}
	return f.fleet.signals(out, s.Now, &fleetNames)
}

// sumOf makes the fleet's own history from that of its queues.
func (f *Forecaster) sumOf(queues []string) *tap {
	sum := &tap{stream: newStream(f.days), names: fleetNames}
	var first, head int64
	for _, q := range queues {
		s := f.tap(q).stream
		if !s.begun || s.past.age() == 0 {
			return sum // a sum is known only where all are
		}
		if oldest := s.past.oldest(); first == 0 || oldest > first {
			first = oldest
		}
		if head == 0 || s.past.head < head {
			head = s.past.head
		}
	}
	for m := first; m < head; m++ {
		items := 0.0
		for _, q := range queues {
			items += f.tap(q).stream.past.sum(m, m+1)
		}
		at := time.Unix((m+1)*60, 0)
		sum.take(at, at.Add(-time.Minute), items)
	}
	return sum
}

// arrived is what came since the tick before.
func arrived(s signals.Snapshot, queue string, only bool) (float64, error) {
	name := "queue.arrived"
	if queue != "" {
		name = signals.OfQueue(name, queue)
		if _, there := signals.Find(s.Signals, name); !there && only {
			name = "queue.arrived"
		}
	}
	n, err := s.Value(name)
	if err == nil && !countable(n) {
		err = fmt.Errorf("%s is %g, which is no count", name, n)
	}
	return n, err
}

// countable reports whether a number can be one of items.
func countable(n float64) bool { return n >= 0 && n < 1e15 }
