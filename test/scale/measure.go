package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func readAll(b *strings.Builder, answer *http.Response) (int64, error) {
	return io.Copy(b, answer.Body)
}

// plan is one measurement.
type plan struct {
	workers, queues int
	ticks           int // that count
	warm            int // before, which do not
	interval        time.Duration
	latency         latency
	notices         int           // of Spot interruptions
	wave            time.Duration // within which they come
}

// figures are what came of it.
type figures struct {
	plan
	ticks   []tick
	used    usage
	memory  []int64            // resident, after each tick
	cpu     time.Duration      // of the daemon, a tick
	calls   map[string]float64 // of EC2, a tick
	refused int                // of them, by EC2's throttles
	sqs     float64            // requests, a tick
	late    time.Duration      // the longest that a heartbeat waited to be read
	beats   float64            // heartbeats a second
	journal int64              // bytes of the journal for each tick in it
	scrape  time.Duration      // the longest reading of metrics
	busy    string             // of the machine, while it was measured
	front   *wavefront         // nil where there was none
}

// measure runs the daemon on a world and takes the figures.
func measure(ctx context.Context, program string, p plan) (f figures, err error) {
	dir, err := os.MkdirTemp("", "skynet-scale-")
	if err != nil {
		return f, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := newWorld(p.workers, p.queues, p.latency)
	if err != nil {
		return f, err
	}
	defer w.close()
	ctx, stop := context.WithCancel(ctx)
	lived := make(chan struct{})
	go func() { defer close(lived); w.run(ctx) }()
	defer func() { stop(); <-lived }()
	d, err := run(program, w, dir, p.interval, p.workers*97/100)
	if err != nil {
		return f, err
	}
	defer d.stop()
	m := &measuring{world: w, d: d, figures: figures{plan: p}}
	if err := m.until(ctx, p.warm); err != nil {
		return f, err
	}
	m.begin()
	if err := m.until(ctx, p.warm+p.ticks); err != nil {
		return f, err
	}
	m.end()
	if p.notices > 0 {
		err = m.interrupts(ctx)
		m.figures.used = d.used()
	}
	ticks := int64(len(m.spans.ticks()))
	d.stop()
	m.figures.journal = d.journal() / ticks
	return m.figures, err
}

// measuring is one under way.
type measuring struct {
	figures
	*world
	d *daemon

	counts    bool
	begun     time.Time
	usedThen  usage
	sentThen  int
	callsThen map[string]int
	sqsThen   int
}

func (m *measuring) begin() {
	m.counts, m.begun, m.usedThen = true, time.Now(), m.d.used()
	m.callsThen, _ = m.tally()
	m.sqsThen = m.asked()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sentThen = m.sent
}

func (m *measuring) asked() (n int) {
	for _, k := range m.world.sqs.Calls() {
		n += k
	}
	return n
}

func (m *measuring) end() {
	all := m.sorted()
	m.figures.ticks = all[m.warm:]
	n := float64(len(m.figures.ticks))
	m.figures.used = m.d.used()
	m.cpu = time.Duration(float64(m.figures.used.cpu-m.usedThen.cpu) / n)
	calls, refused := m.tally()
	m.figures.calls = map[string]float64{}
	for action, k := range calls {
		if k > m.callsThen[action] {
			m.figures.calls[action] = float64(k-m.callsThen[action]) / n
		}
	}
	for _, k := range refused {
		m.figures.refused += k
	}
	m.figures.sqs = float64(m.asked()-m.sqsThen) / n
	m.mu.Lock()
	m.beats = float64(m.sent-m.sentThen) / time.Since(m.begun).Seconds()
	m.mu.Unlock()
	load, _ := os.ReadFile("/proc/loadavg")
	m.figures.busy = strings.Join(strings.Fields(string(load))[:1], "")
}

func (m *measuring) sorted() []tick {
	list := m.spans.ticks()
	slices.SortFunc(list, func(a, b tick) int { return a.at.Compare(b.at) })
	return list
}

// until waits for so many ticks.
func (m *measuring) until(ctx context.Context, n int) error {
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	seen := len(m.spans.ticks())
	deadline := time.Now().Add(time.Duration(n+5)*max(m.interval, 10*time.Second) + time.Minute)
	for scraped := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-every.C:
			if err := m.d.runs(); err != nil {
				return err
			}
			if now.After(deadline) {
				return fmt.Errorf("%d of %d ticks in good time: %s", len(m.spans.ticks()), n, m.d.Said())
			}
			m.look(ctx, now, &scraped)
		}
		if k := len(m.spans.ticks()); k > seen {
			seen = k
			if m.counts {
				m.memory = append(m.memory, m.d.used().resident)
			}
		}
		if seen >= n {
			return nil
		}
	}
}

// look looks how far the reader of heartbeats is behind, and reads metrics now and then.
func (m *measuring) look(ctx context.Context, now time.Time, scraped *time.Time) {
	if waiting, since := m.heartbeats.Oldest(); waiting > 0 && m.counts {
		m.late = max(m.late, now.Sub(since))
	}
	if now.Sub(*scraped) < 5*time.Second {
		return
	}
	*scraped = now
	if _, took, err := m.d.scrape(ctx); err == nil && m.counts {
		m.scrape = max(m.scrape, took)
	}
}

// wavefront is what became of a wave of interruptions.
type wavefront struct {
	sent, ours int
	late       time.Duration // the longest that a notice waited to be read
	known      time.Duration // from the last notice to the tick that knew all of ours
}

// interrupts has EC2 take instances back, and waits until a tick knows all of them.
func (m *measuring) interrupts(ctx context.Context) error {
	over := make(chan struct{})
	go func() { defer close(over); m.interrupt(ctx, m.notices, m.plan.wave) }()
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	f := &wavefront{sent: m.notices}
	m.front = f
	deadline := time.Now().Add(m.plan.wave + 5*time.Minute)
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-every.C:
			if waiting, since := m.events.Oldest(); waiting > 0 {
				f.late = max(f.late, now.Sub(since))
			}
			if f.ours = int(m.told.Load()); f.ours == 0 {
				last = now
				continue
			}
			if n := m.draining(ctx); n >= f.ours {
				f.known = now.Sub(last)
				return m.d.runs()
			} else if now.After(deadline) {
				return fmt.Errorf("of %d interruptions of ours %d are known: %+v", f.ours, n, m.sorted()[max(0, len(m.spans.ticks())-3):])
			}
		}
	}
}

// draining is how many workers take no more items, as metrics say.
func (m *measuring) draining(ctx context.Context) int {
	body, _, err := m.d.scrape(ctx)
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(body, `skynet_workers{fleet="render",state="draining"} `)
	number, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.ParseFloat(number, 64)
	return int(n)
}

// median is the middle of a list by what of says; 0 of none.
func median[T any, V cmp.Ordered](list []T, of func(T) V) V { return quantile(list, 0.5, of) }

func quantile[T any, V cmp.Ordered](list []T, q float64, of func(T) V) (v V) {
	if len(list) == 0 {
		return v
	}
	all := make([]V, len(list))
	for i, one := range list {
		all[i] = of(one)
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}
