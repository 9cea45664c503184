package derived

import (
	"time"

	"skynet/signals"
)

// sum puts the signals of the fleet from those of its queues. One unknown part
// makes the whole unknown, with that part's reason.
func (r *row) sum(parts []*row) {
	for _, l := range []leaf{
		visible, inFlight, delayed, dead, arrived, completed, arrivalRate, growth, redelivered,
		backlogSeconds, rate, failed, bytesIn, bytesOut,
	} {
		r.combine(l, parts, func(a, b float64) float64 { return a + b })
	}
	r.combine(oldestAge, parts, func(a, b float64) float64 { return max(a, b) })
	r.meanSeconds(parts)
}

func (r *row) combine(l leaf, parts []*row, with func(a, b float64) float64) {
	total, of := 0.0, origin{}
	for _, p := range parts {
		v, err := p.count(l)
		if l == growth && p.has[l] && p.sig[l].Unknown == "" { // may well be negative
			v, err = p.sig[l].Check(r.Now)
		}
		if err != nil {
			r.fails(l, err)
			return
		}
		total = with(total, v)
		of.add(p.sig[l])
	}
	r.put(l, of.signal(r.names[l], total, r.Now))
}

// origin is what a signal that follows from others is made of: it is as old as
// the oldest of them, good for as long as the first of them to expire, and rests on
// what they rest on.
type origin struct {
	parts     int
	at, until time.Time
	note      string
	noted     int // parts that have one
}

func (o *origin) add(s signals.Signal) {
	if end := s.At.Add(s.Good); o.parts == 0 || end.Before(o.until) {
		o.until = end
	}
	if o.parts == 0 || s.At.Before(o.at) {
		o.at = s.At
	}
	if s.Note != "" {
		o.noted++
		if o.note == "" {
			o.note = s.Note
		}
	}
	o.parts++
}

func (o *origin) signal(name string, v float64, now time.Time) signals.Signal {
	at := o.at
	if at.After(now) {
		at = now
	}
	s := signals.Known(name, v, at, o.until.Sub(at))
	switch {
	case s.Unknown != "" || o.noted == 0:
	case o.noted == o.parts:
		s.Note = o.note
	default:
		s.Note = "in part " + o.note
	}
	return s
}

// meanSeconds puts the time an item takes over all queues, weighted by what
// waits in each, by completions when nothing waits. Queues that have no estimate
// are left out; if none has one, it is unknown.
func (r *row) meanSeconds(parts []*row) {
	byVisible := func(p *row) float64 { n, _ := p.count(visible); return n }
	byCompleted := func(p *row) float64 { n, _ := p.count(completed); return n }
	alike := func(*row) float64 { return 1 }
	for _, weight := range []func(*row) float64{byVisible, byCompleted, alike} {
		if r.weighted(parts, weight) {
			return
		}
	}
	r.miss(secondsMean, "no worker has finished an item yet")
}

func (r *row) weighted(parts []*row, weight func(*row) float64) bool {
	sum, weights, of := 0.0, 0.0, origin{}
	for _, p := range parts {
		v, err := p.count(secondsMean)
		w := weight(p)
		if err != nil || w == 0 {
			continue
		}
		sum, weights = sum+w*v, weights+w
		of.add(p.sig[secondsMean])
	}
	if weights == 0 {
		return false
	}
	r.put(secondsMean, of.signal(r.names[secondsMean], sum/weights, r.Now))
	return true
}
