package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Trial is the version that runs, while it has still to prove itself.
type Trial struct {
	home    Home
	version string
	turns   []held
	lock    *os.File
	done    chan bool     // what became of items
	Over    chan struct{} // closed when it is judged
	Bad     error         // why it is not good, once Over is closed
}

// Trial holds the trial of the version that runs, nil if it is under none. It is to
// be called at once after the start: who starts beside takes a trial that nobody
// holds for one that has failed.
func (h Home) Trial(running string) (*Trial, error) {
	known, err := h.read()
	if err != nil || known.Trial == nil || known.Trial.Version != running {
		return nil, err
	}
	lock, err := os.OpenFile(h.trialLock(running), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("bundles: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, lock.Close() // another worker on this machine is judged
	}
	return &Trial{home: h, version: running, turns: known.Trial.Turns, lock: lock, done: make(chan bool, 100), Over: make(chan struct{})}, nil
}

// Did tells what became of an item.
func (t *Trial) Did(err error) {
	if t == nil || errors.Is(err, context.Canceled) {
		return
	}
	select {
	case t.done <- err == nil:
	default: // it has seen enough
	}
}

// Judge returns when it is known whether the version on trial is good, or when ctx
// ends, and tells others.
func (u *Updater) Judge(ctx context.Context, t *Trial) {
	defer close(t.Over)
	defer u.tellLast(ctx)
	enough := time.NewTimer(cmp.Or(u.Proves, provesAfter))
	defer enough.Stop()
	holding := time.NewTicker(holdEvery)
	defer holding.Stop()
	good, failed, old := false, 0, false
	for {
		switch {
		case failed >= failures && !good:
			t.Bad = fmt.Errorf("failed its first %d items", failed)
			u.end(t, func(s *state) { s.condemn(t.Bad.Error()) })
			return
		case old && (good || failed == 0):
			u.end(t, t.pass)
			u.Log.Info("this version has proved itself", zap.String("version", t.version))
			return
		}
		select {
		case ok := <-t.done:
			good = good || ok
			if !ok {
				failed++
			}
		case <-enough.C:
			old = true
		case <-holding.C:
			for _, h := range t.turns {
				u.hold(ctx, h.Turn)
			}
		case <-ctx.Done():
			u.end(t, func(s *state) { s.judged("", "") }) // told to stop: neither good nor bad
			return
		}
	}
}

func (t *Trial) pass(s *state) {
	before := s.Good
	s.Good = t.version
	s.judged("good", "")
	t.home.tidy(time.Now(), s.Good, before)
}

// end ends a trial, and then lets go of it.
func (u *Updater) end(t *Trial, f func(*state)) {
	u.change(func(s *state) {
		if s.Trial != nil && s.Trial.Version == t.version {
			f(s)
		}
	})
	_ = t.lock.Close()
}
