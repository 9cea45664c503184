package recording

import (
	"math"
	"slices"
	"sort"
	"time"

	"skynet/config/strict"
	"skynet/journal"
	"skynet/simulate/scenario"
)

// enough is how many items make a phase: quantiles of fewer say little.
const enough = 200

// z95 is the normal distribution's quantile of 95%.
const z95 = 1.6448536269514722

// tale is what some ticks tell of how long items took, weighted by how many they
// finished.
type tale struct {
	items, seconds float64 // items whose mean is known, and what they took
	spread, quoted float64 // logarithm of p95 over p50 times items, and those items
	middle, known  float64 // logarithm of p50 times items, and those items
}

// hear adds what one tick tells.
func (t *tale) hear(n, mean, p50, p95 float64) {
	if !(n > 0) {
		return
	}
	if mean > 0 {
		t.items, t.seconds = t.items+n, t.seconds+n*mean
	}
	if p50 > 0 {
		t.middle, t.known = t.middle+n*math.Log(p50), t.known+n
		if p95 >= p50 {
			t.spread, t.quoted = t.spread+n*math.Log(p95/p50), t.quoted+n
		}
	}
}

// length is the log-normal of that mean, whose quantiles lie as far from each other
// as the recorded ones. The mean is what matters most: it is the work that there
// was, whatever the true distribution. Of a log-normal it is the median times
// exp(σ²/2), and p95 is the median times exp(1.645 σ):
// https://en.wikipedia.org/wiki/Log-normal_distribution
func (t *tale) length() (scenario.Length, bool) {
	sigma := 0.0
	if t.quoted > 0 {
		sigma = min(t.spread/t.quoted/z95, 4)
	}
	median := 0.0
	switch {
	case t.items > 0:
		median = t.seconds / t.items / math.Exp(sigma*sigma/2)
	case t.known > 0:
		median = math.Exp(t.middle / t.known)
	default:
		return scenario.Length{}, false
	}
	return logNormal(median, sigma), true
}

// logNormal takes the median in seconds.
func logNormal(median, sigma float64) scenario.Length {
	m := duration(median)
	if sigma < 0.01 {
		return scenario.Constant(m)
	}
	return scenario.Length{Median: strict.Duration(m), P95: strict.Duration(max(m, duration(median*math.Exp(z95*sigma))))}
}

// duration keeps what is recorded within what a scenario may say.
func duration(seconds float64) time.Duration {
	const least, most = time.Millisecond, 30 * 24 * time.Hour
	ns := seconds * float64(time.Second)
	switch {
	case !(ns > float64(least)):
		return least
	case ns > float64(most):
		return most
	}
	return time.Duration(ns).Round(time.Microsecond)
}

// fitted is the log-normal that is likeliest to have given these samples: mean and
// deviation of their logarithms; false without any.
func fitted(samples []float64) (scenario.Length, bool) {
	if len(samples) == 0 {
		return scenario.Length{}, false
	}
	sum, squares, n := 0.0, 0.0, float64(len(samples))
	for _, s := range samples {
		sum += math.Log(max(s, 1e-3))
	}
	for _, s := range samples {
		d := math.Log(max(s, 1e-3)) - sum/n
		squares += d * d
	}
	return logNormal(math.Exp(sum/n), math.Sqrt(squares/n)), true
}

// unseen adds the newest of a list that overlaps with what was seen before: each
// tick remembers the last few.
func unseen(before, list []float64) []float64 {
	for n := min(len(before), len(list)); n > 0; n-- {
		if slices.Equal(before[len(before)-n:], list[:n]) {
			return append(before, list[n:]...)
		}
	}
	return append(before, list...)
}

// told is what each tick tells of a queue's items.
type told struct{ weight, mean, p50, p95 map[int64]float64 }

// lengths puts how long the items of a queue took, hour by hour.
func (c *crew) lengths(q *scenario.Queue, name names) error {
	t, hours, err := c.tell(name)
	if err != nil {
		return err
	}
	var all tale
	phases := []phase{{}}
	at := func(from time.Duration, n, mean, p50, p95 float64) {
		last := &phases[len(phases)-1]
		if from >= last.from+time.Hour && max(last.items, last.known) >= enough {
			phases = append(phases, phase{from: from})
			last = &phases[len(phases)-1]
		}
		last.hear(n, mean, p50, p95)
		all.hear(n, mean, p50, p95)
	}
	for _, h := range hours {
		at(max(0, h.from), h.n, h.mean, h.p50, h.p95)
	}
	for _, tick := range c.times {
		k := tick.UnixNano()
		at(tick.Sub(c.sc.Start.Time).Truncate(time.Hour), t.weight[k], t.mean[k], t.p50[k], t.p95[k])
	}
	whole, ok := all.length()
	if !ok {
		whole = c.assumed(q.Name, t)
	}
	q.Seconds = &whole
	q.Phases = inOrder(phases)
	if ok && all.quoted == 0 {
		c.note("%s: no quantiles of how long an item takes are recorded: each takes the mean", q.Name)
	}
	return nil
}

// assumed is for a queue of which no item was finished.
func (c *crew) assumed(queue string, t told) scenario.Length {
	var means []float64
	for _, m := range t.mean {
		if m > 0 {
			means = append(means, m)
		}
	}
	if len(means) == 0 {
		c.note("assumed: %s: an item takes 10s, none is recorded; import with --seconds says otherwise", queue)
		return scenario.Constant(10 * time.Second)
	}
	sort.Float64s(means)
	d := duration(means[len(means)/2])
	c.note("assumed: %s: an item takes %s, as the daemon did; none was finished", queue, strict.Duration(d))
	return scenario.Constant(d)
}

// phase is an hour or more of a recording.
type phase struct {
	from time.Duration
	tale
}

// inOrder is none if lengths were the same all the time. A last phase of few items
// goes on as the one before.
func inOrder(list []phase) (out []scenario.Phase) {
	for i, p := range list {
		l, ok := p.length()
		if !ok || i > 0 && max(p.items, p.known) < enough {
			continue
		}
		if len(out) == 0 || out[len(out)-1].Length != l {
			out = append(out, scenario.Phase{From: p.from, Length: l})
		}
	}
	if len(out) < 2 {
		return nil
	}
	out[0].From = 0
	return out
}

// byHour is what an hour told of which single ticks are no longer known.
type byHour struct {
	from              time.Duration
	n, mean, p50, p95 float64
}

// tell reads what ticks knew. They are weighted by what was finished, or, where
// nobody says that, by what arrived.
func (c *crew) tell(name names) (t told, hours []byHour, err error) {
	by := map[int64]*byHour{}
	read := func(signal string, put func(*byHour, journal.Point)) (ticks map[int64]float64) {
		if err != nil {
			return nil
		}
		var old []journal.Point
		ticks, old, err = c.read(signal)
		for _, h := range old {
			k := h.At.UnixNano()
			if by[k] == nil {
				by[k] = &byHour{from: h.At.Sub(c.sc.Start.Time)}
			}
			put(by[k], h)
		}
		return ticks
	}
	t.mean = read(name("work", "seconds_mean"), func(h *byHour, p journal.Point) { h.mean = p.Mean })
	t.p50 = read(name("work", "seconds_p50"), func(h *byHour, p journal.Point) { h.p50 = p.Mean })
	t.p95 = read(name("work", "seconds_p95"), func(h *byHour, p journal.Point) { h.p95 = p.Mean })
	t.weight = read(name("queue", "completed"), func(h *byHour, p journal.Point) { h.n = p.Mean * float64(p.Count) })
	if len(t.weight) == 0 {
		t.weight = read(name("queue", "arrived"), func(h *byHour, p journal.Point) { h.n = p.Mean * float64(p.Count) })
	}
	for _, h := range by {
		hours = append(hours, *h)
	}
	slices.SortFunc(hours, func(a, b byHour) int { return int(max(-1, min(1, a.from-b.from))) })
	return t, hours, err
}
