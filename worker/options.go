package worker

import (
	"time"

	"go.uber.org/zap"
)

// Option changes a default of the agent.
type Option func(*settings)

type settings struct {
	log      *zap.Logger
	metadata Metadata
	beat     time.Duration
	poll     time.Duration
	grace    time.Duration
	limit    time.Duration
	ahead    time.Duration
	parent   int // process ID; 0: whoever started us may go
}

func defaults() settings {
	return settings{
		log:   zap.NewNop(),
		beat:  15 * time.Second,
		poll:  5 * time.Second,
		limit: time.Hour,
		ahead: 5 * time.Second,
	}
}

// WithLog sets where the agent logs. Default: nowhere.
func WithLog(l *zap.Logger) Option { return func(s *settings) { s.log = l } }

// WithMetadata sets where the agent learns of drains, recalls and
// interruptions, and how often it asks (5 s if every is 0). Default: it never does.
func WithMetadata(m Metadata, every time.Duration) Option {
	return func(s *settings) {
		s.metadata = m
		if every > 0 {
			s.poll = every
		}
	}
}

// WithHeartbeat sets the time between heartbeats. Default: 15 s.
func WithHeartbeat(every time.Duration) Option {
	return func(s *settings) {
		if every > 0 {
			s.beat = every
		}
	}
}

// WithGrace bounds the time to finish what is in hand after a stop. Default: 0,
// no bound of ours.
func WithGrace(d time.Duration) Option { return func(s *settings) { s.grace = d } }

// WithItemLimit bounds the time of one try of one item; 0 lifts it. Default: 1 h.
func WithItemLimit(d time.Duration) Option { return func(s *settings) { s.limit = d } }

// WithAhead sets how soon a slot must be expected to become free for an item to be
// fetched ahead of it. One that has waited for a slot six times as long is given
// back, so that others can take it. 0: items are fetched when a slot is free.
// Default: 5 s.
func WithAhead(d time.Duration) Option { return func(s *settings) { s.ahead = d } }

// WhileParent makes the agent abort when the process that started it is gone, so
// that a demo that is killed leaves no workers behind. parent is that process's ID,
// asked for before anything else: it may be gone before the agent runs.
func WhileParent(parent int) Option { return func(s *settings) { s.parent = parent } }
