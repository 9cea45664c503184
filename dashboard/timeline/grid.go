package timeline

import (
	"math"
	"time"

	"skynet/dashboard"
	"skynet/journal"
	"skynet/signals"
)

// grid is a span in steps.
type grid struct {
	from time.Time
	step time.Duration
	n    int
}

func (g grid) end() time.Time { return g.from.Add(time.Duration(g.n) * g.step) }

// reading is what is shown of a step's points.
type reading func(journal.Point) float64

func mean(p journal.Point) float64    { return p.Mean }
func highest(p journal.Point) float64 { return p.Max }

// line is one value a step; null where nothing is known.
func (g grid) line(points []journal.Point, of reading) []*float64 {
	sums := make([]journal.Point, g.n)
	for _, p := range points {
		i := int(p.At.Sub(g.from) / g.step)
		if p.At.Before(g.from) || i >= g.n || p.Count == 0 {
			continue
		}
		sums[i] = joined(sums[i], p)
	}
	list := make([]*float64, g.n)
	for i, p := range sums {
		if v := of(p); p.Count > 0 && !math.IsNaN(v) && !math.IsInf(v, 0) {
			list[i] = &v
		}
	}
	return list
}

// joined is two points as one; the later comes second.
func joined(a, b journal.Point) journal.Point {
	if a.Count == 0 {
		return b
	}
	n := a.Count + b.Count
	a.Mean += (b.Mean - a.Mean) * (float64(b.Count) / float64(n))
	a.Max, a.Last, a.Count = max(a.Max, b.Max), b.Last, n
	return a
}

// history puts lines under the names that the API has for them.
func (g grid) history(p piece, queues []string, gap time.Duration, now time.Time) dashboard.History {
	out := dashboard.History{
		From: g.from.UTC(), To: g.end().UTC(), Step: g.step.Seconds(), Time: make([]int64, g.n), Series: map[string][]*float64{},
		Marks: marks(p.moods, g, gap, now),
	}
	for i := range out.Time {
		out.Time[i] = g.from.Add(time.Duration(i) * g.step).Unix()
	}
	line := func(to, from string, of reading) { out.Series[to] = g.line(p.series[from], of) }
	for _, name := range []string{"fleet.running", "fleet.pending", "fleet.draining", "fleet.asleep", "fleet.silent", "cost.today"} {
		line(name, name, mean)
	}
	line("cost.hourly", "cost.per_hour", mean)
	g.queue(out.Series, p, "queue.", "work.", func(name string) string { return name })
	g.perQueue(out.Series, p, queues)
	line("want", "want", mean)
	line("have", "have", mean)
	g.earlier(out.Series, p)
	return out
}

func (g grid) perQueue(into map[string][]*float64, p piece, queues []string) {
	for _, q := range queues {
		g.queue(into, p, "queues."+q+".", "queues."+q+".", func(name string) string { return signals.OfQueue(name, q) })
	}
}

// queue puts a queue's lines under their names. Of what people worry about the worst
// of a step is shown.
func (g grid) queue(into map[string][]*float64, p piece, queue, work string, name func(string) string) {
	for _, l := range []struct {
		to, from string
		of       reading
	}{
		{queue + "visible", "queue.visible", mean},
		{queue + "in_flight", "queue.in_flight", mean},
		{queue + "dead", "queue.dead", highest},
		{queue + "oldest_age", "queue.oldest_age", highest},
		{queue + "arrived_per_minute", "queue.arrival_rate", func(p journal.Point) float64 { return 60 * p.Mean }},
		{work + "wait_p95", "work.wait_p95", highest},
	} {
		into[l.to] = g.line(p.series[name(l.from)], l.of)
	}
}

// earlier fills in what was wanted and had where only numbers are left of ticks: what
// was wanted is known a tick later, and what there was from those that serve or will.
func (g grid) earlier(into map[string][]*float64, p piece) {
	raw := g.line(p.series["decision.want_raw"], mean)
	running, pending := into["fleet.running"], into["fleet.pending"]
	for i := range g.n {
		if into["want"][i] == nil {
			into["want"][i] = raw[i]
		}
		if into["have"][i] == nil && running[i] != nil && pending[i] != nil {
			into["have"][i] = new(*running[i] + *pending[i])
		}
	}
}
