package faults

import (
	"encoding/json"
	"slices"

	"skynet/controller"
	"skynet/journal"
	"skynet/signals"
)

// decidedOn is what a tick decided, and what it remembered: the rest of what it knew is
// to come out of a journal.
type decidedOn struct {
	recent   []signals.Tick
	decision string
}

// keep notes a tick, for when it is found in a journal. Some do: each costs a decision
// with every look.
func (l *laws) keep(r controller.Report) {
	const often = 16
	if r.Err != nil || l.ticks%often != 1 {
		return
	}
	if b, err := json.Marshal(r.Decision); err == nil {
		l.kept[r.Decision.ID] = decidedOn{slices.Clone(r.Snapshot.Recent), string(b)}
	}
}

// recorded decides a tick again from what a journal says of it: the one that wrote it
// and the one that it was handed to.
func (l *laws) recorded(h *Host, r journal.Record) {
	was, kept := l.kept[r.Decision.ID]
	if !kept {
		return
	}
	s := r.Snapshot
	s.Recent = was.recent
	again := l.files[r.Decision.Version].engine.Decide(s)
	again.Version = r.Decision.Version
	b, err := json.Marshal(again)
	if wrote, err2 := json.Marshal(r.Decision); err != nil || err2 != nil || string(wrote) != was.decision || string(b) != was.decision {
		l.breach(lawReplay, "%s was %s, is %s in the journal of %s, which decides %s", r.Decision.ID, was.decision, wrote, h.name, b)
	}
}
