package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"skynet/signals/forecast"
)

// foreseen is what is printed: the forecasts of a fleet at one time.
type foreseen struct {
	Fleet       string       `json:"fleet"`
	At          time.Time    `json:"at"`
	Timezone    string       `json:"timezone"`
	Hours       int          `json:"hours"`
	StepMinutes int          `json:"step_minutes"`
	Queues      []queueAhead `json:"queues"`

	names []string // of the fleet's queues
}

// queueAhead is one queue's forecast.
type queueAhead struct {
	Queue   *string  `json:"queue"`   // null: all queues of the fleet together
	Unknown string   `json:"unknown"` // why there is no forecast, "" if there is one
	Note    string   `json:"note"`    // what it rests on, where that is little
	History *learned `json:"history"` // null: nothing has been seen
	Within  []within `json:"within"`
	Coming  []band   `json:"coming"`
	Shape   string   `json:"shape"`  // what is beyond an hour rests on: that of the week, of the day, or "": the last hour goes on
	Recent  []recent `json:"recent"` // forecasts for a quarter of an hour of the last two days
}

// learned is the history that a forecast rests on.
type learned struct {
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	Days        float64   `json:"days"`
	UnknownDays float64   `json:"unknown_days"` // of these
	Gaps        []gap     `json:"gaps"`         // the longest, of an hour at least, by time
}

type gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// band is what is expected in a stretch of time.
type band struct {
	From    time.Time `json:"from"`
	Minutes int       `json:"minutes"`
	P50     float64   `json:"items_p50"`
	P90     float64   `json:"items_p90"`
	P99     float64   `json:"items_p99"`
}

// within is the forecast of a horizon, and how far it can be trusted.
type within struct {
	band
	OverLastWeek  *float64 `json:"error_over_last_week"` // null: there is nothing to compare with yet
	OverLastValue *float64 `json:"error_over_last_value"`
	Models        []weight `json:"models"` // the heaviest first
}

// weight is how much a model counts.
type weight struct {
	Model string  `json:"model"`
	P50   float64 `json:"weight_p50"` // share
	P90   float64 `json:"weight_p90"`
	P99   float64 `json:"weight_p99"`
}

// recent is a forecast whose time has passed.
type recent struct {
	band
	Came   float64 `json:"items_came"`
	Beyond string  `json:"beyond"` // "p90" or "p99" if more came, else ""
}

func (f foreseen) encode(to io.Writer) error {
	enc := json.NewEncoder(to)
	enc.SetIndent("", "  ")
	return enc.Encode(f)
}

// look has forecasts learn from the journal, and asks them.
func (o *outlook) look(ctx context.Context, said func(format string, args ...any)) (foreseen, error) {
	zone := o.set.Zone
	if zone == nil {
		zone = time.UTC
	}
	out := foreseen{Fleet: o.fleet, At: o.now.In(zone), Timezone: zone.String(), Hours: o.hours, StepMinutes: int(o.step.Minutes()), names: o.queues}
	exact, err := importedLast(ctx, o.journal, o.fleet, o.now)
	if err != nil {
		return out, err
	}
	from := counts{o.journal, o.fleet, o.now, exact}
	f := forecast.New(o.set)
	asked := o.only
	if len(asked) == 0 {
		asked = o.queues
	}
	defer said("")
	for i, q := range asked {
		said("%s: %d of %d", q, i+1, len(asked))
		known, err := o.learn(ctx, f, from, q)
		if err != nil {
			return out, err
		}
		out.Queues = append(out.Queues, o.ask(f, q, known))
	}
	if len(o.only) == 0 && len(o.queues) > 1 {
		said("all queues together")
		all := o.ask(f, "", o.together(out.Queues))
		all.Queue = nil
		out.Queues = append(out.Queues, all)
	}
	return out, ctx.Err()
}

// learn has a queue's history learned, and says what there was.
func (o *outlook) learn(ctx context.Context, f *forecast.Forecaster, from counts, queue string) (*learned, error) {
	list, err := from.of(ctx, queue)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	l := &learned{Gaps: []gap{}}
	unknown := time.Duration(0)
	for i, c := range list {
		f.Learn(queue, c.at, c.span, c.items)
		if i == 0 {
			continue
		}
		if g := (gap{list[i-1].at, c.at.Add(-c.span)}); g.length() > 0 {
			unknown += g.length()
			l.Gaps = append(l.Gaps, g)
		}
	}
	first, last := list[0], list[len(list)-1]
	if lapse := o.now.Sub(last.at); lapse > 2*max(last.span, time.Minute) {
		unknown += lapse
		l.Gaps = append(l.Gaps, gap{last.at, o.now})
		f.Lapse(queue, o.now, o.ends)
	}
	l.From, l.To = first.at.Add(-first.span), o.now
	l.Days, l.UnknownDays = days(l.To.Sub(l.From)), days(unknown)
	l.Gaps = longest(l.Gaps)
	return l, nil
}

func (g gap) length() time.Duration { return g.To.Sub(g.From) }

// longest are the gaps that are told of: the longest, in order of time.
func longest(list []gap) []gap {
	const most = 20
	list = slices.DeleteFunc(list, func(g gap) bool { return g.length() < time.Hour })
	slices.SortStableFunc(list, func(a, b gap) int { return int(b.length()/time.Second - a.length()/time.Second) })
	list = list[:min(len(list), most)]
	slices.SortFunc(list, func(a, b gap) int { return a.From.Compare(b.From) })
	return list
}

// together is the history of all queues: the time that is known of each.
func (o *outlook) together(queues []queueAhead) *learned {
	var all *learned
	for _, q := range queues {
		switch {
		case q.History == nil:
			return nil
		case all == nil:
			all = &learned{From: q.History.From, To: q.History.To, UnknownDays: q.History.UnknownDays, Gaps: q.History.Gaps}
		default:
			if q.History.From.After(all.From) {
				all.From = q.History.From
			}
			if q.History.UnknownDays > all.UnknownDays {
				all.UnknownDays, all.Gaps = q.History.UnknownDays, q.History.Gaps
			}
		}
	}
	if all != nil {
		all.Days = days(all.To.Sub(all.From))
	}
	return all
}

func days(d time.Duration) float64 { return math.Round(d.Hours()/24*1000) / 1000 }

// ask is the forecast of one queue, or of the fleet: "".
func (o *outlook) ask(f *forecast.Forecaster, queue string, known *learned) queueAhead {
	out := queueAhead{Queue: &queue, History: known, Within: []within{}, Coming: []band{}, Recent: []recent{}}
	if out.Unknown = f.Silent(queue, o.now); out.Unknown != "" {
		if known == nil && queue != "" {
			out.Unknown = "the journal knows of no arrivals in the 35 days until then"
		}
		return out
	}
	v, _ := f.Queue(queue)
	out.Note, out.Shape = v.Rests(o.now), v.Shape()
	out.Within = withins(v)
	n := int(time.Duration(o.hours) * time.Hour / o.step)
	for _, b := range v.Coming(o.step, n) {
		out.Coming = append(out.Coming, bandOf(b))
	}
	for _, m := range v.Misses() {
		r := recent{band: bandOf(m.Band), Came: tenths(m.Came)}
		switch {
		case m.Came > m.P99:
			r.Beyond = "p99"
		case m.Came > m.P90:
			r.Beyond = "p90"
		}
		out.Recent = append(out.Recent, r)
	}
	return out
}

func bandOf(b forecast.Band) band {
	return band{From: b.From, Minutes: int(b.Span.Minutes()), P50: tenths(b.P50), P90: tenths(b.P90), P99: tenths(b.P99)}
}

// tenths of an item are more than anybody knows.
func tenths(v float64) float64 { return math.Round(v*10) / 10 }

// withins are the horizons' forecasts.
func withins(v forecast.View) (list []within) {
	compared := v.Compared()
	for i, b := range v.Within() {
		w := within{band: bandOf(b), OverLastWeek: known(compared[i].OverLastWeek), OverLastValue: known(compared[i].OverLast)}
		for _, s := range v.Models() {
			if s.Horizon == b.Span {
				w.Models = append(w.Models, weight{s.Model, share(s.Weight), share(s.P90), share(s.P99)})
			}
		}
		slices.SortStableFunc(w.Models, func(a, b weight) int { return int(1e4*b.P50) - int(1e4*a.P50) })
		list = append(list, w)
	}
	return list
}

func share(v float64) float64 { return math.Round(v*1e3) / 1e3 }

// known is a number, or null where it is none.
func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return new(share(v))
}

// title is what a forecast is of.
func (f foreseen) title(q queueAhead) string {
	switch {
	case q.Queue == nil:
		return "all queues of fleet " + f.Fleet + " together"
	case *q.Queue == "":
		return "fleet " + f.Fleet
	}
	return fmt.Sprintf("queue %s of fleet %s", *q.Queue, f.Fleet)
}
