package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/policy/file"
	"skynet/signals"
	"skynet/simulate"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text   string
		key    string
		values []string
		wrong  string
	}{
		{"objective.wait=1m,2m,5m", "objective.wait", []string{"1m", "2m", "5m"}, ""},
		{" bounds.max = 5 , 6 ", "bounds.max", []string{"5", "6"}, ""},
		{"policies[0].per_worker=1", "policies[0].per_worker", []string{"1"}, ""},
		{"policies={type: slo},[{type: slo}, {a: [1,2]}]", "policies", []string{"{type: slo}", "[{type: slo}, {a: [1,2]}]"}, ""},
		{`policies[a].when="a, b",'c,d'`, "policies[a].when", []string{`"a, b"`, `'c,d'`}, ""},
		{"a=b=c", "a", []string{"b=c"}, ""},
		{"objective.wait", "", nil, "there is no ="},
		{"=1m", "", nil, "is no key"},
		{"a..b=1m", "", nil, "is no key"},
		{"a[=1", "", nil, "a bracket that is not closed"},
		{"a[1]b=1", "", nil, "something after a bracket"},
		{"a=", "", nil, "a value is missing"},
		{"a=1,,2", "", nil, "a value is missing"},
		{"a=1,2,1", "", nil, "1 is there twice"},
		{"a={b: 1", "", nil, "not closed"},
		{"a=b},1", "", nil, "closes nothing"},
		{"a=[1}", "", nil, "closes nothing"},
	} {
		a, err := Parse(c.text)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), "write it like") {
				t.Errorf("%s: %v, want %q", c.text, err, c.wrong)
			}
			continue
		}
		if err != nil || a.Key != c.key || !slices.Equal(a.Values, c.values) {
			t.Errorf("%s: %q %v", c.text, a, err)
		}
	}
}

func TestGrid(t *testing.T) {
	points, err := Grid([]Axis{{"a", []string{"1", "2"}}, {"b", []string{"x", "y"}}})
	if got := fmt.Sprint(points); err != nil || got != "[a=1 b=x a=1 b=y a=2 b=x a=2 b=y]" {
		t.Error(got, err)
	}
	var axes []Axis
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		axes = append(axes, Axis{key, []string{"1", "2"}})
	}
	points, err = Grid(axes)
	different := map[string]bool{}
	for _, p := range points {
		different[p.String()] = true
	}
	if err != nil || len(different) != 32 {
		t.Error(len(different), err)
	}
	many := Axis{"a", make([]string, 101)}
	if _, err := Grid([]Axis{many, {"b", many.Values}}); err == nil || !strings.Contains(err.Error(), "10000") {
		t.Error(err)
	}
	if _, err := Grid([]Axis{{"a", []string{"1"}}, {"a", []string{"2"}}}); err == nil {
		t.Error("swept twice")
	}
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name, policy, key, value string
		want, wrong              string
	}{
		{"replaces", "objective: {wait: 2m, quantile: 0.99}\n# a comment\nbounds: {max: 9}", "objective.wait", "5m", "objective:\n  wait: 5m\n  quantile: 0.99\nbounds:\n  max: 9\n", ""},
		{"adds a key", "bounds: {max: 9}", "bounds.min", "1", "bounds:\n  max: 9\n  min: 1\n", ""},
		{"makes blocks", "bounds: {max: 9}", "guards.release.after", "0s", "bounds:\n  max: 9\nguards:\n  release:\n    after: 0s\n", ""},
		{"makes a file", "", "bounds.max", "9", "bounds:\n  max: 9\n", ""},
		{"by number", "policies: [{type: slo}, {type: backlog, per_worker: 5}]", "policies[1].per_worker", "7", "policies:\n- type: slo\n- type: backlog\n  per_worker: 7\n", ""},
		{"by type", "policies: [{type: slo}, {type: backlog, per_worker: 5}]", "policies[backlog].per_worker", "7", "policies:\n- type: slo\n- type: backlog\n  per_worker: 7\n", ""},
		{"by name before type", "policies: [{type: slo}, {type: target, name: slo}]", "policies[slo].target", "7", "policies:\n- type: slo\n- type: target\n  name: slo\n  target: 7\n", ""},
		{"appends", "policies: [{type: slo}]", "policies[1]", "{type: backlog, per_worker: 7}", "policies:\n- type: slo\n- type: backlog\n  per_worker: 7\n", ""},
		{"the default policy", "bounds: {max: 9}", "policies[slo].name", "a", "bounds:\n  max: 9\npolicies:\n- type: slo\n  name: a\n", ""},
		{"keeps words", `policies: [{type: schedule, cron: "0 17 * * SUN", for: 6h, name: "7"}]`, "bounds.max", "3", "policies:\n- type: schedule\n  cron: 0 17 * * SUN\n  for: 6h\n  name: \"7\"\nbounds:\n  max: 3\n", ""},
		{"no such entry", "policies: [{type: slo}]", "policies[backlog].per_worker", "7", "", "there is no [backlog] in the list: it has slo"},
		{"no such number", "policies: [{type: slo}]", "policies[2].per_worker", "7", "", "there is no [2]: the list has 1"},
		{"no block", "bounds: 3", "bounds.max", "7", "", "max stands in what is no block"},
		{"no list", "bounds: {max: 3}", "bounds[0]", "7", "", "stands after what is no list"},
		{"no YAML", "a: [", "bounds.max", "7", "", "the policy file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Apply([]byte(c.policy), Point{{c.key, c.value}})
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%v, want %q", err, c.wrong)
				}
				return
			}
			if err != nil || string(got) != c.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, c.want)
			}
		})
	}
}

// What comes out is a policy file that says what was set, or is refused by name.
func TestApplyForReaders(t *testing.T) {
	policy := []byte("objective: {wait: 2m, queues: [{name: videos, wait: 30m}]}\nbounds: {max: 20}\nholidays: [2026-12-25]\nguards: {release: {per_tick: 20%}}\n")
	text, err := Apply(policy, Point{{"objective.wait", "45s"}, {"objective.queues[videos].wait", "1h"}, {"guards.release.after", "0s"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Parse("a", text, signals.Names{Queues: []string{"photos", "videos"}}); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	text, err = Apply(policy, Point{{"objective.wiat", "45s"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Parse("a", text, signals.Names{Open: true}); err == nil || !strings.Contains(err.Error(), "wiat") {
		t.Error(err)
	}
}

// The policy is not changed by what is applied to it.
func TestApplyLeavesThePolicy(t *testing.T) {
	policy := []byte("bounds: {max: 1}\npolicies: [{type: slo}]\n")
	before := string(policy)
	first, _ := Apply(policy, Point{{"policies[0].name", "a"}})
	if _, err := Apply(policy, Point{{"policies[0].name", "b"}}); err != nil || string(policy) != before || !strings.Contains(string(first), "name: a") {
		t.Error(err, string(policy), string(first))
	}
}

func outcome(cost, wait float64) Outcome {
	return Outcome{Result: simulate.Result{Figures: simulate.Figures{Cost: &cost, InstanceSeconds: int64(3600 * cost), WithinObjective: new(1.0), Wait: &simulate.Wait{P99: wait}}}}
}

func TestRunInOrder(t *testing.T) {
	points, _ := Grid([]Axis{{"a", strings.Split("0 1 2 3 4 5 6 7 8 9", " ")}})
	var now, peak, told atomic.Int64
	gate := make(chan struct{})
	got, err := Run(t.Context(), points, 3, func(_ context.Context, p Point) (simulate.Result, error) {
		peak.Store(max(peak.Load(), now.Add(1)))
		defer now.Add(-1)
		if p[0].Value == "0" {
			<-gate // the first ends last
		}
		if p[0].Value == "9" {
			close(gate)
		}
		return simulate.Result{Policy: p[0].Value}, nil
	}, func(done, of int) { told.Add(int64(done * of)) })
	if err != nil || len(got) != 10 || peak.Load() > 3 || told.Load() != 550 {
		t.Fatal(err, len(got), peak.Load(), told.Load())
	}
	for i, o := range got {
		if o.Result.Policy != fmt.Sprint(i) || o.Point.String() != fmt.Sprint("a=", i) {
			t.Errorf("%d: %+v", i, o)
		}
	}
}

func TestRunStops(t *testing.T) {
	points, _ := Grid([]Axis{{"a", strings.Split("0 1 2 3 4 5 6 7 8 9", " ")}})
	broken := errors.New("broken")
	_, err := Run(t.Context(), points, 2, func(ctx context.Context, p Point) (simulate.Result, error) {
		if p[0].Value == "1" {
			return simulate.Result{}, broken
		}
		<-ctx.Done() // until the other fails
		return simulate.Result{}, ctx.Err()
	}, nil)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "a=1") {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Run(ctx, points, 0, nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got, err := Run(t.Context(), nil, 0, nil, nil); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
}

// Nobody on the frontier is beaten, everybody else is, and they go from cheap to
// quick.
func TestFrontierLaws(t *testing.T) {
	beats := func(a, b Outcome) bool {
		x, y := *a.Result.Cost-*b.Result.Cost, a.Result.Wait.P99-b.Result.Wait.P99
		return x <= 0 && y <= 0 && (x < 0 || y < 0)
	}
	rapid.Check(t, func(t *rapid.T) {
		var all []Outcome
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			all = append(all, outcome(float64(rapid.IntRange(1, 9).Draw(t, "cost")), float64(rapid.IntRange(0, 9).Draw(t, "wait"))))
		}
		front := Frontier(all)
		for i, o := range all {
			beaten := slices.ContainsFunc(all, func(p Outcome) bool { return beats(p, o) })
			if beaten == slices.Contains(front, i) {
				t.Fatalf("%d is beaten: %v, on the frontier %v", i, beaten, front)
			}
		}
		for n := 1; n < len(front); n++ {
			if a, b := all[front[n-1]], all[front[n]]; paid(a, true) > paid(b, true) || waits(a) < waits(b) {
				t.Fatalf("%v is not in order", front)
			}
		}
	})
}

func TestFrontierWithoutPricesOrItems(t *testing.T) {
	all := []Outcome{outcome(2, 1), outcome(1, 1), outcome(1, 1)}
	for i := range all {
		all[i].Result.Cost = nil
	}
	all[2].Result.Wait = nil
	if got := Frontier(all); !slices.Equal(got, []int{1}) {
		t.Error(got)
	}
}

func points() []Outcome {
	all := []Outcome{outcome(4, 600), outcome(2, 100), outcome(6, 10), outcome(3, 40), outcome(5, 41)}
	for i := range all {
		all[i].Point = Point{{"objective.wait", (time.Duration(i+1) * time.Minute).String()}, {"bounds.max", "5"}}
	}
	return all
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, points()); err != nil {
		t.Fatal(err)
	}
	want := `   objective.wait  bounds.max  wait p99  within    cost  launches
   1m0s            5           10m0s     100.000%  4.00  0
a  2m0s            5           1m40s     100.000%  2.00  0
c  3m0s            5           10s       100.000%  6.00  0
b  4m0s            5           40s       100.000%  3.00  0
   5m0s            5           41s       100.000%  5.00  0
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}

func TestDraw(t *testing.T) {
	var b strings.Builder
	if err := Draw(&b, points(), 51, 12); err != nil {
		t.Fatal(err)
	}
	want := ` wait p99
    10m0s │                    ·
          │
          │
          │
    1m17s │a
          │          b                  ·
          │
          │
      10s │                                       c
          └────────────────────────────────────────
           2.00                           6.00 cost
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := Draw(&b, nil, 60, 10); err != nil || !strings.Contains(b.String(), "nothing") {
		t.Error(b.String(), err)
	}
	b.Reset()
	near := append(points(), outcome(2.001, 100)) // beaten, and where another stands
	if err := Draw(&b, near, 51, 12); err != nil || b.String() != want {
		t.Error(b.String(), err)
	}
	one := points()[:1]
	if err := Draw(&b, one, 0, 0); err != nil {
		t.Error(err)
	}
}

// Whatever is asked for is refused or set, without a panic.
func FuzzSweep(f *testing.F) {
	f.Add("objective.wait=1m,2m", "objective: {wait: 2m}\nbounds: {max: 3}")
	f.Add("policies[slo].a={b: [1,2]},'x,y'", "policies: [{type: slo}]")
	f.Add("a[0][1].b=1", "a: [[1, {b: 2}]]")
	f.Fuzz(func(t *testing.T, text, policy string) {
		a, err := Parse(text)
		if err != nil {
			return
		}
		grid, err := Grid([]Axis{a})
		if err != nil || len(grid) != len(a.Values) {
			t.Fatal(len(grid), err)
		}
		_, _ = Apply([]byte(policy), grid[0])
	})
}
