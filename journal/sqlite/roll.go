package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// roll turns a fleet's oldest signals into hours, some ticks at a time, in
// the transaction that deletes them: a number is in one place or the other.
func (j *Journal) roll(ctx context.Context, fleetName string, now time.Time) (more bool, err error) {
	// Only whole hours go: the one in which the cutoff lies is rolled up when all
	// of it is older. Late ticks are added to an hour that exists.
	cutoff := hourOf(nanos(now.Add(-j.options.Minutes))) * int64(time.Hour)
	err = j.transact(ctx, "roll up signals of "+fleetName, func(tx *sql.Tx) error {
		r := rolling{reading: reading{ctx: ctx, tx: tx}, by: map[hourKey]*sums{}}
		ids, err := r.oldest(fleetName, cutoff)
		if err != nil {
			return err
		}
		more = len(ids) == batch
		for _, id := range ids {
			if err := r.gather(id); err != nil {
				return err
			}
		}
		return r.store()
	})
	return more && err == nil, err
}

type hourKey struct{ series, hour int64 }

// rolling is one batch of ticks on their way from signals to hours.
type rolling struct {
	reading
	by map[hourKey]*sums
}

// oldest lists ticks that have lost their details and are to lose their
// signals.
func (r rolling) oldest(fleetName string, cutoff int64) (ids []int64, err error) {
	err = r.each(func(scan func(...any) error) error {
		var id int64
		defer func() { ids = append(ids, id) }()
		return scan(&id)
	}, `SELECT id FROM ticks WHERE fleet = ? AND at < ? AND id NOT IN (SELECT tick FROM decisions)
		ORDER BY at LIMIT ?`, fleetName, cutoff, batch)
	return ids, err
}

// gather adds a tick's signals to their hours, and deletes the tick.
func (r rolling) gather(tick int64) error {
	err := r.each(func(scan func(...any) error) error {
		var at, series int64
		var value any
		if err := scan(&at, &series, &value); err != nil {
			return err
		}
		v, err := toFloat(value)
		if err == nil && finite(v) {
			r.put(hourKey{series, hourOf(at)}, one(v, at))
		}
		return err
	}, `SELECT t.at, v.series, v.value FROM ticks t JOIN signals v ON v.tick = t.id
		WHERE t.id = ? AND v.unknown IS NULL`, tick)
	if err != nil {
		return err
	}
	_, err = r.tx.ExecContext(r.ctx, `DELETE FROM ticks WHERE id = ?`, tick)
	return err
}

func (r rolling) put(key hourKey, s sums) {
	if r.by[key] == nil {
		r.by[key] = &sums{}
	}
	r.by[key].add(s)
}

func (r rolling) store() error {
	for key, s := range r.by {
		if err := r.merge(key, *s); err != nil {
			return err
		}
	}
	return nil
}

// merge adds to the hour what the file has of it already.
func (r rolling) merge(key hourKey, s sums) error {
	var had sums
	err := r.tx.QueryRowContext(r.ctx, `SELECT mean, max, last, lasted, count FROM hours WHERE series = ? AND hour = ?`, key.series, key.hour).
		Scan(&had.mean, &had.max, &had.last, &had.lasted, &had.count)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	had.add(s)
	_, err = r.tx.ExecContext(r.ctx, `INSERT OR REPLACE INTO hours (series, hour, mean, max, last, lasted, count)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, key.series, key.hour, had.mean, had.max, had.last, had.lasted, had.count)
	return err
}
