package metrics

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// callBuckets are s: a local journal answers within a millisecond, CreateFleet within
// some seconds, and no call may take longer than half a minute.
var callBuckets = []float64{0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// mostOperations bounds the series: what comes after them is counted as other.
const mostOperations = 300

// Calls counts what others are asked. It is safe for use by many.
type Calls struct {
	all     sync.Map // *call by operation
	known   atomic.Int64
	latency *prometheus.HistogramVec
}

type operation struct{ system, name string }

// ours are systems that turn nobody away because there are too many.
var ours = []string{"fleet", "queue", "source", "journal", "programs"}

var results = [...]string{"ok", "error", "timeout"}

type call struct {
	took      prometheus.Observer
	results   [len(results)]atomic.Uint64
	throttles atomic.Uint64
}

func newCalls() *Calls { return &Calls{latency: histogram(callDuration, callBuckets)} }

// Done counts a call to a system that took so long and ended with err.
func (c *Calls) Done(system, name string, took time.Duration, err error) {
	one := c.of(system, name)
	one.took.Observe(took.Seconds())
	switch {
	case err == nil:
		one.results[0].Add(1)
	case errors.Is(err, context.DeadlineExceeded):
		one.results[2].Add(1)
	default:
		one.results[1].Add(1)
	}
}

// Throttled counts an attempt that was turned away because there were too many.
func (c *Calls) Throttled(system, name string) { c.of(system, name).throttles.Add(1) }

func (c *Calls) of(system, name string) *call {
	if one, ok := c.all.Load(operation{system, name}); ok {
		return one.(*call)
	}
	if c.known.Add(1) > mostOperations {
		system, name = "other", "other"
	}
	one, _ := c.all.LoadOrStore(operation{system, name}, &call{took: c.latency.WithLabelValues(system, name)})
	return one.(*call)
}

func (c *Calls) collect(out sink) {
	c.all.Range(func(key, value any) bool {
		k, one := key.(operation), value.(*call)
		if h, ok := one.took.(prometheus.Metric); ok {
			out <- h
		}
		for i, r := range results {
			out.put(callsTotal, float64(one.results[i].Load()), k.system, k.name, r)
		}
		if !slices.Contains(ours, k.system) {
			out.put(callThrottles, float64(one.throttles.Load()), k.system, k.name)
		}
		return true
	})
}
