package recording

import (
	"slices"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/signals"
)

// past is what the daemon remembered at each recorded tick, rebuilt from the
// records before it, as its controller keeps it.
type past struct {
	memory time.Duration
	ticks  []signals.Tick
	open   []pending
}

// pending is a launch of which the journal learned later what came of it: the
// answer was lost, or the daemon died.
type pending struct {
	intent journal.Intent
	said   journal.Outcome
	known  bool // it was found out at last
}

// mostTicks is how many a daemon remembers at most.
const mostTicks = 10_000

// newPast remembers as long as a decider's window, and a little more.
func newPast(window, interval time.Duration) *past {
	return &past{memory: window + 5*time.Minute + 3*interval}
}

// before are the ticks that were remembered when this one was decided.
func (p *past) before(r journal.Record) []signals.Tick {
	p.findOut(r)
	n := len(p.ticks)
	if n > 0 && r.Snapshot.Now.Sub(p.ticks[n-1].At) > p.memory {
		p.ticks = p.ticks[n-1:] // it was down: a restart remembers one tick, however old
	}
	return slices.Clip(p.ticks)
}

// findOut has launches that were in doubt found, as the daemon does before it
// decides: as far as their instances are listed, and whole once the outcome is known.
// What was found counts as launched then.
func (p *past) findOut(r journal.Record) {
	now := r.Snapshot.Now
	var still []pending
	for _, o := range p.open {
		settled := o.known && !o.said.At.After(now)
		done, refused := launchedBy(o.intent, r.Snapshot.Workers), 0
		if settled {
			done, refused = o.said.Done, o.intent.Refused(o.said)
		} else {
			still = append(still, o)
		}
		if len(done)+refused > 0 {
			p.amend(now, done, refused)
		}
	}
	p.open = still
}

func launchedBy(i journal.Intent, ws []fleet.Worker) (ids []fleet.ID) {
	for k := range ws {
		if ws[k].Order == i.Order.Token {
			ids = append(ids, ws[k].ID)
		}
	}
	return ids
}

// amend remembers what was found out after the tick before.
func (p *past) amend(at time.Time, done []fleet.ID, refused int) {
	var t signals.Tick
	if n := len(p.ticks); n > 0 {
		t = p.ticks[n-1]
	}
	t.At, t.Born, t.Died, t.Causes = at, nil, nil, nil
	t.Starting = slices.Concat(t.Starting, done)
	slices.Sort(t.Starting)
	t.Starting = slices.Compact(t.Starting)
	t.Deeds = signals.Deeds{Launched: done, Refused: refused}
	p.ticks = append(p.ticks, t)
}

// add remembers a tick, as what came of it was known at its end.
func (p *past) add(r journal.Record) {
	if slices.ContainsFunc(r.Outcomes, func(o journal.Outcome) bool { return o.Unsent && o.At.After(r.Snapshot.Now) }) {
		return // the journal failed when it was written: the daemon did nothing, and forgot it
	}
	r.Outcomes = p.setAside(r)
	gone := max(0, len(p.ticks)+1-mostTicks)
	for gone < len(p.ticks) && r.Snapshot.Now.Sub(p.ticks[gone].At) > p.memory {
		gone++
	}
	p.ticks = append(p.ticks[gone:], r.Tick())
}

// setAside takes out what was found out of launches later.
func (p *past) setAside(r journal.Record) []journal.Outcome {
	list := slices.Clone(r.Outcomes)
	for _, i := range r.Intents {
		at := slices.IndexFunc(list, func(o journal.Outcome) bool { return o.Intent == i.ID })
		if i.Order == nil || at >= 0 && !list[at].At.After(i.At) {
			continue
		}
		if at < 0 {
			p.open = append(p.open, pending{intent: i})
			continue
		}
		p.open = append(p.open, pending{intent: i, said: list[at], known: true})
		list = slices.Delete(list, at, at+1)
	}
	return list
}
