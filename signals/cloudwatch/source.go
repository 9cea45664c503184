package cloudwatch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"skynet/signals"
)

// Signal is a metric as a signal.
type Signal struct {
	Name   string
	Metric Metric
	// Delay is how long after the end of a period its datapoint is whole, 0: usual for
	// the period. Amazon's own services take a couple of minutes, what one publishes
	// oneself takes as long as one does.
	Delay time.Duration
}

// usualDelay is for whoever names none: two minutes for periods of a minute and more,
// half a minute for those of seconds, which only publishers of one's own have.
func usualDelay(period time.Duration) time.Duration {
	if period < time.Minute {
		return 30 * time.Second
	}
	return 2 * time.Minute
}

// Source asks for all its signals in one batch, when there must be something new.
// It is shared by all fleets, which do not ask twice.
type Source struct {
	reader   *Reader
	interval time.Duration
	turn     chan struct{} // holds a token while it is read: the rest is that reader's
	list     []*watched
}

// watched is a signal and what is known of it.
type watched struct {
	Signal
	good  time.Duration
	asked time.Time // zero if never
	had   time.Time // the end of the newest period that is known
	last  signals.Signal
	known signals.Signal // the last that was known
}

// NewSource returns the Source of some signals. The interval is that between ticks.
func NewSource(r *Reader, interval time.Duration, list ...Signal) *Source {
	s := &Source{reader: r, interval: interval, turn: make(chan struct{}, 1)}
	for _, sig := range list {
		if sig.Delay <= 0 {
			sig.Delay = usualDelay(sig.Metric.Period)
		}
		// Until the next is known it takes a period, the delay, and the time until the
		// next tick. A datapoint that is late by a period, or one that fails to come, and
		// a tick that fails must not make it blink.
		s.list = append(s.list, &watched{Signal: sig, good: 3*sig.Metric.Period + sig.Delay + 2*interval})
	}
	return s
}

// Names are those of its signals.
func (s *Source) Names() []string {
	names := make([]string, len(s.list))
	for i, w := range s.list {
		names[i] = w.Name
	}
	return names
}

// Monthly is how many metrics it asks for in 30 days, if none is late.
func (s *Source) Monthly() float64 {
	n := 0.0
	for _, w := range s.list {
		n += float64(30*24*time.Hour) / float64(max(w.Metric.Period, s.interval))
	}
	return n
}

// Read asks for what must be there by now and is not known yet; the rest stands as
// it was.
func (s *Source) Read(ctx context.Context, now time.Time) []signals.Signal {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.all(func(w *watched) signals.Signal {
			return signals.Missing(w.Name, now, "no answer within the tick's deadline")
		})
	}
	ctx, cancel := context.WithTimeout(ctx, patience(ctx, now))
	defer cancel()
	var wg sync.WaitGroup
	for k, due := range s.due(now) {
		wg.Go(func() { s.ask(ctx, k, due, now) })
	}
	wg.Wait()
	return s.all(func(w *watched) signals.Signal { return w.last })
}

// patience is how long an answer may take: no more than half of what is left for the
// tick, which would otherwise give up on what was known before too.
func patience(ctx context.Context, now time.Time) time.Duration {
	const most = 5 * time.Second
	if end, ok := ctx.Deadline(); ok && end.After(now) {
		return min(most, end.Sub(now)/2)
	}
	return most
}

func (s *Source) all(of func(*watched) signals.Signal) []signals.Signal {
	list := make([]signals.Signal, len(s.list))
	for i, w := range s.list {
		list[i] = of(w)
	}
	return list
}

// kind is what one request is for: all of it begins and ends at once.
type kind struct{ period, delay time.Duration }

// end is the newest end of a period that is whole by now.
func (k kind) end(now time.Time) time.Time { return now.Add(-k.delay).UTC().Truncate(k.period) }

func (w *watched) kind() kind { return kind{w.Metric.Period, w.Delay} }

// due are the signals to be asked for, by what they have in common.
func (s *Source) due(now time.Time) map[kind][]*watched {
	by := map[kind][]*watched{}
	for _, w := range s.list {
		if w.due(now, s.interval) {
			by[w.kind()] = append(by[w.kind()], w)
		}
	}
	return by
}

// due reports whether there must be something new. What is late is asked for again
// with the next tick, though not at each where periods are long: each time costs.
// Ticks are never quite on time, and those of several fleets never at the same: half
// an interval tells one tick from the next.
func (w *watched) due(now time.Time, interval time.Duration) bool {
	if w.asked.IsZero() {
		return true
	}
	return w.had.Before(w.kind().end(now)) && now.Sub(w.asked).Abs() >= max(interval/2, w.Metric.Period/5)
}

// ask asks for some, as far back as a datapoint would be of use.
func (s *Source) ask(ctx context.Context, k kind, list []*watched, now time.Time) {
	metrics, reach := make([]Metric, len(list)), time.Duration(0)
	for i, w := range list {
		metrics[i], reach = w.Metric, max(reach, w.good)
	}
	end := k.end(now)
	from := end.Add(-(reach + k.period - 1).Truncate(k.period))
	for i, a := range s.reader.Read(ctx, metrics, from, end) {
		list[i].asked = now
		list[i].settle(a, end, now)
	}
}

// settle takes the newest datapoint of a period that is whole.
func (w *watched) settle(a Answer, end, now time.Time) {
	if a.Err != nil {
		w.fall(now, a.Err.Error())
		return
	}
	p, ok := newest(a.Points, w.Metric.Period, end)
	if !ok {
		w.fall(now, fmt.Sprintf("CloudWatch has no datapoint of the last %s: %s", w.good, w.Metric))
		return
	}
	sig := signals.Known(w.Name, p.Value, p.At.Add(w.Metric.Period), w.good)
	if sig.Unknown != "" {
		w.fall(now, sig.Unknown)
		return
	}
	if w.known.Name == "" || !sig.At.Before(w.known.At) {
		w.known, w.had = sig, sig.At
	}
	w.last = w.known
}

// newest is the last datapoint of a period that had ended by a time.
func newest(points []Point, period time.Duration, end time.Time) (last Point, ok bool) {
	for _, p := range points {
		if !p.At.Add(period).After(end) && (!ok || p.At.After(last.At)) {
			last, ok = p, true
		}
	}
	return last, ok
}

// fall is what is left after a failure: the last that was known, while it is good.
func (w *watched) fall(now time.Time, why string) {
	if _, stale := w.known.Check(now); w.known.Name == "" || stale != nil {
		w.last = signals.Missing(w.Name, now, why)
		return
	}
	w.last = w.known
	w.last.Note = "the last that was known; since then: " + why
}
