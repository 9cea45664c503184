package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"skynet/controller"
	"skynet/dashboard/health"
	"skynet/dashboard/metrics"
	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

var start = time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)

// clock is time as a test has it.
type clock struct{ now time.Time }

func (c *clock) read() time.Time      { return c.now }
func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }
func (c *clock) options() metrics.Options {
	return metrics.Options{Version: "1.2", Interval: time.Minute, Now: c.read}
}

var terms = health.Terms{
	Queues: []string{"photos"}, Wait: 2 * time.Minute, Quantile: 0.95, Bounds: policy.Bounds{Min: 1, Max: 20},
	Hourly: 6, Daily: 80, Breaker: policy.Breaker{Dead: 3},
}

// full is a tick in which everything that can be told is there.
func full(at time.Time) controller.Report {
	s := signals.Snapshot{Fleet: "render", Now: at, Queues: terms.Queues, Died: []fleet.ID{"i-9"}}
	for i, name := range (signals.Names{Queues: terms.Queues, User: []string{"upload.cpu"}}).All() {
		s.Signals = append(s.Signals, signals.Known(name, float64(i+1), at, time.Minute))
	}
	s.Signals = append(s.Signals, signals.Missing("upload.lost", at, "no answer"))
	s.Workers = []fleet.Worker{{ID: "i-1", State: fleet.Working, Heard: at}, {ID: "i-2", State: fleet.Asleep}}
	s.Orders = signals.Standing{Pause: &signals.Pause{Until: at.Add(time.Hour)}, Floor: &signals.Floor{Want: 2, Until: at.Add(time.Hour)}}
	d := policy.Decision{
		ID: "render-1", Fleet: "render", Have: 1, Want: 4, Launch: 3, Blind: true, Drain: []fleet.ID{"i-1"},
		Wants:   []policy.Want{{Policy: "slo", Want: 5, Blind: true, Because: "no depth"}, {Policy: "step", Abstain: true}},
		Reasons: []policy.Reason{{By: "slo"}, {By: "step"}, {By: "bounds", Said: "want 4 instead of 5"}, {By: "launch", Said: "3 instead of 4"}},
	}
	did := signals.Deeds{Launched: []fleet.ID{"i-3"}, Refused: 2, Terminated: []fleet.Exit{{ID: "i-4", Cause: fleet.CauseSilent}}}
	return controller.Report{Snapshot: s.Freeze(), Decision: d, Deeds: did, Took: 300 * time.Millisecond}
}

// told is a scrape: each series with its value, a histogram by its count.
func told(t testing.TB, m *metrics.Metrics) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, f := range gather(t, m) {
		for _, one := range f.Metric {
			all[series(f.GetName(), one)] = valueOf(one)
		}
	}
	return all
}

func gather(t testing.TB, m *metrics.Metrics) []*dto.MetricFamily {
	t.Helper()
	list, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func series(name string, m *dto.Metric) string {
	var labels []string
	for _, l := range m.Label {
		labels = append(labels, l.GetName()+"="+l.GetValue())
	}
	return strings.TrimSuffix(name+"{"+strings.Join(labels, ",")+"}", "{}")
}

func valueOf(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Histogram != nil:
		return float64(m.Histogram.GetSampleCount())
	}
	return m.GetGauge().GetValue()
}

func expect(t *testing.T, got map[string]float64, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if g, ok := got[name]; !ok || g < v-1e-9 || g > v+1e-9 {
			t.Errorf("%s is %v (there: %v), want %v", name, g, ok, v)
		}
	}
}

func absent(t *testing.T, got map[string]float64, prefixes ...string) {
	t.Helper()
	for name := range got {
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				t.Errorf("%s is told", name)
			}
		}
	}
}

// everything has told all that it can.
func everything(c *clock) *metrics.Metrics {
	m := metrics.New(c.options())
	m.Act(true)
	r := full(c.now)
	m.Fleet("render").Tick(r, terms, health.Look(r, terms, map[string]int{"1.2": 1}))
	m.Calls.Done("ec2", "CreateFleet", time.Second, nil)
	m.Calls.Throttled("ec2", "CreateFleet")
	m.Notified("oncall", "sent")
	m.Refusals(func() map[string]int { return map[string]int{"forged": 3} })
	return m
}

// cpu is what full says of the processors, %.
func cpu() float64 {
	r := full(start)
	v, _ := r.Snapshot.Value("fleet.cpu_mean")
	return v
}

func TestATick(t *testing.T) {
	got := told(t, everything(&clock{start}))
	expect(t, got, map[string]float64{
		"skynet_acting": 1, "skynet_dry_run": 0, "skynet_interval_seconds": 60,
		"skynet_tick_duration_seconds{fleet=render}":                          1,
		"skynet_ticks_total{fleet=render,outcome=blind}":                      1,
		"skynet_ticks_total{fleet=render,outcome=failed}":                     0,
		"skynet_tick_last_success_timestamp_seconds{fleet=render}":            float64(start.Unix()),
		"skynet_blind{fleet=render}":                                          1,
		"skynet_signal_unknown{fleet=render,signal=upload.lost}":              1,
		"skynet_queue_visible_items{fleet=render}":                            1,
		"skynet_fleet_cpu_mean_ratio{fleet=render}":                           0.01 * cpu(),
		"skynet_user_signal{fleet=render,signal=upload.cpu}":                  float64(len(signals.Names{Queues: terms.Queues, User: []string{""}}.All())),
		"skynet_decision_have_instances{fleet=render}":                        1,
		"skynet_decision_want_instances{fleet=render}":                        4,
		"skynet_bounds_max_instances{fleet=render}":                           20,
		"skynet_policy_want_instances{fleet=render,policy=slo}":               5,
		"skynet_policy_blind{fleet=render,policy=step}":                       0,
		"skynet_guard_softening{fleet=render,guard=launch}":                   1,
		"skynet_guard_softening{fleet=render,guard=quorum}":                   0,
		"skynet_guard_softened_ticks_total{fleet=render,guard=bounds}":        1,
		"skynet_deeds_total{deed=launch,fleet=render,outcome=done}":           1,
		"skynet_deeds_total{deed=launch,fleet=render,outcome=failed}":         2,
		"skynet_deeds_total{deed=drain,fleet=render,outcome=failed}":          1,
		"skynet_exits_total{cause=silent,fleet=render}":                       1,
		"skynet_launches_refused_total{fleet=render}":                         2,
		"skynet_launches_dead_total{fleet=render}":                            1,
		"skynet_workers{fleet=render,state=working}":                          1,
		"skynet_workers{fleet=render,state=draining}":                         0,
		"skynet_worker_version_instances{fleet=render,version=1.2}":           1,
		"skynet_paused{fleet=render}":                                         1,
		"skynet_pause_until_timestamp_seconds{fleet=render}":                  float64(start.Add(time.Hour).Unix()),
		"skynet_floor_instances{fleet=render}":                                2,
		"skynet_breaker_dead_launches{fleet=render}":                          1,
		"skynet_breaker_open{fleet=render}":                                   0,
		"skynet_budget_limit{fleet=render,period=day}":                        80,
		"skynet_budget_capping{fleet=render}":                                 0,
		"skynet_objective_wait_seconds{fleet=render,queue=photos}":            120,
		"skynet_calls_total{operation=CreateFleet,result=ok,system=ec2}":      1,
		"skynet_calls_total{operation=CreateFleet,result=timeout,system=ec2}": 0,
		"skynet_call_throttles_total{operation=CreateFleet,system=ec2}":       1,
		"skynet_notifications_total{outcome=sent,target=oncall}":              1,
		"skynet_heartbeats_refused_total{cause=forged}":                       3,
	})
	absent(t, got, "skynet_policy_want_instances{fleet=render,policy=step}", "skynet_user_signal{fleet=render,signal=upload.lost}")
}

// Every family that is told is in the list, and every one of the list can be told:
// the list is what the page of the docs is made of.
func TestTheListIsWhatIsTold(t *testing.T) {
	kinds := map[string]string{}
	for _, f := range gather(t, everything(&clock{start})) {
		if strings.HasPrefix(f.GetName(), "skynet_") {
			kinds[f.GetName()] = strings.ToLower(f.GetType().String())
		}
	}
	listed := map[string]string{}
	for _, f := range metrics.Families() {
		if listed[f.Name] != "" {
			t.Errorf("%s is listed twice", f.Name)
		}
		listed[f.Name] = f.Kind
	}
	if !maps.Equal(kinds, listed) {
		for _, name := range slices.Sorted(maps.Keys(listed)) {
			if kinds[name] != listed[name] {
				t.Errorf("%s: listed as %s, told as %q", name, listed[name], kinds[name])
			}
		}
		for name := range kinds {
			if listed[name] == "" {
				t.Errorf("%s is told and not listed", name)
			}
		}
	}
}

// The names are as Prometheus's conventions have them.
func TestNamesAndLint(t *testing.T) {
	m := everything(&clock{start})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	problems, err := promlint.New(w.Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	name := regexp.MustCompile(`^skynet_[a-z][a-z0-9_]*[a-z0-9]$`)
	for _, f := range metrics.Families() {
		if !name.MatchString(f.Name) || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: %s", f.Name, f.Help)
		}
	}
}

// What caps, guards and the operator's orders are called in reasons.
func TestEveryGuardIsALabel(t *testing.T) {
	got := told(t, everything(&clock{start}))
	named := []interface{ Name() string }{
		policy.Blind{}, policy.Breaker{}, policy.Budget{}, policy.Freeze{}, policy.LaunchLimit{}, policy.Limits{}, policy.Quorum{}, policy.Release{}, policy.Billing{},
	}
	for _, g := range named {
		if _, ok := got["skynet_guard_softening{fleet=render,guard="+g.Name()+"}"]; !ok {
			t.Errorf("%s is not told of", g.Name())
		}
	}
}

func TestUnknownIsAbsent(t *testing.T) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	f := m.Fleet("render")
	r := full(start)
	for i := range r.Snapshot.Signals {
		s := &r.Snapshot.Signals[i]
		*s = signals.Missing(s.Name, s.At, "no answer")
	}
	f.Tick(r, terms, health.Look(r, terms, nil))
	got := told(t, m)
	absent(t, got, "skynet_queue_", "skynet_queues_", "skynet_cost_", "skynet_fleet_", "skynet_user_signal", "skynet_objective_within", "skynet_budget_used")
	expect(t, got, map[string]float64{"skynet_signal_unknown{fleet=render,signal=queues.photos.visible}": 1, "skynet_signal_unknown{fleet=render,signal=queue.visible}": 1})
}

func TestATickThatFailed(t *testing.T) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	f := m.Fleet("render")
	r := full(start)
	f.Tick(r, terms, health.Look(r, terms, nil))
	c.pass(time.Minute)
	failed := controller.Report{
		Snapshot: signals.Snapshot{Fleet: "render", Now: c.now}, Decision: policy.Decision{ID: "render-2", Failed: "no decision"}, Err: errors.New("no decision: the roster"),
	}
	f.Tick(failed, terms, health.Look(failed, terms, nil))
	got := told(t, m)
	expect(t, got, map[string]float64{
		"skynet_ticks_total{fleet=render,outcome=failed}":           1,
		"skynet_tick_last_success_timestamp_seconds{fleet=render}":  float64(start.Unix()),
		"skynet_tick_last_timestamp_seconds{fleet=render}":          float64(start.Add(time.Minute).Unix()),
		"skynet_deeds_total{deed=launch,fleet=render,outcome=done}": 1,
	})
	absent(t, got, "skynet_decision_", "skynet_workers", "skynet_paused", "skynet_breaker", "skynet_objective", "skynet_budget")
}

// A journal that cannot be written: there is a decision, and no deed.
func TestNoDeedIsCountedThatWasNotTried(t *testing.T) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	f := m.Fleet("render")
	r := full(start)
	r.Err, r.Deeds = errors.New("no deed, the journal cannot be written"), signals.Deeds{}
	f.Tick(r, terms, health.Look(r, terms, nil))
	expect(t, told(t, m), map[string]float64{
		"skynet_deeds_total{deed=launch,fleet=render,outcome=failed}": 0,
		"skynet_ticks_total{fleet=render,outcome=failed}":             1,
		"skynet_decision_want_instances{fleet=render}":                4,
	})
}

func TestADryRunPlans(t *testing.T) {
	c := &clock{start}
	o := c.options()
	o.Dry = true
	m := metrics.New(o)
	m.Act(true)
	r := full(start)
	r.Deeds = signals.Deeds{}
	m.Fleet("render").Tick(r, terms, health.Look(r, terms, nil))
	expect(t, told(t, m), map[string]float64{
		"skynet_dry_run": 1,
		"skynet_acting":  0,
		"skynet_deeds_total{deed=launch,fleet=render,outcome=planned}": 3,
		"skynet_deeds_total{deed=launch,fleet=render,outcome=failed}":  0,
	})
}

// Before the first tick nothing is known but that we began: the dead man's switch
// counts from there. When ticks stop, what they knew is told no more.
func TestBeforeTheFirstAndAfterTheLastTick(t *testing.T) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	f := m.Fleet("render")
	c.pass(30 * time.Second)
	got := told(t, m)
	expect(t, got, map[string]float64{"skynet_tick_last_success_timestamp_seconds{fleet=render}": float64(start.Unix())})
	absent(t, got, "skynet_decision_", "skynet_queue_", "skynet_tick_last_timestamp_seconds")
	r := full(c.now)
	f.Tick(r, terms, health.Look(r, terms, nil))
	c.pass(5 * time.Minute)
	expect(t, told(t, m), map[string]float64{"skynet_queue_visible_items{fleet=render}": 1})
	c.pass(time.Second)
	got = told(t, m)
	absent(t, got, "skynet_decision_", "skynet_queue_", "skynet_signal_unknown", "skynet_paused")
	expect(t, got, map[string]float64{"skynet_tick_last_success_timestamp_seconds{fleet=render}": float64(start.Add(30 * time.Second).Unix())})
}

// Who stands by says nothing of the fleets; when it acts again counters go on.
func TestATurnIsLostAndComesBack(t *testing.T) {
	c := &clock{start}
	m := everything(c)
	old := m.Fleet("render")
	r := full(c.now)
	old.Tick(r, terms, health.Look(r, terms, nil))
	m.Act(false)
	old.Tick(r, terms, health.Look(r, terms, nil)) // it was under way
	got := told(t, m)
	expect(t, got, map[string]float64{"skynet_acting": 0, "skynet_calls_total{operation=CreateFleet,result=ok,system=ec2}": 1})
	absent(t, got, "skynet_tick", "skynet_decision_", "skynet_queue_", "skynet_deeds")
	c.pass(time.Hour)
	m.Act(true)
	m.Fleet("render")
	got = told(t, m)
	expect(t, got, map[string]float64{
		"skynet_ticks_total{fleet=render,outcome=blind}":           2,
		"skynet_tick_last_success_timestamp_seconds{fleet=render}": float64(start.Add(time.Hour).Unix()),
	})
}

func TestCalls(t *testing.T) {
	m := metrics.New(metrics.Options{})
	m.Calls.Done("sqs", "ReceiveMessage", time.Second, nil)
	m.Calls.Done("sqs", "ReceiveMessage", time.Second, errors.New("no"))
	m.Calls.Done("sqs", "ReceiveMessage", time.Second, fmt.Errorf("asked: %w", context.DeadlineExceeded))
	for i := range 1000 {
		m.Calls.Done("bad", fmt.Sprint("operation", i), time.Second, nil)
	}
	got := told(t, m)
	expect(t, got, map[string]float64{
		"skynet_calls_total{operation=ReceiveMessage,result=ok,system=sqs}":      1,
		"skynet_calls_total{operation=ReceiveMessage,result=error,system=sqs}":   1,
		"skynet_calls_total{operation=ReceiveMessage,result=timeout,system=sqs}": 1,
		"skynet_call_duration_seconds{operation=ReceiveMessage,system=sqs}":      3,
		"skynet_calls_total{operation=other,result=ok,system=other}":             701,
	})
	if n := len(got); n > 302*5+60 {
		t.Errorf("%d series", n)
	}
}

// Workers may say what they like of their version.
func TestVersionsAreBounded(t *testing.T) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	said := map[string]int{"\xff\xfe": 1, strings.Repeat("é", 100): 1}
	for i := range 50 {
		said[fmt.Sprint("v", i)] = 2
	}
	r := full(start)
	m.Fleet("render").Tick(r, terms, health.Look(r, terms, said))
	n, sum := 0, 0.0
	for name, v := range told(t, m) {
		if strings.HasPrefix(name, "skynet_worker_version_instances") {
			n, sum = n+1, sum+v
		}
	}
	if n != 21 || sum != 102 {
		t.Errorf("%d series, %v workers", n, sum)
	}
}

// Two policies may have one name, a signal any: neither may cost the scrape.
func TestNamesThatMeet(t *testing.T) {
	c := &clock{start}
	m := metrics.New(c.options())
	m.Act(true)
	r := full(start)
	r.Decision.Wants = []policy.Want{{Policy: "schedule", Want: 1}, {Policy: "schedule", Want: 7}, {Policy: "schedule", Abstain: true}, {Policy: "\xff", Want: 1}}
	m.Fleet("render").Tick(r, terms, health.Look(r, terms, nil))
	expect(t, told(t, m), map[string]float64{"skynet_policy_want_instances{fleet=render,policy=schedule}": 7})
}
