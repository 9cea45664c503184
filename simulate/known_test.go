package simulate_test

import (
	"math"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

// fixed keeps a fleet as large as it was at the start.
type fixed int

func (f fixed) Decide(s signals.Snapshot) policy.Decision {
	return policy.Decision{ID: fleet.DecisionID(s.Fleet, s.Now), Fleet: s.Fleet, Have: s.Have(), Want: int(f)}
}
func (f fixed) Max() int            { return int(f) }
func (fixed) Window() time.Duration { return time.Hour }

// steady is one stretch of so many arrivals at random, served by c slots.
func steady(c int, rate float64, items int, seconds scenario.Length) scenario.Scenario {
	sc := world(1, 0, seconds, 1)
	sc.Interval = strict.Duration(time.Hour)
	sc.End = time.Duration(float64(items) / rate * float64(time.Second))
	sc.Queues[0].Series.Steps = []scenario.Step{{For: sc.End, Items: float64(items)}}
	sc.Fleets[0].Start = c
	return sc
}

// seeds is how often a scenario is played.
const seeds = 30

func often(t *testing.T, sc scenario.Scenario, c int) (list []simulate.Result) {
	t.Helper()
	for seed := range uint64(seeds) {
		r, err := simulate.Run(t.Context(), &sc, simulate.Policy{Decider: fixed(c)}, simulate.Options{Seed: &seed})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// over returns the mean of a figure and the half-width of its confidence interval
// at 99.9%.
func over(list []simulate.Result, of func(simulate.Result) float64) (mean, within float64) {
	sum, squares := 0.0, 0.0
	for _, r := range list {
		v := of(r)
		sum, squares = sum+v, squares+v*v
	}
	mean = sum / seeds
	const student = 3.659 // 29 degrees of freedom, 99.9%
	return mean, student * math.Sqrt((squares/seeds-mean*mean)/(seeds-1))
}

// erlangC is the probability that an arrival waits, of c servers at load a.
// Source: https://en.wikipedia.org/wiki/Erlang_(unit)#Erlang_C_formula
func erlangC(c int, a float64) float64 {
	b := 1.0
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b) // Erlang B, by recursion
	}
	rho := a / float64(c)
	return b / (1 - rho*(1-b))
}

func TestWaitingProbabilityIsErlangs(t *testing.T) {
	for _, c := range []struct {
		servers int
		load    float64
	}{{1, .5}, {2, 1.5}, {4, 3}, {10, 8}} {
		mean := scenario.Length{Mean: strict.Duration(10 * time.Second), Exponential: true}
		list := often(t, steady(c.servers, c.load/10, 10_000, mean), c.servers)
		got, within := over(list, func(r simulate.Result) float64 { return 1 - *r.WithinObjective })
		want := erlangC(c.servers, c.load)
		if math.Abs(got-want) > within || within > .04 {
			t.Errorf("%d servers at load %g: %.4f wait ± %.4f, want %.4f", c.servers, c.load, got, within, want)
		}
		// The mean wait of all, https://en.wikipedia.org/wiki/M/M/c_queue
		got, within = over(list, func(r simulate.Result) float64 { return r.Wait.Mean })
		if want *= 10 / (float64(c.servers) - c.load); math.Abs(got-want) > within {
			t.Errorf("%d servers at load %g: wait %.3f s ± %.3f, want %.3f", c.servers, c.load, got, within, want)
		}
	}
}

// Source: Pollaczek and Khinchine, https://en.wikipedia.org/wiki/M/D/1_queue
func TestMeanWaitOfConstantTimes(t *testing.T) {
	for _, rho := range []float64{.3, .8} {
		list := often(t, steady(1, rho/10, 10_000, scenario.Constant(10*time.Second)), 1)
		got, within := over(list, func(r simulate.Result) float64 { return r.Wait.Mean })
		if want := 10 * rho / (2 * (1 - rho)); math.Abs(got-want) > within || within > want/5 {
			t.Errorf("at %g: wait %.3f s ± %.3f, want %.3f", rho, got, within, want)
		}
	}
}

// One job, one machine, worked out by hand: the job comes at 10:30, the tick at
// 11:00 launches, the agent starts at 12:30, works until 14:10, is asked to drain
// at 15:00 and let go at 16:00.
func TestPaidTimeByHand(t *testing.T) {
	for _, c := range []struct {
		unit, minimum time.Duration
		paid          int64
	}{
		{time.Second, time.Minute, 300},
		{time.Second, 10 * time.Minute, 600},
		{7 * time.Minute, 0, 420},
		{time.Hour, time.Minute, 3600},
	} {
		sc := world(1, 0, scenario.Constant(time.Second), 1)
		sc.Queues[0].Arrivals, sc.Queues[0].Jobs = nil, &scenario.Jobs{}
		sc.Queues[0].Trace.Jobs = []scenario.Job{{At: 10*time.Minute + 30*time.Second, Took: 100 * time.Second}}
		sc.Fleets[0].Boot = scenario.Constant(90 * time.Second)
		sc.Fleets[0].Billing = scenario.Billing{Unit: strict.Duration(c.unit), Minimum: strict.Duration(c.minimum)}
		sc.End = time.Hour
		r := run(t, sc, played(t, "bounds: {max: 5}\npolicies: [{type: backlog, per_worker: 1}]\nguards: {release: {after: 0s}}"))
		if r.InstanceSeconds != c.paid || r.WorkSeconds != 100 || *r.Efficiency != 100/float64(c.paid) || r.Wait.Max != 120 ||
			math.Abs(*r.Cost-.17*float64(c.paid)/3600) > 1e-12 || r.Launches != 1 || r.Terminations != 1 || r.Ticks != 60 {
			t.Errorf("in units of %s, at least %s: %+v, wait %+v", c.unit, c.minimum, r, r.Wait)
		}
	}
}
