// Package world is a small honest world for tests of the controller: instances
// that take time to boot, work on items one at a time, obey the drain tag and
// say so in heartbeats; and a cloud whose calls can be made to fail before or
// after they take effect. Time is virtual and moves only when told.
package world

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Machine is one instance in the world.
type Machine struct {
	fleet.Instance
	Order int // when it was launched, to keep lists in one order

	boots time.Time // when its agent starts
	until time.Time // when the item in hand is done, zero if none
	beat  fleet.Heartbeat
	heard time.Time
	Deaf  bool // its heartbeats are lost
	Dud   bool // its agent never starts
}

// World is the queue, the machines and the cloud's calls.
type World struct {
	Now      time.Time
	Waiting  int
	Done     int
	Boot     time.Duration // from launch to the agent's start
	Item     time.Duration // time to process one item
	Unlisted time.Duration // how long a launch is not listed
	DOA      bool          // whatever is launched now never starts

	// Before and After make a call fail before or after it takes effect. They get
	// the call's name: launch, wake, sleep, terminate, drain, recall, list.
	Before, After func(call string) error

	machines map[fleet.ID]*Machine
	Calls    []string // every call that changes something, with its arguments
	busyKill []fleet.ID
	tokens   map[string][]fleet.ID
}

// New returns an empty world.
func New(start time.Time) *World {
	return &World{
		Now: start, Boot: 30 * time.Second, Item: 10 * time.Second,
		machines: map[fleet.ID]*Machine{}, tokens: map[string][]fleet.ID{},
	}
}

// KilledBusy lists the machines that were terminated or put to sleep with an
// item in hand: always a fault of the controller.
func (w *World) KilledBusy() []fleet.ID { return w.busyKill }

// Machines lists those that exist, in order of launch.
func (w *World) Machines() []*Machine {
	return slices.DeleteFunc(w.all(), func(m *Machine) bool { return m.Phase == fleet.PhaseTerminated })
}

// all are those that exist or did, in order of launch.
func (w *World) all() []*Machine {
	var list []*Machine
	for _, m := range w.machines {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *Machine) int { return cmp.Compare(a.Order, b.Order) })
	return list
}

// Billed counts those that are paid for.
func (w *World) Billed() (n int) {
	for _, m := range w.Machines() {
		if m.Phase == fleet.PhasePending || m.Phase == fleet.PhaseRunning {
			n++
		}
	}
	return n
}

// Kill ends a machine from outside; the item in hand goes back to the queue.
func (w *World) Kill(id fleet.ID) {
	m := w.machines[id]
	if !m.until.IsZero() {
		w.Waiting++
	}
	m.Phase, m.until = fleet.PhaseTerminated, time.Time{}
}

// Advance lets time pass, second by second.
func (w *World) Advance(d time.Duration) {
	for range int(d / time.Second) {
		w.Now = w.Now.Add(time.Second)
		for _, m := range w.Machines() {
			w.step(m)
		}
	}
}

func (w *World) step(m *Machine) {
	if m.Phase == fleet.PhasePending && !w.Now.Before(m.boots) {
		m.Phase = fleet.PhaseRunning
	}
	if m.Phase != fleet.PhaseRunning || m.Dud {
		return
	}
	if !m.until.IsZero() && !w.Now.Before(m.until) {
		w.Done, m.until = w.Done+1, time.Time{}
	}
	drain := m.Tags[fleet.TagDrain]
	if drain == "" && m.until.IsZero() && w.Waiting > 0 {
		w.Waiting, m.until = w.Waiting-1, w.Now.Add(w.Item)
	}
	w.speak(m, drain)
}

func (w *World) speak(m *Machine, drain string) {
	if m.Deaf {
		return
	}
	b := fleet.Heartbeat{Worker: m.ID, State: fleet.Working, Slots: 1, Drain: drain}
	if !m.until.IsZero() {
		b.Jobs = 1
	}
	switch {
	case drain != "" && b.Jobs == 0:
		b.State = fleet.Drained
	case drain != "":
		b.State = fleet.Draining
	}
	m.beat, m.heard = b, w.Now
}

// Last is a worker's newest heartbeat.
func (w *World) Last(id fleet.ID) (fleet.Heartbeat, time.Time, bool) {
	m, ok := w.machines[id]
	if !ok || m.heard.IsZero() {
		return fleet.Heartbeat{}, time.Time{}, false
	}
	return m.beat, m.heard, true
}

// Booted is when a machine's agent starts: it speaks at once.
func (w *World) Booted(id fleet.ID) time.Time {
	if m, ok := w.machines[id]; ok && !m.heard.IsZero() {
		return m.boots
	}
	return time.Time{}
}

// Listening says that this world is never deaf.
func (w *World) Listening() (since, until time.Time) { return time.Time{}, w.Now }

// Collect gives the queue's signals.
func (w *World) Collect(context.Context, time.Time) []signals.Signal {
	inFlight := 0
	for _, m := range w.Machines() {
		if !m.until.IsZero() {
			inFlight++
		}
	}
	known := func(name string, n int) signals.Signal {
		return signals.Known("queues.photos."+name, float64(n), w.Now, time.Minute)
	}
	return []signals.Signal{known("visible", w.Waiting), known("in_flight", inFlight)}
}

func (w *World) before(call string, args any) error {
	w.Calls = append(w.Calls, fmt.Sprint(call, " ", args))
	if w.Before != nil {
		return w.Before(call)
	}
	return nil
}

func (w *World) after(call string) error {
	if w.After != nil {
		return w.After(call)
	}
	return nil
}

// errNone is what an honest cloud answers for an instance that is not there.
var errNone = errors.New("no such instance")
