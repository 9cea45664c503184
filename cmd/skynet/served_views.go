package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"skynet/config"
	"skynet/dashboard"
	"skynet/dashboard/timeline"
	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/sqlite"
)

// pastTicks is a journal that is looked into: a file, or the memory of a dry run.
type pastTicks interface {
	Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]journal.Record, error)
	Between(ctx context.Context, fleetName string, from, to time.Time, limit int) ([]journal.Record, error)
	Heads(ctx context.Context, fleetName string, from, to time.Time, limit int) ([]journal.Record, error)
	SeriesOf(ctx context.Context, fleetName string, names []string, from, to time.Time, step time.Duration) (map[string][]journal.Point, error)
}

// of is the fleet that is asked about, and the journal that knows of it.
func (f *front) of(name string) (config.Fleet, pastTicks, error) {
	fl, err := fleetNamed(f.cfg, name)
	if err != nil {
		return fl, nil, dashboard.Missing("%s", strings.Replace(err.Error(), "--fleet", "fleet", 1))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.past == nil {
		return fl, nil, dashboard.Later("the journal is not open yet; try again in a moment")
	}
	return fl, f.past, nil
}

// Ticks implements dashboard.Views: newest first.
func (f *front) Ticks(ctx context.Context, q dashboard.Span) ([]dashboard.Tick, error) {
	fl, past, err := f.of(q.Fleet)
	if err != nil {
		return nil, err
	}
	list, err := past.Heads(ctx, fl.Name, q.From, q.To, q.Limit)
	if err != nil {
		return nil, err
	}
	out := make([]dashboard.Tick, 0, len(list))
	for _, r := range slices.Backward(list) {
		out = append(out, tickLine(r))
	}
	return out, nil
}

// tickLine is a tick in a line, in the words of explain.
func tickLine(r journal.Record) dashboard.Tick {
	d := r.Decision
	t := dashboard.Tick{ID: d.ID, At: r.Snapshot.Now.UTC(), Blind: d.Blind}
	if d.Failed != "" {
		t.Failed, t.Headline, t.Did = &d.Failed, "no decision", "nothing: "+d.Failed
		return t
	}
	t.Have, t.Want, t.Headline = &d.Have, &d.Want, headline(d)
	var did []string
	for _, i := range r.Intents {
		did = append(did, outcome(r, i))
	}
	if t.Did = strings.Join(did, "; "); len(did) == 0 {
		t.Did = "nothing: " + whyNothing(r.Snapshot, d)
	}
	return t
}

// Tick implements dashboard.Views: as `skynet explain --decision ID --output json`.
func (f *front) Tick(ctx context.Context, fleetName, id string) (any, error) {
	at, ok := fleet.DecisionTime(id)
	if !ok {
		return nil, dashboard.Wrong("id %q is not a decision's ID; it looks like %s", id, fleet.DecisionID("render", time.Now()))
	}
	if fleetName == "" {
		fleetName = id[:len(id)-len(fleet.DecisionID("", at))]
	}
	fl, past, err := f.of(fleetName)
	if err != nil {
		return nil, err
	}
	list, err := past.Between(ctx, fl.Name, at, at.Add(time.Millisecond), 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, dashboard.Missing("the journal has no tick %s any more: whole ticks are kept for %s (journal.details)", id, f.cfg.Journal.Details)
	}
	later, err := past.Between(ctx, fl.Name, at.Add(time.Millisecond), at.Add(outcomeWithin), 0)
	if err != nil {
		return nil, err
	}
	return explainedBy(list[0], after(later, list[0])), nil
}

// Signals implements dashboard.Views: as `skynet signals --output json`.
func (f *front) Signals(ctx context.Context, fleetName string) (any, error) {
	fl, past, err := f.of(fleetName)
	if err != nil {
		return nil, err
	}
	list, err := past.Records(ctx, fl.Name, time.Time{}, 10) // the last may be damaged
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, dashboard.Missing("fleet %s has no tick yet; the first comes at the next full interval (%s)", fl.Name, f.cfg.Interval)
	}
	s := list[len(list)-1].Snapshot
	return signalList(s, grouped(s)), nil
}

// foreseenOf keeps the last forecast of each fleet: reckoning one takes a second of
// a processor, and it is the same until the next tick.
type foreseenOf struct {
	mu   sync.Mutex
	last map[string]foreseenAt
}

type foreseenAt struct {
	at   time.Time
	what foreseen
}

// Forecast implements dashboard.Views: as `skynet forecast --output json`.
func (f *front) Forecast(ctx context.Context, fleetName string) (any, error) {
	fl, past, err := f.of(fleetName)
	if err != nil {
		return nil, err
	}
	j, ok := past.(*sqlite.Reader)
	if !ok {
		return nil, dashboard.Missing("a dry run keeps no history to forecast from; what it forecasts itself is among the signals")
	}
	f.ahead.mu.Lock() // one after the other: it is the processor that is short
	defer f.ahead.mu.Unlock()
	last, known := f.ahead.last[fl.Name]
	if known && time.Since(last.at) < max(f.cfg.Interval.Std(), forecastEvery) {
		return last.what, nil
	}
	got, err := f.foresee(ctx, fl, j)
	if err != nil {
		return nil, err
	}
	if f.ahead.last == nil {
		f.ahead.last = map[string]foreseenAt{}
	}
	f.ahead.last[fl.Name] = foreseenAt{time.Now(), got}
	return got, nil
}

// forecastEvery is how long a forecast is good for, however short the interval.
const forecastEvery = 5 * time.Minute

func (f *front) foresee(ctx context.Context, fl config.Fleet, j *sqlite.Reader) (foreseen, error) {
	set, err := calendarOf(fl.Policy, namesOf(f.cfg, fl))
	if err != nil {
		return foreseen{}, err
	}
	set.Queues = fl.Queues
	o := &outlook{journal: j, fleet: fl.Name, queues: fl.Queues, set: set, now: time.Now(), hours: 24, step: time.Hour, ends: "the journal has no later tick that knew"}
	got, err := o.look(ctx, func(string, ...any) {})
	if err != nil {
		return got, fmt.Errorf("forecast of fleet %s: %w", fl.Name, err)
	}
	return got, nil
}

// History implements dashboard.Views.
func (f *front) History(ctx context.Context, q dashboard.Span) (dashboard.History, error) {
	fl, past, err := f.of(q.Fleet)
	if err != nil {
		return dashboard.History{}, err
	}
	h, err := f.lines[fl.Name].History(ctx, past, q, time.Now())
	if err != nil {
		return h, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if rules, ok := f.rules[fl.Name]; ok {
		h.Objective = promiseTo(rules, "")
	}
	return h, nil
}

// timelines remember what is over, for each fleet.
func timelines(cfg config.Config) map[string]*timeline.Timeline {
	lines := map[string]*timeline.Timeline{}
	for _, fl := range cfg.Fleets {
		lines[fl.Name] = timeline.New(timeline.Fleet{
			Name: fl.Name, Queues: fl.Queues, Interval: cfg.Interval.Std(), Minutes: cfg.Journal.Minutes.Std(), Hours: cfg.Journal.Hours.Std(),
		})
	}
	return lines
}

// warm has the past read before anybody asks for it, until ctx ends.
func (f *front) warm(ctx context.Context, past pastTicks) {
	for _, fl := range f.cfg.Fleets {
		f.lines[fl.Name].Warm(ctx, past, time.Now(), rest)
	}
}
