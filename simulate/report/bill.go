package report

import (
	"math"
	"sort"
	"time"
)

// bill is what every run has cost so far, at common moments.
type bill struct {
	Money  bool     `json:"money"` // else instance-hours
	At     []int64  `json:"at"`
	Runs   []series `json:"runs"` // null after its end
	Names  []string `json:"names"`
	Ideals []series `json:"ideals"`
	Totals series   `json:"totals"` // of the ideals, at their ends
}

const billPoints = 1000

// line is something that is known at some moments.
type line struct {
	at []time.Time
	v  []float64
}

func billOf(r Report, start time.Time) *bill {
	b := &bill{Money: r.priced(), Ideals: []series{}, Names: []string{}, Runs: []series{}, Totals: series{}}
	end := start
	for _, run := range r.Runs {
		for _, t := range run.tracks() {
			if t.last.After(end) {
				end = t.last
			}
		}
	}
	if !end.After(start) {
		return nil
	}
	grid := make([]time.Time, billPoints+1)
	step := end.Sub(start) / billPoints
	for i := range grid {
		grid[i] = start.Add(step * time.Duration(i))
		if i == billPoints {
			grid[i] = end
		}
		b.At = append(b.At, int64(grid[i].Sub(start)/time.Second))
	}
	for _, run := range r.Runs {
		b.Runs = append(b.Runs, run.bill(grid, b.Money))
	}
	for _, c := range r.Curves {
		l := c.bill(b.Money)
		b.Names = append(b.Names, c.Name)
		b.Ideals = append(b.Ideals, l.on(grid))
		b.Totals = append(b.Totals, l.last())
	}
	return b
}

// priced reports whether all of it is known in money.
func (r Report) priced() bool {
	for _, run := range r.Runs {
		for _, t := range run.tracks() {
			if math.IsNaN(t.points[0].cost) {
				return false
			}
		}
	}
	for _, c := range r.Curves {
		if len(c.Cost) < len(c.At) {
			return false
		}
	}
	return true
}

// bill adds the fleets up.
func (r Run) bill(grid []time.Time, money bool) series {
	if len(r.tracks()) == 0 {
		return nil
	}
	sum := make(series, len(grid))
	for _, t := range r.tracks() {
		var l line
		for _, p := range t.points {
			l.at = append(l.at, p.until)
			if money {
				l.v = append(l.v, p.cost)
			} else {
				l.v = append(l.v, float64(p.seconds)/3600)
			}
		}
		for i, v := range l.on(grid) {
			sum[i] += v
		}
	}
	return sum
}

func (c Curve) bill(money bool) line {
	if money {
		return line{c.At, c.Cost}.even()
	}
	l := line{at: c.At}
	for _, s := range c.Seconds {
		l.v = append(l.v, s/3600)
	}
	return l.even()
}

// even has as many values as moments.
func (l line) even() line {
	n := min(len(l.at), len(l.v))
	return line{l.at[:n], l.v[:n]}
}

func (l line) last() float64 {
	if len(l.v) == 0 {
		return math.NaN()
	}
	return l.v[len(l.v)-1]
}

// on is the line on a grid: NaN before its first moment and after its last.
func (l line) on(grid []time.Time) series {
	s := make(series, len(grid))
	for i, at := range grid {
		s[i] = l.value(at)
	}
	return s
}

func (l line) value(at time.Time) float64 {
	i := sort.Search(len(l.at), func(i int) bool { return !l.at[i].Before(at) })
	switch {
	case i == len(l.at):
		return math.NaN()
	case l.at[i].Equal(at):
		return l.v[i]
	case i == 0:
		return math.NaN()
	}
	share := float64(at.Sub(l.at[i-1])) / float64(l.at[i].Sub(l.at[i-1]))
	return l.v[i-1] + float64(share*(l.v[i]-l.v[i-1]))
}

// instances are the schedule's at a fleet's points: the mean over each, as it is
// of the machines that there were. NaN before the schedule begins.
func (c Curve) instances(t *track) series {
	l := line{c.At, c.Instances}.even()
	s := make(series, len(t.points))
	for i, p := range t.points {
		s[i] = l.mean(p.from, p.until)
	}
	return s
}

// mean is that of a line which keeps each value until its next moment, over the
// time of it that is known; at until itself where no time passes.
func (l line) mean(from, until time.Time) float64 {
	first := sort.Search(len(l.at), func(j int) bool { return l.at[j].After(from) }) - 1
	sum, known, last := 0.0, 0.0, math.NaN()
	for j := max(0, first); j < len(l.at) && !l.at[j].After(until); j++ {
		begin, end := l.at[j], until
		if begin.Before(from) {
			begin = from
		}
		if j+1 < len(l.at) && l.at[j+1].Before(until) {
			end = l.at[j+1]
		}
		sum += float64(l.v[j] * end.Sub(begin).Seconds())
		known += end.Sub(begin).Seconds()
		last = l.v[j]
	}
	if known > 0 {
		return sum / known
	}
	return last
}
