package report

import (
	"math"
	"time"

	"skynet/fleet"
	"skynet/simulate"
)

// Recorder keeps what a report draws of one run. Its memory is bounded: when
// there are too many points, each stands for twice as many moments.
type Recorder struct {
	fleets []*track
}

// NewRecorder is a Recorder that has heard nothing.
func NewRecorder() *Recorder { return new(Recorder) }

const (
	// mostPoints are in one chart: more than a screen has columns.
	mostPoints = 3000
	// mostQueues of a fleet are drawn one by one.
	mostQueues = 12
)

// Moment takes note of one: give it as simulate.Options.Moments.
func (r *Recorder) Moment(m simulate.Moment) { r.of(m.Fleet).note(m) }

func (r *Recorder) of(name string) *track {
	for _, t := range r.fleets {
		if t.name == name {
			return t
		}
	}
	t := &track{name: name, span: 1, kept: kept{span: 1}}
	r.fleets = append(r.fleets, t)
	return t
}

// track is one fleet over time.
type track struct {
	name   string
	queues []simulate.QueueFlow // their names and promises
	begun  time.Time
	last   time.Time
	span   int // moments to a point
	points []point
	kept   kept
	week   week
}

// point is some moments in a row.
type point struct {
	moments     int
	from, until time.Time // from: the moment before
	workers     [groups]int
	most        int // billed at once
	seconds     int64
	cost        float64 // NaN without prices
	flows       []flow  // of the fleet, and of each queue where there are several
}

// The states as they are drawn.
const (
	working = iota
	coming  // starting or waking
	going   // draining or drained
	resting
	groups
)

var groupOf = [simulate.States]int{
	fleet.Unknown: working, fleet.Working: working, fleet.Starting: coming, fleet.Waking: coming,
	fleet.Draining: going, fleet.Drained: going, fleet.Stopping: resting, fleet.Asleep: resting, fleet.Leaving: -1,
}

// flow is what came and went in some moments.
type flow struct {
	arrived, started, late int64
	waiting                int // summed over the moments
	most                   int // waiting at once
	oldest                 float64
	p95                    float64 // the highest; NaN: nothing started
}

func flowOf(f simulate.Flow) flow {
	one := flow{
		arrived: f.Arrived, started: f.Started, late: f.Late, waiting: f.Waiting, most: f.Waiting,
		oldest: f.Oldest, p95: math.NaN(),
	}
	if f.WaitP95 != nil {
		one.p95 = *f.WaitP95
	}
	return one
}

func (f *flow) merge(o flow) {
	f.arrived, f.started, f.late, f.waiting = f.arrived+o.arrived, f.started+o.started, f.late+o.late, f.waiting+o.waiting
	f.most, f.oldest = max(f.most, o.most), max(f.oldest, o.oldest)
	if math.IsNaN(f.p95) || o.p95 > f.p95 {
		f.p95 = o.p95
	}
}

func (t *track) note(m simulate.Moment) {
	if len(t.points) == 0 {
		t.begun, t.last = m.At, m.At
		for _, q := range m.Queues[:min(len(m.Queues), mostQueues)] {
			t.queues = append(t.queues, simulate.QueueFlow{Queue: q.Queue, Promised: q.Promised})
		}
	}
	p := t.pointOf(m)
	if n := len(t.points); n > 0 && t.points[n-1].moments < t.span {
		t.points[n-1].merge(p)
	} else {
		t.points = append(t.points, p)
	}
	if len(t.points) > mostPoints {
		t.halve()
	}
	t.week.note(t.last, m.At, m.Arrived)
	if m.Decision.ID != "" {
		t.kept.note(m.At, m.Decision)
	}
	t.last = m.At
}

func (t *track) pointOf(m simulate.Moment) point {
	p := point{moments: 1, from: t.last, until: m.At, seconds: m.Seconds, cost: math.NaN()}
	if m.Cost != nil {
		p.cost = *m.Cost
	}
	for s, n := range m.Workers {
		if g := groupOf[s]; g >= 0 {
			p.workers[g] += n
		}
		if fleet.State(s).Billed() {
			p.most += n
		}
	}
	p.flows = append(p.flows, flowOf(m.Flow))
	if len(t.queues) > 1 {
		for i := range t.queues {
			p.flows = append(p.flows, flowOf(m.Queues[i].Flow))
		}
	}
	return p
}

// merge adds the moments that follow.
func (p *point) merge(o point) {
	p.moments += o.moments
	p.until, p.seconds, p.cost = o.until, o.seconds, o.cost
	p.most = max(p.most, o.most)
	for g, n := range o.workers {
		p.workers[g] += n
	}
	for i := range o.flows {
		p.flows[i].merge(o.flows[i])
	}
}

// halve has each point stand for twice as many moments.
func (t *track) halve() {
	half := t.points[:0]
	for i := 0; i < len(t.points); i += 2 {
		p := t.points[i]
		if i+1 < len(t.points) {
			p.merge(t.points[i+1])
		}
		half = append(half, p)
	}
	clear(t.points[len(half):])
	t.points = half
	t.span *= 2
}

// week is arrivals by the hour of the week, UTC, Monday first.
type week struct {
	items [7 * 24]float64
	hours [7 * 24]float64 // how long each was seen
}

// note spreads what arrived evenly over the hours from one moment to the next.
func (w *week) note(from, until time.Time, arrived int64) {
	whole := until.Sub(from)
	if whole <= 0 {
		return
	}
	for from.Before(until) {
		next := from.Truncate(time.Hour).Add(time.Hour)
		if next.After(until) {
			next = until
		}
		u := from.UTC()
		i := (int(u.Weekday())+6)%7*24 + u.Hour()
		w.items[i] += float64(float64(arrived) * float64(next.Sub(from)) / float64(whole))
		w.hours[i] += next.Sub(from).Hours()
		from = next
	}
}
