package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/signals"
)

// resend is how long after it was written a launch is sent again. The same
// token buys nothing twice for longer than that, but what was wanted then need
// not be wanted now.
const resend = 10 * time.Minute

// settle finds out what came of intents that have no outcome: the controller
// died between the deed and writing it down, the journal failed then, or the
// cloud's answer was lost. It returns how many instances are still in doubt.
func (c *Controller) settle(ctx context.Context, ws []fleet.Worker, now time.Time) (doubtful int, err error) {
	if !c.unsettled {
		return 0, nil
	}
	open, err := c.journal.Unsettled(ctx, c.fleet.Name)
	if err != nil {
		return 0, fmt.Errorf("read the intents without an outcome: %w", err)
	}
	for _, i := range open {
		o, sure := c.findOut(ctx, i, ws, now)
		c.amend(i, o, now)
		if !sure {
			doubtful += i.Size() - len(o.Done)
			continue
		}
		if err := c.journal.Settle(ctx, o); err != nil {
			return 0, fmt.Errorf("settle %s: %w", i.ID, err)
		}
	}
	c.unsettled = doubtful > 0
	return doubtful, nil
}

// findOut settles one intent. A launch is looked for by its token and, if any
// of it is missing, sent again, the very same bytes: the token sees to it that
// nothing is bought twice. Any other deed is left to the tick that follows,
// which decides on fresh facts.
func (c *Controller) findOut(ctx context.Context, i journal.Intent, ws []fleet.Worker, now time.Time) (o journal.Outcome, sure bool) {
	if i.Kind != journal.Launch || i.Order == nil {
		return journal.Outcome{Intent: i.ID, At: now, Failed: "the controller stopped before the outcome was known; decided anew on fresh facts"}, true
	}
	found := launchedBy(i.Order.Token, ws)
	if len(found) >= i.Order.Count {
		return journal.Outcome{Intent: i.ID, At: now, Done: found}, true
	}
	if now.Sub(i.At) > resend {
		return journal.Outcome{Intent: i.ID, At: now, Done: found, Failed: fmt.Sprintf(
			"%d of %d found by their tag, not sent again after %s", len(found), i.Order.Count, now.Sub(i.At).Round(time.Second))}, true
	}
	o, sure = c.do(ctx, i)
	o.At, o.Done = now, union(found, o.Done)
	return o, sure
}

func launchedBy(token string, ws []fleet.Worker) (ids []fleet.ID) {
	for _, w := range ws {
		if w.Order == token {
			ids = append(ids, w.ID)
		}
	}
	return ids
}

func union(a, b []fleet.ID) []fleet.ID {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// amend remembers a launch that was settled as one of now: the cloud may not
// list it yet, however long ago it was first asked for.
func (c *Controller) amend(i journal.Intent, o journal.Outcome, now time.Time) {
	if i.Kind != journal.Launch || len(o.Done) == 0 {
		return
	}
	t := signals.Tick{At: now}
	if n := len(c.recent); n > 0 {
		t = c.recent[n-1]
		t.At = now
	}
	t.Deeds = signals.Deeds{Launched: o.Done} // Asked was counted by the tick that asked
	c.remember(t)
}
