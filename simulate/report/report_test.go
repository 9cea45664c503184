package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

// folder is where the reports of the browser's test are written: make page-test.
var folder = flag.String("reports", "", "folder for the reports that a browser looks at")

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

const hostile = `</script><img src=x onerror="document.title='hurt'">`

// told is what a written report holds.
func told(t testing.TB, r Report) (html string, p payload) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<script id="payload"[^>]*>([^<]*)</script>`).FindStringSubmatch(b.String())
	if m == nil {
		t.Fatal("no data in the page")
	}
	raw, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`"(notes|runs|sweep|fleets|queues|decisions|reasons|promised|at)":null`).Find(plain); found != nil {
		t.Errorf("the page counts on a list: %s", found)
	}
	if err := json.Unmarshal(plain, &p); err != nil {
		t.Fatal(err)
	}
	return b.String(), p
}

// UnmarshalJSON reads null as NaN.
func (s *series) UnmarshalJSON(b []byte) error {
	var v []*float64
	if err := json.Unmarshal(b, &v); err != nil || v == nil {
		return err
	}
	*s = series{}
	for _, x := range v {
		if x == nil {
			x = new(math.NaN())
		}
		*s = append(*s, *x)
	}
	return nil
}

// recorded is so many minutes of a fleet with two queues that decides something
// every tenth.
func recorded(minutes int, name string, scale float64) *Recorder {
	r := NewRecorder()
	cost := 0.0
	for i := range minutes {
		level := scale * (2 + math.Sin(2*math.Pi*float64(i)/1440))
		n := int(10 * level)
		cost += .17 * float64(n) / 60
		d := policy.Decision{ID: fmt.Sprint(i), Fleet: name, Have: n, Want: 7}
		if i%10 == 0 {
			d.Launch, d.Want = 1+i%70/10, n+1
			d = d.Because("slo", "%d items × 4 s, 4 slots each: all start within 2m with %d", i, d.Want)
		}
		f := simulate.Flow{Arrived: int64(100 * level), Started: 100, Late: int64(i % 100), Waiting: i % 500, Oldest: float64(i % 300), WaitP95: new(float64(i%200) + .123456)}
		r.Moment(simulate.Moment{
			At: monday.Add(time.Duration(i) * time.Minute), Fleet: name, Flow: f, Seconds: int64(cost / .17 * 3600), Cost: new(cost), Decision: d,
			Queues:  []simulate.QueueFlow{{Queue: "photos", Promised: 2 * time.Minute, Flow: f}, {Queue: "videos", Promised: 30 * time.Minute}},
			Workers: [simulate.States]int{fleet.Working: n, fleet.Starting: 1, fleet.Draining: i % 2},
		})
	}
	return r
}

func sample(minutes int) Report {
	end := monday.Add(time.Duration(minutes-1) * time.Minute)
	run := func(name string, scale float64) Run {
		return Run{Result: simulate.Result{Policy: name, WallSeconds: scale, Figures: simulate.Figures{Items: 1, Cost: new(scale)}}, Moments: recorded(minutes, "render", scale)}
	}
	return Report{
		Scenario: "sample", Seed: 3, Runs: []Run{run("a.policy.yaml", 1), run(hostile, 1.5)},
		Curves: []Curve{{Name: "clairvoyant", At: []time.Time{monday, end}, Instances: []float64{8, 9}, Seconds: []float64{0, 7200}, Cost: []float64{0, 3}}},
		Sweep:  []SweepPoint{{Label: hostile, Cost: 1, Wait: 2, Within: .5, Frontier: true}, {Label: "nothing", Cost: math.NaN(), Wait: math.Inf(1)}},
	}
}

func TestSameReportSameBytes(t *testing.T) {
	one, _ := told(t, sample(500))
	r := sample(500)
	r.Runs[0].Result.WallSeconds = 77 // how long it took is no part of it
	two, _ := told(t, r)
	if one != two {
		t.Error("the same report gives other bytes")
	}
}

// TestNothingFromOutside holds the file to what it promises: one file, that asks
// nobody for anything.
func TestNothingFromOutside(t *testing.T) {
	html, _ := told(t, sample(100))
	if found := regexp.MustCompile(`(?i)https?:|\bsrc=|\bhref=|url\(|@import|fetch\(|XMLHttpRequest|WebSocket|sendBeacon`).FindString(html); found != "" {
		t.Errorf("the page holds %q", found)
	}
	if !strings.Contains(html, `content="default-src 'none'; script-src 'sha256-`) || strings.Contains(html, "unsafe") {
		t.Error("the page's Content-Security-Policy allows more than its own script and style")
	}
	if !strings.Contains(html, "Copyright (c) 2022 Leon Sorokin") {
		t.Error("uPlot's licence is not in the page")
	}
}

// TestNamesStayText writes names and reasons that want to be markup.
func TestNamesStayText(t *testing.T) {
	r := sample(10)
	r.Scenario, r.Notes = hostile, []string{hostile}
	r.Runs[0].Moments.Moment(simulate.Moment{At: monday.Add(time.Hour), Fleet: hostile,
		Decision: policy.Decision{ID: "x", Launch: 1}.Because(hostile, "%s\x00\xff", hostile)})
	html, p := told(t, r)
	if strings.Contains(html, "onerror") || strings.Count(html, "</script>") != 2 {
		t.Error("text of a file became markup")
	}
	said := p.Runs[0].Fleets[1].Decisions[0].Reasons[0]
	if p.Scenario != hostile || p.Runs[1].Name != hostile || p.Sweep[0].Label != hostile || said[0] != hostile || said[1] != hostile+"\x00\ufffd" {
		t.Errorf("names are not as they were: %q %q %q %q", p.Scenario, p.Runs[1].Name, p.Sweep[0].Label, said)
	}
}

// TestLongRunsStaySmall records four weeks of minutes for four policies.
func TestLongRunsStaySmall(t *testing.T) {
	const minutes = 28 * 1440
	r := sample(1)
	r.Runs = nil
	for i := range 4 {
		r.Runs = append(r.Runs, Run{Result: simulate.Result{Policy: fmt.Sprint(i)}, Moments: recorded(minutes, "render", 1+float64(i)/10)})
	}
	html, p := told(t, r)
	if len(html) > 3<<20 {
		t.Errorf("%d bytes for four weeks of four policies", len(html))
	}
	for _, run := range p.Runs {
		f := run.Fleets[0]
		if n := len(f.At); n > mostPoints || n < mostPoints/3 {
			t.Errorf("%d points", n)
		}
		if n := len(f.Decisions); n > mostDecisions || n < mostDecisions/3 {
			t.Errorf("%d decisions", n)
		}
		if want := int64(minutes / 10 * 2); f.Changed != want || f.Ticks != minutes {
			t.Errorf("%d changed something of %d ticks, want %d of %d", f.Changed, f.Ticks, want, minutes)
		}
	}
	t.Logf("%d bytes", len(html))
}

// TestManyRunsShareTheFile has no more points in all, however many runs.
func TestManyRunsShareTheFile(t *testing.T) {
	r := sample(1)
	r.Runs = nil
	one := recorded(3000, "render", 1)
	for i := range 60 {
		r.Runs = append(r.Runs, Run{Result: simulate.Result{Policy: fmt.Sprint(i)}, Moments: one})
	}
	_, p := told(t, r)
	points, decisions := 0, 0
	for _, run := range p.Runs {
		points += len(run.Fleets[0].At)
		decisions += len(run.Fleets[0].Decisions)
	}
	if points > allPoints || decisions > allDecisions || points < allPoints/4 || decisions < allDecisions/4 {
		t.Errorf("%d points, %d decisions", points, decisions)
	}
	if len(one.fleets[0].points) != 3000 {
		t.Error("what was recorded was thinned with what was written")
	}
}

// TestPointsKeepWhatMatters compares points that stand for many moments with the
// moments themselves.
func TestPointsKeepWhatMatters(t *testing.T) {
	const minutes = 3*mostPoints + 17
	tr := recorded(minutes, "render", 1).fleets[0]
	if tr.span < 4 {
		t.Fatalf("%d moments to a point", tr.span)
	}
	var arrived, started, late, moments int64
	waiting, longest, oldest, p95 := 0, 0, 0.0, 0.0
	for i, p := range tr.points {
		f := p.flows[0]
		moments += int64(p.moments)
		arrived, started, late, waiting = arrived+f.arrived, started+f.started, late+f.late, waiting+f.waiting
		longest, oldest, p95 = max(longest, f.most), max(oldest, f.oldest), max(p95, f.p95)
		if i > 0 && !p.from.Equal(tr.points[i-1].until) {
			t.Fatalf("point %d begins at %s, the one before ends at %s", i, p.from, tr.points[i-1].until)
		}
	}
	var want flow
	for i := range minutes {
		want.arrived += int64(100 * (2 + math.Sin(2*math.Pi*float64(i)/1440)))
		want.late += int64(i % 100)
		want.waiting += i % 500
	}
	if moments != minutes || started != 100*minutes || arrived != want.arrived || late != want.late || waiting != want.waiting {
		t.Errorf("%d moments: arrived %d, started %d, late %d, waiting %d; want %d: %+v", moments, arrived, started, late, waiting, minutes, want)
	}
	if longest != 499 || oldest != 299 || p95 != 199.123456 {
		t.Errorf("the highest are gone: %d, %g, %g", longest, oldest, p95)
	}
}

// TestBillIsComparable puts runs and the clairvoyant at common moments.
func TestBillIsComparable(t *testing.T) {
	r := sample(1441)
	_, p := told(t, r)
	b := p.Bill
	if !b.Money || len(b.At) != billPoints+1 || len(b.Runs) != 2 || len(b.Ideals) != 1 || b.Totals[0] != 3 {
		t.Fatalf("bill: money %v, %d moments, %d runs, totals %v", b.Money, len(b.At), len(b.Runs), b.Totals)
	}
	last := r.Runs[0].Moments.fleets[0].points
	if got, want := b.Runs[0][billPoints], last[len(last)-1].cost; math.Abs(got/want-1) > 1e-4 {
		t.Errorf("ends at %g, want %g", got, want)
	}
	for i := range b.Runs[0] {
		if i > 0 && (b.Runs[0][i] < b.Runs[0][i-1] || b.Runs[1][i] < b.Runs[0][i]-1e-9) {
			t.Fatalf("moment %d: %g after %g, beside %g", i, b.Runs[0][i], b.Runs[0][i-1], b.Runs[1][i])
		}
	}
	if half := b.Ideals[0][billPoints/2]; math.Abs(half-1.5) > 1e-3 {
		t.Errorf("the clairvoyant's half is %g", half)
	}
	r.Curves[0].Cost = nil
	if _, p := told(t, r); p.Bill.Money || p.Bill.Totals[0] != 2 {
		t.Errorf("without all prices: money %v, clairvoyant %v hours", p.Bill.Money, p.Bill.Totals)
	}
}

func TestIdeal(t *testing.T) {
	r := Report{Curves: []Curve{{Name: "2m"}, {Name: "5m"}}}
	for name, want := range map[string]int{"": 0, "2m": 0, "5m": 1, "9m": -1} {
		if got := r.ideal(Run{Ideal: name}); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
	if got := (Report{}).ideal(Run{}); got != -1 {
		t.Errorf("without curves: %d", got)
	}
}

// TestWeek has one item a minute arrive, over the hours of eight days.
func TestWeek(t *testing.T) {
	var w week
	at := monday.Add(90 * time.Minute)
	for range 6 * 24 {
		w.note(at, at.Add(time.Hour), 60)
		at = at.Add(time.Hour)
	}
	if w.shape() != nil {
		t.Error("six days are a week")
	}
	for range 24 * 6 {
		w.note(at, at.Add(20*time.Minute), 20)
		at = at.Add(20 * time.Minute)
	}
	for i, v := range w.shape() {
		if math.Abs(v-60) > 1e-9 {
			t.Errorf("hour %d: %g", i, v)
		}
	}
	w.note(at, at, 5) // no time: nothing
}

// TestThinning keeps the largest of each stretch, in order.
func TestThinning(t *testing.T) {
	k := kept{span: 1}
	for i := range 3 * mostDecisions {
		n := 1
		if i%100 == 0 {
			n = 50
		}
		k.note(monday.Add(time.Duration(i)*time.Minute), policy.Decision{ID: "x", Launch: n})
	}
	if len(k.list) > mostDecisions || k.changed != 3*mostDecisions {
		t.Fatalf("%d kept of %d", len(k.list), k.changed)
	}
	large := 0
	for i, d := range k.list {
		if d.Launch == 50 {
			large++
		}
		if i > 0 && !d.at.After(k.list[i-1].at) {
			t.Fatal("out of order")
		}
	}
	if large != 3*mostDecisions/100 {
		t.Errorf("%d large ones are kept", large)
	}
}

func TestChanges(t *testing.T) {
	hold := policy.Decision{ID: "1", Have: 3, Want: 3}
	blind, failed, more := hold, hold, hold
	blind.Blind, failed.Failed, more.Want = true, "no list", 4
	var k kept
	k.span = 1
	for i, d := range []policy.Decision{hold, hold, blind, blind, hold, failed, failed, hold, more, more, {ID: "2", Want: 4, Drain: []fleet.ID{"i"}}} {
		k.note(monday.Add(time.Duration(i)*time.Minute), d)
	}
	if k.changed != 7 || k.ticks != 11 {
		t.Errorf("%d of %d changed something, want 7 of 11", k.changed, k.ticks)
	}
}

// TestEmptyReports are written all the same.
func TestEmptyReports(t *testing.T) {
	for name, r := range map[string]Report{
		"nothing":       {},
		"figures alone": {Runs: []Run{{Result: simulate.Result{Policy: "a"}}}},
		"no moment":     {Runs: []Run{{Moments: NewRecorder()}}, Curves: []Curve{{Name: "c", At: []time.Time{monday}}}},
		"one moment":    {Runs: []Run{{Moments: recorded(1, "f", 1)}}},
		"odd curve":     {Runs: []Run{{Moments: recorded(9, "f", 1)}}, Curves: []Curve{{Name: "c", At: []time.Time{monday}, Instances: []float64{1, 2}, Cost: []float64{math.NaN(), 1}}}},
	} {
		t.Run(name, func(t *testing.T) { told(t, r) })
	}
}

func TestSeries(t *testing.T) {
	b, err := json.Marshal(series{1, -2, 1.0 / 3, 123456.789, 1e-9, math.NaN(), math.Inf(1), 1e20})
	if want := "[1,-2,0.33333,1.2346e+05,1e-09,null,null,1e+20]"; err != nil || string(b) != want {
		t.Errorf("%s %v, want %s", b, err, want)
	}
}

// TestExampleReports plays the example of a week with two policies, and writes
// it for a browser where a folder is named.
func TestExampleReports(t *testing.T) {
	if testing.Short() {
		t.Skip("plays a week")
	}
	const examples = "../../config/examples/"
	sc, err := scenario.Load(examples + "week.scenario.yaml")
	if err != nil {
		t.Fatal(err)
	}
	least := 1000
	if *folder == "" {
		sc.End, least = 30*time.Hour, 500 // the whole week is for eyes
	}
	r := Report{Scenario: sc.Name, Seed: uint64(sc.Seed), Start: sc.Start.Time}
	text, err := os.ReadFile(examples + "render.policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	hasty := "objective: {wait: 2m}\nbounds: {min: 2, max: 20}\npolicies: [{type: backlog, per_worker: 20}]\n"
	r.Runs = append(r.Runs, play(t, &sc, "config/examples/render.policy.yaml", string(text)), play(t, &sc, "backlog.policy.yaml", hasty))
	r.Runs[1].Peer = true
	r.Curves = []Curve{guess(r.Runs[0].Moments)}
	html, p := told(t, r)
	for _, run := range p.Runs {
		f := run.Fleets[0]
		if len(f.At) < least || len(f.Decisions) < least/50 || len(f.Queues) != 4 || (f.Week == nil) == (*folder != "") || len(f.Decisions[0].Reasons) == 0 {
			t.Errorf("%s: %d points, %d decisions, %d queues", run.Name, len(f.At), len(f.Decisions), len(f.Queues))
		}
	}
	t.Logf("%d bytes", len(html))
	write(t, "week.html", r)
	write(t, "missed.html", missedReport())
	write(t, "hostile.html", hostileReport())
	write(t, "bare.html", Report{Scenario: "bare", Runs: []Run{{Result: r.Runs[0].Result}}})
}

// missedReport has the cheapest run miss what it promised, by a little.
func missedReport() Report {
	r := Report{Scenario: "missed"}
	for i, within := range []float64{1, .99996, .5} {
		cost := float64(3 - i)
		r.Runs = append(r.Runs, Run{Missed: within < .99, Result: simulate.Result{Policy: string(rune('a' + i)), Figures: simulate.Figures{WithinObjective: &within, Cost: &cost}}})
	}
	return r
}

func play(t *testing.T, sc *scenario.Scenario, name, text string) Run {
	t.Helper()
	p, err := file.Parse(name, []byte(text), signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	objective := policy.Objective{Wait: 2 * time.Minute, Quantile: .99, Queues: map[string]time.Duration{"videos": 30 * time.Minute}}
	rec := NewRecorder()
	res, err := simulate.Run(t.Context(), sc, simulate.Policy{Name: name, Decider: p.Engine, Signals: p.Signals, Silent: p.Silent, Objective: objective},
		simulate.Options{Moments: rec.Moment})
	if err != nil {
		t.Fatal(err)
	}
	return Run{Result: res, Moments: rec}
}

// guess stands in for a clairvoyant's schedule.
func guess(r *Recorder) Curve {
	c := Curve{Name: "clairvoyant"}
	for _, p := range r.fleets[0].points {
		c.At = append(c.At, p.until)
		c.Instances = append(c.Instances, math.Ceil(.7*float64(p.workers[working])/float64(p.moments)))
		c.Seconds = append(c.Seconds, .7*float64(p.seconds))
		c.Cost = append(c.Cost, .7*p.cost)
	}
	return c
}

// hostileReport has names that want to be markup, two fleets, a sweep, two weeks.
func hostileReport() Report {
	r := sample(14 * 1440)
	r.Scenario, r.Notes = hostile, []string{hostile}
	for i := range r.Runs {
		other := recorded(14*1440, hostile, .3)
		r.Runs[i].Moments.fleets = append(r.Runs[i].Moments.fleets, other.fleets...)
	}
	r.Sweep = nil
	for i := range 24 {
		cost, wait := 10+float64(i%6)*3, 300/float64(1+i%6)+20*float64(i/6)
		r.Sweep = append(r.Sweep, SweepPoint{Label: fmt.Sprintf("objective.wait=%dm", i), Cost: cost + float64(i/6), Wait: wait, Within: 1 - wait/1000, Frontier: i < 6})
	}
	return r
}

func write(t *testing.T, name string, r Report) {
	t.Helper()
	if *folder == "" {
		return
	}
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*folder, name), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A schedule that boots and drops is drawn as what there was of it on the mean, as
// the machines are.
func TestScheduleMeans(t *testing.T) {
	at := func(minutes ...int) (list []time.Time) {
		for _, m := range minutes {
			list = append(list, monday.Add(time.Duration(m)*time.Minute))
		}
		return list
	}
	l := line{at: at(0, 1, 3), v: []float64{4, 0, 2}}
	for _, c := range []struct {
		from, until int
		want        float64
	}{{0, 1, 4}, {0, 2, 2}, {0, 4, 1.5}, {1, 3, 0}, {2, 10, 1.75}, {20, 30, 2}, {-5, 1, 4}, {-5, 0, 4}, {3, 3, 2}, {-5, -1, math.NaN()}} {
		ends := at(c.from, c.until)
		if got := l.mean(ends[0], ends[1]); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("from %d to %d: %g instead of %g", c.from, c.until, got, c.want)
		}
	}
}
