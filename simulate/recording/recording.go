// Package recording plays what was recorded: the journal of a running daemon, or
// one that was made of somebody's files.
//
//	journal ──► Scenario ──► simulate.Run    closed loop: arrivals and lengths are
//	   ▲   │                                 those of the recording, the fleet is made up
//	   │   └──► Replay ──► what would have been decided otherwise (open loop)
//	 Import
//
// It reads no clock and writes nothing.
package recording

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
	"skynet/journal"
	"skynet/simulate/scenario"
)

// Journal is what is read of one.
type Journal interface {
	// Fleets lists those that there are ticks of.
	Fleets(ctx context.Context) ([]string, error)
	// Times lists when a fleet ticked, from from to before to, oldest first.
	Times(ctx context.Context, fleetName string, from, to time.Time) ([]time.Time, error)
	// Between returns ticks from from to to, both included, oldest first, and of
	// more than limit the newest (0: no limit).
	Between(ctx context.Context, fleetName string, from, to time.Time, limit int) ([]journal.Record, error)
	// Series returns a signal's history; long ago it is known by the hour.
	Series(ctx context.Context, fleetName, name string, from, to time.Time, step time.Duration) ([]journal.Point, error)
}

// Options are what may be left out.
type Options struct {
	Name  string        // what the scenario is called; "recording" if left out
	Fleet string        // one of several; "": all of them
	Since time.Duration // so long before the last tick; 0: as long as single ticks are known
}

// forever is later than any tick, ever before any.
var forever, ever = time.Unix(0, math.MaxInt64), time.Unix(0, math.MinInt64+1)

// Scenario turns a recording into the world that it came from, as far as it says.
// What had to be assumed is in its Notes.
func Scenario(ctx context.Context, j Journal, o Options) (scenario.Scenario, error) {
	names, err := fleets(ctx, j, o.Fleet)
	if err != nil {
		return scenario.Scenario{}, err
	}
	p := plot{Journal: j, ctx: ctx, since: o.Since}
	p.sc.Defaults()
	p.sc.Name = o.Name
	if p.sc.Name == "" {
		p.sc.Name = "recording"
	}
	if err := p.span(names); err != nil {
		return p.sc, err
	}
	for _, name := range names {
		if err := p.fleet(name); err != nil {
			return p.sc, err
		}
	}
	if err := p.whole(); err != nil {
		return p.sc, err
	}
	return p.sc, p.sc.Bearable()
}

// fleets are those to be played.
func fleets(ctx context.Context, j Journal, only string) ([]string, error) {
	names, err := j.Fleets(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(names) == 0:
		return nil, errors.New("the recording is empty: it has no tick of any fleet")
	case only == "":
		return names, nil
	case !slices.Contains(names, only):
		return nil, fmt.Errorf("the recording has no fleet %q; it has %s", only, strings.Join(names, ", "))
	}
	return []string{only}, nil
}

// plot is a scenario in the making; it lives as long as one call, and so may hold
// that call's context.
type plot struct {
	Journal
	ctx   context.Context
	since time.Duration
	sc    scenario.Scenario
	from  time.Time // what is played: from here
	to    time.Time // to the last tick
}

func (p *plot) note(format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	if !slices.Contains(p.sc.Notes, said) {
		p.sc.Notes = append(p.sc.Notes, said)
	}
}

// span finds out when it begins and ends, and how often there is a tick.
func (p *plot) span(names []string) error {
	var steps []time.Duration
	for _, name := range names {
		times, err := p.Times(p.ctx, name, ever, forever)
		if err != nil {
			return err
		}
		if len(times) == 0 {
			continue
		}
		first, last := times[0], times[len(times)-1]
		if p.from.IsZero() || first.Before(p.from) {
			p.from = first
		}
		if last.After(p.to) {
			p.to = last
		}
		steps = append(steps, usualStep(times))
	}
	if err := p.back(names); err != nil {
		return err
	}
	if len(steps) == 0 || !p.to.After(p.from) {
		return errors.New("the recording is too short: it takes two ticks to tell what arrived between them")
	}
	interval := slices.Min(steps).Round(time.Second)
	p.sc.Interval = strict.Duration(min(max(interval, time.Second), time.Hour))
	return nil
}

// back goes back as far as was asked for, or as the recording does: time before it
// would be played as if nobody had wanted anything, and paid for.
func (p *plot) back(names []string) error {
	if p.since <= 0 {
		return nil
	}
	first, wanted := p.from, p.to.Add(-p.since)
	p.from = wanted
	if !wanted.Before(first) {
		return nil
	}
	for _, name := range names {
		hour, err := p.firstHour(name, wanted, first)
		if err != nil {
			return err
		}
		if hour.Before(first) {
			first = hour
		}
	}
	if p.from = first; wanted.Before(first) {
		p.note("the recording begins at %s: so much of it is played, %s", first.UTC().Format(time.DateTime)+" UTC", about(p.to.Sub(first)))
	}
	return nil
}

// firstHour is the first time from from on of which it is known what arrived at a
// fleet, or until.
func (p *plot) firstHour(name string, from, until time.Time) (time.Time, error) {
	last, err := p.Between(p.ctx, name, from, p.to, 1)
	if err != nil || len(last) == 0 {
		return until, err
	}
	first := until
	for _, queue := range append(last[0].Snapshot.Queues, "") {
		signal := "queue.arrived"
		if queue != "" {
			signal = "queues." + queue + ".arrived"
		}
		points, err := p.Series(p.ctx, name, signal, from, until, time.Hour)
		if err != nil {
			return until, err
		}
		if len(points) > 0 && points[0].At.Before(first) {
			first = points[0].At
		}
	}
	return first, nil
}

// usualStep is the median time between two ticks.
func usualStep(times []time.Time) time.Duration {
	var steps []time.Duration
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d > 0 {
			steps = append(steps, d)
		}
	}
	if len(steps) == 0 {
		return time.Minute
	}
	slices.Sort(steps)
	return steps[(len(steps)-1)/2]
}

// begin fixes the start: the full interval in which the first tick came. Ticks
// come a little after it in the daemon, and at it in the simulation.
func (p *plot) begin(first time.Time) {
	p.sc.Start.Time = first.Truncate(p.sc.Interval.Std()).UTC()
	p.sc.End = p.to.Sub(p.sc.Start.Time)
}

// whole says what holds for all of it, and refuses what makes no world.
func (p *plot) whole() error {
	items, served := 0.0, map[string]string{}
	for _, f := range p.sc.Fleets {
		for _, q := range f.Queues {
			if served[q] != "" {
				return fmt.Errorf("queue %s is served by %s and by %s in this recording: choose one with --fleet", q, served[q], f.Name)
			}
			served[q] = f.Name
		}
	}
	for _, q := range p.sc.Queues {
		for _, s := range q.Series.Steps {
			items += s.Items
		}
	}
	if len(p.sc.Queues) == 0 {
		return errors.New("the recording does not tell what arrived in any queue")
	}
	if items == 0 {
		p.note("nothing arrived in the time that is played")
	}
	visibility := p.sc.Queues[0].Visibility
	p.note("assumed: what a dying worker had in hand comes back after %s; the queues have equal weights; nothing fails (no refused launch, no Spot interruption). For another world write a scenario file: docs/simulate.md", visibility)
	return nil
}
