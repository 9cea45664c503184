package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/journal"
)

// resend is how long after it was written a launch is sent again. The same
// token buys nothing twice for longer than that, but what was wanted then need
// not be wanted now.
const resend = 10 * time.Minute

// settle finds out what came of intents that have no outcome: the controller
// died between the deed and writing it down, or the journal failed then.
func (c *Controller) settle(ctx context.Context, ws []fleet.Worker, now time.Time) error {
	if !c.unsettled {
		return nil
	}
	open, err := c.journal.Unsettled(ctx, c.fleet.Name)
	if err != nil {
		return fmt.Errorf("read the intents without an outcome: %w", err)
	}
	for _, i := range open {
		o := c.findOut(ctx, i, ws, now)
		if err := c.journal.Settle(ctx, o); err != nil {
			return fmt.Errorf("settle %s: %w", i.ID, err)
		}
		c.amend(i, o)
	}
	c.unsettled = false
	return nil
}

// findOut settles one intent. A launch is looked for by its token and, if any
// of it is missing, sent again, the very same bytes: the token sees to it that
// nothing is bought twice. Any other deed is left to the tick that follows,
// which decides on fresh facts.
func (c *Controller) findOut(ctx context.Context, i journal.Intent, ws []fleet.Worker, now time.Time) journal.Outcome {
	if i.Kind != journal.Launch || i.Order == nil {
		return journal.Outcome{Intent: i.ID, At: now, Failed: "the controller stopped before the outcome was known; decided anew on fresh facts"}
	}
	found := launchedBy(i.Order.Token, ws)
	if len(found) >= i.Order.Count {
		return journal.Outcome{Intent: i.ID, At: now, Done: found}
	}
	if now.Sub(i.At) > resend {
		return journal.Outcome{Intent: i.ID, At: now, Done: found, Failed: fmt.Sprintf(
			"%d of %d found by their tag, not sent again after %s", len(found), i.Order.Count, now.Sub(i.At).Round(time.Second))}
	}
	o := c.do(ctx, i)
	o.At, o.Done = now, union(found, o.Done)
	return o
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

// amend tells the remembered tick what its launch has brought, so that this
// tick counts instances that the cloud does not list yet.
func (c *Controller) amend(i journal.Intent, o journal.Outcome) {
	for k := range c.recent {
		if t := &c.recent[k]; t.At.Equal(i.At) && i.Kind == journal.Launch {
			t.Deeds.Launched = union(t.Deeds.Launched, o.Done)
		}
	}
}
