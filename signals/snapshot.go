package signals

import (
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
)

// Snapshot is all that a tick knows of one fleet. It is plain data: a policy or
// guard that remembers something finds it here, so that a journalled tick can
// be decided again after a trip through JSON.
type Snapshot struct {
	Fleet   string         `json:"fleet"`
	Now     time.Time      `json:"now"` // the tick's only reading of the clock
	Workers []fleet.Worker `json:"workers"`
	Signals []Signal       `json:"signals"`
	// Born and Died are what became, since the tick before, of workers that were
	// starting or waking then: heard for the first time, or gone unheard.
	Born []fleet.ID `json:"born,omitempty"`
	Died []fleet.ID `json:"died,omitempty"`
	// Open counts instances of launches whose outcome is not known yet. They may
	// exist, so they count as capacity and against the maximum.
	Open int `json:"open,omitempty"`
	// Recent holds earlier ticks, newest last. The journal keeps it by reference.
	Recent []Tick `json:"recent,omitempty"`
}

// Tick is what later ticks remember of an earlier one.
type Tick struct {
	At       time.Time  `json:"at"`
	Have     int        `json:"have"`
	Want     int        `json:"want"` // what the policies wanted, before guards
	Blind    bool       `json:"blind,omitempty"`
	Starting []fleet.ID `json:"starting,omitempty"` // launched or woken, unheard then
	Born     []fleet.ID `json:"born,omitempty"`
	Died     []fleet.ID `json:"died,omitempty"`
	Deeds    Deeds      `json:"deeds,omitzero"`
	Signals  []Signal   `json:"signals,omitempty"`
}

// Deeds is what a tick did, and what came of it.
type Deeds struct {
	Asked      int          `json:"asked,omitempty"` // instances that launch calls asked for
	Launched   []fleet.ID   `json:"launched,omitempty"`
	Woken      []fleet.ID   `json:"woken,omitempty"`
	Recalled   []fleet.ID   `json:"recalled,omitempty"`
	Drained    []fleet.ID   `json:"drained,omitempty"` // asked to drain
	Slept      []fleet.ID   `json:"slept,omitempty"`
	Terminated []fleet.Exit `json:"terminated,omitempty"`
	Failures   []string     `json:"failures,omitempty"` // what was refused, in the cloud's words
}

// Freeze sorts what a snapshot holds, so that a decision does not depend on the
// order in which a cloud or a source happened to list things.
func (s Snapshot) Freeze() Snapshot {
	s.Workers, s.Signals = slices.Clone(s.Workers), slices.Clone(s.Signals)
	fleet.Sort(s.Workers)
	s.Signals = Sort(s.Signals)
	return s
}

// Value returns the named signal's value. One that is missing, unknown or
// stale is an error that says so, never 0. The snapshot must be frozen.
func (s Snapshot) Value(name string) (float64, error) {
	sig, ok := find(s.Signals, name)
	if !ok {
		return 0, fmt.Errorf("%s is unknown: no source gives it", name)
	}
	return sig.Check(s.Now)
}

// Have counts capacity: workers that serve or are on their way to it. Silent
// ones count until they are replaced.
func (s Snapshot) Have() int { return s.count(fleet.State.Serves) }

// Billed counts what is paid for now: the number that the maximum bounds.
func (s Snapshot) Billed() int { return s.count(fleet.State.Billed) }

func (s Snapshot) count(is func(fleet.State) bool) (n int) {
	for i := range s.Workers {
		if is(s.Workers[i].State) {
			n++
		}
	}
	return n
}

// Since returns the recent ticks after t, oldest first.
func (s Snapshot) Since(t time.Time) []Tick {
	i, _ := slices.BinarySearchFunc(s.Recent, t, func(k Tick, t time.Time) int { return k.At.Compare(t) })
	for i < len(s.Recent) && !s.Recent[i].At.After(t) {
		i++
	}
	return s.Recent[i:]
}

// Unheard lists the workers that were launched or woken and not heard of yet.
func Unheard(ws []fleet.Worker) (ids []fleet.ID) {
	for _, w := range ws {
		if w.State == fleet.Starting || w.State == fleet.Waking {
			ids = append(ids, w.ID)
		}
	}
	return ids
}

// Fates says what became of the workers that were unheard a tick ago: born if
// they are heard now, died if they are gone, leaving or asleep again (a wake for
// which the cloud had no room) without a word.
func Fates(unheard []fleet.ID, now []fleet.Worker) (born, died []fleet.ID) {
	at := make(map[fleet.ID]fleet.Worker, len(now))
	for _, w := range now {
		at[w.ID] = w
	}
	for _, id := range unheard {
		switch w, listed := at[id]; {
		case listed && !w.Heard.IsZero():
			born = append(born, id)
		case !listed, w.State == fleet.Leaving, w.State == fleet.Stopping, w.State == fleet.Asleep:
			died = append(died, id)
		}
	}
	return born, died
}
