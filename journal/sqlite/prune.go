package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"
)

// batch is how many ticks are deleted in one go: some ten milliseconds, after
// which a tick that waits has its turn.
const batch = 50

// slack is how many pages (4 KiB) lie unused before they are given back to the
// disk: what is freed today is mostly needed again tomorrow.
const slack = 1024

// Prune deletes what is older than Options say, as of now, and rolls signals
// up by the hour before they go. Unsettled intents stay, however old. It works
// in small transactions; when it is stopped between two, the next call goes
// on. To be called every hour or so.
func (j *Journal) Prune(ctx context.Context, now time.Time) error {
	names, err := j.Fleets(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := all(func() (bool, error) { return j.pruneTicks(ctx, name, now) }); err != nil {
			return err
		}
		if err := all(func() (bool, error) { return j.roll(ctx, name, now) }); err != nil {
			return err
		}
	}
	for _, part := range []func(context.Context, time.Time) (bool, error){j.pruneIntents, j.pruneHours, j.vacuum} {
		if err := all(func() (bool, error) { return part(ctx, now) }); err != nil {
			return err
		}
	}
	return nil
}

// all runs batches until there are no more.
func all(batch func() (more bool, err error)) error {
	for {
		if more, err := batch(); err != nil || !more {
			return err
		}
	}
}

// pruneTicks deletes a fleet's whole ticks, but for those from the last image
// before the cutoff on: the ticks after it need them.
func (j *Journal) pruneTicks(ctx context.Context, fleetName string, now time.Time) (more bool, err error) {
	j.mu.Lock() // no tick may be written against one that goes
	defer j.mu.Unlock()
	cutoff := nanos(now.Add(-j.options.Details))
	keep, err := j.keepFrom(ctx, fleetName, cutoff)
	if err != nil {
		return false, fail(j.path, "prune ticks of "+fleetName, err)
	}
	if keep == math.MaxInt64 {
		delete(j.last, fleetName)
	}
	return j.remove(ctx, "prune ticks of "+fleetName, batch, `DELETE FROM decisions WHERE tick IN (
		SELECT d.tick FROM decisions d CROSS JOIN ticks t ON t.id = d.tick
		WHERE d.tick < ? AND t.fleet = ? AND t.at < ? LIMIT ?)`, keep, fleetName, cutoff, batch)
}

// keepFrom is the tick from which on a fleet's ticks are kept: its last image
// before the cutoff, or none if all that it has is older.
func (j *Journal) keepFrom(ctx context.Context, fleetName string, cutoff int64) (tick int64, err error) {
	err = j.db.QueryRowContext(ctx, `SELECT CASE
		WHEN NOT EXISTS (SELECT 1 FROM ticks WHERE fleet = ?1 AND at >= ?2) THEN ?3
		ELSE coalesce((SELECT t.id FROM ticks t JOIN decisions d ON d.tick = t.id
			WHERE t.fleet = ?1 AND t.at < ?2 AND d.workers IS NOT NULL ORDER BY t.at DESC LIMIT 1), 0)
		END`, fleetName, cutoff, int64(math.MaxInt64)).Scan(&tick)
	return tick, err
}

// pruneIntents deletes settled intents whose tick is gone.
func (j *Journal) pruneIntents(ctx context.Context, now time.Time) (more bool, err error) {
	return j.remove(ctx, "prune intents", batch, `DELETE FROM intents WHERE seq IN (
		SELECT seq FROM intents
		WHERE settled = 1 AND at < ? AND tick NOT IN (SELECT tick FROM decisions) LIMIT ?)`,
		nanos(now.Add(-j.options.Details)), batch)
}

func (j *Journal) pruneHours(ctx context.Context, now time.Time) (more bool, err error) {
	const n = 20 * batch // small rows
	return j.remove(ctx, "prune hours", n, `DELETE FROM hours WHERE (series, hour) IN (
		SELECT s.id, h.hour FROM series s JOIN hours h ON h.series = s.id AND h.hour < ? LIMIT ?)`,
		hourOf(nanos(now.Add(-j.options.Hours))), n)
}

// remove runs one batch, and reports whether there may be another.
func (j *Journal) remove(ctx context.Context, doing string, n int64, statement string, args ...any) (more bool, err error) {
	err = j.transact(ctx, doing, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		gone, err := res.RowsAffected()
		more = gone >= n
		return err
	})
	return more && err == nil, err
}

// vacuum gives a few pages back to the disk if many lie unused.
func (j *Journal) vacuum(ctx context.Context, _ time.Time) (more bool, err error) {
	err = j.transact(ctx, "give space back", func(tx *sql.Tx) error {
		before, err := unused(ctx, tx)
		if err != nil || before <= slack {
			return err
		}
		step := fmt.Sprintf("PRAGMA incremental_vacuum(%d)", min(before-slack, slack/4))
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
		after, err := unused(ctx, tx)
		more = after < before // a file that cannot shrink must not keep us here
		return err
	})
	return more && err == nil, err
}

func unused(ctx context.Context, tx *sql.Tx) (pages int, err error) {
	err = tx.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&pages)
	return pages, err
}
