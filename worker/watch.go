package worker

import (
	"context"
	"errors"
	"os"
	"time"

	"go.uber.org/zap"

	"skynet/fleet"
)

const (
	askLimit    = 2 * time.Second // for one question to the metadata service
	parentEvery = time.Second
	// takenMargin is kept before the time of an interruption, to give items back
	// and to say so.
	takenMargin = 5 * time.Second
)

// watch asks the metadata service again and again.
func (a *Agent) watch(life context.Context) {
	if a.set.metadata == nil {
		return
	}
	for pause(life, a.set.poll) {
		a.look(life)
	}
}

// look asks once and obeys the answers. No answer is neither a request nor a
// recall: what was known last stays. It reports whether we know if a drain was
// asked for, and the first time that we do admits the slots, after the notice
// was heeded: an item in hand for a moment is a delivery wasted.
func (a *Agent) look(ctx context.Context) bool {
	drain, err := a.tag(ctx)
	if err == nil {
		a.gate.Ask(drain)
	}
	notice, err2 := a.notice(ctx)
	if err2 == nil {
		a.heed(notice)
	}
	if err == nil {
		a.gate.Admit()
	}
	err3 := a.foresee(ctx)
	if ctx.Err() == nil {
		a.asking.saw(a.log, errors.Join(err, err2, err3))
	}
	return err == nil
}

// foresee asks whether the cloud expects to take the instance. The agent works on: it
// is for the controller to weigh.
func (a *Agent) foresee(ctx context.Context) error {
	f, ok := a.set.metadata.(Foresight)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	risk, err := f.AtRisk(ctx)
	if err == nil && a.risk.Swap(risk) != risk {
		a.log.Info("the cloud has changed its mind about taking this instance", zap.Bool("expected", risk))
		a.beat.nudge()
	}
	return err
}

// tag returns the drain asked for, "" for none. An empty value names no
// decision and counts as none.
func (a *Agent) tag(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	value, set, err := a.set.metadata.Tag(ctx, fleet.TagDrain)
	if err != nil || !set {
		return "", err
	}
	return value, nil
}

func (a *Agent) notice(ctx context.Context) (*fleet.Interruption, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	return a.set.metadata.Interruption(ctx)
}

// heed shuts the gate for an interruption and, shortly before its time, takes
// what is not finished out of hand. No notice lets the agent work again: an
// instance that was hibernated wakes up in the middle of this.
func (a *Agent) heed(n *fleet.Interruption) {
	a.gate.Interrupt(n)
	if n != nil && !time.Now().Before(n.At.Add(-max(takenMargin, a.set.poll))) {
		a.hands.stop(errTaken)
		return
	}
	if n == nil && !a.gate.Now().Stopping {
		a.hands.rest()
	}
}

// watchParent aborts when the process that started us is gone.
func (a *Agent) watchParent(life context.Context) {
	if a.set.parent == 0 {
		return
	}
	for os.Getppid() == a.set.parent {
		if !pause(life, parentEvery) {
			return
		}
	}
	a.log.Warn("the process that started this worker is gone")
	a.Abort()
}
