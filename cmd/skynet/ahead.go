package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/forecast"
)

// learnable is how much history forecasts learn from: five weeks hold each hour of
// the week five times.
const learnable = 35 * 24 * time.Hour

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
		err = teach(ctx, l.ahead, r, l.fleet.Name, l.fleet.Queues, time.Now(), d.cfg.Interval.Std())
	}
	if err != nil {
		l.log.Warn("forecasts begin without history", zap.Error(err))
	}
}

// teach tells a forecaster what arrived in each queue, minute by minute.
func teach(ctx context.Context, f *forecast.Forecaster, from arrivalsHistory, fleetName string, queues []string, now time.Time, interval time.Duration) error {
	step := max(time.Minute, interval.Truncate(time.Minute))
	end := now.Truncate(step)
	for _, q := range queues {
		points, err := from.Series(ctx, fleetName, signals.OfQueue("queue.arrived", q), end.Add(-learnable), end, step)
		if err != nil {
			return fmt.Errorf("arrivals of %s: %w", q, err)
		}
		for _, p := range points {
			f.Learn(q, p.At.Add(step), step, p.Mean*float64(p.Count))
		}
	}
	return nil
}
