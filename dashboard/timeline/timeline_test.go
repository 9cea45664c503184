package timeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/dashboard"
	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// past is a journal in memory that counts how often it is looked into.
type past struct {
	list  []journal.Record
	looks int
	fails error
}

func (p *past) Heads(_ context.Context, _ string, from, to time.Time, _ int) (list []journal.Record, err error) {
	for _, r := range p.list {
		if now := r.Snapshot.Now; !now.Before(from) && !now.After(to) {
			list = append(list, r)
		}
	}
	return list, p.fails
}

func (p *past) SeriesOf(_ context.Context, _ string, names []string, from, to time.Time, step time.Duration) (map[string][]journal.Point, error) {
	p.looks++
	all := map[string][]journal.Point{}
	for _, r := range p.list {
		if now := r.Snapshot.Now; now.Before(from) || !now.Before(to) {
			continue
		}
		at := from.Add(r.Snapshot.Now.Sub(from) / step * step)
		for _, s := range r.Snapshot.Signals {
			if s.Unknown != "" || !slices.Contains(names, s.Name) {
				continue
			}
			one := journal.Point{At: at, Mean: s.Value, Max: s.Value, Last: s.Value, Count: 1}
			if l := all[s.Name]; len(l) > 0 && l[len(l)-1].At.Equal(at) {
				l[len(l)-1] = joined(l[len(l)-1], one)
			} else {
				all[s.Name] = append(l, one)
			}
		}
	}
	return all, p.fails
}

// tick is a tick so many minutes after the start.
func tick(minute int, change func(*journal.Record)) journal.Record {
	now := start.Add(time.Duration(minute) * time.Minute).Add(time.Millisecond)
	r := journal.Record{
		Snapshot: signals.Snapshot{Fleet: "render", Now: now},
		Decision: policy.Decision{ID: fleet.DecisionID("render", now), Fleet: "render", Have: 1, Want: 2, Version: "a"},
	}
	if change != nil {
		change(&r)
	}
	return r
}

// knows has a tick know a number.
func knows(name string, v float64) func(*journal.Record) {
	return func(r *journal.Record) {
		r.Snapshot.Signals = append(r.Snapshot.Signals, signals.Known(name, v, r.Snapshot.Now, time.Minute))
	}
}

func render() *Timeline {
	return New(Fleet{Name: "render", Queues: []string{"photos"}, Interval: time.Minute, Minutes: 35 * 24 * time.Hour, Hours: 400 * 24 * time.Hour})
}

func span(from, to, points int) dashboard.Span {
	return dashboard.Span{From: start.Add(time.Duration(from) * time.Minute), To: start.Add(time.Duration(to) * time.Minute), Points: points}
}

func TestSteps(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		interval, span time.Duration
		points         int
		byHour         bool
		want           time.Duration
	}{
		{time.Minute, time.Hour, 600, false, time.Minute},
		{time.Minute, 6 * time.Hour, 600, false, time.Minute},
		{time.Minute, day, 600, false, 5 * time.Minute},
		{time.Minute, 7 * day, 600, false, 20 * time.Minute},
		{time.Minute, 35 * day, 600, false, 2 * time.Hour},
		{time.Minute, 35 * day, 1000, false, time.Hour},
		{time.Minute, 400 * day, 600, true, 24 * time.Hour},
		{time.Minute, day, 600, true, time.Hour},
		{10 * time.Second, time.Hour, 600, false, 10 * time.Second},
		{10 * time.Second, time.Hour, 100, false, time.Minute},
		{45 * time.Second, time.Hour, 600, false, time.Minute},
		{time.Hour, day, 600, false, time.Hour},
		{time.Second, time.Minute, 600, false, time.Second},
		{time.Minute, 100 * 365 * day, 1, false, 364 * day},
	} {
		if got := (Fleet{Interval: c.interval}).stepOf(c.span, c.points, c.byHour); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// However it is put together, a step shows the mean of what was known in it, and
// nothing where nothing was.
func TestStepsAreMeans(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, days := &past{}, rapid.IntRange(1, 4).Draw(rt, "days")
		sum, count := map[int64]float64{}, map[int64]int{}
		for minute := 0; minute < days*1440; minute += rapid.IntRange(1, 200).Draw(rt, "gap") {
			v := float64(rapid.IntRange(0, 1000).Draw(rt, "v"))
			r := tick(minute, knows("queue.visible", v))
			if rapid.Bool().Draw(rt, "unknown") {
				r.Snapshot.Signals[0] = signals.Missing("queue.visible", r.Snapshot.Now, "away")
			} else {
				sum[r.Snapshot.Now.Unix()] += v
				count[r.Snapshot.Now.Unix()]++
			}
			p.list = append(p.list, r)
		}
		line := render()
		now := start.Add(time.Duration(days)*24*time.Hour + time.Hour)
		for range 3 { // what is remembered says the same
			q := span(rapid.IntRange(0, 1000).Draw(rt, "from"), rapid.IntRange(1001, days*1440+60).Draw(rt, "to"), rapid.IntRange(2, 2000).Draw(rt, "points"))
			h, err := line.History(t.Context(), p, q, now)
			if err != nil {
				rt.Fatal(err)
			}
			if len(h.Time) > q.Points {
				rt.Fatalf("%d points, at most %d", len(h.Time), q.Points)
			}
			for i, at := range h.Time {
				total, n := 0.0, 0
				for s, c := range count {
					if s >= at && s < at+int64(h.Step) {
						total, n = total+sum[s], n+c
					}
				}
				got := h.Series["queue.visible"][i]
				if (got == nil) != (n == 0) || got != nil && math.Abs(*got-total/float64(n)) > 1e-6 {
					rt.Fatalf("step %d of %gs: got %v, want %g/%d", i, h.Step, got, total, n)
				}
			}
			if first := h.Time[0]; first > q.From.Unix() || float64(h.Time[len(h.Time)-1])+h.Step < float64(q.To.Unix()) {
				rt.Fatalf("%s to %s is not covered by %v", q.From, q.To, h.Time)
			}
		}
	})
}

// What is over is read once.
func TestWhatIsOverIsRemembered(t *testing.T) {
	p, line := &past{}, render()
	for minute := range 2 * 1440 {
		p.list = append(p.list, tick(minute, knows("queue.visible", 1)))
	}
	now := start.Add(48*time.Hour - 30*time.Minute)
	ask := func() int {
		p.looks = 0
		if _, err := line.History(t.Context(), p, span(0, 2880, 100), now); err != nil {
			t.Fatal(err)
		}
		return p.looks
	}
	if first, again := ask(), ask(); first != 8 || again != 1 {
		t.Errorf("looks %d times, then %d", first, again)
	}
	fresh := render()
	fresh.Warm(t.Context(), p, now, func(context.Context, time.Duration) {})
	line = fresh
	if n := ask(); n != 1 {
		t.Errorf("looks %d times when warm", n)
	}
	p.fails = errors.New("away")
	line.Warm(t.Context(), p, now.Add(24*time.Hour), func(context.Context, time.Duration) {}) // returns
	if _, err := line.History(t.Context(), p, span(0, 2880, 100), now); err == nil {
		t.Error("a journal that cannot be read is an empty one")
	}
	p.fails = nil
	if n := ask(); n != 1 {
		t.Errorf("looks %d times after a fault", n)
	}
}

func TestNames(t *testing.T) {
	p := &past{}
	for minute := range 10 {
		p.list = append(p.list, tick(minute, func(r *journal.Record) {
			for name, v := range map[string]float64{
				"fleet.running": 3, "fleet.pending": 2, "cost.per_hour": 0.5, "queue.arrival_rate": 0.1, "queue.oldest_age": float64(minute),
				"work.wait_p95": float64(minute), "queues.photos.wait_p95": 7, "queues.photos.arrival_rate": 0.2, "decision.want_raw": 9, "upload.cpu": 42,
			} {
				knows(name, v)(r)
			}
			if minute == 4 {
				r.Decision = policy.Decision{ID: r.Decision.ID, Fleet: "render", Failed: "no list"}
			}
		}))
	}
	q := span(0, 10, 600)
	q.Signals = []string{"upload.cpu", "never.known"}
	h, err := render().History(t.Context(), p, q, start.Add(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		"fleet.running": 3, "cost.hourly": 0.5, "queue.arrived_per_minute": 6, "queues.photos.arrived_per_minute": 12,
		"queue.oldest_age": 5, "work.wait_p95": 5, "queues.photos.wait_p95": 7, "want": 2, "have": 1, "upload.cpu": 42,
	} {
		if got := h.Series[name]; len(got) != 10 || got[5] == nil || *got[5] != want {
			t.Errorf("%s: %v, want %g", name, got, want)
		}
	}
	if want, have := h.Series["want"][4], h.Series["have"][4]; *want != 9 || *have != 5 {
		t.Errorf("a tick without a decision: %g of %g", *have, *want)
	}
	for _, name := range []string{"queue.visible", "never.known", "fleet.asleep"} {
		for _, v := range h.Series[name] {
			if v != nil {
				t.Errorf("%s is %g, and nobody knew it", name, *v)
			}
		}
	}
	if h.Step != 60 || h.Time[0] != start.Unix() || !h.To.Equal(start.Add(10*time.Minute)) {
		t.Errorf("%v %v %v", h.Step, h.Time[0], h.To)
	}
}

// Of many queues only those are told of that are asked for.
func TestManyQueues(t *testing.T) {
	p := &past{}
	for minute := range 10 {
		p.list = append(p.list, tick(minute, knows("queues.q7.visible", 7)))
	}
	f := Fleet{Name: "render", Interval: time.Minute, Minutes: time.Hour, Hours: time.Hour}
	for i := range mostQueues + 1 {
		f.Queues = append(f.Queues, fmt.Sprint("q", i))
	}
	q := span(0, 10, 600)
	for _, asked := range [][]string{nil, {"q7"}, {"q7", "other"}} {
		q.Queues = asked
		h, err := New(f).History(t.Context(), p, q, start.Add(10*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		_, others := h.Series["queues.q6.visible"]
		line, told := h.Series["queues.q7.visible"]
		if _, foreign := h.Series["queues.other.visible"]; others || foreign || told != (asked != nil) || told && *line[3] != 7 {
			t.Errorf("%v: %v %v %v", asked, others, foreign, line)
		}
	}
}

func TestNothingToTell(t *testing.T) {
	line := render()
	for _, q := range []dashboard.Span{span(100, 200, 10), span(-600*1440, -500*1440, 10)} {
		h, err := line.History(t.Context(), &past{}, q, start)
		if err != nil || len(h.Time) != 0 || h.Marks == nil || h.Series == nil {
			t.Errorf("%+v %v", h, err)
		}
	}
}

// said has a tick argue.
func said(by, text string) func(*journal.Record) {
	return func(r *journal.Record) {
		r.Decision.Wants = []policy.Want{{Policy: "slo"}}
		r.Decision.Reasons = []policy.Reason{{By: "slo", Said: "x"}, {By: by, Said: text}}
	}
}

func blind(r *journal.Record) {
	r.Decision.Blind = true
	r.Decision.Wants = []policy.Want{{Policy: "slo", Blind: true, Because: "no depth"}}
}

func version(v string) func(*journal.Record) {
	return func(r *journal.Record) { r.Decision.Version = v }
}

func TestMarks(t *testing.T) {
	failed := func(r *journal.Record) {
		r.Decision = policy.Decision{ID: r.Decision.ID, Fleet: "render", Failed: "503"}
	}
	floored := func(r *journal.Record) {
		r.Snapshot.Orders.Floor = &signals.Floor{Want: 3, Until: start.Add(time.Hour), By: "anna", Why: "sale"}
	}
	for _, c := range []struct {
		name string
		at   map[int]func(*journal.Record) // by minute, of an hour
		want []string                      // kind from-to text
	}{
		{"nothing", nil, nil},
		{"a pause", map[int]func(*journal.Record){10: said("freeze", "paused until noon"), 11: said("freeze", "paused until noon"), 12: said("freeze", "paused until noon")},
			[]string{"pause 10-12 paused until noon"}},
		{"two pauses", map[int]func(*journal.Record){10: said("freeze", "a"), 30: said("freeze", "b")}, []string{"pause 10-10 a", "pause 30-30 b"}},
		{"a floor", map[int]func(*journal.Record){20: floored}, []string{"floor 20-20 at least 3 until 2026-03-02T01:00:00Z, anna, sale"}},
		{"the budget and the breaker", map[int]func(*journal.Record){20: said("budget", "want 1"), 21: said("breaker", "launch none")}, []string{"budget 20-20 want 1", "breaker 21-21 launch none"}},
		{"a policy called budget", map[int]func(*journal.Record){20: func(r *journal.Record) {
			r.Decision.Wants, r.Decision.Reasons = []policy.Want{{Policy: "budget"}}, []policy.Reason{{By: "budget", Said: "x"}}
		}}, nil},
		{"blind", map[int]func(*journal.Record){5: blind, 6: blind}, []string{"blind 5-6 slo: no depth"}},
		{"failed", map[int]func(*journal.Record){5: failed}, []string{"failed 5-5 503"}},
		{"goes on", map[int]func(*journal.Record){58: blind, 59: blind}, []string{"blind 58- slo: no depth"}},
		{"another policy", map[int]func(*journal.Record){30: version("b"), 31: version("")}, []string{"policy 30- the policy file changed: its version b decides", "policy 32- the policy file changed: its version a decides"}},
	} {
		for _, points := range []int{600, 5} { // by the tick, and by remembered cells
			t.Run(fmt.Sprint(c.name, points), func(t *testing.T) {
				p := &past{}
				for minute := range 60 {
					p.list = append(p.list, tick(minute, c.at[minute]))
				}
				h, err := render().History(t.Context(), p, span(0, 60, points), start.Add(time.Hour))
				if err != nil {
					t.Fatal(err)
				}
				if points == 5 && len(c.want) > 1 {
					return // what is closer than a step is one
				}
				var got []string
				for _, m := range h.Marks {
					until := ""
					if m.Until != nil {
						until = fmt.Sprint(int(m.Until.Sub(start).Minutes()))
					}
					got = append(got, fmt.Sprintf("%s %d-%s %s", m.Kind, int(m.At.Sub(start).Minutes()), until, m.Text))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got  %q\nwant %q", got, c.want)
				}
			})
		}
	}
}

// However often something flaps, a picture has room for its marks.
func TestMarksAreBounded(t *testing.T) {
	p := &past{}
	for minute := range 3 * 1440 {
		change := blind
		if minute%9 > 0 {
			change = version(fmt.Sprint(minute % 2))
		}
		p.list = append(p.list, tick(minute, change))
	}
	h, err := render().History(t.Context(), p, span(0, 3*1440, 5000), start.Add(72*time.Hour))
	if err != nil || len(h.Marks) > 2*mostMarks || len(h.Marks) < 10 {
		t.Errorf("%d marks, %v", len(h.Marks), err)
	}
	if !slices.IsSortedFunc(h.Marks, func(a, b dashboard.Mark) int { return a.At.Compare(b.At) }) {
		t.Error("marks are not in order")
	}
}

// Weeks are put together of pieces, which must not show.
func TestPiecesDoNotShow(t *testing.T) {
	p := &past{}
	for minute := range 3 * 1440 {
		p.list = append(p.list, tick(minute, map[bool]func(*journal.Record){true: blind}[minute >= 300 && minute < 1500]))
	}
	h, err := render().History(t.Context(), p, span(0, 3*1440, 100), start.Add(72*time.Hour))
	if err != nil || len(h.Marks) != 1 || h.Marks[0].Until == nil || h.Marks[0].Until.Sub(h.Marks[0].At) != 1199*time.Minute {
		t.Errorf("%+v %v", h.Marks, err)
	}
}

// What was so before and after nobody looked was not so all the time.
func TestNobodyLooked(t *testing.T) {
	p := &past{list: []journal.Record{tick(9, nil), tick(10, blind), tick(40, blind), tick(41, nil)}}
	h, err := render().History(t.Context(), p, span(0, 60, 600), start.Add(time.Hour))
	if err != nil || len(h.Marks) != 2 {
		t.Errorf("%+v %v", h.Marks, err)
	}
}
