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

const (
	tendBusy = 50 * time.Millisecond // while something is ending
	tendIdle = 10 * time.Second
)

// Terminate asks instances to end (SIGTERM) and returns at once; what has not
// ended after the grace time is killed. One that is ending or gone is done.
func (f *Fleet) Terminate(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	defer f.hurry()
	return f.each(ctx, "terminate", ids, f.dismiss)
}

// dismiss asks one instance to end. f.mu is held.
func (f *Fleet) dismiss(r *record) error {
	phase := f.observe(r)
	if phase == fleet.PhaseTerminated || phase == fleet.PhaseShuttingDown {
		return nil
	}
	f.dirty = true
	if r.Process.PID == 0 {
		r.Ended, r.Exit = f.now(), "terminated before it started"
		return nil
	}
	r.Leaving, r.Stopped = f.now(), time.Time{}
	return r.Process.signalGroup(f.boot, unix.SIGTERM, unix.SIGCONT) // a stopped one hears SIGTERM only when it goes on
}

// StopAll terminates every instance of every fleet, and waits until no process
// of theirs is left.
func (f *Fleet) StopAll(ctx context.Context) error {
	poll := time.NewTicker(tendBusy)
	defer poll.Stop()
	for {
		left, err := f.remaining(ctx)
		if err == nil && len(left) == 0 {
			return nil
		}
		if err == nil {
			_, err = f.Terminate(ctx, left)
		}
		if err != nil {
			return fmt.Errorf("stop all instances, %d left: %w", len(left), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop all instances, %d left: %w", len(left), ctx.Err())
		case <-poll.C:
		}
	}
}

// remaining lists the instances of which a process may be left.
func (f *Fleet) remaining(ctx context.Context) (ids []fleet.ID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, r := range f.records {
		f.observe(r)
		if !r.swept {
			ids = append(ids, id)
		}
	}
	return ids, f.usable(ctx)
}

// tend follows up on what ends: it kills what does not end in time, sweeps up
// what an ended worker left running, says how workers ended, and forgets.
func (f *Fleet) tend(ctx context.Context) {
	var kept time.Time // when the logs were last looked after
	for {
		wait := tendIdle
		if f.turn() {
			wait = tendBusy
		}
		if now := f.now(); now.Sub(kept) >= tendIdle {
			f.keepLogs()
			kept = now
		}
		select {
		case <-ctx.Done():
			return
		case <-f.kick:
		case <-time.After(wait):
		}
	}
}

// turn does what is due, and reports whether to look again soon.
func (f *Fleet) turn() (busy bool) {
	due := f.review()
	for _, r := range due.unsaid {
		f.say(r)
	}
	if len(due.late)+len(due.gone) == 0 {
		f.finish(nil)
		return due.waiting
	}
	found, err := survey(f.dir, f.boot)
	for _, r := range due.late { // whatever its phase is now: it was told to end long ago
		err = errors.Join(err, f.signal(&r, found[r.ID], unix.SIGKILL))
	}
	var swept []fleet.ID
	for _, r := range due.gone {
		for _, m := range found[r.ID] {
			err = errors.Join(err, m.signal(f.boot, unix.SIGKILL))
		}
		if err == nil && len(found[r.ID]) == 0 {
			swept = append(swept, r.ID)
		}
	}
	f.finish(swept)
	if err != nil {
		f.log.Error("local fleet: end instances", "err", err)
		return false // trying 20 times a second would not help
	}
	return due.waiting || len(due.late) > 0 || len(swept) < len(due.gone)
}

// due is what a turn finds, copied, to be acted on without the lock.
type due struct {
	waiting bool     // something was told to end and still may by itself
	late    []record // was told to end, and its time is up
	gone    []record // ended, but may have left something running
	unsaid  []record // ended by itself, and nobody has said so yet
}

func (f *Fleet) review() (d due) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for _, r := range f.records {
		phase := f.observe(r)
		_, alive := r.Process.look(f.boot)
		switch {
		case r.swept || !r.started():
		case phase == fleet.PhaseShuttingDown && alive && now.Sub(r.Leaving) < f.grace:
			d.waiting = true
		case phase == fleet.PhaseShuttingDown && alive:
			d.late = append(d.late, *r)
		case !alive && (phase == fleet.PhaseTerminated || phase == fleet.PhaseShuttingDown): // else reap is at it
			d.gone = append(d.gone, *r)
		}
		if phase == fleet.PhaseTerminated && !r.said && r.Exit != "" {
			r.said = true
			d.unsaid = append(d.unsaid, *r)
		}
	}
	return d
}

// finish takes down that nothing is left of the instances, and forgets those
// that ended long ago.
func (f *Fleet) finish(swept []fleet.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range swept {
		r, known := f.records[id]
		if !known {
			continue
		}
		r.swept = true
		if r.Ended.IsZero() {
			r.Ended, r.said, f.dirty = f.now(), true, true
			r.Exit = orElse(r.Exit, "terminated")
		}
	}
	f.forget()
	if err := f.save(); err != nil && !errors.Is(err, ErrClosed) {
		f.log.Error("local fleet: write record", "err", err) // tried again with the next change
	}
}
