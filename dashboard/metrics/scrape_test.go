package metrics_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"skynet/controller"
	"skynet/dashboard/health"
	"skynet/dashboard/metrics"
	"skynet/fleet"
	"skynet/signals"
)

// large is a tick of a fleet with so many queues and workers.
func large(queues, workers int) (controller.Report, health.Terms) {
	t := terms
	t.Queues = nil
	for i := range queues {
		t.Queues = append(t.Queues, fmt.Sprintf("queue_%d", i))
	}
	r := full(start)
	r.Snapshot.Signals, r.Snapshot.Workers, r.Snapshot.Queues = nil, nil, t.Queues
	for i, name := range (signals.Names{Queues: t.Queues}).All() {
		r.Snapshot.Signals = append(r.Snapshot.Signals, signals.Known(name, float64(i), start, time.Minute))
	}
	for i := range workers {
		r.Snapshot.Workers = append(r.Snapshot.Workers, fleet.Worker{ID: fleet.ID(fmt.Sprintf("i-%08d", i)), State: fleet.Working, Heard: start})
	}
	r.Snapshot = r.Snapshot.Freeze()
	return r, t
}

// A tick ends while a scrape of an earlier one is stuck in the middle: nothing that the
// scrape holds does it wait for.
func TestATickDoesNotWaitForAScrape(t *testing.T) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	f := m.Fleet("render")
	r, terms := large(3, 5)
	f.Tick(r, terms, health.Look(r, terms, nil))
	m.Calls.Done("ec2", "CreateFleet", time.Second, nil)
	stuck := &reader{begun: make(chan struct{}), on: make(chan struct{})}
	var done sync.WaitGroup
	done.Go(func() { stuck.scrape(m) })
	<-stuck.begun
	f.Tick(r, terms, health.Look(r, terms, nil))
	m.Calls.Done("ec2", "CreateFleet", time.Second, nil)
	m.Calls.Done("ec2", "Another", time.Second, nil)
	m.Fleet("another")
	m.Act(false)
	close(stuck.on)
	done.Wait()
}

// reader takes one number of a scrape, then none until it may go on.
type reader struct{ begun, on chan struct{} }

func (r *reader) scrape(m *metrics.Metrics) {
	ch := make(chan prometheus.Metric)
	go func() { m.Collect(ch); close(ch) }()
	first := true
	for range ch {
		if first {
			first = false
			close(r.begun)
			<-r.on
		}
	}
}

func TestScrapesBesideTicks(t *testing.T) {
	m := metrics.New(metrics.Options{Interval: time.Minute})
	m.Act(true)
	f := m.Fleet("render")
	r, terms := large(3, 5)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				w := httptest.NewRecorder()
				m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				if w.Code != http.StatusOK {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
	for range 200 {
		f.Tick(r, terms, health.Look(r, terms, nil))
		m.Calls.Done("ec2", "CreateFleet", time.Second, nil)
		m.Notified("oncall", "sent")
	}
	all.Wait()
	expect(t, told(t, m), map[string]float64{"skynet_tick_duration_seconds{fleet=render}": 200, "skynet_notifications_total{outcome=sent,target=oncall}": 200})
}

// discard takes an answer.
type discard struct {
	header http.Header
	n      int
}

func (d *discard) Header() http.Header             { return d.header }
func (d *discard) WriteHeader(int)                 {}
func (d *discard) Write(b []byte) (n int, _ error) { d.n += len(b); return io.Discard.Write(b) }

// BenchmarkScrape is a scrape with 100 queues and 10,000 workers.
func BenchmarkScrape(b *testing.B) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	r, terms := large(100, 10_000)
	m.Fleet("render").Tick(r, terms, health.Look(r, terms, map[string]int{"1.2": 10_000}))
	h, size := m.Handler(), 0
	for b.Loop() {
		d := &discard{header: http.Header{}}
		h.ServeHTTP(d, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		size = d.n
	}
	b.ReportMetric(float64(size), "B/scrape")
}

// BenchmarkTick is what telling a tick of such a fleet costs it.
func BenchmarkTick(b *testing.B) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	r, terms := large(100, 10_000)
	f := m.Fleet("render")
	for b.Loop() {
		f.Tick(r, terms, health.Look(r, terms, nil))
	}
}
