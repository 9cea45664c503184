package derived_test

import (
	"fmt"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/derived"
)

// large is a fleet of 10,000 workers and 100 queues after a history of an hour, as a
// daemon sees it: what each queue and the heartbeats say, and the workers.
func large(ticks int) (signals.Snapshot, derived.Settings) {
	set := derived.Settings{
		Slots: 4, Interval: time.Minute, Daily: 1000, Prices: []derived.Price{{Type: "c7i.xlarge", Hourly: 0.1785}}, Priors: derived.DefaultPriors(),
	}
	for q := range 100 {
		set.Queues = append(set.Queues, fmt.Sprintf("queue_%02d", q))
	}
	var workers []fleet.Worker
	for i := range 10_000 {
		workers = append(workers, fleet.Worker{
			ID: fleet.ID(fmt.Sprintf("i-%017x", i)), State: fleet.Working, Type: "c7i.xlarge", Jobs: i % 5, Slots: 4, Launched: noon.Add(-time.Hour), Heard: noon,
		})
	}
	var s signals.Snapshot
	for i := range ticks {
		now := noon.Add(time.Duration(i) * time.Minute)
		next := signals.Snapshot{Now: now, Workers: workers, Recent: s.Recent, Signals: heard(set.Queues, i, now)}
		if s = next; i < ticks-1 {
			s = derived.Complete(s, set)
			s.Recent = append(s.Recent, signals.Tick{At: now, Signals: s.Signals})
		}
	}
	return s, set
}

// heard is what sources give, queue by queue.
func heard(queues []string, i int, now time.Time) (list []signals.Signal) {
	leaves := []string{
		"visible", "in_flight", "delayed", "dead", "completed", "redelivered", "failed", "bytes_in", "bytes_out",
		"seconds_mean", "seconds_p50", "seconds_p95", "wait_p50", "wait_p95", "wait_p99",
	}
	for j, q := range queues {
		for k, leaf := range leaves {
			list = append(list, signals.Known("queues."+q+"."+leaf, float64((i*7+j*3+k)%50), now, time.Minute))
		}
		list = append(list, signals.Missing("queues."+q+".oldest_age", now, "this queue cannot tell the age of its oldest item"))
	}
	return list
}

func BenchmarkComplete(b *testing.B) {
	s, set := large(62)
	b.ReportAllocs()
	for b.Loop() {
		derived.Complete(s, set)
	}
}
