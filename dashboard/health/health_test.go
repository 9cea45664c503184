package health_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/controller"
	"skynet/dashboard/health"
	"skynet/fleet"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
)

var now = time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)

const rules = `
objective: {wait: 2m, quantile: 0.95, queues: [{name: videos, wait: 30m}]}
bounds: {min: 0, max: 20}
guards: {budget: {hourly: 6, daily: 80}, breaker: {dead_launches: 3}}
`

func terms(t *testing.T) health.Terms {
	t.Helper()
	queues := []string{"photos", "videos"}
	p, err := file.Parse("test.policy.yaml", []byte(rules), signals.Names{Queues: queues})
	if err != nil {
		t.Fatal(err)
	}
	return health.TermsOf(p, queues)
}

// report is a tick that knew these numbers.
func report(numbers map[string]float64) controller.Report {
	s := signals.Snapshot{Fleet: "render", Now: now}
	for name, v := range numbers {
		s.Signals = append(s.Signals, signals.Known(name, v, now, time.Minute))
	}
	return controller.Report{Snapshot: s.Freeze(), Decision: policy.Decision{ID: "render-1", Fleet: "render"}}
}

func TestTermsAreTheFiles(t *testing.T) {
	got := terms(t)
	want := health.Terms{
		Queues: []string{"photos", "videos"}, Wait: 2 * time.Minute, Waits: map[string]time.Duration{"videos": 30 * time.Minute},
		Quantile: got.Quantile, Bounds: policy.Bounds{Max: 20}, Hourly: 6, Daily: 80, Breaker: policy.Breaker{Dead: 3},
	}
	if !reflect.DeepEqual(got, want) || math.Abs(got.Quantile-0.95) > 1e-9 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPromise(t *testing.T) {
	photos := func(p50, p95, p99 float64) map[string]float64 {
		return map[string]float64{"queues.photos.wait_p50": p50, "queues.photos.wait_p95": p95, "queues.photos.wait_p99": p99}
	}
	for _, c := range []struct {
		name    string
		numbers map[string]float64
		known   bool
		within  float64
		missed  string
	}{
		{"all at once", photos(0, 0, 0), true, 1, ""},
		{"well within", photos(10, 30, 60), true, 0.995, ""},
		{"just kept", photos(10, 120, 300), true, 0.95, ""},
		{"just missed", photos(10, 121, 300), true, 0.5 + 0.45*110/111, "94.59% of the items of photos started within 2m in the last 5m, promised are 95%"},
		{"half", photos(120, 200, 300), true, 0.5, "50% of"},
		{"hardly any", photos(1200, 2000, 3000), true, 0.05, "5% of"},
		{"nothing known", nil, false, 0, ""},
		{"a part", map[string]float64{"queues.photos.wait_p50": 1}, false, 0, ""},
		{"quantiles that cross", photos(10, 5, 1), false, 0, ""},
		{"nothing starts", map[string]float64{"queues.photos.oldest_age": 200}, false, 0, "the oldest item of photos waits for 3m20s, promised are 2m, and none has started lately"},
		{"one straggler", map[string]float64{
			"queues.photos.wait_p50": 10, "queues.photos.wait_p95": 30, "queues.photos.wait_p99": 60, "queues.photos.oldest_age": 9000,
		}, true, 0.995, ""},
		{"waits, not for long", map[string]float64{"queues.photos.oldest_age": 120}, false, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := health.Look(report(c.numbers), terms(t), nil).Promises[0]
			if p.Known != c.known || math.Abs(p.Within-c.within) > 1e-9 || !strings.HasPrefix(p.Missed, c.missed) || (c.missed == "") != (p.Missed == "") {
				t.Errorf("got %+v, want known %v, within %v, missed %q", p, c.known, c.within, c.missed)
			}
		})
	}
	f := health.Look(report(map[string]float64{"queues.videos.oldest_age": 200}), terms(t), nil)
	if p := f.Promises[1]; p.Wait != 30*time.Minute || p.Missed != "" {
		t.Errorf("a queue with a wait of its own: %+v", p)
	}
}

// Whatever the waits are: a share is within 0 and 1, and a longer promise is kept by
// no fewer.
func TestWithinIsAShareThatGrowsWithTheWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := func(name string) float64 { return rapid.Float64Range(0, 5000).Draw(t, name) }
		p50 := s("p50")
		p95 := p50 + s("to p95")
		p99 := p95 + s("to p99")
		r := report(map[string]float64{"queues.photos.wait_p50": p50, "queues.photos.wait_p95": p95, "queues.photos.wait_p99": p99})
		last := 0.0
		for _, wait := range []time.Duration{0, time.Second, 10 * time.Second, time.Minute, time.Hour, 24 * time.Hour} {
			p := health.Look(r, health.Terms{Queues: []string{"photos"}, Wait: wait, Quantile: 0.95}, nil).Promises[0]
			if !p.Known || p.Within < last-1e-9 || p.Within > 1 || math.IsNaN(p.Within) {
				t.Fatalf("within %s: %v after %v", wait, p.Within, last)
			}
			last = p.Within
		}
	})
}

func TestUnknownIsNotZero(t *testing.T) {
	f := health.Look(report(nil), terms(t), nil)
	if f.Spending[0].Known || f.Spending[1].Known || f.Promises[0].Known {
		t.Errorf("%+v", f)
	}
	stale := report(map[string]float64{"cost.today": 70})
	stale.Snapshot.Now = now.Add(2 * time.Minute)
	if f = health.Look(stale, terms(t), nil); f.Spending[1].Known {
		t.Errorf("stale: %+v", f.Spending)
	}
}

func TestBreakerBudgetBlindFailed(t *testing.T) {
	r := report(map[string]float64{"cost.today": 79.5, "cost.per_hour": 1})
	r.Snapshot.Recent = []signals.Tick{{At: now.Add(-2 * time.Minute), Died: []fleet.ID{"a", "b"}}}
	r.Snapshot.Died, r.Snapshot.Causes = []fleet.ID{"c"}, []string{"Server.InternalError"}
	r.Decision.Blind = true
	r.Decision.Wants = []policy.Want{{Policy: "slo", Blind: true, Because: "no depth"}, {Policy: "schedule"}}
	r.Decision.Reasons = []policy.Reason{{By: "slo", Said: "?"}, {By: "budget", Said: "not an argument but a policy of that name"}, {By: "budget", Said: "want 0 instead of 3"}}
	f := health.Look(r, terms(t), map[string]int{"1": 2})
	if f.Dead != 3 || !f.Open || f.Deaths != "the last 3 launches never became workers (2 × for no known cause; 1 × Server.InternalError)" || f.Blind != "slo: no depth" || f.Capped != "want 0 instead of 3" || f.Spending[1] != (health.Spending{Period: "day", Limit: 80, Used: 79.5, Known: true}) {
		t.Errorf("%+v", f)
	}
	r.Snapshot.Born = []fleet.ID{"d"}
	if f = health.Look(r, terms(t), nil); f.Open || f.Deaths != "" {
		t.Errorf("one that works closes the breaker: %+v", f)
	}
	failed := controller.Report{
		Snapshot: signals.Snapshot{Fleet: "render", Now: now},
		Decision: policy.Decision{ID: "render-2", Failed: "no decision"}, Err: errors.New("no decision: the roster"),
	}
	if f = health.Look(failed, terms(t), nil); f.Decided || f.Failed != "no decision: the roster" || f.Promises != nil || f.Spending != nil {
		t.Errorf("%+v", f)
	}
}

func TestVersions(t *testing.T) {
	heard := now.Add(-time.Second)
	ws := []fleet.Worker{
		{ID: "a", State: fleet.Working, Heard: heard}, {ID: "b", State: fleet.Working, Heard: heard}, {ID: "c", State: fleet.Draining, Heard: heard},
		{ID: "asleep", State: fleet.Asleep, Heard: heard}, {ID: "unheard", State: fleet.Starting}, {ID: "silent about it", State: fleet.Working, Heard: heard},
	}
	says := map[fleet.ID]string{"a": "1.2", "b": "1.3", "c": "1.2", "asleep": "0.9", "unheard": "0.8"}
	got := health.Versions(ws, func(id fleet.ID) (fleet.Heartbeat, time.Time, bool) {
		v, ok := says[id]
		return fleet.Heartbeat{Version: v}, heard, ok
	})
	if want := map[string]int{"1.2": 2, "1.3": 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
