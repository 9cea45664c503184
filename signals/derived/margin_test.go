package derived_test

import (
	"math"
	"testing"
	"time"

	"skynet/signals"
	"skynet/signals/derived"
)

// promised is a stream of a minute's ticks, in which each queue's oldest item has
// waited for so long.
type promised struct {
	set  derived.Settings
	last signals.Snapshot
	at   time.Time
}

func promise(queues ...string) *promised {
	return &promised{
		at:  time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
		set: derived.Settings{Queues: queues, Interval: time.Minute, Promise: derived.Promise{Wait: time.Minute, Late: .01}},
	}
}

// minute has so many items come, be started and done, while the oldest waits so long.
func (p *promised) minute(items, age float64, more ...signals.Signal) signals.Snapshot {
	p.at = p.at.Add(time.Minute)
	s := signals.Snapshot{Fleet: "render", Now: p.at}
	if n := len(p.last.Signals); n > 0 {
		s.Recent = []signals.Tick{{At: p.last.Now, Signals: p.last.Signals}}
	}
	queues := p.set.Queues
	if len(queues) == 0 {
		queues = []string{""}
	}
	for _, q := range queues {
		for name, v := range map[string]float64{"queue.visible": 50, "queue.in_flight": 0, "queue.oldest_age": age, "queue.completed": items} {
			if q != "" {
				name = signals.OfQueue(name, q)
			}
			s.Signals = append(s.Signals, signals.Known(name, v, p.at, time.Minute))
		}
	}
	s.Signals = append(s.Signals, more...)
	p.last = derived.Complete(s, p.set)
	return p.last
}

func (p *promised) margin(t *testing.T, name string) float64 {
	t.Helper()
	v, err := p.last.Value(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// While items start late the margin rises by one in ten minutes, up to three; a day
// without lowers it by about as much, down to nothing.
func TestMarginLearns(t *testing.T) {
	p := promise()
	p.minute(100, 0)
	if m := p.margin(t, "forecast.margin"); m != 1 {
		t.Errorf("begins at %g", m)
	}
	for range 10 {
		p.minute(100, 90)
	}
	if m := p.margin(t, "forecast.margin"); m < 1.9 || m > 2 {
		t.Errorf("after ten late minutes: %g", m)
	}
	for range 60 {
		p.minute(100, 90)
	}
	if m := p.margin(t, "forecast.margin"); m != 3 {
		t.Errorf("after an hour: %g", m)
	}
	for range 24 * 60 {
		p.minute(100, 59)
	}
	if m := p.margin(t, "forecast.margin"); m < 1.8 || m > 2.2 {
		t.Errorf("a day later: %g", m)
	}
	for range 5 * 24 * 60 {
		p.minute(100, 10)
	}
	if m := p.margin(t, "forecast.margin"); m != 0 {
		t.Errorf("a week later: %g", m)
	}
	if v := p.margin(t, "queue.arrival_rate_1d"); math.Abs(v-100./60) > .01 {
		t.Errorf("100 a minute are %g a second", v)
	}
}

// Where it pays: if lateness falls as the margin rises, it settles where no more is
// late than may.
func TestMarginSettles(t *testing.T) {
	p := promise("photos")
	name := "queues.photos.forecast.margin"
	p.minute(100, 0)
	late := 0
	const days = 20
	for i := range days * 24 * 60 {
		age := 0.
		// One minute in so many is worse than a margin of that many tenths covers.
		if i%7 == 0 && float64(mixed(i)%1000)/1000 < math.Exp(-3*p.margin(t, name)) {
			age = 120
			if i > 24*60 {
				late++
			}
		}
		p.minute(100, age)
	}
	if share := float64(late) / ((days - 1) * 24 * 60); share > .01 || share < .002 {
		t.Errorf("%.4f are late, margin %g", share, p.margin(t, name))
	}
	if p.margin(t, "forecast.margin") != p.margin(t, name) {
		t.Error("the fleet's is not that of its only queue")
	}
}

func mixed(i int) uint64 {
	x := uint64(i) * 0x9e3779b97f4a7c15
	return (x ^ x>>29) * 0xbf58476d1ce4e5b9 >> 20
}

// What is not known teaches nothing, and in `skynet decide` what is given stays.
func TestMarginStays(t *testing.T) {
	p := promise()
	p.minute(100, 0)
	for range 5 {
		p.minute(100, 90)
	}
	before := p.margin(t, "forecast.margin")
	p.minute(100, 90, signals.Missing("queue.oldest_age", p.at.Add(time.Minute), "away"))
	p.set.Final = true
	if p.minute(100, 90, signals.Known("forecast.margin", .5, p.at.Add(time.Minute), time.Minute)); p.margin(t, "forecast.margin") != .5 {
		t.Errorf("what was given became %g", p.margin(t, "forecast.margin"))
	}
	if before <= 1 {
		t.Errorf("learned nothing: %g", before)
	}
}
