package signals

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"skynet/fleet"
)

// Snapshot is all that a tick knows of one fleet. It is plain data: a policy or
// guard that remembers something finds it here, so that a journalled tick can
// be decided again after a trip through JSON.
type Snapshot struct {
	Fleet   string         `json:"fleet"`
	Now     time.Time      `json:"now"`              // the tick's only reading of the clock
	Queues  []string       `json:"queues,omitempty"` // names of the fleet's queues; none: queue.* stands for the one there is
	Workers []fleet.Worker `json:"workers"`
	Signals []Signal       `json:"signals"`
	// Born and Died are what became, since the tick before, of workers that were
	// starting or waking then: heard for the first time, or gone unheard.
	Born []fleet.ID `json:"born,omitempty"`
	Died []fleet.ID `json:"died,omitempty"`
	// Causes are why, one for each of Died, in words; "" where nobody says, and none at
	// all where nobody says of any.
	Causes []string `json:"causes,omitempty"`
	// Open counts instances of launches whose outcome is not known yet. They may
	// exist, so they count as capacity and against the maximum.
	Open int `json:"open,omitempty"`
	// Boots and Wakes are how long the last workers took from their launch or wake
	// to their first heartbeat, s, the newest last; at most Samples of each.
	Boots []float64 `json:"boots,omitempty"`
	Wakes []float64 `json:"wakes,omitempty"`
	// Others is what the daemon's other fleets cost, where limits over all are set.
	Others *Usage `json:"others,omitempty"`
	// Orders are the operator's.
	Orders Standing `json:"orders,omitzero"`
	// Advice is what programs of the user's answered when asked.
	Advice []Advice `json:"advice,omitempty"`
	// Recent holds earlier ticks, newest last. The journal keeps it by reference.
	Recent []Tick `json:"recent,omitempty"`
}

// Samples is how many boots and wakes are remembered.
const Samples = 20

// Usage is what fleets cost.
type Usage struct {
	Instances int     `json:"instances"`          // billed, asked for, or about to be
	Hourly    float64 `json:"hourly"`             // money an hour
	Unknown   string  `json:"unknown,omitempty"`  // why none of it is known
	Unpriced  string  `json:"unpriced,omitempty"` // why the money is not known
}

// Advice is what a program of the user's answered, or why it did not.
type Advice struct {
	Policy  string `json:"policy"` // the policy that asks it
	Want    int    `json:"want"`
	Because string `json:"because,omitempty"`
	Unknown string `json:"unknown,omitempty"`
}

// Tick is what later ticks remember of an earlier one.
type Tick struct {
	At          time.Time  `json:"at"`
	Have        int        `json:"have"`
	Want        int        `json:"want"` // what the policies wanted, before guards
	Blind       bool       `json:"blind,omitempty"`
	Starting    []fleet.ID `json:"starting,omitempty"`    // launched or woken, unheard then
	Interrupted []fleet.ID `json:"interrupted,omitempty"` // under the cloud's notice then
	Born        []fleet.ID `json:"born,omitempty"`
	Died        []fleet.ID `json:"died,omitempty"`
	Causes      []string   `json:"causes,omitempty"` // of those that died, one each
	Boots       []float64  `json:"boots,omitempty"`
	Wakes       []float64  `json:"wakes,omitempty"`
	Deeds       Deeds      `json:"deeds,omitzero"`
	Signals     []Signal   `json:"signals,omitempty"`
}

// Deeds is what a tick did, and what came of it.
type Deeds struct {
	Asked      int          `json:"asked,omitempty"`   // instances that launch and wake calls asked for
	Refused    int          `json:"refused,omitempty"` // of those, the ones that the cloud refused
	Launched   []fleet.ID   `json:"launched,omitempty"`
	Woken      []fleet.ID   `json:"woken,omitempty"`
	Unwoken    []fleet.ID   `json:"unwoken,omitempty"` // asked to wake in vain: they may sleep on
	Recalled   []fleet.ID   `json:"recalled,omitempty"`
	Drained    []fleet.ID   `json:"drained,omitempty"` // asked to drain
	Slept      []fleet.ID   `json:"slept,omitempty"`
	Terminated []fleet.Exit `json:"terminated,omitempty"`
	Failures   []string     `json:"failures,omitempty"` // what was refused, in the cloud's words
}

// Freeze sorts what a snapshot holds, so that a decision does not depend on the
// order in which a cloud or a source happened to list things. What is in order
// already is not copied.
func (s Snapshot) Freeze() Snapshot {
	if !inOrder(s.Workers) {
		s.Workers = slices.Clone(s.Workers)
		fleet.Sort(s.Workers)
	}
	if !ascends(s.Signals) {
		s.Signals = Sort(slices.Clone(s.Signals))
	}
	return s
}

// With is the snapshot with these signals in place of those of the same names.
func (s Snapshot) With(list []Signal) Snapshot {
	if len(list) == 0 {
		return s
	}
	fresh := list
	if !ascends(list) {
		fresh = Sort(slices.Clone(list))
	}
	all := make([]Signal, 0, len(s.Signals)+len(fresh))
	for _, old := range s.Signals {
		for len(fresh) > 0 && fresh[0].Name < old.Name {
			all, fresh = append(all, fresh[0]), fresh[1:]
		}
		if len(fresh) > 0 && fresh[0].Name == old.Name {
			continue
		}
		all = append(all, old)
	}
	s.Signals = append(all, fresh...)
	return s
}

// inOrder reports whether workers are in order of their IDs.
func inOrder(ws []fleet.Worker) bool {
	for i := 1; i < len(ws); i++ {
		if ws[i-1].ID > ws[i].ID {
			return false
		}
	}
	return true
}

// ascends reports whether signals are in order of their names, each once.
func ascends(list []Signal) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1].Name >= list[i].Name {
			return false
		}
	}
	return true
}

// Value returns the named signal's value. One that is missing, unknown or
// stale is an error that says so, never 0. The snapshot must be frozen.
func (s Snapshot) Value(name string) (float64, error) {
	sig, ok := Find(s.Signals, name)
	if !ok {
		return 0, fmt.Errorf("%s is unknown: no source gives it", name)
	}
	return sig.Check(s.Now)
}

// Have counts capacity: workers that serve or are on their way to it. Silent
// ones count until they are replaced.
func (s Snapshot) Have() int { return s.count(fleet.State.Serves) }

// Billed counts what is paid for now: the number that the maximum bounds. A sleeper that
// was asked to wake a moment ago counts, though the list shows it asleep: lists lag, and
// a wake whose answer was lost may have taken effect.
func (s Snapshot) Billed() int { return s.count(fleet.State.Billed) + s.maybeAwake() }

// wakesShow is how long after the tick that woke it a list may go on to show a worker
// asleep.
const wakesShow = 3 * time.Minute

// maybeAwake counts the sleepers that were asked to wake within that time, or by the
// last tick.
func (s Snapshot) maybeAwake() (n int) {
	asked := s.askedToWake()
	if len(asked) == 0 {
		return 0
	}
	for i := range s.Workers {
		if w := &s.Workers[i]; w.State == fleet.Asleep && asked[w.ID] {
			n++
		}
	}
	return n
}

func (s Snapshot) askedToWake() map[fleet.ID]bool {
	fresh := s.Since(s.Now.Add(-wakesShow))
	if n := len(s.Recent); len(fresh) == 0 && n > 0 {
		fresh = s.Recent[n-1:]
	}
	var asked map[fleet.ID]bool
	for _, t := range fresh {
		for _, id := range slices.Concat(t.Deeds.Woken, t.Deeds.Unwoken) {
			if asked == nil {
				asked = map[fleet.ID]bool{}
			}
			asked[id] = true
		}
	}
	return asked
}

func (s Snapshot) count(is func(fleet.State) bool) (n int) {
	for i := range s.Workers {
		if is(s.Workers[i].State) {
			n++
		}
	}
	return n
}

// Last is the tick before, the zero Tick if there was none.
func (s Snapshot) Last() Tick {
	if n := len(s.Recent); n > 0 {
		return s.Recent[n-1]
	}
	return Tick{}
}

// Since returns the recent ticks after t, oldest first.
func (s Snapshot) Since(t time.Time) []Tick {
	return s.Recent[sort.Search(len(s.Recent), func(i int) bool { return s.Recent[i].At.After(t) }):]
}

// Unheard lists the workers that were launched or woken and not heard of yet.
func Unheard(ws []fleet.Worker) (ids []fleet.ID) {
	for i := range ws {
		if ws[i].State == fleet.Starting || ws[i].State == fleet.Waking {
			ids = append(ids, ws[i].ID)
		}
	}
	return ids
}

// Fates says what became of the workers that were unheard a tick ago: born if
// they are heard now, died if they are gone, leaving or asleep again (a wake for
// which the cloud had no room) without a word.
func Fates(unheard []fleet.ID, now []fleet.Worker) (born, died []fleet.ID) {
	if len(unheard) == 0 {
		return nil, nil
	}
	at := make(map[fleet.ID]*fleet.Worker, len(now))
	for i := range now {
		at[now[i].ID] = &now[i]
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
