package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Renew writes the lease again. It may also be renewed after its end as long as
// nobody has taken it, which is what the write proves.
func (l *Lease) Renew(ctx context.Context) error {
	return l.rewrite(ctx, func(*State) {})
}

// Note stores body beside the lease and then renews it by a write that says that the
// note counts. When it returns nil nobody else held the lease before the note was
// there, and who holds it next will read it. After an error nothing may be done about
// what it says; it may be read all the same.
//
// One note is written after the other: a reader that has seen a number never finds a
// lower one that was not there before and counts.
func (l *Lease) Note(ctx context.Context, body []byte) error {
	if err := l.await(ctx); err != nil {
		return err
	}
	defer l.give()
	l.mu.Lock()
	held, term := l.held, l.state.Term
	l.last++
	n := l.last
	l.mu.Unlock()
	if !held {
		return ErrNotHeld
	}
	storing, cancel := context.WithTimeout(ctx, l.opt.Patience)
	defer cancel()
	if err := l.notes.Put(storing, nameOf(n, term), body); err != nil {
		return fmt.Errorf("write beside the lease: %w", err)
	}
	return l.rewriteInTurn(ctx, func(s *State) { s.Note = n })
}

// Release gives the lease up. Nothing may be under way that it was held for: a
// successor need not wait. What is not held any more is left alone.
func (l *Lease) Release(ctx context.Context) error {
	err := l.rewrite(ctx, func(s *State) { s.Released = true })
	l.mu.Lock()
	l.held = false
	l.mu.Unlock()
	if errors.Is(err, ErrNotHeld) {
		return nil
	}
	return err
}

// Hold renews the lease until ctx ends, and then returns nil, or until it is not
// held any more, and says why.
func (l *Lease) Hold(ctx context.Context) error {
	wait := l.opt.Renew
	for sleep(ctx, wait) {
		var gone error
		if wait, gone = l.renewal(ctx); gone != nil && ctx.Err() == nil {
			return gone
		}
	}
	return nil
}

// renewal renews the lease and returns when to do it next: soon, if it failed and
// there is time left, or never, if the lease is gone.
func (l *Lease) renewal(ctx context.Context) (next time.Duration, gone error) {
	err := l.Renew(ctx)
	switch {
	case err == nil:
		return l.opt.Renew, nil
	case errors.Is(err, ErrNotHeld):
		return 0, err
	case l.left() <= 0:
		return 0, fmt.Errorf("%w: it could not be renewed in time: %w", ErrNotHeld, err)
	}
	return l.opt.Renew / 5, nil
}

// tries is how often a write is begun anew because an earlier one of ours, whose
// answer was lost, turns out to have been done.
const tries = 3

// await waits for the turn to write, and give gives it to the next.
func (l *Lease) await(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Lease) give() { <-l.turn }

// rewrite changes the lease, which must be ours.
func (l *Lease) rewrite(ctx context.Context, change func(*State)) error {
	if err := l.await(ctx); err != nil {
		return err
	}
	defer l.give()
	return l.rewriteInTurn(ctx, change)
}

// rewriteInTurn is rewrite by who has the turn. How long the lease is held counts from
// before the write that succeeds.
func (l *Lease) rewriteInTurn(ctx context.Context, change func(*State)) error {
	var err error
	for range tries {
		l.mu.Lock()
		s, v, held := l.state, l.version, l.held
		l.mu.Unlock()
		if !held {
			return ErrNotHeld
		}
		change(&s)
		sent := l.opt.Clock()
		if v, err = l.put(ctx, &s, v); err == nil {
			l.keep(s, v, sent)
			return nil
		}
		if c, ok := errors.AsType[*changed](err); ok {
			if err := l.see(c); err != nil {
				return err
			}
		} else if !errors.Is(err, ErrChanged) { // else an earlier write of ours is still under way
			break
		}
	}
	return fmt.Errorf("renew the lease: %w", err)
}

// changed says what is there instead of what a write was to replace.
type changed struct {
	state   State
	version Version
}

func (c *changed) Error() string { return ErrChanged.Error() }
func (c *changed) Unwrap() error { return ErrChanged }

// see takes up what is there, or learns that the lease is lost.
func (l *Lease) see(c *changed) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := c.state.Holder == l.state.Holder && c.state.Term == l.state.Term
	l.state, l.version, l.held = c.state, c.version, mine
	if !mine {
		return fmt.Errorf("%w: %s, since %s by its clock", ErrLost, c.state.Holder, c.state.Since.Format(time.RFC3339))
	}
	return nil
}

// put writes the state if the lease is still of that version. If the answer is lost,
// or says that it is not, what is there tells whether it was written.
func (l *Lease) put(ctx context.Context, s *State, replaces Version) (Version, error) {
	s.Write = rand.Text()
	writing, cancel := context.WithTimeout(ctx, l.opt.Patience)
	defer cancel()
	v, err := l.store.Write(writing, s.encode(), replaces)
	if err == nil {
		return v, nil
	}
	there, now, failed := l.read(context.WithoutCancel(ctx))
	switch {
	case failed != nil:
		return "", fmt.Errorf("%w (and it cannot be read: %w)", err, failed)
	case there.Write == s.Write:
		return now, nil
	case now != replaces:
		return "", &changed{there, now}
	}
	return "", err
}

func (l *Lease) keep(s State, v Version, sent time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.version, l.held, l.until = s, v, true, sent+l.opt.Lasts
}
