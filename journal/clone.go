package journal

import (
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// Clone is a copy that shares nothing with r, in the form in which every
// journal keeps and returns records: times in UTC, without a monotonic reading
// (which means nothing after a restart), no Recent (it is the records before).
func (r Record) Clone() Record {
	return Record{
		Snapshot: cloneSnapshot(r.Snapshot),
		Decision: cloneDecision(r.Decision),
		Intents:  each(r.Intents, Intent.Clone),
		Outcomes: each(r.Outcomes, Outcome.Clone),
	}
}

// Clone is a copy that shares nothing with i, its time in UTC.
func (i Intent) Clone() Intent {
	i.At = utc(i.At)
	i.IDs, i.Exits = own(i.IDs), own(i.Exits)
	if i.Order != nil {
		o := *i.Order
		o.Request = own(o.Request)
		i.Order = &o
	}
	return i
}

// Clone is a copy that shares nothing with o, its time in UTC.
func (o Outcome) Clone() Outcome {
	o.At, o.Done = utc(o.At), own(o.Done)
	return o
}

func cloneSnapshot(s signals.Snapshot) signals.Snapshot {
	s.Now, s.Recent = utc(s.Now), nil
	s.Workers = each(s.Workers, cloneWorker)
	s.Signals = each(s.Signals, cloneSignal)
	s.Born, s.Died, s.Causes = own(s.Born), own(s.Died), own(s.Causes)
	s.Queues, s.Boots, s.Wakes, s.Advice = own(s.Queues), own(s.Boots), own(s.Wakes), own(s.Advice)
	if s.Others != nil {
		s.Others = new(*s.Others)
	}
	s.Orders = cloneOrders(s.Orders)
	return s
}

func cloneOrders(o signals.Standing) signals.Standing {
	if o.Pause != nil {
		o.Pause = new(*o.Pause)
		o.Pause.Until, o.Pause.Since = utc(o.Pause.Until), utc(o.Pause.Since)
	}
	if o.Floor != nil {
		o.Floor = new(*o.Floor)
		o.Floor.Until, o.Floor.Since = utc(o.Floor.Until), utc(o.Floor.Since)
	}
	o.Drain, o.Forget = each(o.Drain, cloneNamed), each(o.Forget, cloneNamed)
	o.Changes = each(o.Changes, func(c signals.Change) signals.Change {
		c.At = utc(c.At)
		return c
	})
	o.Ended = each(o.Ended, func(e signals.Ended) signals.Ended {
		e.Until, e.Since = utc(e.Until), utc(e.Since)
		return e
	})
	return o
}

func cloneNamed(n signals.Named) signals.Named {
	n.Until, n.Since = utc(n.Until), utc(n.Since)
	return n
}

func cloneWorker(w fleet.Worker) fleet.Worker {
	for _, t := range []*time.Time{&w.Launched, &w.Woken, &w.Heard, &w.Booted, &w.DrainingSince, &w.AsleepSince} {
		*t = utc(*t)
	}
	return w
}

func cloneSignal(s signals.Signal) signals.Signal {
	s.At = utc(s.At)
	return s
}

func cloneDecision(d policy.Decision) policy.Decision {
	d.Recall, d.Wake = own(d.Recall), own(d.Wake)
	d.Drain, d.Sleep = own(d.Drain), own(d.Sleep)
	d.Terminate = own(d.Terminate)
	d.Wants, d.Reasons = own(d.Wants), own(d.Reasons)
	return d
}

// own copies a list of plain values.
func own[L ~[]T, T any](list L) L { return each(list, func(v T) T { return v }) }

// each copies a list element by element; an empty one becomes nil, so that it
// does not matter which journal it went through.
func each[L ~[]T, T any](list L, copied func(T) T) L {
	if len(list) == 0 {
		return nil
	}
	out := make(L, len(list))
	for i := range list {
		out[i] = copied(list[i])
	}
	return out
}

func utc(t time.Time) time.Time { return t.Round(0).UTC() }
