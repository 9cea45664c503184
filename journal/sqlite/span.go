package sqlite

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"skynet/journal"
	"skynet/signals"
)

// span is a stretch of one fleet's ticks, in the order in which they were
// written, to be read in one go.
type span struct {
	reading
	fleet       string
	first, last int64 // ticks
}

// tick is one of a span's ticks, as far as it has been read.
type tick struct {
	journal.Record
	places  []int // of the signals
	damaged bool
}

// records reads the span's ticks, by tick ID. The order matters: signals are
// dated by their tick.
func (s span) records() (map[int64]*tick, error) {
	ticks := map[int64]*tick{}
	for _, part := range []func(map[int64]*tick) error{s.decisions, s.signals, s.intents, s.outcomes} {
		if err := part(ticks); err != nil {
			return nil, err
		}
	}
	return ticks, nil
}

// head is a row of decisions.
type head struct {
	id, at      int64
	said, facts []byte
	workers     []byte // empty: the tick before with its changes
}

// decisions reads what was decided, and rebuilds the workers on the way: from
// the last image before the span, tick by tick.
func (s span) decisions(into map[int64]*tick) error {
	base, err := s.base()
	if err != nil {
		return err
	}
	patches, err := s.patches(base)
	if err != nil {
		return err
	}
	var crew rebuilt
	return s.each(func(scan func(...any) error) error {
		var h head
		if err := scan(&h.id, &h.at, &h.said, &h.facts, &h.workers); err != nil {
			return err
		}
		t := h.walk(&crew, patches[h.id])
		if h.id >= s.first {
			h.read(t)
			into[h.id] = t
		}
		return nil
	}, `SELECT t.id, t.at, d.said, d.facts, d.workers FROM ticks t JOIN decisions d ON d.tick = t.id
		WHERE t.fleet = ? AND t.id BETWEEN ? AND ? ORDER BY t.id`, s.fleet, base, s.last)
}

// base is the last tick at or before the span with an image of all workers.
func (s span) base() (int64, error) {
	var id sql.NullInt64
	err := s.tx.QueryRowContext(s.ctx, `SELECT t.id FROM ticks t JOIN decisions d ON d.tick = t.id
		WHERE t.fleet = ? AND t.id <= ? AND d.workers IS NOT NULL ORDER BY t.id DESC LIMIT 1`, s.fleet, s.first).Scan(&id)
	if err == sql.ErrNoRows {
		return s.first, nil // it is lost: ticks up to the next one are damaged
	}
	return id.Int64, err
}

func (s span) patches(base int64) (map[int64][]patch, error) {
	by := map[int64][]patch{}
	err := s.each(func(scan func(...any) error) error {
		var id int64
		var p patch
		if err := scan(&id, &p.id, &p.text); err != nil {
			return err
		}
		by[id] = append(by[id], p)
		return nil
	}, `SELECT c.tick, c.worker, c.patch FROM ticks t JOIN changes c ON c.tick = t.id
		WHERE t.fleet = ? AND t.id BETWEEN ? AND ?`, s.fleet, base, s.last)
	return by, err
}

// walk brings the workers to this tick.
func (h head) walk(crew *rebuilt, patches []patch) *tick {
	var err error
	if len(h.workers) > 0 {
		err = crew.load(h.workers)
	} else {
		err = crew.apply(patches)
	}
	t := &tick{damaged: err != nil || !crew.whole}
	if len(crew.list) > 0 {
		t.Snapshot.Workers = slices.Clone(crew.list)
	}
	return t
}

func (h head) read(t *tick) {
	workers := t.Snapshot.Workers
	if json.Unmarshal(h.facts, &t.Snapshot) != nil || json.Unmarshal(h.said, &t.Decision) != nil {
		t.damaged = true
	}
	t.Snapshot.Now, t.Snapshot.Workers = moment(h.at), workers
}

func (s span) signals(into map[int64]*tick) error {
	err := s.each(func(scan func(...any) error) error {
		var id int64
		var row signalRow
		if err := scan(&id, &row.name, &row.place, &row.value, &row.age, &row.good, &row.unknown, &row.note); err != nil {
			return err
		}
		if t := into[id]; t != nil {
			t.add(row)
		}
		return nil
	}, `SELECT s.tick, r.name, s.n, s.value, s.age, s.good, s.unknown, s.note
		FROM ticks t JOIN signals s ON s.tick = t.id JOIN series r ON r.id = s.series
		WHERE t.fleet = ? AND t.id BETWEEN ? AND ?`, s.fleet, s.first, s.last)
	for _, t := range into {
		t.arrange()
	}
	return err
}

type signalRow struct {
	name       string
	place      int
	value, age any
	good       int64
	unknown    sql.NullString
	note       sql.NullString
}

func (t *tick) add(row signalRow) {
	value, err := toFloat(row.value)
	at, err2 := fromAge(row.age, t.Snapshot.Now)
	if cmp.Or(err, err2) != nil {
		t.damaged = true
	}
	t.places = append(t.places, row.place)
	t.Snapshot.Signals = append(t.Snapshot.Signals, signals.Signal{
		Name: row.name, Value: value, At: at, Good: time.Duration(row.good), Unknown: row.unknown.String, Note: row.note.String,
	})
}

// arrange puts signals where they stood in the snapshot: rows come by series.
func (t *tick) arrange() {
	list := make([]signals.Signal, len(t.places))
	for i, place := range t.places {
		if place < 0 || place >= len(list) {
			t.damaged = true // one is missing
			return
		}
		list[place] = t.Snapshot.Signals[i]
	}
	if len(list) > 0 {
		t.Snapshot.Signals = list
	}
}

func (s span) intents(into map[int64]*tick) error {
	return s.each(func(scan func(...any) error) error {
		var id int64
		i, err := scanIntent(scan, &id)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return err
		}
		if t := into[id]; t != nil {
			t.Intents = append(t.Intents, i)
			t.damaged = t.damaged || err != nil
		}
		return nil
	}, `SELECT body, request, tick FROM intents WHERE fleet = ? AND tick BETWEEN ? AND ? ORDER BY seq`, s.fleet, s.first, s.last)
}

func (s span) outcomes(into map[int64]*tick) error {
	return s.each(func(scan func(...any) error) error {
		var id int64
		var body []byte
		if err := scan(&id, &body); err != nil {
			return err
		}
		var o journal.Outcome
		t := into[id]
		if t == nil {
			return nil
		}
		if err := json.Unmarshal(body, &o); err != nil {
			t.damaged = true
		}
		t.Outcomes = append(t.Outcomes, o)
		return nil
	}, `SELECT i.tick, o.body FROM intents i JOIN outcomes o ON o.intent = i.seq
		WHERE i.fleet = ? AND i.tick BETWEEN ? AND ? ORDER BY o.seq`, s.fleet, s.first, s.last)
}
