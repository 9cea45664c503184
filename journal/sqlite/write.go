package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"

	"skynet/journal"
)

// statements are prepared once: a tick runs some of them a hundred times.
type statements struct {
	tick, decision, change, signal, series, intent, settle, outcome *sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB) (s statements, err error) {
	for to, text := range map[**sql.Stmt]string{
		&s.tick:     `INSERT INTO ticks (fleet, at) VALUES (?, ?)`,
		&s.decision: `INSERT INTO decisions (tick, id, said, facts, workers) VALUES (?, ?, ?, ?, ?)`,
		&s.change:   `INSERT INTO changes (tick, worker, patch) VALUES (?, ?, ?)`,
		&s.signal:   `INSERT INTO signals (tick, series, n, value, age, good, unknown, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		&s.series: `INSERT INTO series (fleet, name) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id`,
		&s.intent: `INSERT INTO intents (id, tick, fleet, at, body, request) VALUES (?, ?, ?, ?, ?, ?)`,
		&s.settle: `UPDATE intents SET settled = 1 WHERE id = ? RETURNING seq`,
		&s.outcome: `INSERT INTO outcomes (intent, body) VALUES (?, ?)
			ON CONFLICT (intent) DO UPDATE SET body = excluded.body`,
	} {
		if *to, err = db.PrepareContext(ctx, text); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Write implements journal.Journal. Besides the sentinels of package journal
// it returns those of Open, ErrFull above all: nothing was written then.
func (j *Journal) Write(ctx context.Context, r journal.Record) error {
	return j.writeAll(ctx, "write "+r.Decision.ID, []journal.Record{r})
}

// WriteAll writes ticks in one transaction, for who brings a month of them: all
// of them or, after an error, none.
func (j *Journal) WriteAll(ctx context.Context, list []journal.Record) error {
	if len(list) == 0 {
		return nil
	}
	return j.writeAll(ctx, fmt.Sprintf("write %d ticks from %s on", len(list), list[0].Decision.ID), list)
}

func (j *Journal) writeAll(ctx context.Context, doing string, list []journal.Record) error {
	for _, r := range list {
		if err := r.Check(); err != nil {
			return fail(j.path, doing, err)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var last map[string]*roster
	var fresh map[seriesKey]int64
	err := j.transact(ctx, doing, func(tx *sql.Tx) error {
		last, fresh = maps.Clone(j.last), map[seriesKey]int64{} // those of a try that failed were never written
		w := writing{ctx: ctx, tx: tx, stmts: &j.stmts, known: j.series, fresh: fresh}
		for _, r := range list {
			r = r.Clone()
			next, diff := last[r.Snapshot.Fleet].next(r.Snapshot.Workers)
			if err := w.record(r, diff); err != nil {
				return err
			}
			last[r.Snapshot.Fleet] = next
		}
		return nil
	})
	if err != nil {
		return err
	}
	maps.Copy(j.series, fresh)
	j.last = last
	return nil
}

// Settle implements journal.Journal.
func (j *Journal) Settle(ctx context.Context, o journal.Outcome) error {
	return j.transact(ctx, fmt.Sprintf("settle %q", o.Intent), func(tx *sql.Tx) error {
		w := writing{ctx: ctx, tx: tx, stmts: &j.stmts}
		return w.outcome(o.Clone())
	})
}

// writing is one transaction of the writer; it lives as long as one call, and
// so may hold that call's context.
type writing struct {
	ctx   context.Context
	tx    *sql.Tx
	stmts *statements

	known, fresh map[seriesKey]int64 // IDs of series: committed, and given in this transaction
}

type seriesKey struct{ fleet, name string }

func (w writing) exec(s *sql.Stmt, args ...any) (sql.Result, error) {
	return w.tx.StmtContext(w.ctx, s).ExecContext(w.ctx, args...)
}

func (w writing) record(r journal.Record, d diff) error {
	tick, err := w.tick(r)
	if err != nil {
		return err
	}
	if err := w.decision(tick, r, d); err != nil {
		return err
	}
	if err := w.signals(tick, r.Snapshot); err != nil {
		return fmt.Errorf("signals: %w", err)
	}
	for _, i := range r.Intents {
		if err := w.intent(tick, i); err != nil {
			return fmt.Errorf("intent %s: %w", i.ID, err)
		}
	}
	for _, o := range r.Outcomes {
		if err := w.outcome(o); err != nil {
			return fmt.Errorf("outcome of %s: %w", o.Intent, err)
		}
	}
	return nil
}

func (w writing) tick(r journal.Record) (int64, error) {
	res, err := w.exec(w.stmts.tick, r.Snapshot.Fleet, r.Snapshot.Now.UnixNano())
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

func (w writing) decision(tick int64, r journal.Record, d diff) error {
	facts := r.Snapshot
	facts.Workers, facts.Signals = nil, nil
	said, err := text(r.Decision)
	if err != nil {
		return err
	}
	known, err := text(facts)
	if err != nil {
		return err
	}
	image, err := d.image()
	if err != nil {
		return err
	}
	if _, err := w.exec(w.stmts.decision, tick, r.Decision.ID, said, known, image); err != nil {
		return taken(err)
	}
	return w.changes(tick, d)
}

// taken says that an ID is not free, rather than which index minds.
func taken(err error) error {
	if isTaken(err) {
		return fmt.Errorf("%w: its ID was written before", journal.ErrDuplicate)
	}
	return err
}

func (w writing) changes(tick int64, d diff) error {
	insert := w.tx.StmtContext(w.ctx, w.stmts.change)
	for _, c := range d.changes {
		patch, err := c.text()
		if err != nil {
			return fmt.Errorf("worker %s: %w", c.id, err)
		}
		if _, err := insert.ExecContext(w.ctx, tick, string(c.id), patch); err != nil {
			return fmt.Errorf("worker %s: %w", c.id, err)
		}
	}
	return nil
}

func (w writing) intent(tick int64, i journal.Intent) error {
	var request []byte
	if i.Order != nil {
		order := *i.Order // a second try needs the first one's
		request, order.Request = order.Request, nil
		i.Order = &order
	}
	body, err := text(i)
	if err != nil {
		return err
	}
	_, err = w.exec(w.stmts.intent, i.ID, tick, i.Fleet, i.At.UnixNano(), body, request)
	return taken(err)
}

func (w writing) outcome(o journal.Outcome) error {
	var seq int64
	switch err := w.tx.StmtContext(w.ctx, w.stmts.settle).QueryRowContext(w.ctx, o.Intent).Scan(&seq); {
	case err == sql.ErrNoRows:
		return journal.ErrNoIntent
	case err != nil:
		return err
	}
	body, err := text(o)
	if err != nil {
		return err
	}
	_, err = w.exec(w.stmts.outcome, seq, body)
	return err
}
