package main

import (
	"context"
	"slices"
	"time"

	"skynet/journal"
)

// remembered is the journal of a dry run, which is in memory, looked into as a file is.
type remembered struct{ *journal.Memory }

// Between is Records up to a time.
func (m remembered) Between(ctx context.Context, fleetName string, from, to time.Time, limit int) ([]journal.Record, error) {
	list, err := m.Records(ctx, fleetName, from, 0)
	list = slices.DeleteFunc(list, func(r journal.Record) bool { return r.Snapshot.Now.After(to) })
	if limit > 0 && len(list) > limit {
		list = list[len(list)-limit:]
	}
	return list, err
}

// Heads is Between.
func (m remembered) Heads(ctx context.Context, fleetName string, from, to time.Time, limit int) ([]journal.Record, error) {
	return m.Between(ctx, fleetName, from, to, limit)
}

// SeriesOf reckons signals' histories from the ticks.
func (m remembered) SeriesOf(ctx context.Context, fleetName string, names []string, from, to time.Time, step time.Duration) (map[string][]journal.Point, error) {
	list, err := m.Between(ctx, fleetName, from, to.Add(-1), 0)
	if err != nil {
		return nil, err
	}
	all := map[string][]journal.Point{}
	for _, r := range list {
		begun := from.Add(r.Snapshot.Now.Sub(from) / step * step)
		for _, sig := range r.Snapshot.Signals {
			if sig.Unknown == "" && slices.Contains(names, sig.Name) {
				all[sig.Name] = gathered(all[sig.Name], begun, sig.Value)
			}
		}
	}
	return all, nil
}

// gathered adds a value to the step that it is of, the last or a new one.
func gathered(list []journal.Point, begun time.Time, value float64) []journal.Point {
	if n := len(list); n > 0 && list[n-1].At.Equal(begun) {
		p := &list[n-1]
		p.Count++
		p.Mean += (value - p.Mean) / float64(p.Count)
		p.Max, p.Last = max(p.Max, value), value
		return list
	}
	return append(list, journal.Point{At: begun, Mean: value, Max: value, Last: value, Count: 1})
}
