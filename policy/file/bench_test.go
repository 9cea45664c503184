package file_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy/file"
	"skynet/signals"
)

// everything is a policy file with all seven types that decide by themselves (exec
// asks somebody else), every guard and a budget.
const everything = `
objective: {wait: 2m, quantile: 0.99}
bounds: {max: 20000}
timezone: America/Los_Angeles
policies:
  - {type: slo}
  - {type: backlog, per_worker: 100}
  - {type: target, signal: fleet.cpu_mean, target: 70}
  - {type: step, signal: queue.visible, above: 1000, for: 10m, add: 1, below: 100, remove: 1}
  - {type: schedule, name: sunday, cron: "0 17 * * SUN", for: 6h, want: 40}
  - {type: rule, name: gallery, when: "queues.q000.visible > 2 and rate(queues.q000.arrived, '10m') > 0", want: "ceil(queues.q000.backlog_seconds / (120 * fleet.slots))"}
  - {type: vote, voters: [{worker: cpu, above: 80, below: 20}, {signal: queue.oldest_age, above: 60, below: 5}]}
guards:
  launch: {per_tick: 20, per_hour: 200}
  release: {per_tick: 20%, after: 5m, min_age: 2m, billing: hour}
  budget: {hourly: 6000, daily: 100000}
`

// BenchmarkDecide is a whole decision, as the daemon takes it: over 60 signals and
// those of each queue, with an hour of history, by seven policies, or by the slo
// policy alone that a file of objective and bounds is.
func BenchmarkDecide(b *testing.B) {
	for _, size := range []struct {
		name            string
		workers, queues int
	}{
		{"small", 5, 1},
		{"10,000 workers, 100 queues", 10_000, 100},
	} {
		s := asOnATick(size.workers, size.queues)
		for name, text := range map[string]string{"slo": "bounds: {max: 20000}\n", "seven policies": everything} {
			p, err := file.Parse("bench.policy.yaml", []byte(text), signals.Names{Open: true})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(size.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.Engine.Decide(s)
				}
			})
		}
	}
}

// asOnATick is what a tick knows of a fleet that is busy, after an hour of minutes
// like this one.
func asOnATick(workers, queues int) signals.Snapshot {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := signals.Snapshot{Fleet: "render", Now: now, Signals: known(now, workers, queues)}
	for i := range queues {
		s.Queues = append(s.Queues, fmt.Sprintf("q%03d", i))
	}
	for i := range workers {
		s.Workers = append(s.Workers, fleet.Worker{
			ID: fleet.ID(fmt.Sprintf("i-%08x", i)), State: fleet.Working, Jobs: 3, Slots: 4, CPU: 60, Type: "c7i.xlarge",
			Launched: now.Add(-time.Duration(i+200) * time.Minute), Heard: now,
		})
	}
	for i := 65; i > 0; i-- {
		at := now.Add(-time.Duration(i) * time.Minute)
		s.Recent = append(s.Recent, signals.Tick{At: at, Have: workers, Want: workers, Signals: known(at, workers, queues)})
	}
	return s.Freeze()
}

// known is the catalogue with plausible values.
func known(at time.Time, workers, queues int) (list []signals.Signal) {
	values := map[string]float64{
		"queue.visible": 40, "queue.in_flight": 30, "queue.arrived": 200, "queue.completed": 200, "queue.oldest_age": 20,
		"work.seconds_mean": 4, "work.backlog_seconds": 160, "fleet.running": float64(workers), "fleet.pending": 0,
		"fleet.slots": 4, "fleet.boot_seconds": 90, "fleet.wake_seconds": 30, "fleet.cpu_mean": 60,
		"fleet.busy_slots": 3 * float64(workers), "cost.per_hour": 0.2 * float64(workers), "cost.per_instance": 0.2, "cost.today": 100,
	}
	for _, k := range signals.Catalogue {
		list = append(list, signals.Known(k.Name, values[k.Name], at, time.Minute))
		for i := range queues {
			if k.Queue && !strings.HasPrefix(k.Name, "forecast.") {
				list = append(list, signals.Known(signals.OfQueue(k.Name, fmt.Sprintf("q%03d", i)), values[k.Name], at, time.Minute))
			}
		}
	}
	return signals.Sort(list)
}
