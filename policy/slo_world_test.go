package policy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// loaded is a little world, second by second: one queue, first in, first out, and
// workers of two slots that boot, work, drain and are gone.
type loaded struct {
	seconds, boot float64
	rng           *rand.Rand
	now           float64
	queue         []float64 // when they came
	crew          []*hand
	recent        []signals.Tick
	arrived       float64 // since the last tick
	launches      int

	inTime, items, paid int
}

type hand struct {
	id       fleet.ID
	up       float64    // serves from then on
	until    [2]float64 // slots are at work until then
	draining bool
}

func (h *hand) jobs(now float64) (n int) {
	for _, u := range h.until {
		if u > now {
			n++
		}
	}
	return n
}

func (w *loaded) second(rate, wait float64) {
	for rate -= w.rng.ExpFloat64(); rate > 0; rate -= w.rng.ExpFloat64() {
		w.queue = append(w.queue, w.now)
		w.arrived++
	}
	for _, h := range w.crew {
		for i, u := range h.until {
			if h.up <= w.now && !h.draining && u <= w.now && len(w.queue) > 0 {
				if w.items++; w.now-w.queue[0] <= wait {
					w.inTime++
				}
				w.queue, h.until[i] = w.queue[1:], w.now+w.seconds*(.5+w.rng.Float64())
			}
		}
	}
	kept := w.crew[:0]
	for _, h := range w.crew {
		if !h.draining || h.jobs(w.now) > 0 {
			kept = append(kept, h)
		}
	}
	w.crew = kept
	w.paid += len(kept)
	w.now++
}

func (w *loaded) tick(e policy.Engine) {
	at := noon.Add(time.Duration(w.now) * time.Second)
	s := signals.Snapshot{Fleet: "render", Now: at, Recent: w.recent}
	inFlight, oldest, running := 0, 0.0, 0
	for _, h := range w.crew {
		k := fleet.Worker{ID: h.id, State: fleet.Working, Slots: 2, Jobs: h.jobs(w.now), Heard: at, Launched: at.Add(-time.Duration(w.now-h.up+w.boot) * time.Second)}
		switch {
		case h.draining:
			k.State, k.Drain = fleet.Draining, "d"
		case h.up > w.now:
			k.State, k.Heard = fleet.Starting, time.Time{}
		default:
			running++
		}
		inFlight += k.Jobs
		s.Workers = append(s.Workers, k)
	}
	if len(w.queue) > 0 {
		oldest = w.now - w.queue[0]
	}
	for name, v := range map[string]float64{
		"queue.visible": float64(len(w.queue)), "queue.in_flight": float64(inFlight), "queue.oldest_age": oldest, "queue.arrived": w.arrived,
		"work.seconds_mean": w.seconds, "fleet.slots": 2, "fleet.boot_seconds": w.boot,
		"fleet.running": float64(running), "fleet.pending": float64(s.Have() - running),
	} {
		s.Signals = append(s.Signals, signals.Known(name, v, at, time.Minute))
	}
	s = s.Freeze()
	d := e.Decide(s)
	for range d.Launch {
		w.launches++
		w.crew = append(w.crew, &hand{id: fleet.ID(fmt.Sprintf("i-%05d", w.launches)), up: w.now + w.boot})
	}
	for _, h := range w.crew {
		for _, id := range d.Drain {
			h.draining = h.draining || h.id == id
		}
		for _, id := range d.Recall {
			h.draining = h.draining && h.id != id
		}
	}
	w.recent = append(w.recent, policy.Remember(s, d, signals.Deeds{Asked: d.Launch, Drained: d.Drain, Recalled: d.Recall}))
	w.recent = w.recent[max(0, len(w.recent)-65):]
	w.arrived = 0
}

// Through hours of random load, with bursts and lulls, the promise is kept, at a
// cost that is not far from the work there is.
func TestSLOKeepsItsPromise(t *testing.T) {
	for _, c := range []struct {
		name       string
		wait       time.Duration
		quantile   float64
		rate       func(second int) float64
		efficiency float64 // at least
	}{
		{"steady", 2 * time.Minute, .95, func(int) float64 { return 1 }, .7},
		{"steady, in a hurry", 20 * time.Second, .9, func(int) float64 { return 1 }, .7},
		{"a ramp", 5 * time.Minute, .95, func(s int) float64 { return float64(s) / 7200 }, .7},
		{"waves", 5 * time.Minute, .95, func(s int) float64 { return []float64{.2, 2}[s/1800%2] }, .6},
		{"a burst each half hour", 5 * time.Minute, .9, func(s int) float64 { return []float64{5, .05}[min(1, s%1800/60)] }, .25},
		{"hardly anything", 5 * time.Minute, .9, func(int) float64 { return .001 }, .02},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &loaded{seconds: 20, boot: 90, rng: rand.New(rand.NewPCG(1, 2))}
			e := policy.Engine{Bounds: policy.Bounds{Max: 500}, Policies: []policy.Policy{within(c.wait, c.quantile)}, Plan: policy.DefaultPlan()}
			for s := range 4 * 3600 {
				if s%60 == 0 {
					w.tick(e)
				}
				w.second(c.rate(s), c.wait.Seconds())
			}
			share, efficiency := float64(w.inTime)/float64(w.items), float64(w.items)*w.seconds/(2*float64(w.paid))
			t.Logf("%d items, %.3f in time, efficiency %.2f, %d launches", w.items, share, efficiency, w.launches)
			if share < c.quantile || efficiency < c.efficiency {
				t.Errorf("%.3f in time, efficiency %.2f; want %.2f and %.2f", share, efficiency, c.quantile, c.efficiency)
			}
		})
	}
}
