package forecast

import (
	"math"
	"testing"
	"time"

	"skynet/signals"
)

// monday is a Monday, 00:00 UTC.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// tick is a snapshot that says how many items came to the only queue.
func tick(now time.Time, n float64) signals.Snapshot {
	return signals.Snapshot{Now: now, Signals: []signals.Signal{signals.Known("queue.arrived", n, now, 0)}}
}

// value is a signal's value, which must be known.
func value(t testing.TB, list []signals.Signal, name string) float64 {
	t.Helper()
	for _, s := range list {
		if s.Name == name {
			if s.Unknown != "" {
				t.Fatalf("%s is unknown: %s", name, s.Unknown)
			}
			return s.Value
		}
	}
	t.Fatalf("%s is not given", name)
	return math.NaN()
}

func TestAConstantStreamHasTightBands(t *testing.T) {
	f := New(Settings{})
	var out []signals.Signal
	for i := range 2 * 1440 {
		out = f.Observe(tick(monday.Add(time.Duration(i)*time.Minute), 1200))
	}
	for name, want := range map[string]float64{"5m": 6000, "15m": 18000, "60m": 72000} {
		mid := value(t, out, "forecast.arrivals_"+name)
		p99 := value(t, out, "forecast.arrivals_"+name+"_p99")
		if math.Abs(mid-want) > 0.01*want || p99 > 1.05*want {
			t.Errorf("%s: %.0f, p99 %.0f of a steady %.0f", name, mid, p99, want)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	f := New(Settings{})
	now := monday
	for i := range 15 * 1440 {
		now = now.Add(time.Minute)
		f.Observe(tick(now, 1000+500*math.Sin(float64(i)/229)))
	}
	i := 0
	for b.Loop() {
		now = now.Add(time.Minute)
		i++
		f.Observe(tick(now, 1000+500*math.Sin(float64(i)/229)))
	}
}
