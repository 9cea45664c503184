package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal/sqlite"
	"skynet/policy/file"
	"skynet/queue"
	"skynet/signals"
	"skynet/signals/derived"
	"skynet/signals/forecast"
	"skynet/signals/heartbeats"
	"skynet/signals/queues"
)

// bench is a controller's own work, without anybody to ask: the cloud and the queues
// answer at once, from this process.
type bench struct {
	*controller.Controller
	ears      *heartbeats.Ears
	instances []fleet.Instance
	now       time.Time
	seq       uint64
}

func (b *bench) Instances(context.Context, string) ([]fleet.Instance, error) {
	return append([]fleet.Instance(nil), b.instances...), nil
}

func (b *bench) Tag(_ context.Context, ids []fleet.ID, _, _ string) ([]fleet.ID, error) {
	return ids, nil
}
func (b *bench) Untag(_ context.Context, ids []fleet.ID, _ string) ([]fleet.ID, error) {
	return ids, nil
}
func (b *bench) Launch(_ context.Context, o fleet.Order) ([]fleet.ID, error) {
	return nil, fleet.ErrNoCapacity
}
func (b *bench) Wake(_ context.Context, ids []fleet.ID) ([]fleet.ID, error)      { return ids, nil }
func (b *bench) Sleep(_ context.Context, ids []fleet.ID) ([]fleet.ID, error)     { return ids, nil }
func (b *bench) Terminate(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) { return ids, nil }

// gauge is a queue that always holds as much.
type gauge struct {
	name string
	queue.Depth
}

func (g gauge) Name() string { return g.name }

type gauged struct{ gauge }

func (g gauged) Depth(context.Context) (queue.Depth, error) { return g.gauge.Depth, nil }

func newBench(tb testing.TB, workers, queueCount int) *bench {
	tb.Helper()
	b := &bench{ears: heartbeats.New(), now: time.Now().Truncate(time.Minute)}
	for i := range workers {
		b.instances = append(b.instances, fleet.Instance{
			ID: fleet.ID(fmt.Sprintf("i-%017x", i)), Phase: fleet.PhaseRunning, Type: "c7i.xlarge", Zone: "eu-west-1a", Launched: b.now.Add(-time.Hour),
			Tags: map[string]string{fleet.TagFleet: "render", fleet.TagController: "skynet", fleet.TagIntent: "by-hand"},
		})
	}
	var names []string
	var sources []signals.Source
	for i := range queueCount {
		names = append(names, fmt.Sprintf("q%03d", i))
	}
	sources = append(sources, b.ears.Source("render", names, time.Minute))
	for _, n := range names {
		sources = append(sources, queues.New(gauged{gauge{n, queue.Depth{Visible: workers * slots * 2 / queueCount, InFlight: workers * slots / queueCount}}}, time.Minute))
	}
	path := filepath.Join(tb.TempDir(), "render.policy.yaml")
	if err := os.WriteFile(path, []byte(fmt.Sprintf("bounds: {max: %d}\n", workers*2)), 0o600); err != nil {
		tb.Fatal(err)
	}
	p, err := file.Load(path, signals.Names{Queues: names})
	if err != nil {
		tb.Fatal(err)
	}
	set := p.Signals
	set.Queues, set.Slots, set.Interval, set.Prices = names, slots, time.Minute, []derived.Price{{Type: "c7i.xlarge", Hourly: 0.1785}}
	j, err := sqlite.Open(filepath.Join(tb.TempDir(), "journal.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.Close() })
	w := controller.World{
		Cloud: b, Roster: &roster.Roster{Registry: b, Ears: b.ears, Silence: p.Silent}, Signals: signals.NewCollector(sources...),
		Forecaster: forecast.New(forecast.Settings{Queues: names}),
	}
	b.Controller = controller.New(controller.Fleet{Name: "render", Interval: time.Minute}, w, controller.Rules{Decider: p.Engine, Signals: set}, j)
	return b
}

// letters are what all workers say once.
func (b *bench) letters() (list []queue.Letter) {
	b.seq++
	var k, wait fleet.Sketch
	k.Add(3.5, 4.1, 4.4, 3.9)
	wait.Add(20, 31, 14, 25)
	for i, in := range b.instances {
		h := fleet.Heartbeat{Worker: in.ID, Fleet: "render", Boot: "b", Seq: b.seq, At: b.now, State: fleet.Working, Jobs: i % 5, Slots: slots, CPU: float64(i%100) + float64(b.seq)/10, Memory: 40}
		for q := range 3 {
			h.Queues = append(h.Queues, fleet.Work{Queue: fmt.Sprintf("q%03d", (i+q*7)%100), Completed: 4, BytesIn: 1 << 20, BytesOut: 1 << 19, Seconds: k, Wait: wait})
		}
		body, _ := json.Marshal(h)
		list = append(list, queue.Letter{Body: body, At: b.now})
	}
	return list
}

func BenchmarkTick(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("workers=%d", n), func(b *testing.B) {
			w := newBench(b, n, 100)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				w.now = w.now.Add(time.Minute)
				w.ears.Hear(w.now, w.letters())
				b.StartTimer()
				if r := w.Tick(b.Context(), w.now); r.Err != nil {
					b.Fatal(r.Err)
				}
			}
		})
	}
}

// BenchmarkHear takes in what 10,000 workers say once, 256 at a time.
func BenchmarkHear(b *testing.B) {
	w := newBench(b, 10_000, 100)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		list := w.letters()
		w.now = w.now.Add(15 * time.Second)
		b.StartTimer()
		for len(list) > 0 {
			n := min(256, len(list))
			w.ears.Hear(w.now, list[:n])
			list = list[n:]
		}
	}
}
