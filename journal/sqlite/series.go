package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"skynet/journal"
)

// Point is what a signal was over one step of time.
type Point = journal.Point

// Series returns a signal's history from from (included) to to (not included)
// in steps, oldest first. A step in which the signal was never known has no
// point: unknown is not zero. What is older than Options.Minutes is known by
// the hour; an hour counts in the step in which it begins.
func (r *Reader) Series(ctx context.Context, fleetName, name string, from, to time.Time, step time.Duration) (points []Point, err error) {
	doing := fmt.Sprintf("read history of %s %s", fleetName, name)
	if step <= 0 {
		return nil, fail(r.path, doing, fmt.Errorf("a step of %s: it must be longer than nothing", step))
	}
	b := buckets{from: nanos(from), to: nanos(to), step: int64(step), by: map[int64]*sums{}}
	err = r.view(ctx, doing, func(r reading) error {
		if err := b.hours(r, fleetName, name); err != nil {
			return err
		}
		return b.minutes(r, fleetName, name)
	})
	if err != nil {
		return nil, err
	}
	return b.points(), nil
}

// sums is what is known of a signal in some stretch of time.
type sums struct {
	mean, max, last float64
	lasted          int64 // when last was, ns
	count           int
}

// add takes in another stretch. The mean is kept instead of the sum: a sum of
// large numbers may overflow where their mean does not.
func (s *sums) add(o sums) {
	if s.count == 0 {
		*s = o
		return
	}
	n := s.count + o.count
	s.mean += (o.mean - s.mean) * (float64(o.count) / float64(n))
	s.max, s.count = max(s.max, o.max), n
	if o.lasted >= s.lasted {
		s.last, s.lasted = o.last, o.lasted
	}
}

func one(value float64, at int64) sums {
	return sums{mean: value, max: value, last: value, lasted: at, count: 1}
}

// buckets gathers a series in steps.
type buckets struct {
	from, to, step int64 // ns
	by             map[int64]*sums
}

func (b buckets) put(at int64, s sums) {
	n := (max(at, b.from) - b.from) / b.step // an hour may begin before from
	if b.by[n] == nil {
		b.by[n] = &sums{}
	}
	b.by[n].add(s)
}

func (b buckets) hours(r reading, fleetName, name string) error {
	return r.each(func(scan func(...any) error) error {
		var at int64
		var s sums
		if err := scan(&at, &s.mean, &s.max, &s.last, &s.lasted, &s.count); err != nil {
			return err
		}
		b.put(at*int64(time.Hour), s)
		return nil
	}, `SELECT h.hour, h.mean, h.max, h.last, h.lasted, h.count FROM series s JOIN hours h ON h.series = s.id
		WHERE s.fleet = ? AND s.name = ? AND h.hour >= ? AND h.hour < ?`,
		fleetName, name, hourOf(b.from), hourOf(b.to-1)+1)
}

// hourOf counts hours since 1970, also before it.
func hourOf(ns int64) int64 {
	h := ns / int64(time.Hour)
	if ns < h*int64(time.Hour) {
		h--
	}
	return h
}

// minutes reads single ticks. By the ticks of the time and the key of signals,
// each is one step down a tree.
func (b buckets) minutes(r reading, fleetName, name string) error {
	return r.each(func(scan func(...any) error) error {
		var at int64
		var value any
		if err := scan(&at, &value); err != nil {
			return err
		}
		v, err := toFloat(value)
		if err == nil && finite(v) {
			b.put(at, one(v, at))
		}
		return err
	}, `SELECT t.at, v.value FROM ticks t CROSS JOIN signals v ON v.tick = t.id
		AND v.series = (SELECT id FROM series WHERE fleet = ?1 AND name = ?2)
		WHERE t.fleet = ?1 AND t.at >= ?3 AND t.at < ?4 AND v.unknown IS NULL`,
		fleetName, name, b.from, b.to)
}

// finite leaves out what no average survives.
func finite(v float64) bool { return v-v == 0 }

func (b buckets) points() (list []Point) {
	for n, s := range b.by {
		list = append(list, Point{At: moment(b.from + n*b.step), Mean: s.mean, Max: s.max, Last: s.last, Count: s.count})
	}
	slices.SortFunc(list, func(p, q Point) int { return cmp.Compare(p.At.UnixNano(), q.At.UnixNano()) })
	return list
}
