package derived

import (
	"fmt"
	"math"
	"time"

	"skynet/signals"
)

// fiveMinutes is the time constant of the weighted means: what happened five
// minutes ago weighs 1/e of what happens now. After five time constants less than
// one per cent is left, and is not looked at.
const fiveMinutes = 5 * time.Minute

// mean puts the rate of a count: an exponentially weighted mean over time, in
// which each count is spread over the time since the one before. A tick without a
// count lends its time to the next.
func (r *row) mean(of, as leaf) {
	m := weighing{now: r.Now}
	n, err := r.count(of)
	if err == nil {
		m.count(n, r.Now)
	}
	ticks, read := r.Since(r.Now.Add(-max(5*fiveMinutes, r.window))), r.past(of)
	for i := len(ticks) - 1; i >= 0; i-- {
		if n, ok := then(read, &ticks[i]); ok {
			m.count(n, ticks[i].At)
		}
	}
	if len(ticks) > 0 {
		m.begin(ticks[0].At)
	}
	switch {
	case err != nil && (m.newest.IsZero() || r.Now.Sub(m.newest) >= r.window):
		r.fails(as, err)
	case m.weight <= 0:
		r.miss(as, "no earlier tick to compare with")
	default:
		r.put(as, signals.Known(r.names[as], m.sum/m.weight, m.newest, r.Now.Sub(m.newest)))
	}
}

// weighing adds up counts, the newest first.
type weighing struct {
	now, newest time.Time
	open        float64   // a count that is not yet known to have begun when
	end         time.Time // when it was taken
	sum, weight float64
	faded       time.Time // what this moment weighs is known: one count ends where the next begins
	fades       float64
}

func (m *weighing) count(n float64, at time.Time) {
	if m.newest.IsZero() {
		m.newest, m.end, m.open = at, at, n
		return
	}
	if at.Before(m.end) {
		m.begin(at)
		m.end, m.open = at, 0
	}
	m.open += n // two counts of one moment: the clock was set back
}

// begin closes the open count.
func (m *weighing) begin(at time.Time) {
	past := m.end.Sub(at).Seconds()
	if m.newest.IsZero() || past <= 0 {
		return
	}
	// The integral of the weight over the time in which it was counted.
	if !m.faded.Equal(m.end) {
		m.fades = m.fade(m.end)
	}
	earlier := m.fade(at)
	w := m.fades - earlier
	m.faded, m.fades = at, earlier
	m.sum, m.weight, m.open, m.end = m.sum+w*m.open/past, m.weight+w, 0, at
}

func (m *weighing) fade(at time.Time) float64 {
	return math.Exp(-max(0, m.now.Sub(at).Seconds()) / fiveMinutes.Seconds())
}

// slope puts how fast the waiting items grow: the least-squares line through
// what waited over five minutes.
func (r *row) slope() {
	n, err := r.count(visible)
	if err != nil {
		r.fails(growth, err)
		return
	}
	line := fit{}
	line.add(0, n)
	ticks, read := r.Since(r.Now.Add(-r.window)), r.past(visible)
	for i := range ticks {
		if n, ok := then(read, &ticks[i]); ok {
			line.add(ticks[i].At.Sub(r.Now).Seconds(), n)
		}
	}
	if v, ok := line.slope(); ok {
		r.know(growth, v)
		return
	}
	r.miss(growth, fmt.Sprintf("no earlier tick of the last %s to compare with", r.window))
}

// fit is a line through points by least squares.
type fit struct{ n, x, y, xx, xy float64 }

func (f *fit) add(x, y float64) {
	f.n, f.x, f.y, f.xx, f.xy = f.n+1, f.x+x, f.y+y, f.xx+x*x, f.xy+x*y
}

func (f *fit) slope() (float64, bool) {
	d := f.n*f.xx - f.x*f.x
	return (f.n*f.xy - f.x*f.y) / d, f.n > 1 && d > 0
}

// errors puts the share of failures among what was finished in a quarter of an
// hour. It is 0 when nothing was finished: a policy that watches it must be able to
// let an idle fleet go, and a signal that is unknown would keep it.
func (r *row) errors() {
	bad, err := r.total(failed)
	if err != nil {
		r.fails(errorRatio, err)
		return
	}
	good, err := r.total(completed)
	switch {
	case err != nil:
		r.fails(errorRatio, err)
	case bad == 0:
		r.know(errorRatio, 0)
	default:
		r.know(errorRatio, bad/(bad+good))
	}
}

// total adds a count up over a quarter of an hour. It is unknown if it is in
// every tick.
func (r *row) total(l leaf) (float64, error) {
	sum, err := r.count(l)
	ticks, read := r.Since(r.Now.Add(-max(quarter, r.window))), r.past(l)
	for i := range ticks {
		if n, ok := then(read, &ticks[i]); ok {
			sum, err = sum+n, nil
		}
	}
	return sum, err
}
