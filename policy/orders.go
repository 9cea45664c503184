package policy

import (
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// hear tells what the operator has ordered since the tick before, and what has
// expired, so that the journal holds who did it and when.
func hear(s signals.Snapshot, d Decision) Decision {
	for _, c := range s.Orders.Changes {
		d = d.Because("orders", "%s, at %s%s", c.Said, c.At.UTC().Format(time.RFC3339), orderedBy(c.By, c.Why))
	}
	var forgotten []fleet.ID
	for i := range s.Workers {
		if _, yes := s.Orders.Forgets(s.Workers[i].ID, s.Now); yes {
			forgotten = append(forgotten, s.Workers[i].ID)
		}
	}
	if len(forgotten) > 0 {
		d = d.Because("orders", "%d listed and left out, the operator has them forgotten: %s", len(forgotten), listed(forgotten))
	}
	return d
}

// stand raises the want to the operator's floor, until that expires.
func stand(s signals.Snapshot, d Decision) Decision {
	f := s.Orders.Floor
	if f == nil || !s.Now.Before(f.Until) || f.Want <= d.Raw {
		return d
	}
	said := fmt.Sprintf("want %d instead of %d until %s", f.Want, d.Raw, f.Until.UTC().Format(time.RFC3339))
	d.Raw = f.Want
	return d.Because("floor", "%s%s", said, orderedBy(f.By, f.Why))
}

// orderedBy tells who gave a standing order, and why.
func orderedBy(by, why string) (said string) {
	if by != "" {
		said += ", ordered by " + by
	}
	if why != "" {
		said += ": " + why
	}
	return said
}

// ordered reports whether the operator wants this very worker drained.
func ordered(s signals.Snapshot, w *fleet.Worker) bool {
	_, yes := s.Orders.Drains(w.ID, s.Now)
	return yes
}

// obey asks those to drain whom the operator has named, and returns how many. Like
// the plan's own choice it takes only workers that are known to serve: to wait for
// the others costs little. They are replaced by a later tick, if they are missed.
func (p Plan) obey(s signals.Snapshot, d Decision, done marks) (_ Decision, n int) {
	if len(s.Orders.Drain) == 0 {
		return d, 0
	}
	for i := range s.Workers {
		w := &s.Workers[i]
		by, yes := s.Orders.Drains(w.ID, s.Now)
		if !yes || done[i] {
			continue
		}
		switch known := w.State == fleet.Working && !w.Silent; {
		case known:
			done[i], n = true, n+1
			d.Drain = append(d.Drain, w.ID)
			d = d.Because("plan", "drain %s with %d in hand%s", w.ID, w.Jobs, orderedBy(by.By, by.Why))
		case w.State == fleet.Working:
			d = d.Because("plan", "%s is to drain%s: not while it is silent", w.ID, orderedBy(by.By, by.Why))
		case w.State == fleet.Starting || w.State == fleet.Waking:
			d = d.Because("plan", "%s is to drain%s: not before it is heard", w.ID, orderedBy(by.By, by.Why))
		}
	}
	return d, n
}

// chosen has a guard soften what the plan chose for the good of the fleet. Whom the
// operator has named is not spared for it: the guards that hold everybody (blind,
// quorum, freeze) hold these too.
func chosen(s signals.Snapshot, d Decision, soften func(Decision) Decision) Decision {
	if len(s.Orders.Drain) == 0 || len(d.Drain) == 0 {
		return soften(d)
	}
	named := spare(s, d.Drain, func(w *fleet.Worker) bool { return !ordered(s, w) })
	rest := spare(s, d.Drain, func(w *fleet.Worker) bool { return ordered(s, w) })
	have := d.Have
	d.Drain, d.Have = rest, have-len(named)
	d = soften(d)
	d.Drain, d.Have = slices.Concat(named, d.Drain), have
	return d
}
