package web

import (
	"context"
	"time"

	"skynet/signals"
)

// Question is one number to ask for.
type Question interface {
	// Ask returns the number and when it was measured.
	Ask(ctx context.Context, now time.Time) (value float64, at time.Time, err error)
}

// Rhythm is how often a number is asked for, and how long it holds.
type Rhythm struct {
	Interval time.Duration // from tick to tick
	Every    time.Duration // asked no more often; 0: at each tick
	Good     time.Duration // how long an answer is good for; 0: twice the longer of the two
}

// Source is a signal that is asked for now and then. It is shared by all fleets,
// which do not ask twice, and keeps the last answer until the next is due.
type Source struct {
	name     string
	question Question
	fresh    time.Duration // an answer is not asked for again within it
	retry    time.Duration // nor is a failure
	good     time.Duration

	turn  chan struct{}  // holds a token while it is read: the rest is that reader's
	asked time.Time      // when it was asked last, zero if never
	last  signals.Signal // what came of it
	known signals.Signal // the last answer that was one
}

// NewSource returns the Source of one signal.
func NewSource(name string, q Question, r Rhythm) *Source {
	every := max(r.Every, r.Interval)
	if r.Good <= 0 {
		r.Good = 2 * every
	}
	// Ticks are never quite on time, and those of several fleets never at the same:
	// half an interval tells one tick from the next.
	return &Source{
		name: name, question: q, good: r.Good, fresh: every - r.Interval/2, retry: r.Interval / 2, turn: make(chan struct{}, 1),
	}
}

// Names is the signal's.
func (s *Source) Names() []string { return []string{s.name} }

// Read asks, or gives what was answered last. A failure is asked again with the
// next tick; until the last answer is stale, it stands.
func (s *Source) Read(ctx context.Context, now time.Time) []signals.Signal {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return []signals.Signal{signals.Missing(s.name, now, "no answer within the tick's deadline")}
	}
	if !s.due(now) {
		return []signals.Signal{s.last}
	}
	s.asked, s.last = now, s.ask(ctx, now)
	return []signals.Signal{s.last}
}

func (s *Source) due(now time.Time) bool {
	hold := s.fresh
	if s.last.Unknown != "" || s.last.Note != "" {
		hold = s.retry
	}
	return s.asked.IsZero() || now.Sub(s.asked).Abs() >= hold
}

func (s *Source) ask(ctx context.Context, now time.Time) signals.Signal {
	value, at, err := s.question.Ask(ctx, now)
	if err != nil {
		return s.fall(now, err)
	}
	if at.After(now) {
		at = now // the server's clock is ahead: what it measured must not be good for longer
	}
	sig := signals.Known(s.name, value, at, s.good)
	if sig.Unknown == "" {
		s.known = sig
	}
	return sig
}

// fall is what is left after a failure: the last answer while it is good.
func (s *Source) fall(now time.Time, err error) signals.Signal {
	if _, stale := s.known.Check(now); s.known.Name == "" || stale != nil {
		return signals.Missing(s.name, now, err.Error())
	}
	sig := s.known
	sig.Note = "the last answer; since then: " + err.Error()
	return sig
}
