package controller

import (
	"cmp"
	"slices"
	"sync"

	"skynet/journal"
	"skynet/signals"
)

// Ledger is the Account of one daemon: what each of its fleets uses, as the
// fleet's own last decision leaves it. It is safe for use by several Controllers.
//
// What is in it may be more than there is (a decision that could not be written
// down, a launch that was refused) until the fleet's next tick, never less: a
// fleet grows by its own decisions alone, and each is here before it is carried
// out.
type Ledger struct {
	mu    sync.Mutex
	names []string // in order, so that the same fleet is named in every reason
	used  map[string]signals.Usage
}

var _ Account = (*Ledger)(nil)

// NewLedger returns the Ledger of the fleets named. Of each nothing is known
// until it has been seeded or has decided.
func NewLedger(fleetNames ...string) *Ledger {
	l := &Ledger{names: slices.Sorted(slices.Values(fleetNames)), used: map[string]signals.Usage{}}
	for _, name := range l.names {
		l.used[name] = signals.Usage{Unknown: name + " has not decided yet"}
	}
	return l
}

// Seed says what a fleet used when the daemon stopped, from its journal. What the
// fleet has committed itself since is newer, and stays.
func (l *Ledger) Seed(fleetName string, u signals.Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.used[fleetName]; ok && known.Unknown != "" {
		l.used[fleetName] = u
	}
}

// Commit gives decide what the other fleets use and keeps what it returns as this
// fleet's own. No two fleets are inside at once, so decide must not wait for
// anything. If it panics, nothing is known of the fleet any more.
func (l *Ledger) Commit(fleetName string, decide func(others signals.Usage) (own signals.Usage)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	others := l.others(fleetName)
	if _, ok := l.used[fleetName]; !ok {
		l.names = slices.Sorted(slices.Values(append(l.names, fleetName)))
	}
	l.used[fleetName] = signals.Usage{Unknown: fleetName + " broke off in the middle of a decision"}
	l.used[fleetName] = decide(others)
}

// others sums up what all fleets but one use.
func (l *Ledger) others(but string) (sum signals.Usage) {
	for _, name := range l.names {
		if name == but {
			continue
		}
		u := l.used[name]
		sum.Instances += u.Instances
		sum.Hourly += u.Hourly
		sum.Unknown = cmp.Or(sum.Unknown, u.Unknown)
		sum.Unpriced = cmp.Or(sum.Unpriced, u.Unpriced)
	}
	return sum
}

// Used is what a fleet used after the last of its ticks that decided, to seed a
// Ledger with when the daemon starts; false if none of them did.
func Used(ticks []journal.Record) (signals.Usage, bool) {
	for _, r := range slices.Backward(ticks) {
		if r.Decision.Failed == "" {
			return r.Decision.Usage(r.Snapshot), true
		}
	}
	return signals.Usage{}, false
}
