package journal

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Sentinel errors of every journal.
var (
	ErrDuplicate = errors.New("already in the journal") // a decision or intent of this ID was written before
	ErrNoIntent  = errors.New("no such intent")         // an outcome of something that was never intended
	ErrMalformed = errors.New("malformed record")       // its parts contradict each other: a mistake of ours
)

// Check reports, as ErrMalformed, a record whose parts do not belong together.
// Every journal refuses such a record: it could not be found again.
func (r Record) Check() error {
	s, d := r.Snapshot, r.Decision
	switch {
	case d.ID == "":
		return malformed("a decision without an ID")
	case s.Fleet == "" || s.Fleet != d.Fleet:
		return malformed("decision %s is of fleet %q, its snapshot of %q", d.ID, d.Fleet, s.Fleet)
	case !Datable(s.Now):
		return malformed("decision %s is dated %s", d.ID, s.Now)
	}
	seen := make(map[string]bool, len(r.Intents))
	for _, i := range r.Intents {
		if err := i.check(r, seen[i.ID]); err != nil {
			return err
		}
		seen[i.ID] = true
	}
	for _, o := range r.Outcomes {
		if !seen[o.Intent] {
			return fmt.Errorf("decision %s: outcome of %q: %w", d.ID, o.Intent, ErrNoIntent)
		}
	}
	return nil
}

func (i Intent) check(r Record, twice bool) error {
	switch {
	case i.ID == "":
		return malformed("decision %s has an intent without an ID", r.Decision.ID)
	case twice:
		return malformed("decision %s has two intents %s", r.Decision.ID, i.ID)
	case i.Decision != r.Decision.ID || i.Fleet != r.Decision.Fleet:
		return malformed("intent %s of %s/%s lies in decision %s/%s",
			i.ID, i.Fleet, i.Decision, r.Decision.Fleet, r.Decision.ID)
	case !Datable(i.At):
		return malformed("intent %s is dated %s", i.ID, i.At)
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Datable reports whether t can be the time of a tick: one that nanoseconds in
// 64 bits can count (1678 to 2262), by which journals order.
func Datable(t time.Time) bool {
	return t.After(time.Unix(0, math.MinInt64)) && t.Before(time.Unix(0, math.MaxInt64))
}
