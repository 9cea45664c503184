// Package metrics tells Prometheus what the controller knows, decides, does and asks
// of others.
//
// A tick leaves what it brought where a scrape finds it, by swapping a pointer, and a
// call counts itself with atomic additions: neither ever waits for somebody who reads
// the metrics, however slowly. Labels name fleets, queues, policies and operations,
// never instances, so that there are no more series with 10,000 workers than with one.
package metrics

import (
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options are what is told of the process as a whole.
type Options struct {
	Version  string
	Interval time.Duration // from tick to tick
	Dry      bool          // it does nothing to the fleets
	// Now reads the clock: when a scrape is, and when a tick has ended. nil: time.Now.
	Now func() time.Time
}

// Metrics is everything that is told. It outlives the turns of a daemon that shares a
// lease: counters go on counting.
type Metrics struct {
	Calls *Calls // what others are asked

	options  Options
	registry *prometheus.Registry
	acting   atomic.Bool
	ticks    *prometheus.HistogramVec
	told     sync.Map // counts of notifications, by notified
	refusals atomic.Pointer[func() map[string]int]

	opening sync.Mutex // held while a fleet is opened, never by a tick or a scrape
	fleets  atomic.Pointer[[]*Fleet]
}

// New returns Metrics that nothing has been told of yet.
func New(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Metrics{Calls: newCalls(), options: o, registry: prometheus.NewRegistry(), ticks: histogram(tickDuration, tickBuckets)}
	m.fleets.Store(&[]*Fleet{})
	m.registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// scrapes bounds those that are answered at once, and how long each may take.
const (
	scrapes       = 4
	scrapeTimeout = 20 * time.Second
)

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes, Timeout: scrapeTimeout,
	})
}

// Gatherer gives what a scrape would, for tests and tools.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Act says whether this process acts now. While it stands by it knows nothing of the
// fleets: their gauges vanish, so that nobody takes them for those of the one that
// acts.
func (m *Metrics) Act(now bool) {
	m.acting.Store(now)
	if now {
		return
	}
	for _, f := range *m.fleets.Load() {
		f.close()
	}
}

// Notified counts what became of a message to a person: sent, failed or dropped.
func (m *Metrics) Notified(target, outcome string) {
	n, _ := m.told.LoadOrStore(notified{target, outcome}, new(atomic.Uint64))
	n.(*atomic.Uint64).Add(1)
}

// Refusals has the heartbeats that were refused told of, by cause. One that counts from
// zero again begins anew, as after a restart.
func (m *Metrics) Refusals(count func() map[string]int) { m.refusals.Store(&count) }

type notified struct{ target, outcome string }

// Describe gives nothing: which families there are depends on what there is to tell.
// Families lists all that there can be.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect tells everything once.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	out := sink(ch)
	out.put(buildInfo, 1, m.options.Version, runtime.Version())
	out.put(interval, m.options.Interval.Seconds())
	out.put(dryRun, number(m.options.Dry))
	out.put(acting, number(m.acting.Load() && !m.options.Dry))
	for _, f := range *m.fleets.Load() {
		f.collect(out, m.options)
	}
	m.Calls.collect(out)
	if count := m.refusals.Load(); count != nil {
		for cause, n := range (*count)() {
			out.put(beatsRefused, float64(n), cause)
		}
	}
	m.told.Range(func(key, n any) bool {
		k := key.(notified)
		out.put(notifications, float64(n.(*atomic.Uint64).Load()), k.target, k.outcome)
		return true
	})
}

// sink takes what is told.
type sink chan<- prometheus.Metric

// put tells one number. One that Prometheus cannot take (a label that is no UTF-8) is
// left out: it must not cost the scrape all the others.
func (out sink) put(f *Family, v float64, labels ...string) {
	if m, err := prometheus.NewConstMetric(f.desc, f.valueType(), v, labels...); err == nil {
		out <- m
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
