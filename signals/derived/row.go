package derived

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"skynet/signals"
)

// leaf is a signal that each queue has, and the fleet as a whole.
type leaf int

const (
	visible leaf = iota
	inFlight
	delayed
	dead
	oldestAge
	arrived
	completed
	arrivalRate
	growth
	redelivered
	secondsMean
	secondsP50
	secondsP95
	waitP50
	waitP95
	waitP99
	backlogSeconds
	drainSeconds
	rate
	failed
	errorRatio
	bytesIn
	bytesOut
	leaves int = iota
)

// names are those of the leaves for the fleet as a whole.
var names = [...]string{
	visible: "queue.visible", inFlight: "queue.in_flight", delayed: "queue.delayed", dead: "queue.dead",
	oldestAge: "queue.oldest_age", arrived: "queue.arrived", completed: "queue.completed",
	arrivalRate: "queue.arrival_rate", growth: "queue.growth", redelivered: "queue.redelivered",
	secondsMean: "work.seconds_mean", secondsP50: "work.seconds_p50", secondsP95: "work.seconds_p95",
	waitP50: "work.wait_p50", waitP95: "work.wait_p95", waitP99: "work.wait_p99",
	backlogSeconds: "work.backlog_seconds", drainSeconds: "work.drain_seconds", rate: "work.rate",
	failed: "work.failed", errorRatio: "work.error_ratio", bytesIn: "work.bytes_in", bytesOut: "work.bytes_out",
}

// row is one queue's signals, or the fleet's own: those that were given, and
// then those that were computed.
type row struct {
	*view
	queue string // "" for the fleet as a whole
	names [leaves]string
	sig   [leaves]signals.Signal
	has   [leaves]bool
	fixed [leaves]bool // given, and final
	mine  [leaves]bool // computed

	doubted string // why the depth is not counted as arrivals yet
}

// rowOf collects what was given of a queue.
func (v *view) rowOf(queue string) *row {
	r := &row{view: v, queue: queue, names: names}
	for l, name := range names {
		if queue != "" {
			r.names[l] = signals.OfQueue(name, queue)
		}
		r.sig[l], r.has[l] = signals.Find(v.given, r.names[l])
		if !r.has[l] && v.set.Final && len(v.set.Queues) == 1 && queue != "" { // one queue in play: queue.* stands for it
			r.sig[l], r.has[l] = signals.Find(v.given, name)
			r.sig[l].Name, r.mine[l] = r.names[l], r.has[l]
		}
		r.fixed[l] = r.has[l] && v.set.Final
	}
	return r
}

// put adds what was computed. What was given and is final stays.
func (r *row) put(l leaf, s signals.Signal) {
	if !r.fixed[l] {
		r.sig[l], r.has[l], r.mine[l] = s, true, true
	}
}

// know and miss put a number, or why there is none, that is good for this tick.
func (r *row) know(l leaf, n float64)      { r.put(l, signals.Known(r.names[l], n, r.Now, 0)) }
func (r *row) miss(l leaf, why string)     { r.put(l, signals.Missing(r.names[l], r.Now, why)) }
func (r *row) fails(l leaf, err error)     { r.miss(l, err.Error()) }
func (r *row) known(l leaf) bool           { _, err := r.count(l); return err == nil }
func (r *row) zero(l leaf) bool            { n, err := r.count(l); return err == nil && n == 0 }
func (r *row) past(l leaf) *signals.Reader { return &signals.Reader{Name: r.names[l]} }

// note says what a number that was put rests on.
func (r *row) note(l leaf, said string) {
	if !r.fixed[l] && r.sig[l].Unknown == "" {
		r.sig[l].Note = said
	}
}

// count is a number that cannot be below zero.
func (r *row) count(l leaf) (float64, error) { return number(r.sig[l], r.has[l], r.names[l], r.Now) }

func number(s signals.Signal, given bool, name string, now time.Time) (float64, error) {
	if !given {
		return 0, fmt.Errorf("%s is unknown: no source gives it", name)
	}
	n, err := s.Check(now)
	if err != nil && (strings.Contains(s.Unknown, " is unknown: ") || strings.Contains(s.Unknown, " is stale: ")) {
		return 0, errors.New(s.Unknown) // the first cause is enough
	}
	if err == nil && n < 0 {
		return 0, fmt.Errorf("%s is unknown: it is negative: %g", name, n)
	}
	return n, err
}

// then is a number at an earlier tick that cannot be below zero.
func then(r *signals.Reader, t *signals.Tick) (float64, bool) {
	n, ok := r.Value(t)
	return n, ok && n >= 0
}

// emit hands over what was computed.
func (r *row) emit() {
	for l := range leaves {
		switch {
		case !r.mine[l]:
		case r.queue == "":
			r.view.put(r.sig[l])
		default:
			r.out = append(r.out, r.sig[l])
		}
	}
}
