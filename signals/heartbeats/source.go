package heartbeats

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Source gives the signals of one fleet that follow from heartbeats.
type Source struct {
	ears     *Ears
	fleet    string
	queues   []string
	interval time.Duration // from tick to tick
	began    time.Time     // when the counts that are under way began; zero before the first Read
}

// Source returns the Source for a fleet and its queues, which are counted from
// this call on: ask for it before listening. Reading it starts the counts "since
// the last tick" anew, so it has one reader.
func (e *Ears) Source(fleetName string, queues []string, interval time.Duration) *Source {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.tallies[fleetName]
	if t == nil {
		t = &tally{queues: map[string]*done{}}
		e.tallies[fleetName] = t
	}
	for _, q := range queues {
		t.expect(q)
	}
	return &Source{ears: e, fleet: fleetName, queues: queues, interval: interval}
}

var (
	counters  = []string{"completed", "redelivered", "failed", "bytes_in", "bytes_out"}
	times     = []string{"seconds_mean", "seconds_p50", "seconds_p95", "wait_p50", "wait_p95", "wait_p99"}
	ofFleet   = []string{"work.seconds_p50", "work.seconds_p95", "work.wait_p50", "work.wait_p95", "work.wait_p99"}
	ofMachine = []string{"fleet.cpu_mean", "fleet.cpu_p95", "fleet.memory_p95"}
)

// Names lists them.
func (s *Source) Names() []string {
	names := slices.Concat(ofFleet, ofMachine)
	for _, q := range s.queues {
		for _, leaf := range slices.Concat(counters, times) {
			names = append(names, "queues."+q+"."+leaf)
		}
	}
	return names
}

// Read adds up what was heard since the last Read that gave numbers.
//
// The counts belong to that Read and are given once: a Source cannot know what
// became of a tick. The controller keeps those of one that came to nothing for the
// next. Rates are over the time that has really passed, however many ticks were left
// out.
func (s *Source) Read(_ context.Context, now time.Time) []signals.Signal {
	e := s.ears
	e.mu.Lock()
	defer e.mu.Unlock()
	if why := e.deafness(now); why != "" {
		return s.unknown(now, why)
	}
	t, past := e.tallies[s.fleet], s.past(now)
	var list []signals.Signal
	var seconds, wait fleet.Sketch
	for _, q := range s.queues {
		d := t.queues[q]
		list = append(list, s.counted(q, d, now, past)...)
		list = append(list, s.timed(q, d, now)...)
		last15, _ := d.merged(now, minutes)
		_, last5 := d.merged(now, 5)
		seconds.Merge(last15)
		wait.Merge(last5)
	}
	list = append(list, quantiles("work.", seconds, wait, now, s.interval)...)
	return append(list, s.machines(now)...)
}

// deafness says why nothing can be heard now, "" if it can.
func (e *Ears) deafness(now time.Time) string {
	switch {
	case e.read.IsZero():
		return "no heartbeat queue has been read yet"
	case now.Sub(e.read) > deafAfter && e.failed != "":
		return "heartbeats cannot be read: " + e.failed
	case now.Sub(e.read) > deafAfter:
		return fmt.Sprintf("heartbeats were last read %s ago", now.Sub(e.read).Round(time.Second))
	}
	return ""
}

func (s *Source) unknown(now time.Time, why string) (list []signals.Signal) {
	for _, n := range s.Names() {
		list = append(list, signals.Missing(n, now, why))
	}
	return list
}

// past is how long the counts under way have been added up, and begins new
// ones. Before the first Read, and after a clock was set back, it is the interval.
func (s *Source) past(now time.Time) time.Duration {
	now = now.Round(0) // by the wall clock, as what is heard: see Hear
	past := now.Sub(s.began)
	if s.began.IsZero() || past <= 0 {
		past = s.interval
	}
	s.began = now
	return past
}

// counted gives the counts of the time past and begins new ones.
func (s *Source) counted(q string, d *done, now time.Time, past time.Duration) []signals.Signal {
	w := d.fresh
	d.fresh = fleet.Work{Queue: q}
	values := []float64{
		float64(w.Completed), float64(w.Redelivered), float64(w.Failed),
		float64(w.BytesIn) / past.Seconds(), float64(w.BytesOut) / past.Seconds(),
	}
	list := make([]signals.Signal, len(counters))
	for i, leaf := range counters {
		list[i] = signals.Known("queues."+q+"."+leaf, values[i], now, s.interval)
	}
	return list
}

func (s *Source) timed(q string, d *done, now time.Time) []signals.Signal {
	prefix := "queues." + q + "."
	seconds, _ := d.merged(now, minutes)
	_, wait := d.merged(now, 5)
	mean := signals.Missing(prefix+"seconds_mean", now, "no worker has finished an item of it yet")
	if v, ok := d.mean(); ok {
		mean = signals.Known(mean.Name, v, now, s.interval)
	}
	return append(quantiles(prefix, seconds, wait, now, s.interval), mean)
}

func quantiles(prefix string, seconds, wait fleet.Sketch, now time.Time, good time.Duration) []signals.Signal {
	q := func(leaf string, k fleet.Sketch, q float64) signals.Signal {
		v, ok := k.Quantile(q)
		if !ok {
			return signals.Missing(prefix+leaf, now, "no item was worked on lately")
		}
		return signals.Known(prefix+leaf, v, now, good)
	}
	return []signals.Signal{
		q("seconds_p50", seconds, .5), q("seconds_p95", seconds, .95),
		q("wait_p50", wait, .5), q("wait_p95", wait, .95), q("wait_p99", wait, .99),
	}
}

// machines gives processor and memory use over the workers heard of lately.
func (s *Source) machines(now time.Time) []signals.Signal {
	var cpu, memory []float64
	for _, v := range s.ears.last {
		if v.beat.Fleet == s.fleet && now.Sub(v.heard) <= 2*time.Minute {
			cpu, memory = append(cpu, v.beat.CPU), append(memory, v.beat.Memory)
		}
	}
	if len(cpu) == 0 {
		return unheard(now)
	}
	sum := 0.0
	slices.Sort(cpu) // map order must not decide the last bit of a sum
	for _, v := range cpu {
		sum += v
	}
	slices.Sort(memory)
	return []signals.Signal{
		signals.Known("fleet.cpu_mean", sum/float64(len(cpu)), now, s.interval),
		signals.Known("fleet.cpu_p95", rank(cpu, .95), now, s.interval),
		signals.Known("fleet.memory_p95", rank(memory, .95), now, s.interval),
	}
}

func unheard(now time.Time) (list []signals.Signal) {
	for _, n := range ofMachine {
		list = append(list, signals.Missing(n, now, "no worker has been heard lately"))
	}
	return list
}

// rank is the nearest-rank quantile of a sorted list.
func rank(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// Totals is what was done for each queue of a fleet since a Source was asked for
// them; nothing for a fleet that none was asked for.
func (e *Ears) Totals(fleetName string) map[string]fleet.Work {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string]fleet.Work{}
	t := e.tallies[fleetName]
	if t == nil {
		return all
	}
	for q, d := range t.queues {
		w := fleet.Work{Queue: q}
		w.Merge(d.total) // a copy: sketches are shared otherwise
		all[q] = w
	}
	return all
}
