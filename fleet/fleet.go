// Package fleet holds the nouns that every other package speaks in: who a
// worker is, what state it is in, what it says of itself, what the cloud says
// of it, what was ordered, and why one was let go. It imports nothing of ours.
package fleet

import (
	"slices"
	"strings"
	"time"
)

// ID names a worker: EC2's instance ID ("i-0abc…"), the same from the launch
// call through its heartbeats to its termination.
type ID string

// State is where a worker stands in its life.
//
//	             ┌──────────── recall ────────────┐
//	             ▼                                 │
//	Starting → Working → Draining → Drained ──► Leaving
//	             ▲                      │
//	             │                      ▼
//	           Waking ◄── wake ── Asleep ◄ Stopping
type State uint8

// The states, in the order of a worker's life.
const (
	Unknown  State = iota // nothing is known: never treated as idle
	Starting              // launched, not heard of yet
	Working               // heard of, receives items (Jobs may be 0)
	Draining              // asked to drain, still holds items or has not answered
	Drained               // said itself, for the drain now asked, that it is empty
	Stopping              // on its way to sleep
	Asleep                // stopped or hibernated, not billed but for its volumes
	Waking                // woken, not heard of since
	Leaving               // terminated, still listed
)

var states = names[State]{kind: "state", of: []string{
	"unknown", "starting", "working", "draining", "drained", "stopping", "asleep", "waking", "leaving",
}}

func (s State) String() string { return states.name(s) }

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return states.marshal(s) }

// UnmarshalText reads a state's name.
func (s *State) UnmarshalText(b []byte) (err error) { *s, err = states.parse(b); return err }

// Serves reports whether a worker in this state is capacity: at work now or
// on its way to it. A draining worker is not: it takes no new item.
func (s State) Serves() bool { return s == Starting || s == Working || s == Waking }

// Billed reports whether the cloud charges for a worker in this state by the
// second, and so whether it counts against the maximum. EC2 bills from
// "pending" until the instance is stopping or shutting down:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
func (s State) Billed() bool { return s != Stopping && s != Asleep && s != Leaving }

// Worker is one instance as a tick knows it: what the cloud lists, joined
// with what the agent on it said last.
type Worker struct {
	ID     ID      `json:"id"`
	State  State   `json:"state"`
	Jobs   int     `json:"jobs"`            // items in hand, as last heard
	Slots  int     `json:"slots"`           // items it works on at once
	CPU    float64 `json:"cpu,omitzero"`    // per cent of the machine, as last heard
	Memory float64 `json:"memory,omitzero"` // per cent of the machine, as last heard
	Order  string  `json:"order,omitzero"`  // token of the order it was launched by
	Type   string  `json:"type,omitzero"`
	Zone   string  `json:"zone,omitzero"`
	Spot   bool    `json:"spot,omitzero"`
	Hourly float64 `json:"hourly,omitzero"` // what an hour costs now (Spot; asleep: its volumes); 0: the settings say

	Launched      time.Time `json:"launched,omitzero"`
	Woken         time.Time `json:"woken,omitzero"`          // last wake, zero if never
	Heard         time.Time `json:"heard,omitzero"`          // last heartbeat since launch or wake, zero if none
	Booted        time.Time `json:"booted,omitzero"`         // first heartbeat since launch or wake, zero if none
	Drain         string    `json:"drain,omitzero"`          // ID of the decision whose drain it is under, "" if none
	DrainingSince time.Time `json:"draining_since,omitzero"` // when it was asked
	AsleepSince   time.Time `json:"asleep_since,omitzero"`

	// Unheard is how long we have listened for it in vain since its launch, wake
	// or last heartbeat. Time in which we could not hear anybody does not count.
	Unheard     time.Duration `json:"unheard,omitzero"`
	Silent      bool          `json:"silent,omitzero"`      // was heard before, and is unheard for too long
	Impaired    bool          `json:"impaired,omitzero"`    // the cloud's own status checks fail
	Interrupted bool          `json:"interrupted,omitzero"` // has a Spot interruption notice
	AtRisk      bool          `json:"at_risk,omitzero"`     // the cloud expects to interrupt it: the first to go among equals

	Reason string `json:"reason,omitzero"` // why it stopped or ended, in the cloud's words; "" while it runs, and where nobody says
}

// Sort orders workers by ID, so that nothing depends on the order in which a
// cloud lists them.
func Sort(ws []Worker) {
	slices.SortFunc(ws, func(a, b Worker) int { return strings.Compare(string(a.ID), string(b.ID)) })
}
