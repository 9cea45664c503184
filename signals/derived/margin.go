package derived

import (
	"math"
	"slices"
	"strings"
	"time"

	"skynet/signals"
)

// Promise is what the objective promises of the items of a queue.
type Promise struct {
	Wait time.Duration // so long an item may wait
	Late float64       // so large a share may wait longer
}

const (
	margin    = "forecast.margin"
	usualRate = "queue.arrival_rate_1d"

	// firstMargin is where it begins: nine of ten forecasts are not exceeded.
	firstMargin = 1
	// mostMargin bounds it: beyond, a forecast says nothing more.
	mostMargin = 3
	// pace is how fast it moves: ten minutes of the usual arrivals, all of them late,
	// raise it by one, a day without a late one lowers it by as much.
	pace = 0.1
	// prudence is the part of what may be late that is aimed at.
	prudence = 0.7
	// mostBurst is how many times as much as usual a burst counts at most.
	mostBurst = 10
	day       = 24 * time.Hour
)

// margins learns how far above the median of what is forecast it takes to plan, for
// no more items to be late than may: while items are late it rises, and else it
// falls a little, so that in the long run the share of those that are late is
// what it may be, whatever the stream is like.
// Source: Gibbs, Candès: Adaptive conformal inference under distribution shift,
// NeurIPS 2021, https://arxiv.org/abs/2106.00170, with the share of late items
// in place of the miscoverage.
func margins(s signals.Snapshot, set Settings) []signals.Signal {
	var list []signals.Signal
	most := 0.0
	for _, q := range set.Queues {
		list = append(list, learnMargin(s, q, set.promise(q))...)
		most = math.Max(most, list[len(list)-1].Value)
	}
	own := learnMargin(s, "", set.Promise)
	if len(set.Queues) > 0 {
		own[1] = signals.Known(margin, most, s.Now, hour)
	}
	return append(list, own...)
}

// withMargins is the snapshot with what is learned, but for what was given and is final.
func withMargins(s signals.Snapshot, set Settings, given []signals.Signal) signals.Snapshot {
	var names []string
	for _, g := range given {
		if strings.HasSuffix(g.Name, margin) || strings.HasSuffix(g.Name, usualRate) {
			names = append(names, g.Name)
		}
	}
	var fresh []signals.Signal
	for _, l := range margins(s, set) {
		if set.Final && slices.Contains(names, l.Name) {
			continue
		}
		if i, there := slices.BinarySearchFunc(s.Signals, l.Name, func(o signals.Signal, n string) int { return strings.Compare(o.Name, n) }); there {
			s.Signals[i] = l // they were made for this snapshot
		} else {
			fresh = append(fresh, l)
		}
	}
	return s.With(fresh)
}

func (set Settings) promise(queue string) Promise {
	if p, ok := set.Promises[queue]; ok {
		return p
	}
	return set.Promise
}

// learnMargin is the usual rate of arrivals and the margin after this tick.
func learnMargin(s signals.Snapshot, queue string, p Promise) []signals.Signal {
	name := func(leaf string) string {
		if queue == "" {
			return leaf
		}
		return signals.OfQueue(leaf, queue)
	}
	last := s.Last()
	m, ok := last.Value(name(margin))
	if !ok {
		m = firstMargin
	}
	rate, known := last.Value(name(usualRate))
	dt := s.Now.Sub(last.At)
	arrived, err := s.Value(name("queue.arrived"))
	if err != nil || last.At.IsZero() || dt <= 0 || dt > hour {
		return keepMargin(s, name, rate, known, m)
	}
	w := dt.Seconds() / day.Seconds()
	if !known {
		rate = arrived / dt.Seconds()
	} else {
		rate += (arrived/dt.Seconds() - rate) * math.Min(1, w)
	}
	if late, known := lateStarts(s, last, name, p.Wait.Seconds(), arrived); known && rate > 0 && p.Late > 0 {
		usual := math.Max(rate, arrived/dt.Seconds()/mostBurst) // on the first day the usual is not known yet
		step := pace * (late - prudence*p.Late*arrived) / (usual * 60)
		m = math.Min(math.Max(m+math.Max(-1, math.Min(1, step)), 0), mostMargin)
	}
	return keepMargin(s, name, rate, true, m)
}

func keepMargin(s signals.Snapshot, name func(string) string, rate float64, known bool, m float64) []signals.Signal {
	r := signals.Missing(name(usualRate), s.Now, "no arrivals are known yet")
	if known {
		r = signals.Known(name(usualRate), rate, s.Now, hour)
	}
	return []signals.Signal{r, signals.Known(name(margin), m, s.Now, hour)}
}

// lateStarts is how many of the items that were started since the last tick had
// waited too long: as far as the age of the oldest, which went from what it was then
// to what it is now, was above the wait.
func lateStarts(s signals.Snapshot, last signals.Tick, name func(string) string, wait, arrived float64) (float64, bool) {
	age, err := s.Value(name("queue.oldest_age"))
	depth, err2 := s.Value(name("queue.visible"))
	was, known := last.Value(name("queue.oldest_age"))
	had, known2 := last.Value(name("queue.visible"))
	if err != nil || err2 != nil || !known || !known2 {
		return 0, false
	}
	started := math.Max(0, arrived+had-depth)
	low, high := math.Min(was, age), math.Max(was, age)
	switch {
	case low > wait:
		return started, true
	case high <= wait:
		return 0, true
	}
	return started * (high - wait) / (high - low), true
}
