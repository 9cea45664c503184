//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

// Sleep stops instances where they are (SIGSTOP), their helpers too. It
// returns those that sleep; one that is ending or gone is an error.
func (f *Fleet) Sleep(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	found, err := survey(f.dir, f.boot)
	if err != nil {
		return nil, fmt.Errorf("put %d instances to sleep: %w", len(ids), err)
	}
	return f.each(ctx, "put to sleep", ids, func(r *record) error {
		phase, err := f.living(r)
		if err != nil || phase == fleet.PhaseStopped || phase == fleet.PhaseStopping {
			return err
		}
		if err := f.signal(r, found[r.ID], unix.SIGSTOP); err != nil {
			return err
		}
		r.Stopped, f.dirty = f.now(), true
		return nil
	})
}

// Wake lets sleeping instances go on (SIGCONT). It returns those that are
// awake now; one that is ending or gone is an error.
func (f *Fleet) Wake(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	found, err := survey(f.dir, f.boot)
	if err != nil {
		return nil, fmt.Errorf("wake %d instances: %w", len(ids), err)
	}
	return f.each(ctx, "wake", ids, func(r *record) error {
		if _, err := f.living(r); err != nil || r.Stopped.IsZero() {
			return err
		}
		if err := f.signal(r, found[r.ID], unix.SIGCONT); err != nil {
			return err
		}
		r.Stopped, r.Woken, f.dirty = time.Time{}, f.now(), true
		return nil
	})
}

// living returns the phase of an instance that can sleep and wake, or says why
// it can't. f.mu is held.
func (f *Fleet) living(r *record) (fleet.Phase, error) {
	phase := f.observe(r)
	if r.Process.PID == 0 || phase == fleet.PhaseShuttingDown || phase == fleet.PhaseTerminated {
		return phase, fmt.Errorf("%w: it is %s", ErrState, phase)
	}
	return phase, nil
}

// signal signals the worker's group, and what it started in other groups.
func (f *Fleet) signal(r *record, found []marked, s unix.Signal) error {
	errs := []error{r.Process.signalGroup(f.boot, s)}
	for _, m := range found {
		if m.PID != r.Process.PID {
			errs = append(errs, m.signal(f.boot, s))
		}
	}
	return errors.Join(errs...)
}
