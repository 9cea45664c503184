package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"skynet/journal"
)

// Reader reads a journal that another process may be writing. It is safe for
// concurrent use.
type Reader struct {
	path    string
	db      *sql.DB
	damaged atomic.Int64 // ticks that the last reading left out
}

// Close ends the reading.
func (r *Reader) Close() error { return r.db.Close() }

// Degraded says how many ticks the last reading left out because they are
// damaged, "" if none.
func (r *Reader) Degraded() string {
	if n := r.damaged.Load(); n > 0 {
		return fmt.Sprintf("%d ticks are damaged and left out", n)
	}
	return ""
}

// Short says in an operator's words that the disk has no room left for the journal, ""
// if it has: what its writer set aside is gone, and there is no room to make it again.
func (r *Reader) Short() string {
	aside := reserve{path: r.path + asideSuffix, size: Options{}.withDefaults().Reserve}
	if _, err := os.Stat(aside.path); err == nil || aside.roomy() {
		return ""
	}
	return fmt.Sprintf("journal %s: the disk is full or nearly so, and what was set aside for the journal is in use", r.path)
}

// view runs do on the file as it is at one moment, whatever is written
// meanwhile.
func (r *Reader) view(ctx context.Context, doing string, do func(reading) error) error {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fail(r.path, doing, err)
	}
	err = do(reading{ctx: ctx, tx: tx})
	if end := tx.Rollback(); !errors.Is(end, sql.ErrTxDone) { // the end of ctx has done it already
		err = errors.Join(err, end)
	}
	return fail(r.path, doing, err)
}

// reading is one look at the file; it lives as long as one call, and so may
// hold that call's context.
type reading struct {
	ctx context.Context
	tx  *sql.Tx
}

// each calls row for every row of a query, which scans it.
func (r reading) each(row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := r.tx.QueryContext(r.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Unsettled implements journal.Journal.
func (r *Reader) Unsettled(ctx context.Context, fleetName string) (open []journal.Intent, err error) {
	err = r.view(ctx, "list unsettled intents of "+fleetName, func(r reading) error {
		return r.each(func(scan func(...any) error) error {
			i, err := scanIntent(scan)
			open = append(open, i)
			return err
		}, `SELECT body, request FROM intents WHERE fleet = ? AND settled = 0 ORDER BY at, seq`, fleetName)
	})
	if err != nil {
		return nil, err
	}
	return open, nil
}

func scanIntent(scan func(...any) error, more ...any) (i journal.Intent, err error) {
	var body, request []byte
	if err := scan(append([]any{&body, &request}, more...)...); err != nil {
		return i, err
	}
	if err := json.Unmarshal(body, &i); err != nil {
		return i, fmt.Errorf("%w: an intent: %w", ErrDamaged, err)
	}
	if i.Order != nil && len(request) > 0 {
		i.Order.Request = request
	}
	return i, nil
}

// Records implements journal.Journal. A tick of which a row is damaged is left
// out, so that one bad row does not cost the whole history: see Degraded.
func (r *Reader) Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]journal.Record, error) {
	return r.Between(ctx, fleetName, since, time.Unix(0, math.MaxInt64), limit)
}

// Between is Records up to a time, that one included.
func (r *Reader) Between(ctx context.Context, fleetName string, from, to time.Time, limit int) (out []journal.Record, err error) {
	var damaged int
	err = r.view(ctx, "read ticks of "+fleetName, func(r reading) error {
		ids, err := r.pick(fleetName, from, to, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		s := span{reading: r, fleet: fleetName, first: slices.Min(ids), last: slices.Max(ids)}
		found, err := s.records()
		if err != nil {
			return err
		}
		for _, id := range slices.Backward(ids) { // they come newest first
			if t := found[id]; t != nil && !t.damaged {
				out = append(out, t.Record)
			} else {
				damaged++
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.damaged.Store(int64(damaged))
	return out, nil
}

// pick chooses the ticks to read, newest first.
func (r reading) pick(fleetName string, from, to time.Time, limit int) (ids []int64, err error) {
	if limit <= 0 {
		limit = -1 // SQLite's word for no limit
	}
	err = r.each(func(scan func(...any) error) error {
		var id int64
		defer func() { ids = append(ids, id) }()
		return scan(&id)
	}, `SELECT t.id FROM ticks t JOIN decisions d ON d.tick = t.id
		WHERE t.fleet = ? AND t.at BETWEEN ? AND ? ORDER BY t.at DESC, t.id DESC LIMIT ?`, fleetName, nanos(from), nanos(to), limit)
	return ids, err
}
