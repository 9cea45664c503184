package clairvoyant

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// tiny is a demand of a few steps of 10 s, in units of an instance's work in a
// step.
func tiny(t *rapid.T) (Demand, Fleet) {
	d := Demand{Step: 10 * time.Second}
	f := Fleet{
		Slots: rapid.IntRange(1, 3).Draw(t, "slots"),
		Start: rapid.IntRange(0, 2).Draw(t, "start"),
		Boot:  time.Duration(rapid.IntRange(0, 4).Draw(t, "boot")) * 10 * time.Second,
		Unit:  rapid.SampledFrom([]time.Duration{time.Second, time.Second, 30 * time.Second}).Draw(t, "unit"),
		Least: rapid.SampledFrom([]time.Duration{0, 0, 40 * time.Second}).Draw(t, "least"),
	}
	for range rapid.IntRange(1, 2).Draw(t, "classes") {
		c := Class{Wait: time.Duration(rapid.IntRange(0, 4).Draw(t, "wait")) * 10 * time.Second}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			w := rapid.SampledFrom([]int64{0, 0, 3, 5, 10, 14, 20}).Draw(t, "work")
			c.Work = append(c.Work, w*1e6*int64(f.Slots))
		}
		d.Classes = append(d.Classes, c)
	}
	return d, f
}

// late is by how much, µs, the schedule is behind what is due at the worst.
func (p *problem) late(capacity []int) (worst int64) {
	served := p.curves()
	p.offer(capacity, served)
	for i, s := range served {
		for t := range s {
			worst = max(worst, p.due[i][t]-s[t])
		}
	}
	return worst
}

// offer works with exactly so many.
func (p *problem) offer(capacity []int, served [][]int64) {
	done := make([]int64, len(p.arrived))
	for t := range p.steps {
		p.work(t, done, int64(capacity[t])*p.unit)
		for i := range served {
			served[i][t+1] = done[i]
		}
	}
}

// best is what the cheapest of all schedules is billed.
func best(d Demand, f Fleet, most int) (billed int64, capacity []int) {
	p := newProblem(d, f)
	billed = -1
	c := make([]int, p.steps)
	for {
		if p.late(c) == 0 {
			if one := p.layers(c); billed < 0 || one.billed < billed {
				billed, capacity = one.billed, slices.Clone(c)
			}
		}
		t := 0
		for ; t < len(c) && c[t] == most; t++ {
			c[t] = 0
		}
		if t == len(c) {
			return max(0, billed), capacity
		}
		c[t]++
	}
}

// The schedule keeps every deadline, never does what has not arrived, offers what
// it says and bills what it offers.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, f := tiny(t)
		if rapid.Bool().Draw(t, "bounded") {
			f.Max = rapid.IntRange(1, 3).Draw(t, "max")
		}
		s := Plan(d, f)
		p := newProblem(d, f)
		if f.Max == 0 && p.late(s.Capacity) > 0 {
			t.Fatalf("late: %v", s.Capacity)
		}
		if all := slices.Repeat([]int{f.Max}, p.steps); f.Max > 0 && len(d.Classes) == 1 && p.late(s.Capacity) > p.late(all) {
			t.Fatalf("late by %d: %v, though all of them need be no later than %d", p.late(s.Capacity), s.Capacity, p.late(all))
		}
		for i := range s.Served {
			if last := len(s.Served[i]) - 1; s.Served[i][last] != s.Arrived[i][last] {
				t.Fatalf("%d of %d done", s.Served[i][last], s.Arrived[i][last])
			}
		}
		for n := range p.steps {
			sum := int64(0)
			for i := range s.Served {
				if s.Served[i][n+1] > s.Arrived[i][n+1] || s.Served[i][n+1] < s.Served[i][n] {
					t.Fatalf("step %d: served %v of %v", n, s.Served[i], s.Arrived[i])
				}
				sum += s.Served[i][n+1] - s.Served[i][n]
			}
			if sum > int64(s.Capacity[n])*p.unit || f.Max > 0 && s.Capacity[n] > f.Max {
				t.Fatalf("step %d: %d done by %d", n, sum, s.Capacity[n])
			}
		}
		billed, at := int64(0), make([]int, p.steps)
		for _, r := range s.Runs {
			billed += p.bill(r)
			for n := r.From; n < r.To; n++ {
				at[n]++
			}
		}
		if billed != s.Billed || !slices.Equal(at, s.Capacity) {
			t.Fatalf("billed %d, runs %d; capacity %v, runs %v", s.Billed, billed, s.Capacity, at)
		}
	})
}

// It is close to the best of all schedules.
func TestCloseToTheBest(t *testing.T) {
	var mine, least, cases, far int64
	worst := 1.0
	rapid.Check(t, func(t *rapid.T) {
		d, f := tiny(t)
		if newProblem(d, f).steps > 7 {
			t.Skip()
		}
		s := Plan(d, f)
		b, c := best(d, f, max(4, slices.Max(append(slices.Clone(s.Capacity), 0))))
		if s.Billed < b {
			t.Fatalf("billed %d (%v), less than the best %d (%v)", s.Billed, s.Capacity, b, c)
		}
		mine, least, cases = mine+s.Billed, least+b, cases+1
		if b > 0 {
			worst = max(worst, float64(s.Billed)/float64(b))
		}
		if float64(s.Billed) > 1.1*float64(b) {
			far++
			t.Logf("%d %v, best %d %v: %+v %+v", s.Billed, s.Capacity, b, c, d, f)
		}
	})
	t.Logf("%d cases: billed %.4f of the best, worst %.3f, %d above 1.1", cases, float64(mine)/float64(least), worst, far)
	if mine*100 > least*103 || far*20 > cases {
		t.Error("that is no yardstick")
	}
}

// What one cannot do in time, two do; between two needs an instance is kept through
// the shorter gap and dropped in the longer one.
func TestByHand(t *testing.T) {
	const second, minute = 1_000_000, 60_000_000
	fleet := Fleet{Slots: 1, Boot: 2 * time.Minute, Unit: time.Second, Least: time.Minute}
	for _, c := range []struct {
		name   string
		work   map[int]int64 // by the minute
		wait   time.Duration
		fleet  func(*Fleet)
		runs   []Run
		billed int64
	}{
		{"nothing", nil, time.Minute, nil, nil, 0},
		{"one, at once", map[int]int64{3: minute}, 0, nil, []Run{{3, 4, true}}, 180},
		{"two, at once", map[int]int64{3: 2 * minute}, 0, nil, []Run{{3, 4, true}, {3, 4, true}}, 360},
		{"it may wait", map[int]int64{3: 2 * minute}, time.Minute, nil, []Run{{3, 5, true}}, 240},
		{"kept through a gap", map[int]int64{3: minute, 6: minute}, 0, nil, []Run{{3, 7, true}}, 120 + 240},
		{"dropped in a gap", map[int]int64{3: minute, 7: minute}, 0, nil, []Run{{3, 4, true}, {7, 8, true}}, 360},
		{"an hour is paid", map[int]int64{3: minute, 50: minute}, 0, func(f *Fleet) { f.Unit = time.Hour }, []Run{{3, 51, true}}, 3600},
		{"the next hour is not", map[int]int64{3: minute, 130: minute}, 0, func(f *Fleet) { f.Unit = time.Hour }, []Run{{3, 4, true}, {130, 131, true}}, 7200},
		{"there from the start", map[int]int64{0: minute}, 0, func(f *Fleet) { f.Start = 1 }, []Run{{0, 1, false}}, 60},
		{"kept from the start", map[int]int64{1: minute}, 0, func(f *Fleet) { f.Start = 1 }, []Run{{0, 2, false}}, 120},
		{"not kept from the start", map[int]int64{3: minute}, 0, func(f *Fleet) { f.Start = 1 }, []Run{{3, 4, true}}, 180},
		{"no more than one may serve", map[int]int64{3: 3 * minute}, 0, func(f *Fleet) { f.Max = 1 }, []Run{{3, 6, true}}, 300},
		{"the least is paid", map[int]int64{3: second}, 0, func(f *Fleet) { f.Least = time.Hour }, []Run{{3, 4, true}}, 3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fleet
			if c.fleet != nil {
				c.fleet(&f)
			}
			work := make([]int64, 200)
			for m, w := range c.work {
				work[m] = w
			}
			s := Plan(Demand{Step: time.Minute, Classes: []Class{{Work: work, Wait: c.wait}}}, f)
			if !slices.Equal(s.Runs, c.runs) || s.Billed != c.billed {
				t.Errorf("%d s: %v, want %d s: %v", s.Billed, s.Runs, c.billed, c.runs)
			}
		})
	}
}

// A demand that needs 2.5 instances is served by two and, by turns, a third: with
// a wait of five minutes nearly nothing is lost.
func TestTurns(t *testing.T) {
	work := make([]int64, 4*60*24)
	for i := range work {
		work[i] = 2.5 * 15e6
	}
	s := Plan(Demand{Step: 15 * time.Second, Classes: []Class{{Work: work, Wait: 5 * time.Minute}}},
		Fleet{Slots: 1, Boot: 2 * time.Minute, Unit: time.Second, Least: time.Minute})
	if waste := float64(s.Billed)/(2.5*86400) - 1; waste > 0.04 || waste < 0 || slices.Max(s.Capacity) > 3 {
		t.Errorf("%.3f wasted, %d launches, at most %d", waste, len(s.Runs), slices.Max(s.Capacity))
	}
}

// What is smoothed keeps every deadline by itself.
func TestSmoothingKeepsDeadlines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, f := tiny(t)
		d.Classes = d.Classes[:1]
		p := newProblem(d, f)
		b := p.tube(1)
		for _, w := range ways {
			if l := b.levels(w, make([]int, p.steps)); p.late(l) > 0 {
				t.Fatalf("%+v: %v is late by %d", w, l, p.late(l))
			}
		}
	})
}

// Where no more than one may serve, it begins in time for what one cannot do later.
func TestRoomBeforeAPeak(t *testing.T) {
	d := Demand{Step: 10 * time.Second, Classes: []Class{{Work: []int64{0, 0, 0, 10e6, 14e6}, Wait: 20 * time.Second}}}
	f := Fleet{Slots: 1, Max: 1, Unit: 30 * time.Second}
	if p, s := newProblem(d, f), Plan(d, f); p.late(s.Capacity) > 0 || s.Billed != 30 && s.Billed != 60 {
		t.Errorf("%v is late by %d", s.Capacity, p.late(s.Capacity))
	}
}

func TestShifted(t *testing.T) {
	c := []int64{0, 10, 40, 40}
	for _, x := range []struct {
		by   time.Duration
		want []int64
	}{{0, c}, {time.Minute, []int64{0, 0, 10, 40}}, {30 * time.Second, []int64{0, 5, 25, 40}}, {75 * time.Second, []int64{0, 0, 7, 32}}, {time.Hour, []int64{0, 0, 0, 0}}} {
		if got := shifted(c, x.by, time.Minute); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", x.by, got, x.want)
		}
	}
}

// Nonsense is no schedule, and no panic.
func TestNonsense(t *testing.T) {
	for _, d := range []Demand{{}, {Step: time.Minute}, {Step: time.Minute, Classes: []Class{{}}}, {Step: -1, Classes: []Class{{Work: []int64{1}}}},
		{Step: time.Minute, Classes: []Class{{Work: []int64{-5, 0}, Wait: -time.Hour}}}} {
		if s := Plan(d, Fleet{}); s.Billed != 0 || len(s.Runs) != 0 {
			t.Errorf("%+v: %+v", d, s)
		}
	}
	if s := Plan(Demand{Step: time.Minute, Classes: []Class{{Work: []int64{6e8}}}, Limit: 2}, Fleet{Max: 1}); s.Billed != 120 {
		t.Errorf("%+v", s)
	}
}

func (p *problem) curves() [][]int64 {
	s := make([][]int64, len(p.arrived))
	for i := range s {
		s[i] = make([]int64, p.steps+1)
	}
	return s
}

func BenchmarkPlan(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	work := make([]int64, 28*1440*12)
	for i := range work {
		for range r.IntN(60) {
			work[i] += int64(r.ExpFloat64() * 14e6)
		}
	}
	d := Demand{Step: 5 * time.Second, Classes: []Class{{Work: work, Wait: time.Minute}}}
	f := Fleet{Slots: 4, Boot: 2 * time.Minute, Unit: time.Second, Least: time.Minute}
	for b.Loop() {
		s := Plan(d, f)
		done := int64(0)
		for _, w := range work {
			done += w
		}
		b.ReportMetric(float64(s.Billed)/(float64(done)/4e6), "of-work")
	}
}
