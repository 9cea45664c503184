package handover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skynet/journal"
	"skynet/signals"
)

// Keeper is the journal that what was noted goes into.
type Keeper interface {
	Write(ctx context.Context, r journal.Record) error
	Settle(ctx context.Context, o journal.Outcome) error
}

// Follower takes the notes of whoever acts into a journal of its own. One goroutine
// uses it.
type Follower struct {
	own   Keeper
	last  map[string]signals.Standing // by fleet
	ticks int
}

// NewFollower returns a Follower that has taken nothing yet.
func NewFollower(own Keeper) *Follower {
	return &Follower{own: own, last: map[string]signals.Standing{}}
}

// Take takes one note. What the journal has already stays as it is, and what became
// of deeds that it does not have is not for it.
func (f *Follower) Take(ctx context.Context, body []byte) error {
	e, err := decode(body)
	if err != nil {
		return fmt.Errorf("cannot be read: %w; without it nobody knows what was bought: bring what wrote it, "+
			"or delete it and look for yourself", err)
	}
	if e.Record != nil {
		if err := f.record(ctx, *e.Record); err != nil {
			return err
		}
	}
	for _, o := range e.Outcomes {
		if err := f.own.Settle(ctx, o); err != nil && !errors.Is(err, journal.ErrNoIntent) {
			return err
		}
	}
	return nil
}

func (f *Follower) record(ctx context.Context, r journal.Record) error {
	f.last[r.Snapshot.Fleet] = r.Snapshot.Orders
	switch err := f.own.Write(ctx, r); {
	case errors.Is(err, journal.ErrDuplicate):
		return nil
	case err != nil:
		return err
	}
	f.ticks++
	return nil
}

// Ticks is how many the journal did not have.
func (f *Follower) Ticks() int { return f.ticks }

// Standing is what the operator had ordered for a fleet as of the last tick that was
// taken, and has not expired.
func (f *Follower) Standing(fleetName string, now time.Time) signals.Standing {
	s := f.last[fleetName].In(now)
	s.Changes = nil // that tick has told of them
	return s
}
