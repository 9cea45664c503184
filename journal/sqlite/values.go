package sqlite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"skynet/signals"
)

// text is v as JSON that people can read: what is "<" stays "<".
func text(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// number is v as it takes the least room and loses nothing: whole numbers as
// integers (but not -0, which has no integer), NaN as NULL.
func number(v float64) any {
	const exact = 1 << 53
	switch {
	case math.IsNaN(v):
		return nil
	case v == math.Trunc(v) && math.Abs(v) <= exact && !(v == 0 && math.Signbit(v)):
		return int64(v)
	}
	return v
}

func toFloat(v any) (float64, error) {
	switch v := v.(type) {
	case nil:
		return math.NaN(), nil
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	}
	return 0, fmt.Errorf("a number stored as %T", v)
}

// age is at as ns before now; as text if that is more than 64 bits hold, and
// NULL for no time.
func age(at, now time.Time) any {
	if at.IsZero() {
		return nil
	}
	d := now.Sub(at)
	if now.Add(-d).Equal(at) {
		return int64(d)
	}
	return at.Format(time.RFC3339Nano)
}

func fromAge(v any, now time.Time) (time.Time, error) {
	switch v := v.(type) {
	case nil:
		return time.Time{}, nil
	case int64:
		return now.Add(-time.Duration(v)), nil
	case string:
		return time.Parse(time.RFC3339Nano, v)
	}
	return time.Time{}, fmt.Errorf("a time stored as %T", v)
}

// orNull stores what is nearly always empty in no room at all.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// nanos is t as the file counts, for times of ticks and for limits beyond any.
func nanos(t time.Time) int64 {
	switch {
	case !t.After(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case !t.Before(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func moment(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// signals writes the numbers of a tick.
func (w writing) signals(tick int64, s signals.Snapshot) error {
	insert := w.tx.StmtContext(w.ctx, w.stmts.signal)
	for n, sig := range s.Signals {
		id, err := w.seriesID(seriesKey{s.Fleet, sig.Name})
		if err != nil {
			return fmt.Errorf("%s: %w", sig.Name, err)
		}
		_, err = insert.ExecContext(w.ctx, tick, id, n, number(sig.Value), age(sig.At, s.Now), int64(sig.Good), orNull(sig.Unknown), orNull(sig.Note))
		if err != nil {
			return fmt.Errorf("%s: %w", sig.Name, err)
		}
	}
	return nil
}

func (w writing) seriesID(key seriesKey) (id int64, err error) {
	if id, ok := w.known[key]; ok {
		return id, nil
	}
	if id, ok := w.fresh[key]; ok {
		return id, nil
	}
	err = w.tx.StmtContext(w.ctx, w.stmts.series).QueryRowContext(w.ctx, key.fleet, key.name).Scan(&id)
	if err == nil {
		w.fresh[key] = id
	}
	return id, err
}
