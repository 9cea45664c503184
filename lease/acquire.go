package lease

import (
	"context"
	"errors"
	"time"
)

// Acquire stands by until the lease is held, and returns an error only if ctx ends
// or what is there is no lease. After every look look is called, if it is not nil,
// with what is there, or why it cannot be read or taken.
func (l *Lease) Acquire(ctx context.Context, look func(State, error)) error {
	for c := l.StandBy(); ; {
		s, held, wait, err := c.Look(ctx)
		if held || errors.Is(err, ErrForeign) {
			return err
		}
		if look != nil {
			look(s, err)
		}
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
	}
}

// Candidate stands by for the lease. It does not wait: who asks it decides when to
// look again.
type Candidate struct {
	lease *Lease
	seen  watch
}

// StandBy returns a Candidate that has seen nothing yet.
func (l *Lease) StandBy() *Candidate { return &Candidate{lease: l} }

// Look reads the lease once, and takes it if it may. It returns what is there, whether
// the lease is held now, and if not after what time at most to look again. An error
// says why it cannot be read or taken; only ErrForeign will not pass by itself.
func (c *Candidate) Look(ctx context.Context) (s State, held bool, wait time.Duration, err error) {
	l := c.lease
	s, v, err := l.read(ctx)
	if errors.Is(err, ErrForeign) {
		return s, false, l.opt.Look, err
	}
	due := l.opt.Look
	if err == nil {
		due = c.seen.due(s, v, l)
	}
	if due <= 0 {
		if err = l.take(ctx, s, v); err == nil {
			return s, true, 0, nil
		}
		if errors.Is(err, ErrChanged) {
			err = nil // somebody was faster: the next look tells who
		}
		due = l.opt.Look
	}
	return s, false, min(due, l.opt.Look), err
}

// watch is what who stands by has seen of the lease.
type watch struct {
	version Version
	since   time.Duration // by its own clock: when it was seen first, after the answer came
}

// due is for how long the lease must yet stay unchanged before it may be taken. No
// version ever comes back, so it need not be looked at in between.
func (w *watch) due(s State, v Version, l *Lease) time.Duration {
	now := l.opt.Clock()
	switch {
	case v == "" || s.Released || s.Holder == l.opt.Holder:
		return 0
	case v != w.version:
		w.version, w.since = v, now
	}
	return max(s.Lasts, l.opt.Lasts) + max(s.Grace, l.opt.Grace) - (now - w.since)
}

// take writes the next term, if the lease is still of that version.
func (l *Lease) take(ctx context.Context, s State, v Version) error {
	if err := l.await(ctx); err != nil {
		return err
	}
	defer l.give()
	next := State{
		Holder: l.opt.Holder, Term: s.Term + 1, Since: time.Now().UTC().Truncate(time.Second),
		Lasts: l.opt.Lasts, Grace: l.opt.Grace, Note: s.Note,
		Terms: append(s.Terms[max(0, len(s.Terms)-mostTerms+1):len(s.Terms):len(s.Terms)], Began{s.Term + 1, s.Note}),
	}
	sent := l.opt.Clock()
	now, err := l.put(ctx, &next, v)
	if err != nil {
		return err
	}
	l.keep(next, now, sent)
	l.last = next.Note
	return nil
}

// sleep reports whether ctx goes on after that time.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
