package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/forecast"
	"skynet/simulate/recording"
)

const (
	// learnable is how much history forecasts learn from: five weeks hold each hour of
	// the week five times.
	learnable = 35 * 24 * time.Hour
	// reckoned is how long after a gap what came since its beginning is counted as one.
	reckoned = time.Hour
)

// arrivalsHistory is where earlier ticks are kept.
type arrivalsHistory interface {
	Series(ctx context.Context, fleetName, name string, from, to time.Time, step time.Duration) ([]journal.Point, error)
}

// lookAhead makes the fleet's forecaster and has it learn from what an earlier run,
// or an import, has left in the journal. A forecast is worth less than a start: what
// cannot be read is logged.
func (l *loop) lookAhead(ctx context.Context, p file.Policy) {
	d := l.daemon
	l.ahead = forecast.New(forecast.Settings{Zone: p.Signals.Zone, Holidays: p.Signals.Holidays, Queues: l.fleet.Queues})
	if d.dry {
		return // it has a journal in memory
	}
	r, err := sqlite.OpenReadOnly(filepath.Join(d.cfg.StateDir, journalFile))
	if err == nil {
		defer func() { _ = r.Close() }()
		err = recall(ctx, l.ahead, r, l.fleet.Name, l.fleet.Queues)
	}
	if err != nil {
		l.log.Warn("forecasts begin without history", zap.Error(err))
	}
}

// recall has a forecaster learn all that a journal knows.
func recall(ctx context.Context, f *forecast.Forecaster, r *sqlite.Reader, fleetName string, queues []string) error {
	now := time.Now()
	exact, err := importedLast(ctx, r, fleetName, now)
	if err != nil {
		return err
	}
	return teach(ctx, f, counts{r, fleetName, now, exact}, queues)
}

// importedLast reports whether the last tick before a time was made of files, each
// of whose counts is that of its own step.
func importedLast(ctx context.Context, r recording.Journal, fleetName string, until time.Time) (bool, error) {
	last, err := r.Between(ctx, fleetName, time.Time{}, until, 1)
	return slices.ContainsFunc(last, recording.Imported), err
}

// teach tells a forecaster what arrived in each queue.
func teach(ctx context.Context, f *forecast.Forecaster, from counts, queues []string) error {
	for _, q := range queues {
		list, err := from.of(ctx, q)
		if err != nil {
			return err
		}
		for _, c := range list {
			f.Learn(q, c.at, c.span, c.items)
		}
	}
	return nil
}

// counts are what a fleet's ticks counted until a time, as far back as it is worth
// learning.
type counts struct {
	arrivalsHistory
	fleet string
	until time.Time
	exact bool // each is of its own step, also after a gap
}

// counted is how many items came in the span that ended at a time.
type counted struct {
	at    time.Time
	span  time.Duration
	items float64
}

// of are those of a queue, oldest first. After a short gap a tick counts since the
// tick before it; what is known by the hour only is an hour's.
func (h counts) of(ctx context.Context, queue string) (list []counted, err error) {
	name := "queue.arrived"
	if queue != "" {
		name = signals.OfQueue(name, queue)
	}
	points, err := h.Series(ctx, h.fleet, name, h.until.Add(-learnable), h.until.Add(1), 1)
	if err != nil {
		return nil, fmt.Errorf("arrivals of %s: %w", queue, err)
	}
	step := usualStep(points)
	for i, p := range points {
		c := counted{at: p.At, span: step, items: p.Mean}
		if p.Count > 1 {
			c = counted{at: p.At.Truncate(time.Hour).Add(time.Hour), span: time.Hour, items: p.Mean * float64(p.Count)}
		} else if i > 0 && points[i-1].Count == 1 {
			if gap := p.At.Sub(points[i-1].At); gap < step || gap <= reckoned && !h.exact {
				c.span = gap
			}
		}
		if !c.at.After(h.until) {
			list = append(list, c)
		}
	}
	return list, nil
}

// usualStep is the median time between two ticks that counted.
func usualStep(points []journal.Point) time.Duration {
	var steps []time.Duration
	for i := 1; i < len(points); i++ {
		if points[i].Count == 1 && points[i-1].Count == 1 {
			steps = append(steps, points[i].At.Sub(points[i-1].At))
		}
	}
	if len(steps) == 0 {
		return time.Minute
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}
