//go:build linux

package local

import (
	"os/exec"
	"time"

	"skynet/fleet"
)

// settling is how long a process may take to follow a signal before its state
// is put down to somebody else.
const settling = 2 * time.Second

// observe brings the record of r up to what the kernel says and returns its
// phase. f.mu is held.
func (f *Fleet) observe(r *record) fleet.Phase {
	switch {
	case !r.Ended.IsZero():
		return fleet.PhaseTerminated
	case r.Process.PID == 0:
		return fleet.PhasePending
	case !r.Leaving.IsZero():
		return fleet.PhaseShuttingDown // until tend has seen that nothing is left
	}
	state, alive := r.Process.look(f.boot)
	if !alive && r.child && !r.reaped { // within milliseconds: who hears that it ended is to hear why
		if !r.Stopped.IsZero() {
			return fleet.PhaseStopped
		}
		return fleet.PhaseRunning
	}
	if !alive {
		f.end(r)
		return fleet.PhaseTerminated
	}
	return f.drowse(r, state == 'T')
}

// end takes down that r is gone, and lets tend sweep up after it. f.mu is held.
func (f *Fleet) end(r *record) {
	r.Ended, r.Stopped = f.now(), time.Time{}
	if r.Exit == "" { // reap knows a child's
		r.Exit = "unknown: it was started by an earlier controller"
	}
	f.dirty = true
	f.hurry()
}

// drowse tells a sleeping instance from one awake. What others did with
// SIGSTOP and SIGCONT is taken over, as what an operator does in EC2's console.
func (f *Fleet) drowse(r *record, stopped bool) fleet.Phase {
	now := f.now()
	switch asleep := !r.Stopped.IsZero(); {
	case stopped && asleep:
		return fleet.PhaseStopped
	case stopped && now.Sub(r.Woken) < settling:
		return fleet.PhasePending
	case stopped:
		r.Stopped, f.dirty = now, true
		return fleet.PhaseStopped
	case asleep && now.Sub(r.Stopped) < settling:
		return fleet.PhaseStopping
	case asleep:
		r.Stopped, r.Woken, f.dirty = time.Time{}, now, true
	}
	return fleet.PhaseRunning
}

// reap waits for a worker that is our child, so that it does not stay a
// zombie, and takes down how it ended.
func (f *Fleet) reap(r *record, cmd *exec.Cmd) {
	_ = cmd.Wait() // what it says is in ProcessState
	last := f.logs.last(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	r.Exit, r.Last, r.reaped, f.dirty = cmd.ProcessState.String(), last, true, true
	f.observe(r)
	f.hurry()
}
