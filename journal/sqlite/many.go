package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/journal"
)

// Heads is Between without workers and signals, which are nearly all of a tick: what
// was decided, done, and came of it.
func (r *Reader) Heads(ctx context.Context, fleetName string, from, to time.Time, limit int) (out []journal.Record, err error) {
	err = r.view(ctx, "read decisions of "+fleetName, func(r reading) error {
		ids, err := r.pick(fleetName, from, to, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		s := span{reading: r, fleet: fleetName, first: slices.Min(ids), last: slices.Max(ids)}
		ticks := map[int64]*tick{}
		for _, part := range []func(map[int64]*tick) error{s.heads, s.intents, s.outcomes} {
			if err := part(ticks); err != nil {
				return err
			}
		}
		for _, id := range slices.Backward(ids) { // they come newest first
			if t := ticks[id]; t != nil && !t.damaged {
				out = append(out, t.Record)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s span) heads(into map[int64]*tick) error {
	return s.each(func(scan func(...any) error) error {
		var h head
		if err := scan(&h.id, &h.at, &h.said, &h.facts); err != nil {
			return err
		}
		t := &tick{}
		h.read(t)
		into[h.id] = t
		return nil
	}, `SELECT t.id, t.at, d.said, d.facts FROM ticks t JOIN decisions d ON d.tick = t.id
		WHERE t.fleet = ? AND t.id BETWEEN ? AND ? ORDER BY t.id`, s.fleet, s.first, s.last)
}

// SeriesOf is Series of several signals, in little more than the time of one: a
// signal that was never known is not in the answer.
func (r *Reader) SeriesOf(ctx context.Context, fleetName string, names []string, from, to time.Time, step time.Duration) (map[string][]Point, error) {
	doing := "read histories of " + fleetName
	if step <= 0 {
		return nil, fail(r.path, doing, fmt.Errorf("a step of %s: it must be longer than nothing", step))
	}
	m := many{buckets: buckets{from: nanos(from), to: nanos(to), step: int64(step)}, by: map[int64]*buckets{}, names: map[int64]string{}}
	err := r.view(ctx, doing, func(r reading) error { return m.read(r, fleetName, names) })
	if err != nil {
		return nil, err
	}
	all := map[string][]Point{}
	for id, b := range m.by {
		if points := b.points(); len(points) > 0 {
			all[m.names[id]] = points
		}
	}
	return all, nil
}

// many gathers several series at once.
type many struct {
	buckets
	by    map[int64]*buckets // by the series' ID
	names map[int64]string
}

func (m many) read(r reading, fleetName string, names []string) error {
	wanted, err := json.Marshal(names)
	if err != nil {
		return err
	}
	err = r.each(func(scan func(...any) error) error {
		var id int64
		var name string
		err := scan(&id, &name)
		m.by[id], m.names[id] = &buckets{from: m.from, to: m.to, step: m.step, by: map[int64]*sums{}}, name
		return err
	}, `SELECT id, name FROM series WHERE fleet = ? AND name IN (SELECT value FROM json_each(?))`, fleetName, string(wanted))
	if err != nil || len(m.by) == 0 {
		return err
	}
	if err := m.hours(r); err != nil {
		return err
	}
	return m.minutes(r, fleetName)
}

// in is the IDs of the series, as SQL writes a list: numbers of ours.
func (m many) in() string {
	ids := make([]int64, 0, len(m.by))
	for id := range m.by {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, cmp.Compare[int64])
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprint(id)
	}
	return strings.Join(texts, ",")
}

func (m many) hours(r reading) error {
	return r.each(func(scan func(...any) error) error {
		var id, at int64
		var s sums
		if err := scan(&id, &at, &s.mean, &s.max, &s.last, &s.lasted, &s.count); err != nil {
			return err
		}
		m.by[id].put(at*int64(time.Hour), s)
		return nil
	}, `SELECT series, hour, mean, max, last, lasted, count FROM hours WHERE series IN (`+m.in()+`) AND hour >= ? AND hour < ?`,
		hourOf(m.from), hourOf(m.to-1)+1)
}

// minutes reads single ticks, in their order: the signals of one lie together.
func (m many) minutes(r reading, fleetName string) error {
	return r.each(func(scan func(...any) error) error {
		var at, id int64
		var value any
		if err := scan(&at, &id, &value); err != nil {
			return err
		}
		v, err := toFloat(value)
		if err == nil && finite(v) {
			m.by[id].put(at, one(v, at))
		}
		return err
	}, `SELECT t.at, v.series, v.value FROM ticks t CROSS JOIN signals v ON v.tick = t.id AND v.series IN (`+m.in()+`)
		WHERE t.fleet = ? AND t.at >= ? AND t.at < ? AND v.unknown IS NULL`, fleetName, m.from, m.to)
}
