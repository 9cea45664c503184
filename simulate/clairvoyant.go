package simulate

import (
	"errors"
	"math"
	"slices"
	"time"

	"skynet/policy"
	"skynet/simulate/clairvoyant"
	"skynet/simulate/scenario"
)

// Course is how a fleet went that knew what was to come, for a chart.
type Course struct {
	Fleet string
	Step  time.Duration
	// Capacity is the instances that serve in each step, the first of which begins
	// with the scenario.
	Capacity []int
	// Billed is what is billed until each step ends, s, since the scenario began. What
	// is billed before it begins, for the first to be booted in time, stands in the
	// first step; what is rounded up stands where an instance ends.
	Billed []int64
}

// Clairvoyant is what the cheapest schedule that knows every arrival of a scenario
// comes to: see package clairvoyant. It meets the arrivals and lengths that Run
// meets with the same seed (nil: the scenario's), but no faults: boots take their
// mean time, nobody is refused or interrupted, and nothing sleeps.
//
// It promises more than the objective asks for: every item starts in time, not
// only the quantile. An item that a queue feeds to another comes as soon as the
// first could have been done. Waits are those of a fluid that is served in order of
// arrival in each queue, where nobody waits for the end of what a slot has in hand.
// The cost is that of the cheapest price, as Spot where there is one.
func Clairvoyant(sc *scenario.Scenario, seed *uint64, o policy.Objective) (Result, error) {
	r, _, err := ClairvoyantCourse(sc, seed, o)
	return r, err
}

// ClairvoyantCourse is Clairvoyant, and tells the course of each fleet, in the
// scenario's order.
func ClairvoyantCourse(sc *scenario.Scenario, seed *uint64, o policy.Objective) (Result, []Course, error) {
	if len(sc.Queues) == 0 || len(sc.Fleets) == 0 {
		return Result{}, nil, errors.New("simulate: the scenario has no queue or no fleet")
	}
	begun := time.Now()
	w := newWorld(sc, Policy{Objective: o}, seedOf(sc, Options{Seed: seed}))
	horizon := sc.End + after
	step := stepFor(w, horizon)
	n := int((horizon + step - 1) / step)
	demands, err := w.demands(step, n)
	if err != nil {
		return Result{}, nil, err
	}
	res := Result{Policy: "clairvoyant"}
	total, at := newSum(), make([]int, n)
	var courses []Course
	for _, c := range w.crews {
		f := c.foresee(demands, step, n)
		total.add(f.sum)
		courses = append(courses, f.course)
		for t, b := range f.billed {
			at[t] += b
			total.peak = max(total.peak, at[t])
		}
		if len(w.crews) > 1 {
			res.Fleets = append(res.Fleets, FleetResult{Fleet: c.Name, Figures: f.sum.figures()})
		}
	}
	res.Figures = total.figures()
	res.ClairvoyantInstanceSeconds = new(res.InstanceSeconds)
	res.WallSeconds = time.Since(begun).Seconds()
	return res, courses, nil
}

// foreseen is what comes of one fleet.
type foreseen struct {
	sum    *sum
	course Course
	billed []int // instances at once, in each step
}

// foresee plans one fleet, by itself.
func (c *crew) foresee(demands []*demand, step time.Duration, n int) foreseen {
	list, of := classes(c.queues, demands)
	machines := clairvoyant.Fleet{
		Slots: c.Slots, Start: c.Start, Boot: c.Boot.Average(), Unit: c.Billing.Unit.Std(), Least: c.Billing.Minimum.Std(),
	}
	d := clairvoyant.Demand{Step: step, Limit: n}
	for _, one := range list {
		d.Classes = append(d.Classes, one.Class)
	}
	s := clairvoyant.Plan(d, machines)
	f := foreseen{sum: newSum()}
	f.course, f.billed = course(s, machines, n)
	f.course.Fleet = c.Name
	f.sum.bill(c, s)
	f.sum.peak = slices.Max(f.billed)
	for i := range s.Served {
		f.sum.work += time.Duration(s.Served[i][len(s.Served[i])-1]) * time.Microsecond
	}
	for i, q := range c.queues {
		l := lag{step: step}
		if len(s.Served) > 0 {
			l.arrived, l.served = curve{points: s.Arrived[of[i]]}, curve{points: s.Served[of[i]]}
		}
		f.sum.await(demands[q.place], list[of[i]], l)
	}
	return f
}

// bill is what a schedule costs.
func (s *sum) bill(c *crew, plan clairvoyant.Schedule) {
	s.InstanceSeconds = plan.Billed
	s.paid = plan.Billed * int64(c.Slots)
	for _, r := range plan.Runs {
		if r.Booted {
			s.Launches++
		}
		s.Terminations++
	}
	s.unpriced = !c.Priced()
	s.cost = float64(c.cheapest() * float64(plan.Billed) / 3600)
}

// cheapest is the lowest price of an hour, 0 without prices.
func (c *crew) cheapest() float64 {
	best := math.Inf(1)
	for kind := range max(1, len(c.Types)) {
		for _, spot := range []bool{false, true} {
			if p, offered := c.price(kind, spot); offered {
				best = min(best, p)
			}
		}
	}
	if math.IsInf(best, 1) {
		return 0
	}
	return best
}

// course tells when capacity served, and how many were billed in each step.
func course(s clairvoyant.Schedule, machines clairvoyant.Fleet, n int) (c Course, billed []int) {
	c = Course{Step: s.Step, Capacity: make([]int, n), Billed: make([]int64, n)}
	copy(c.Capacity, s.Capacity)
	billed = make([]int, n+1)
	second := int64(s.Step / time.Second)
	for _, r := range s.Runs {
		from := r.From
		if r.Booted {
			from -= int(machines.Boot / s.Step)
		}
		if from < 0 {
			c.Billed[0] -= int64(from) * second
		}
		c.Billed[r.To-1] += machines.Bill(r, s.Step) - int64(r.To-from)*second
		billed[max(0, from)]++
		billed[r.To]--
	}
	at, sum := 0, int64(0)
	for t := range c.Billed {
		at += billed[t]
		sum += int64(at)*second + c.Billed[t]
		billed[t], c.Billed[t] = at, sum
	}
	return c, billed[:n]
}

// samples is how many of the items that come in a step are looked at: they come
// evenly, and are served in order.
const samples = 8

// await counts how long a queue's items wait: until all that came before them in
// queues with the same promise has been worked on.
func (s *sum) await(d *demand, c *class, l lag) {
	s.Items += d.total
	for t, n := range d.items {
		m := min(n, samples)
		for j := range m {
			count := n / m
			if j < n%m {
				count++
			}
			share := float64(2*j+1) / float64(2*m)
			wait, begins := l.at(float64(c.came[t]) + float64(share*float64(c.came[t+1]-c.came[t])))
			s.start(wait, begins, c.Wait, count)
		}
	}
}

// start counts items that wait as long.
func (s *sum) start(wait time.Duration, begins bool, promised time.Duration, count int64) {
	const grain = time.Millisecond // of times that are read off a fluid
	wait = wait.Round(grain)
	switch {
	case !begins:
		s.Unstarted += count
	case wait <= promised+grain:
		s.within += count
	}
	s.longest = max(s.longest, wait)
	s.waited += float64(wait.Seconds() * float64(count))
	s.waits.add(wait, count)
}

// lag reads off how far what is served is behind what arrives. It is asked in
// order of level.
type lag struct {
	arrived, served curve
	step            time.Duration
}

// at is how much later a level is served than it arrives; false if it never is, with
// how long that is waited for.
func (l *lag) at(level float64) (wait time.Duration, begins bool) {
	from, arrives := l.arrived.reach(level)
	if !arrives {
		return 0, true // it takes no time, or what it takes lies after the end
	}
	to, begins := l.served.reach(level)
	return time.Duration(max(0, to-from) * float64(l.step)), begins
}

// curve is a level at the beginning of each step, straight in between.
type curve struct {
	points []int64
	step   int
}

// reach is when the curve reaches a level, in steps; the end, if it does not.
func (c *curve) reach(level float64) (float64, bool) {
	for c.step+1 < len(c.points) && float64(c.points[c.step+1]) < level {
		c.step++
	}
	if c.step+1 >= len(c.points) {
		return float64(c.step), false
	}
	low, high := float64(c.points[c.step]), float64(c.points[c.step+1])
	return float64(c.step) + max(0, level-low)/max(1, high-low), true
}
