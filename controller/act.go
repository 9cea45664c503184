package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// CallTimeout bounds every call that changes something.
const CallTimeout = 30 * time.Second

// intents writes a decision out as deeds, in the order in which they are done:
// what adds capacity comes first, what takes it away last.
func (c *Controller) intents(s signals.Snapshot, d policy.Decision) (list []journal.Intent) {
	add := func(kind journal.Kind, ids []fleet.ID, more func(*journal.Intent)) {
		i := journal.Intent{
			ID: d.ID + "/" + string(kind), Fleet: d.Fleet, Decision: d.ID, At: s.Now, Kind: kind, IDs: ids,
		}
		if more != nil {
			more(&i)
		}
		if i.Size() > 0 {
			list = append(list, i)
		}
	}
	add(journal.Recall, d.Recall, nil)
	add(journal.Wake, d.Wake, nil)
	add(journal.Launch, nil, func(i *journal.Intent) { i.Order = c.order(s, d.Launch) })
	add(journal.Drain, d.Drain, nil)
	add(journal.Sleep, d.Sleep, nil)
	add(journal.Terminate, nil, func(i *journal.Intent) { i.Exits = d.Terminate })
	return list
}

// order is the launch request of this tick. Its token follows from the number
// of the interval and of the tick within it, all of which is written before
// the call, and so is what the cloud chooses for it.
func (c *Controller) order(s signals.Snapshot, n int) *fleet.Order {
	number := s.Now.UnixNano() / int64(c.fleet.Interval)
	attempt := c.times.within(number, c.fleet.Interval)
	o := fleet.Order{Fleet: c.fleet.Name, Count: n, Token: fleet.Token(c.fleet.Name, number, attempt)}
	if d, drafts := c.world.Cloud.(Drafter); drafts && n > 0 {
		o.Request = d.Draft(o, s.Workers).Request // how many, and by which name, is ours to say
	}
	return &o
}

// act does the deeds and writes down what came of each at once.
func (c *Controller) act(ctx context.Context, intents []journal.Intent) []journal.Outcome {
	outcomes := make([]journal.Outcome, 0, len(intents))
	for _, i := range intents {
		o, sure := c.do(ctx, i)
		if !sure || c.journal.Settle(ctx, o) != nil {
			c.unsettled = true // the next tick finds out what came of it
			o.Doubtful = i.Kind == journal.Launch
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// do does one deed. It is not sure of the outcome when a launch failed in a way
// that may have taken effect all the same.
func (c *Controller) do(ctx context.Context, i journal.Intent) (o journal.Outcome, sure bool) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	done, err := c.call(ctx, i)
	o = journal.Outcome{Intent: i.ID, At: i.At, Done: done}
	switch {
	case err != nil:
		o.Failed, o.Unsent = err.Error(), errors.Is(err, fleet.ErrReadOnly) || errors.Is(err, fleet.ErrFenced)
	case len(done) < i.Size():
		o.Failed = fmt.Sprintf("%d of %d done, no reason was given for the others", len(done), i.Size())
	}
	return o, i.Kind != journal.Launch || err == nil || fleet.Refused(err)
}

func (c *Controller) call(ctx context.Context, i journal.Intent) ([]fleet.ID, error) {
	switch i.Kind {
	case journal.Recall:
		return c.world.Roster.Recall(ctx, i.IDs)
	case journal.Wake:
		return c.wake(ctx, i.IDs)
	case journal.Launch:
		return c.world.Cloud.Launch(ctx, *i.Order)
	case journal.Drain:
		return c.world.Roster.Drain(ctx, i.IDs, i.Decision)
	case journal.Sleep:
		return c.world.Cloud.Sleep(ctx, i.IDs)
	case journal.Terminate:
		return c.world.Cloud.Terminate(ctx, exitIDs(i.Exits))
	}
	return nil, fmt.Errorf("unknown deed %q", i.Kind)
}

// wake clears the request to drain first: a worker that woke to it would say
// that it is drained and be let go.
func (c *Controller) wake(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	cleared, err := c.world.Roster.Recall(ctx, ids)
	if len(cleared) == 0 {
		return nil, err
	}
	done, wakeErr := c.world.Cloud.Wake(ctx, cleared)
	return done, errors.Join(err, wakeErr)
}

func exitIDs(exits []fleet.Exit) []fleet.ID {
	ids := make([]fleet.ID, len(exits))
	for i, x := range exits {
		ids[i] = x.ID
	}
	return ids
}
