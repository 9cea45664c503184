package controller

import (
	"maps"
	"slices"

	"skynet/journal"
	"skynet/signals"
)

// owed is what ticks that came to nothing had counted since the tick before them.
// A source hands each count out once, so that it would be lost with its tick, and
// less would seem to have arrived than did: the next tick that decides gets it.
type owed map[string]float64

// counts reports whether a signal is a count since the last tick, of the fleet or
// of one queue. What has arrived is none: it follows from these.
func counts(name string) bool {
	k, _ := signals.KindOf(name)
	switch k.Name {
	case "queue.completed", "queue.redelivered", "work.failed":
		return true
	}
	return false
}

// keep adds what a tick had counted that came to nothing.
func (o owed) keep(s signals.Snapshot) {
	for _, sig := range s.Signals {
		if v, err := sig.Check(s.Now); err == nil && v >= 0 && counts(sig.Name) {
			o[sig.Name] += v
		}
	}
}

// with adds what is owed to what was counted. A count that is not known now stays
// owed.
func (o owed) with(s signals.Snapshot) signals.Snapshot {
	if len(o) == 0 {
		return s
	}
	s.Signals = slices.Clone(s.Signals)
	for i := range s.Signals {
		sig := &s.Signals[i]
		if v, err := sig.Check(s.Now); err == nil && v >= 0 {
			sig.Value += o[sig.Name]
		}
	}
	return s
}

// settle forgets what a tick that is remembered had in its counts.
func (o owed) settle(s signals.Snapshot) {
	maps.DeleteFunc(o, func(name string, _ float64) bool {
		sig, there := signals.Find(s.Signals, name)
		v, err := sig.Check(s.Now)
		return there && err == nil && v >= 0
	})
}

// owedBy is what the ticks of an earlier run left, oldest first. One that failed
// wrote down what it had counted by itself.
func owedBy(records []journal.Record) owed {
	o := owed{}
	for _, r := range records {
		if r.Decision.Failed != "" {
			o.keep(r.Snapshot)
		} else {
			o.settle(r.Snapshot)
		}
	}
	return o
}
