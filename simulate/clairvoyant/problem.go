package clairvoyant

import (
	"math"
	"slices"
	"time"
)

// problem is a demand as curves: slot-time until each step begins.
type problem struct {
	Demand
	Fleet
	steps        int
	unit         int64     // slot-time of an instance in a step
	arrived, due [][]int64 // of each class
}

func newProblem(d Demand, f Fleet) *problem {
	p := &problem{Demand: d, Fleet: f, unit: int64(max(1, f.Slots)) * d.Step.Microseconds()}
	if p.unit <= 0 {
		return p
	}
	p.steps = p.horizon()
	for _, c := range d.Classes {
		a := curve(c.Work, p.steps)
		p.arrived = append(p.arrived, a)
		p.due = append(p.due, shifted(a, c.Wait, d.Step))
	}
	return p
}

// horizon is when all can be done.
func (p *problem) horizon() int {
	last, total := 0, int64(0)
	for _, c := range p.Classes {
		for t, w := range c.Work {
			if total += w; w > 0 {
				last = max(last, t+1+int((max(0, c.Wait)+p.Step-1)/p.Step))
			}
		}
	}
	if p.Max > 0 {
		last += int(total/(p.unit*int64(p.Max))) + 1
	}
	if p.Limit > 0 {
		last = min(last, p.Limit)
	}
	return last
}

// curve adds up.
func curve(work []int64, steps int) []int64 {
	c := make([]int64, steps+1)
	for t := range steps {
		c[t+1] = c[t]
		if t < len(work) {
			c[t+1] += max(0, work[t])
		}
	}
	return c
}

// shifted is a curve, straight within each step, so much later.
func shifted(c []int64, by, step time.Duration) []int64 {
	s := make([]int64, len(c))
	whole, rest := int(max(0, by)/step), max(0, by)%step
	for t := whole; t < len(c); t++ {
		s[t] = c[t-whole]
		if t > whole && rest > 0 {
			rise := c[t-whole] - c[t-whole-1]
			s[t] -= scaled(rise, rest, step)
		}
	}
	return s
}

// scaled is the share part/whole of an amount, rounded up.
func scaled(amount int64, part, whole time.Duration) int64 {
	return int64(math.Ceil(float64(amount) * (float64(part) / float64(whole))))
}

func ceilDiv(a, b int64) int64 {
	if a <= 0 {
		return -(-a / b)
	}
	return (a + b - 1) / b
}

// shares are how much of its longer wait a class may use to smooth. Where all
// wait as long there is nothing to choose. A curve over several classes does not
// know that an item of one cannot be worked on instead of an item of another, so
// what is smoothed over long waits may need to be mended where a short one
// presses: which is cheaper is tried.
func (p *problem) shares() []float64 {
	for _, c := range p.Classes {
		if c.Wait != p.Classes[0].Wait {
			return []float64{1, 0.5, 0.25, 0}
		}
	}
	return []float64{1}
}

// tube is where what is served must lie: not above what has arrived, not below
// what is due.
type tube struct {
	above, below []int64
	unit         int64
	most         int
}

// tube adds the classes up, each with the given share of the wait that it has
// beyond the shortest.
func (p *problem) tube(share float64) tube {
	b := tube{above: make([]int64, p.steps+1), below: make([]int64, p.steps+1), unit: p.unit, most: p.most()}
	least := p.Classes[0].Wait
	for _, c := range p.Classes {
		least = min(least, c.Wait)
	}
	for i, c := range p.Classes {
		wait := least + time.Duration(float64(c.Wait-least)*share)
		plus(b.above, shifted(p.arrived[i], c.Wait-wait, p.Step))
		plus(b.below, p.due[i])
	}
	b.bear()
	return b
}

func plus(to, from []int64) {
	for t := range to {
		to[t] += from[t]
	}
}

func (p *problem) most() int {
	if p.Max > 0 {
		return p.Max
	}
	return 1 << 30
}

// bear asks no more than the largest fleet can do: what is too much for it is due
// earlier, and what cannot be in time as soon as possible.
func (b *tube) bear() {
	if b.most == 1<<30 {
		return
	}
	each := b.unit * int64(b.most)
	soonest := slices.Clone(b.above)
	for t := 1; t < len(soonest); t++ {
		soonest[t] = min(soonest[t], soonest[t-1]+each)
	}
	for t := len(b.below) - 2; t >= 0; t-- {
		b.below[t] = max(b.below[t], b.below[t+1]-each)
	}
	for t := range b.below {
		b.below[t] = min(b.below[t], soonest[t])
	}
}
