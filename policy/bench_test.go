package policy_test

import (
	"fmt"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// scale is a fleet as large as a benchmark needs it.
type scale struct {
	name                    string
	working, drained, queue int
	want                    int
}

// BenchmarkDecide: a decision over 60 signals, those of each queue, and seven
// policies. The engine's own part is measured with policies that cost nothing,
// the whole with real ones.
func BenchmarkDecide(b *testing.B) {
	for _, c := range []scale{
		{"small", 5, 0, 0, 5},
		{"small growing", 5, 0, 0, 9},
		{"small shrinking", 5, 0, 0, 3},
		{"large steady", 10_000, 0, 100, 10_000},
		{"large growing by 5000", 5_000, 0, 100, 10_000},
		{"large shrinking by 5000", 10_000, 0, 100, 5_000},
		{"large with 5000 drained", 5_000, 5_000, 100, 5_000},
	} {
		s := c.snapshot()
		b.Run(c.name+"/engine", func(b *testing.B) { decideOften(b, c.engine(false), s) })
		b.Run(c.name+"/seven policies", func(b *testing.B) { decideOften(b, c.engine(true), s) })
	}
}

func decideOften(b *testing.B, e policy.Engine, s signals.Snapshot) {
	b.ReportAllocs()
	for b.Loop() {
		e.Decide(s)
	}
}

// fixed is a policy that costs nothing.
type fixed int

func (fixed) Name() string { return "fixed" }

func (n fixed) Want(signals.Snapshot) (int, string, error) { return int(n), "as ever", nil }

// engine has seven policies and every cap and guard, none of which is in the way
// of the deeds that are measured.
func (c scale) engine(real bool) policy.Engine {
	most := 20_000
	policies := []policy.Policy{fixed(c.want)}
	for range 6 {
		if real {
			policies = append(policies, policy.Backlog{PerWorker: 10})
		} else {
			policies = append(policies, fixed(1))
		}
	}
	plan := policy.DefaultPlan()
	plan.Hourly = true
	return policy.Engine{
		Bounds: policy.Bounds{Max: most}, Policies: policies, Plan: plan,
		Caps: []policy.Cap{policy.Budget{Hourly: 1e6, Daily: 1e8}},
		Guards: []policy.Guard{
			policy.Blind{}, policy.Quorum{Share: 0.8}, policy.Billing{},
			policy.Release{PerTick: policy.Count(most), After: 5 * time.Minute, MinAge: 2 * time.Minute},
			policy.LaunchLimit{PerTick: most, PerHour: 4 * most}, policy.Limits{Instances: most, Hourly: 1e6},
			policy.Breaker{Dead: 3}, policy.Freeze{},
		},
	}
}

func (c scale) snapshot() signals.Snapshot {
	s := signals.Snapshot{Fleet: "render", Now: noon, Others: &signals.Usage{Instances: 10}}
	for i := range c.working + c.drained {
		w := fleet.Worker{
			ID: fleet.ID(fmt.Sprintf("i-%08x", i*2654435761%(1<<32))), State: fleet.Working, Slots: 4, Heard: noon, Type: "c7i.xlarge",
			// All are within the last minutes of a paid hour, at different ages.
			Launched: ago(time.Duration(i%50+1)*time.Hour - time.Duration(i%100)*time.Second),
		}
		if i%3 == 0 {
			w.Jobs = i % 5
		}
		if i >= c.working {
			w.State, w.Jobs, w.Drain, w.DrainingSince = fleet.Drained, 0, "d", ago(time.Minute)
		}
		s.Workers = append(s.Workers, w)
	}
	s.Signals = measured(c.queue, noon)
	for i := range 65 {
		at := minutesAgo(65 - i)
		s.Recent = append(s.Recent, signals.Tick{At: at, Have: c.working, Want: min(c.want, c.working), Signals: measured(c.queue, at)})
	}
	return s.Freeze()
}

// measured is the catalogue, for the fleet and for each of so many queues.
func measured(queues int, at time.Time) (list []signals.Signal) {
	for _, k := range signals.Catalogue {
		list = append(list, signals.Known(k.Name, 3, at, time.Minute))
		for i := range queues {
			if k.Queue {
				list = append(list, signals.Known(signals.OfQueue(k.Name, fmt.Sprintf("q%03d", i)), 3, at, time.Minute))
			}
		}
	}
	return signals.Sort(list)
}

// A decision costs as much after a week as after an hour: it allocates by what it
// is told, and remembers nothing.
func TestADecisionsAllocationsDoNotGrow(t *testing.T) {
	c := scale{"", 50, 5, 3, 40}
	s, e := c.snapshot(), c.engine(true)
	allocations := func() float64 { return testing.AllocsPerRun(20, func() { e.Decide(s) }) }
	first := allocations()
	for range 300 {
		d := e.Decide(s)
		s.Recent = append(s.Recent[1:len(s.Recent):len(s.Recent)], policy.Remember(s, d, signals.Deeds{}))
		s.Now = s.Now.Add(time.Minute)
		s.Signals = measured(3, s.Now)
	}
	const chance = 10 // pools of the library are emptied now and then
	if last := allocations(); last > first+chance {
		t.Errorf("%g allocations after 300 ticks, %g before", last, first)
	}
}
