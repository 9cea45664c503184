package faults

import (
	"context"
	"time"

	"skynet/controller"
	"skynet/signals"
	"skynet/signals/forecast"
)

// foreseen is the share of scenes that have forecasts.
const foreseen = .25

// lookAhead makes the forecaster of a controller that starts, as the daemon does: it
// learns from what the journal holds. Of the day before, which was as this one will be,
// it knows from an import.
func (h *Host) lookAhead() controller.Forecaster {
	if !h.scene.foresees {
		return nil
	}
	q := h.work.Name()
	f := forecast.New(forecast.Settings{Zone: h.file.settings.Zone, Holidays: h.file.settings.Holidays, Queues: []string{q}})
	h.yesterday(func(at time.Time, span time.Duration, items float64) { f.Learn(q, at, span, items) })
	records, err := h.Journal().Records(context.Background(), fleetName, time.Time{}, 0)
	if err != nil {
		return f // a forecast is worth less than a start
	}
	before := h.scene.interval
	for i, r := range records {
		if i > 0 {
			before = min(time.Hour, r.Snapshot.Now.Sub(records[i-1].Snapshot.Now))
		}
		if n, err := r.Snapshot.Value(signals.OfQueue("queue.arrived", q)); err == nil {
			f.Learn(q, r.Snapshot.Now, before, n)
		}
	}
	return f
}

// yesterday tells what came a day before.
func (h *Host) yesterday(tell func(at time.Time, span time.Duration, items float64)) {
	const day, span = 24 * time.Hour, 5 * time.Minute
	for t := time.Duration(0); t < day; t += span {
		items := 0.
		for at := t; at < t+span && at < h.scene.quiet; at += time.Minute {
			items += h.scene.load.at(at) * time.Minute.Seconds()
		}
		tell(began.Add(t+span-day), span, items)
	}
}
