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
func (c *Controller) settle(ctx context.Context, s signals.Snapshot) (doubtful int, err error) {
	if !c.unsettled {
		return 0, nil
	}
	reading, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	open, err := c.journal.Unsettled(reading, c.fleet.Name)
	if err != nil {
		return 0, fmt.Errorf("read the intents without an outcome: %w", err)
	}
	room := c.room(s, open)
	for _, i := range open {
		o, sure := c.findOut(ctx, i, s, room)
		o.Doubtful = !sure
		c.amend(i, o)
		if !sure {
			doubtful += i.Size() - len(o.Done)
			continue
		}
		if err := c.journal.Settle(ctx, o); err != nil {
			return 0, fmt.Errorf("settle %s: %w", i.ID, err)
		}
		delete(c.unsent, i.ID)
	}
	c.unsettled = doubtful > 0
	return doubtful, nil
}

// neverSent remembers intents whose writing failed: they may be in the journal
// all the same, but nothing was done about them.
func (c *Controller) neverSent(intents []journal.Intent) {
	c.unsettled = true
	for _, i := range intents {
		c.unsent[i.ID] = true
	}
}

// findOut settles one intent. A launch is looked for by its token and, if any
// of it is missing, sent again, the very same bytes: the token sees to it that
// nothing is bought twice. Any other deed is left to the tick that follows,
// which decides on fresh facts.
func (c *Controller) findOut(ctx context.Context, i journal.Intent, s signals.Snapshot, room int) (o journal.Outcome, sure bool) {
	ws, now := s.Workers, s.Now
	if c.unsent[i.ID] {
		return journal.Outcome{Intent: i.ID, At: now, Unsent: true, Failed: "not done: the journal reported an error when this was written"}, true
	}
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
	if p := s.Orders.Pause; p != nil && now.Before(p.Until) {
		// The fleet is left alone. What is missing may still turn up.
		return journal.Outcome{Intent: i.ID, At: now, Done: found}, false
	}
	if room < 0 {
		// The maximum was lowered since. What is missing may still turn up.
		return journal.Outcome{Intent: i.ID, At: now, Done: found}, false
	}
	o, sure = c.do(ctx, i)
	if o.Unsent { // this time; the first time it may have been
		return journal.Outcome{Intent: i.ID, At: now, Done: found}, false
	}
	o.At, o.Done = now, union(found, o.Done)
	return o, sure
}

// room is how many more may be billed once all that is in doubt has been launched, also
// by being sent again: two orders that fit one by one may not together.
func (c *Controller) room(s signals.Snapshot, open []journal.Intent) int {
	s.Recent = upTo(c.recent, s.Now)
	s.Workers = withUnlisted(s, max(unlisted, 2*c.fleet.Interval))
	n := c.rules.Decider.Max() - s.Billed()
	for _, i := range open {
		if i.Order != nil && !c.unsent[i.ID] && s.Now.Sub(i.At) <= resend {
			n -= max(0, i.Order.Count-len(launchedBy(i.Order.Token, s.Workers)))
		}
	}
	return n
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

// amend remembers a launch that was settled after its tick as one of that later
// time: the cloud may not list it yet, however long ago it was first asked for. What
// was refused, was refused then.
func (c *Controller) amend(i journal.Intent, o journal.Outcome) {
	refused := i.Refused(o)
	if i.Kind != journal.Launch || len(o.Done)+refused == 0 {
		return
	}
	n, _ := slices.BinarySearchFunc(c.recent, o.At, func(t signals.Tick, at time.Time) int {
		if t.At.After(at) {
			return 1
		}
		return -1
	})
	var t signals.Tick
	if n > 0 {
		t = c.recent[n-1]
	}
	t.At, t.Born, t.Died, t.Causes = o.At, nil, nil, nil // its fates are counted once
	t.Starting = union(t.Starting, o.Done)
	t.Deeds = signals.Deeds{Launched: o.Done, Refused: refused} // Asked was counted by the tick that asked
	c.recent = slices.Insert(slices.Clip(c.recent), n, t)       // snapshots share what is there
}

// amendAll remembers what was settled later in an earlier run of the controller.
func (c *Controller) amendAll(r journal.Record) {
	for _, o := range r.Outcomes {
		if i, late := settledLate(r, o); late {
			c.amend(i, o)
		}
	}
}

// asThen is a tick as it was remembered at its end: without what was found out of
// its launches later.
func asThen(r journal.Record) journal.Record {
	r.Outcomes = slices.DeleteFunc(slices.Clone(r.Outcomes), func(o journal.Outcome) bool {
		_, late := settledLate(r, o)
		return late && !o.Unsent
	})
	return r
}

// settledLate finds the launch that an outcome is of; false if it was settled in its
// own tick.
func settledLate(r journal.Record, o journal.Outcome) (journal.Intent, bool) {
	for _, i := range r.Intents {
		if i.ID == o.Intent {
			return i, i.Kind == journal.Launch && o.At.After(i.At)
		}
	}
	return journal.Intent{}, false
}
