// Package journal keeps the record of every tick: what was known, what was
// decided, what was about to be done (intents, written before the deeds) and
// what came of it (outcomes, written after). It is what a restart reads to buy
// nothing twice, what an operator asks for reasons, and what the simulator
// plays.
package journal

import (
	"context"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// Kind is the kind of a deed.
type Kind string

// The deeds, in the order in which a tick does them.
const (
	Recall    Kind = "recall"
	Wake      Kind = "wake"
	Launch    Kind = "launch"
	Drain     Kind = "drain"
	Sleep     Kind = "sleep"
	Terminate Kind = "terminate"
)

// Intent is one deed, written before it is done.
type Intent struct {
	ID       string       `json:"id"` // decision ID, "/", kind: unique in the journal
	Fleet    string       `json:"fleet"`
	Decision string       `json:"decision"`
	At       time.Time    `json:"at"`
	Kind     Kind         `json:"kind"`
	IDs      []fleet.ID   `json:"ids,omitempty"`   // on whom, but for launches and exits
	Exits    []fleet.Exit `json:"exits,omitempty"` // for terminate
	Order    *fleet.Order `json:"order,omitempty"` // for launch: whole, as it is sent
}

// Size is how many instances the intent is about.
func (i Intent) Size() int {
	if i.Order != nil {
		return i.Order.Count
	}
	return len(i.IDs) + len(i.Exits)
}

// Outcome is what came of an intent.
type Outcome struct {
	Intent string     `json:"intent"`
	At     time.Time  `json:"at"`
	Done   []fleet.ID `json:"done,omitempty"`   // the part that was done
	Failed string     `json:"failed,omitempty"` // why the rest was not
	Unsent bool       `json:"unsent,omitempty"` // no call was made (a dry run): nothing was bought
	// Doubtful says that it may have been done all the same. Such an outcome is in no
	// journal: the intent is unsettled there.
	Doubtful bool `json:"-"`
}

// Record is one tick as the journal holds it. The snapshot's Recent is left
// out: it is the records before this one.
type Record struct {
	Snapshot signals.Snapshot `json:"snapshot"`
	Decision policy.Decision  `json:"decision"`
	Intents  []Intent         `json:"intents,omitempty"`
	Outcomes []Outcome        `json:"outcomes,omitempty"`
}

// Reader is what tools need that only look.
type Reader interface {
	// Unsettled lists the fleet's intents that have no outcome, oldest first.
	Unsettled(ctx context.Context, fleetName string) ([]Intent, error)
	// Records returns the fleet's ticks at or after since, oldest first, and of
	// more than limit the newest (0: no limit).
	Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]Record, error)
	// Close ends the use of the journal.
	Close() error
}

// Journal is what the controller writes to and reads again after a restart.
type Journal interface {
	Reader
	// Write stores a tick and its intents. When it returns without error they
	// survive a crash of the machine; when it fails, no deed may be done.
	Write(ctx context.Context, r Record) error
	// Settle stores what came of an intent; a second outcome replaces the first.
	Settle(ctx context.Context, o Outcome) error
}

// Tick turns a record into what later ticks remember of it.
func (r Record) Tick() signals.Tick {
	return policy.Remember(r.Snapshot, r.Decision, r.Deeds())
}

// Deeds sums up what a tick did. An intent without an outcome counts as asked
// for: after a crash it is safer to think that a launch was sent.
func (r Record) Deeds() signals.Deeds {
	var d signals.Deeds
	for _, i := range r.Intents {
		o, settled := r.outcome(i.ID)
		if (i.Kind == Launch || i.Kind == Wake) && !o.Unsent {
			d.Asked += i.Size()
		}
		if settled {
			d = i.did(d, o)
			d.Refused += i.Refused(o)
		}
	}
	return d
}

func (r Record) outcome(intent string) (Outcome, bool) {
	for _, o := range r.Outcomes {
		if o.Intent == intent {
			return o, true
		}
	}
	return Outcome{}, false
}

// Refused counts the instances that were asked for and not given.
func (i Intent) Refused(o Outcome) int {
	if i.Kind != Launch && i.Kind != Wake || o.Unsent || o.Doubtful || o.Failed == "" {
		return 0
	}
	return max(0, i.Size()-len(o.Done))
}

// inVain are those for whom a deed failed.
func (i Intent) inVain(o Outcome) (ids []fleet.ID) {
	if o.Failed == "" || o.Unsent {
		return nil
	}
	for _, id := range i.IDs {
		if !slices.Contains(o.Done, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (i Intent) did(d signals.Deeds, o Outcome) signals.Deeds {
	if o.Failed != "" {
		d.Failures = append(d.Failures, string(i.Kind)+": "+o.Failed)
	}
	switch i.Kind {
	case Launch:
		d.Launched = append(d.Launched, o.Done...)
	case Wake:
		d.Woken = append(d.Woken, o.Done...)
		d.Unwoken = append(d.Unwoken, i.inVain(o)...)
	case Recall:
		d.Recalled = append(d.Recalled, o.Done...)
	case Drain:
		d.Drained = append(d.Drained, o.Done...)
	case Sleep:
		d.Slept = append(d.Slept, o.Done...)
	case Terminate:
		d.Terminated = append(d.Terminated, exitsOf(i.Exits, o.Done)...)
	}
	return d
}

// exitsOf gives the causes back to the IDs that a cloud reports as gone.
func exitsOf(exits []fleet.Exit, done []fleet.ID) (some []fleet.Exit) {
	for _, x := range exits {
		for _, id := range done {
			if x.ID == id {
				some = append(some, x)
			}
		}
	}
	return some
}
