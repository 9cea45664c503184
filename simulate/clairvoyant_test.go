package simulate_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

func foreseen(t testing.TB, sc scenario.Scenario, o policy.Objective) (simulate.Result, []simulate.Course) {
	t.Helper()
	r, courses, err := simulate.ClairvoyantCourse(&sc, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return r, courses
}

// series has so many items come at once at each of these times.
func series(items map[time.Duration]float64) (s scenario.Series) {
	for at := time.Duration(0); at < 24*time.Hour; at += time.Second {
		if n := items[at]; n > 0 {
			s.Steps = append(s.Steps, scenario.Step{At: at, For: time.Millisecond, Items: n})
		}
	}
	return s
}

// What is billed is less than under a policy, for the same items and the same
// work, and all start in time.
func TestClairvoyantBeatsPolicies(t *testing.T) {
	four := scenario.Length{Median: strict.Duration(4 * time.Second), P95: strict.Duration(12 * time.Second)}
	for _, c := range []struct {
		items float64
		wait  time.Duration
		slots int
	}{{20e3, 5 * time.Minute, 4}, {200e3, time.Minute, 4}, {200e3, 20 * time.Minute, 1}, {300, 2 * time.Minute, 2}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			sc := world(2, c.items, four, c.slots)
			p := played(t, fmt.Sprintf("objective: {wait: %s, quantile: 0.99}\nbounds: {max: 500}", c.wait))
			p.Objective = policy.Objective{Wait: c.wait, Quantile: 0.99}
			real := run(t, sc, p)
			ideal, courses := foreseen(t, sc, p.Objective)
			t.Logf("%d s billed, %d by the policy (%.3f within); launches %d, %d; work %.3f of it; wait %+v", ideal.InstanceSeconds, real.InstanceSeconds,
				*real.WithinObjective, ideal.Launches, real.Launches, *ideal.Efficiency, *ideal.Wait)
			if ideal.Items != real.Items || math.Abs(ideal.WorkSeconds-real.WorkSeconds) > 0.001 {
				t.Errorf("%d items of %f s, the policy met %d of %f s", ideal.Items, ideal.WorkSeconds, real.Items, real.WorkSeconds)
			}
			if *ideal.WithinObjective != 1 || ideal.Unstarted != 0 || ideal.Wait.Max > c.wait.Seconds()+0.001 {
				t.Errorf("%.5f within, %d unstarted, wait %+v", *ideal.WithinObjective, ideal.Unstarted, *ideal.Wait)
			}
			if ideal.Wait.P50 < c.wait.Seconds()/10 {
				t.Errorf("half of them wait no longer than %f s: that is not all that can be smoothed", ideal.Wait.P50)
			}
			if ideal.InstanceSeconds > real.InstanceSeconds || float64(ideal.InstanceSeconds*int64(c.slots)) < ideal.WorkSeconds {
				t.Errorf("%d s billed, the policy %d, work %f", ideal.InstanceSeconds, real.InstanceSeconds, ideal.WorkSeconds)
			}
			if ideal.Policy != "clairvoyant" || *ideal.ClairvoyantInstanceSeconds != ideal.InstanceSeconds || len(courses) != 1 {
				t.Errorf("%+v, %d courses", ideal, len(courses))
			}
			adds(t, ideal, courses)
		})
	}
}

// adds checks courses against what was billed.
func adds(t *testing.T, r simulate.Result, courses []simulate.Course) {
	t.Helper()
	billed := int64(0)
	for _, c := range courses {
		billed += c.Billed[len(c.Billed)-1]
		last, serves := int64(0), 0
		for i, b := range c.Billed {
			if b < last {
				t.Fatalf("%s: %d s billed until step %d, %d until the next", c.Fleet, last, i-1, b)
			}
			last, serves = b, max(serves, c.Capacity[i])
		}
		if serves > r.Peak {
			t.Errorf("%s: %d serve, %d are billed at most", c.Fleet, serves, r.Peak)
		}
	}
	if billed != r.InstanceSeconds {
		t.Errorf("courses are billed %d s, the result %d s", billed, r.InstanceSeconds)
	}
}

// Worked out by hand, with a boot of two minutes.
func TestClairvoyantByHand(t *testing.T) {
	ten := scenario.Constant(10 * time.Second)
	for _, c := range []struct {
		name     string
		items    map[time.Duration]float64
		change   func(*scenario.Scenario)
		wait     time.Duration
		billed   int64 // s
		launches int64
		longest  float64 // s, about
	}{
		{"nothing", nil, nil, time.Minute, 0, 0, 0},
		{"a hundred, at once", map[time.Duration]float64{time.Hour: 100}, nil, 10 * time.Minute, 120 + 500, 1, 490},
		{"a hundred, in a hurry", map[time.Duration]float64{time.Hour: 100}, nil, 4 * time.Minute, 2*120 + 500, 2, 240},
		{"twice, kept through the gap", map[time.Duration]float64{time.Hour: 12, time.Hour + 2*time.Minute: 12}, nil, time.Minute, 120 + 180, 1, 55},
		{"twice, booted again", map[time.Duration]float64{time.Hour: 12, 2 * time.Hour: 12}, nil, time.Minute, 2 * (120 + 60), 2, 55},
		{"there from the start", map[time.Duration]float64{0: 12}, func(sc *scenario.Scenario) { sc.Fleets[0].Start = 3 }, time.Minute, 60, 0, 55},
		{"before the start", map[time.Duration]float64{0: 12}, nil, time.Minute, 120 + 60, 1, 55},
		{"an item pins a slot", map[time.Duration]float64{time.Hour: 1}, func(sc *scenario.Scenario) {
			sc.Queues[0].Seconds = new(scenario.Constant(time.Hour))
		}, time.Minute, 120 + 3600, 1, 30},
		{"by the hour", map[time.Duration]float64{time.Hour: 12, 100 * time.Minute: 12}, func(sc *scenario.Scenario) {
			sc.Fleets[0].Billing.Unit = strict.Duration(time.Hour)
		}, time.Minute, 3600, 1, 55},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc := world(1, 1, ten, 2)
			sc.Queues[0].Series = series(c.items)
			sc.Fleets[0].Boot = scenario.Constant(2 * time.Minute)
			if c.change != nil {
				c.change(&sc)
			}
			r, courses := foreseen(t, sc, policy.Objective{Wait: c.wait})
			adds(t, r, courses)
			if slack := 61.0; math.Abs(float64(r.InstanceSeconds-c.billed)) > slack || r.Launches != c.launches {
				t.Errorf("%d s billed for %d launches, want %d for %d", r.InstanceSeconds, r.Launches, c.billed, c.launches)
			}
			if want := float64(r.InstanceSeconds) / 3600 * 0.17; math.Abs(*r.Cost-want) > 1e-9 {
				t.Errorf("cost %f, want %f", *r.Cost, want)
			}
			switch {
			case len(c.items) == 0:
				if r.Wait != nil || r.WithinObjective != nil || r.Efficiency != nil {
					t.Errorf("%+v", r)
				}
			case math.Abs(r.Wait.Max-c.longest) > 45 || *r.WithinObjective != 1:
				t.Errorf("waits %+v, %f within, want %f at the longest", *r.Wait, *r.WithinObjective, c.longest)
			}
		})
	}
}

// Two fleets are planned each by itself; what one feeds to the other comes there.
// Queues with different waits share a fleet.
func TestClairvoyantFleets(t *testing.T) {
	ten := scenario.Constant(10 * time.Second)
	sc := world(1, 5000, ten, 2)
	q := sc.Queues[0]
	patient, fed := q, q
	patient.Name, patient.Seconds = "videos", new(scenario.Constant(time.Minute))
	fed.Name, fed.Arrivals, fed.Series = "assembly", nil, scenario.Series{}
	sc.Queues = append(sc.Queues, patient, fed)
	sc.Queues[0].Next = 2
	f := sc.Fleets[0]
	f.Name, f.Serves = "other", []int{2}
	f.Types = []scenario.Type{{Name: "b", Price: new(2.0), Spot: new(0.5)}, {Name: "a", Price: new(1.0)}}
	sc.Fleets[0].Serves = []int{0, 1}
	sc.Fleets = append(sc.Fleets, f)
	o := policy.Objective{Wait: 2 * time.Minute, Queues: map[string]time.Duration{"videos": time.Hour}}
	r, courses := foreseen(t, sc, o)
	adds(t, r, courses)
	if len(r.Fleets) != 2 || r.Items != 15000 || r.WorkSeconds != 5000*80 || *r.WithinObjective < 0.9999 {
		t.Errorf("%d fleets, %d items of %f s, %f within", len(r.Fleets), r.Items, r.WorkSeconds, *r.WithinObjective)
	}
	for i, c := range []struct {
		items int64
		work  float64
		price float64
	}{{10000, 350000, 0.17}, {5000, 50000, 0.5}} {
		g := r.Fleets[i]
		if g.Items != c.items || g.WorkSeconds != c.work || math.Abs(*g.Cost-float64(g.InstanceSeconds)/3600*c.price) > 1e-9 {
			t.Errorf("%+v, efficiency %f, cost %f", g, *g.Efficiency, *g.Cost)
		}
	}
	if r.InstanceSeconds != r.Fleets[0].InstanceSeconds+r.Fleets[1].InstanceSeconds {
		t.Error(r.InstanceSeconds)
	}
	again, _ := foreseen(t, sc, o)
	again.WallSeconds, r.WallSeconds = 0, 0
	if fmt.Sprintf("%+v", *again.Wait) != fmt.Sprintf("%+v", *r.Wait) || again.InstanceSeconds != r.InstanceSeconds {
		t.Error("not the same again")
	}
	if other, err := simulate.Clairvoyant(&sc, new(uint64(7)), o); err != nil || other.Wait.Mean == r.Wait.Mean {
		t.Errorf("another seed makes no difference: %v", err)
	}
}

// What is fed comes when it could be done, an hour later.
func TestClairvoyantFeeds(t *testing.T) {
	sc := world(1, 1, scenario.Constant(time.Hour), 1)
	sc.Queues[0].Series = series(map[time.Duration]float64{2 * time.Hour: 1})
	fed := sc.Queues[0]
	fed.Name, fed.Arrivals, fed.Series, fed.Seconds = "assembly", nil, scenario.Series{}, new(scenario.Constant(10*time.Minute))
	sc.Queues = append(sc.Queues, fed)
	sc.Queues[0].Next = 1
	sc.Fleets = append(sc.Fleets, sc.Fleets[0])
	sc.Fleets[1].Name, sc.Fleets[1].Serves = "other", []int{1}
	_, courses := foreseen(t, sc, policy.Objective{Wait: time.Minute})
	for i, c := range courses {
		n := 0
		for at, serve := range c.Capacity {
			from := time.Duration(2+i) * time.Hour
			if serve > 0 && time.Duration(at)*c.Step < from-time.Minute {
				t.Errorf("%s serves at %s", c.Fleet, time.Duration(at)*c.Step)
			}
			n += serve
		}
		if n == 0 {
			t.Errorf("%s never serves", c.Fleet)
		}
	}
}

// The longer the wait that is promised, the less is billed.
func TestClairvoyantPatience(t *testing.T) {
	sc := world(2, 50e3, scenario.Constant(4*time.Second), 4)
	last := int64(math.MaxInt64)
	for _, wait := range []time.Duration{0, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour} {
		r, _ := foreseen(t, sc, policy.Objective{Wait: wait})
		if float64(r.InstanceSeconds) > 1.005*float64(last) {
			t.Errorf("%s: %d s billed, less patience cost %d s", wait, r.InstanceSeconds, last)
		}
		last = r.InstanceSeconds
	}
}

func TestClairvoyantRefuses(t *testing.T) {
	if _, err := simulate.Clairvoyant(&scenario.Scenario{}, nil, policy.Objective{}); err == nil {
		t.Error("an empty scenario is planned")
	}
}

// BenchmarkClairvoyant is of the runs of BenchmarkRun.
func BenchmarkClairvoyant(b *testing.B) {
	for _, c := range []struct {
		days    int
		items   float64
		seconds time.Duration
	}{{28, 1e6, 4 * time.Second}, {365, 1e6, 4 * time.Second}, {7, 50e6, 100 * time.Second}} {
		sc := world(c.days, c.items, scenario.Length{Median: strict.Duration(c.seconds), P95: strict.Duration(3 * c.seconds)}, 4)
		b.Run(fmt.Sprintf("%d days, %.0g items", c.days, c.items), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, _ := foreseen(b, sc, policy.Objective{Wait: 2 * time.Minute})
				b.ReportMetric(1 / *r.Efficiency, "of-work")
				b.ReportMetric(float64(r.Peak), "peak")
			}
		})
	}
}
