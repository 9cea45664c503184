package report

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"skynet/simulate"
)

// payload is the page's data; page/data.ts has the same shape. Times are seconds
// since start.
type payload struct {
	Scenario string   `json:"scenario"`
	Seed     uint64   `json:"seed"`
	Start    int64    `json:"start"` // Unix
	Notes    []string `json:"notes"`
	Runs     []onRun  `json:"runs"`
	Bill     *bill    `json:"bill"` // null: nothing over time
	Sweep    []swept  `json:"sweep"`
}

type onRun struct {
	Name   string          `json:"name"`
	Peer   bool            `json:"peer"`
	Missed bool            `json:"missed"`
	Ideal  int             `json:"ideal"` // which of the bill's ideals; -1: none
	Result simulate.Result `json:"result"`
	Fleets []onFleet       `json:"fleets"` // none: nothing over time
}

type onFleet struct {
	Name      string       `json:"name"`
	Every     int          `json:"every"` // ticks to a point
	At        []int64      `json:"at"`
	Working   series       `json:"working"` // means
	Coming    series       `json:"coming"`
	Going     series       `json:"going"`
	Resting   series       `json:"resting"`
	Most      series       `json:"most"`  // billed at once
	Ideal     series       `json:"ideal"` // the clairvoyant's instances; null where that cannot be told
	Queues    []onQueue    `json:"queues"`
	Decisions []onDecision `json:"decisions"`
	Changed   int64        `json:"changed"` // decisions that changed something, those left out among them
	Ticks     int64        `json:"ticks"`
	Week      series       `json:"week"` // items an hour, by hour of the week; null: too short a run
}

type onQueue struct {
	Name     string `json:"name"`     // "": all of the fleet's
	Promised series `json:"promised"` // s
	Arrived  series `json:"arrived"`  // a minute
	Waiting  series `json:"waiting"`  // mean
	Most     series `json:"most"`     // highest
	Oldest   series `json:"oldest"`   // highest, s
	P95      series `json:"p95"`      // highest, s
	Late     series `json:"late"`     // share of those that started; null: none did
}

type onDecision struct {
	At        int64       `json:"at"`
	Action    string      `json:"action"`
	Have      int         `json:"have"`
	Want      int         `json:"want"`
	Blind     bool        `json:"blind,omitempty"`
	Failed    string      `json:"failed,omitempty"`
	Launch    int         `json:"launch,omitempty"`
	Wake      int         `json:"wake,omitempty"`
	Recall    int         `json:"recall,omitempty"`
	Drain     int         `json:"drain,omitempty"`
	Sleep     int         `json:"sleep,omitempty"`
	Terminate int         `json:"terminate,omitempty"`
	Reasons   [][2]string `json:"reasons"`
}

type swept struct {
	Label    string `json:"label"`
	Values   series `json:"values"` // cost, wait, within
	Frontier bool   `json:"frontier"`
}

// series is numbers of which NaN and infinity are null.
type series []float64

// MarshalJSON writes five digits of each, and whole numbers whole.
func (s series) MarshalJSON() ([]byte, error) {
	if s == nil {
		return []byte("null"), nil
	}
	b := []byte{'['}
	for i, v := range s {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			b = append(b, "null"...)
		case v == math.Trunc(v) && math.Abs(v) < 1e15:
			b = strconv.AppendInt(b, int64(v), 10)
		default:
			b = strconv.AppendFloat(b, v, 'g', 5, 64)
		}
	}
	return append(b, ']'), nil
}

var _ json.Marshaler = series(nil)

// In one file there are no more than so many points and decisions, however many
// policies and fleets.
const (
	allPoints    = 40_000
	allDecisions = 6000
)

func payloadOf(r Report) payload {
	start := r.start()
	p := payload{
		Scenario: r.Scenario, Seed: r.Seed, Start: start.Unix(), Notes: append([]string{}, r.Notes...),
		Runs: []onRun{}, Sweep: []swept{}, Bill: billOf(r, start),
	}
	for _, run := range r.Runs {
		p.Runs = append(p.Runs, r.run(run, start))
	}
	for _, s := range r.Sweep {
		p.Sweep = append(p.Sweep, swept{s.Label, series{s.Cost, s.Wait, s.Within}, s.Frontier})
	}
	return p
}

// start is the first of all moments, where none is given.
func (r Report) start() time.Time {
	start := r.Start
	for _, run := range r.Runs {
		for _, t := range run.tracks() {
			if start.IsZero() || t.begun.Before(start) {
				start = t.begun
			}
		}
	}
	return start
}

func (r Run) tracks() []*track {
	if r.Moments == nil {
		return nil
	}
	return r.Moments.fleets
}

// tracks counts fleets over all runs.
func (r Report) tracks() (n int) {
	for _, run := range r.Runs {
		n += len(run.tracks())
	}
	return n
}

func (r Report) run(run Run, start time.Time) onRun {
	one := onRun{Name: cmp.Or(run.Name, run.Result.Policy), Peer: run.Peer, Missed: run.Missed, Ideal: r.ideal(run), Result: run.Result, Fleets: []onFleet{}}
	one.Result.WallSeconds = 0 // it differs from run to run
	for _, t := range run.tracks() {
		t = t.fit(r.tracks())
		f := t.shown(start)
		if one.Ideal >= 0 && len(run.tracks()) == 1 {
			f.Ideal = r.Curves[one.Ideal].instances(t)
		}
		one.Fleets = append(one.Fleets, f)
	}
	return one
}

// ideal is the place of the curve that a run is compared with; -1 if there is
// none.
func (r Report) ideal(run Run) int {
	if len(r.Curves) == 0 || run.Ideal == "" {
		return len(r.Curves[:min(1, len(r.Curves))]) - 1
	}
	return slices.IndexFunc(r.Curves, func(c Curve) bool { return c.Name == run.Ideal })
}

// fit is a copy with no more points and decisions than its share of the file.
func (t *track) fit(tracks int) *track {
	c := *t
	c.points = make([]point, len(t.points))
	for i, p := range t.points {
		p.flows = slices.Clone(p.flows)
		c.points[i] = p
	}
	for len(c.points)*tracks > allPoints && len(c.points) > 2 {
		c.halve()
	}
	c.kept.list = slices.Clone(t.kept.list)
	for len(c.kept.list)*tracks > allDecisions && len(c.kept.list) > 1 {
		c.kept.thin()
	}
	return &c
}

func (t *track) shown(start time.Time) onFleet {
	f := onFleet{Name: t.name, Every: t.span, Changed: t.kept.changed, Ticks: t.kept.ticks, Decisions: []onDecision{}, Week: t.week.shape()}
	for _, p := range t.points {
		n := float64(p.moments)
		f.At = append(f.At, int64(p.until.Sub(start)/time.Second))
		f.Working = append(f.Working, float64(p.workers[working])/n)
		f.Coming = append(f.Coming, float64(p.workers[coming])/n)
		f.Going = append(f.Going, float64(p.workers[going])/n)
		f.Resting = append(f.Resting, float64(p.workers[resting])/n)
		f.Most = append(f.Most, float64(p.most))
	}
	for i := range t.points[0].flows {
		f.Queues = append(f.Queues, t.queue(i))
	}
	for _, d := range t.kept.list {
		f.Decisions = append(f.Decisions, d.shown(start))
	}
	return f
}

// queue is one queue over time; 0: all together.
func (t *track) queue(i int) onQueue {
	q := onQueue{Promised: series{}}
	if i > 0 {
		q.Name = t.queues[i-1].Queue
	}
	for j, known := range t.queues {
		if s := known.Promised.Seconds(); s > 0 && (i == 0 || i == j+1) && !slices.Contains(q.Promised, s) {
			q.Promised = append(q.Promised, s)
		}
	}
	slices.Sort(q.Promised)
	for _, p := range t.points {
		f := p.flows[i]
		q.Arrived = append(q.Arrived, float64(f.arrived)/p.until.Sub(p.from).Minutes())
		q.Waiting = append(q.Waiting, float64(f.waiting)/float64(p.moments))
		q.Most = append(q.Most, float64(f.most))
		q.Oldest = append(q.Oldest, f.oldest)
		q.P95 = append(q.P95, f.p95)
		q.Late = append(q.Late, float64(f.late)/float64(f.started))
	}
	return q
}

func (d decision) shown(start time.Time) onDecision {
	o := onDecision{
		At: int64(d.at.Sub(start) / time.Second), Action: d.Action(), Have: d.Have, Want: d.Want, Blind: d.Blind, Failed: clip(d.Failed),
		Launch: d.Launch, Wake: len(d.Wake), Recall: len(d.Recall), Drain: len(d.Drain), Sleep: len(d.Sleep), Terminate: len(d.Terminate),
		Reasons: [][2]string{},
	}
	for _, r := range d.Reasons[:min(len(d.Reasons), mostReasons)] {
		o.Reasons = append(o.Reasons, [2]string{clip(r.By), clip(r.Said)})
	}
	if n := len(d.Reasons) - mostReasons; n > 0 {
		o.Reasons = append(o.Reasons, [2]string{"…", strconv.Itoa(n) + " more reasons are left out"})
	}
	return o
}

func clip(s string) string {
	if r := []rune(s); len(r) > mostRunes {
		return string(r[:mostRunes-1]) + "…"
	}
	return s
}

// shape is items an hour for each hour of the week, where every one was seen.
func (w *week) shape() series {
	s := make(series, len(w.items))
	for i, hours := range w.hours {
		if hours == 0 {
			return nil
		}
		s[i] = w.items[i] / hours
	}
	return s
}
