package simulate_test

import (
	"math"
	"runtime/debug"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

// world is a scenario with one queue and one fleet that serves it.
func world(days int, items float64, seconds scenario.Length, slots int) scenario.Scenario {
	sc := scenario.Scenario{
		Name: "test", Seed: 1, Interval: strict.Duration(time.Minute),
		Queues: []scenario.Queue{{
			Name: "photos", Arrivals: &scenario.Arrivals{Scale: 1}, Seconds: &seconds,
			Visibility: strict.Duration(5 * time.Minute), Weight: 1, Next: -1,
		}},
		Fleets: []scenario.Fleet{{
			Name: "fleet", Slots: slots, Price: new(0.17), Serves: []int{0},
			Boot:    scenario.Length{Median: strict.Duration(90 * time.Second), P95: strict.Duration(3 * time.Minute)},
			Wake:    scenario.Constant(30 * time.Second),
			Billing: scenario.Billing{Unit: strict.Duration(time.Second), Minimum: strict.Duration(time.Minute)},
		}},
		End: time.Duration(days) * 24 * time.Hour,
	}
	sc.Start.Time = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	sc.Queues[0].Series = daily(days, items)
	return sc
}

// daily is days of five-minute steps, with a night, an evening and Sundays.
func daily(days int, items float64) (s scenario.Series) {
	const step = 5 * time.Minute
	total := 0.0
	for i := range days * 288 {
		v := 1.1 - math.Cos(2*math.Pi*(float64(i%288)/288-0.2))
		if i/288%7 == 6 {
			v *= 1.6
		}
		total += v
		s.Steps = append(s.Steps, scenario.Step{At: time.Duration(i) * step, For: step, Items: v})
	}
	for i := range s.Steps {
		s.Steps[i].Items *= items / total
	}
	return s
}

func played(t testing.TB, text string) simulate.Policy {
	t.Helper()
	p, err := file.Parse("test.policy.yaml", []byte(text), signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	return simulate.Policy{Name: "test", Decider: p.Engine, Signals: p.Signals, Silent: p.Silent}
}

func run(t testing.TB, sc scenario.Scenario, p simulate.Policy) simulate.Result {
	t.Helper()
	r, err := simulate.Run(t.Context(), &sc, p, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// BenchmarkRun plays the slo policy with the whole catalogue of signals, with as
// much room for garbage as the command gives it.
func BenchmarkRun(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	four := scenario.Length{Median: strict.Duration(4 * time.Second), P95: strict.Duration(12 * time.Second)}
	for _, c := range []struct {
		name   string
		days   int
		items  float64
		length scenario.Length
		most   string
	}{
		{"four weeks, a million items", 28, 1e6, four, "50"},
		{"four weeks, ten items", 28, 10, four, "50"},
		{"a year, 13 million items", 365, 13e6, four, "50"},
		{"a week, 5000 instances, 50 million items", 7, 50e6, scenario.Length{Median: strict.Duration(100 * time.Second), P95: strict.Duration(200 * time.Second)}, "5000"},
	} {
		sc := world(c.days, c.items, c.length, 4)
		p := played(b, "objective: {wait: 2m, quantile: 0.99}\nbounds: {max: "+c.most+"}")
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := run(b, sc, p)
				b.ReportMetric(float64(r.Ticks), "ticks")
				b.ReportMetric(float64(r.Peak), "peak")
			}
		})
	}
}
