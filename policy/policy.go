// Package policy decides. A policy says how many workers a snapshot calls for
// and why; the plan turns that number into deeds on workers known by name;
// guards soften the deeds. All of it is pure: no clock, no I/O, no logger, so
// that the daemon, the simulator and a test decide alike, and a journalled
// tick can be decided again.
//
//	snapshot ─► policies ─► largest want ─► bounds, caps ─► plan ─► guards ─► decision
package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Policy says how many workers it wants, and why in an operator's words with
// the numbers. An error means that it cannot tell (a signal it needs is
// unknown): the tick is then blind, and n is what it wants at least, for what it
// does know. ErrAbstain means that it has no opinion.
type Policy interface {
	Name() string
	Want(s signals.Snapshot) (n int, because string, err error)
}

// Remembers is a Policy or Guard that looks at earlier ticks: Window says how far
// back. The controller keeps what the longest of them needs.
type Remembers interface{ Window() time.Duration }

// Cap lowers what is wanted and what may be paid for at once, as the maximum
// does, for a reason of its own. Being no Guard it can make the plan drain.
type Cap interface {
	Name() string
	// Cap is the most workers there may be, and why. An error means that it cannot
	// tell: then nothing is bought.
	Cap(s signals.Snapshot, b Bounds) (most int, because string, err error)
}

// ErrAbstain says that a policy has no opinion now: a step between its
// thresholds, a vote short of its share. If all abstain, want is have.
var ErrAbstain = errors.New("no opinion")

// Guard makes a decision do less, never more. Restrain holds it to that.
type Guard interface {
	Name() string
	// Soften returns d with less to do, and a Reason for what it took away.
	Soften(s signals.Snapshot, d Decision) Decision
}

// Decision is what will be done about one fleet, and why.
type Decision struct {
	ID    string `json:"id"`
	Fleet string `json:"fleet"`
	Have  int    `json:"have"`
	Raw   int    `json:"raw"`             // the largest want of the policies, before bounds
	Want  int    `json:"want"`            // within the bounds and caps
	Blind bool   `json:"blind,omitempty"` // a policy could not tell: nobody is let go
	// Version tells the policy file that decided from others: the first digits of its
	// hash. It is "" where no file did.
	Version string `json:"version,omitempty"`
	// Failed says why there was no decision at all: the roster could not be listed,
	// say. Nothing else is set then but the ID and the fleet.
	Failed string `json:"failed,omitempty"`

	Recall    []fleet.ID   `json:"recall,omitempty"`    // draining workers put back to work
	Wake      []fleet.ID   `json:"wake,omitempty"`      // sleeping workers woken
	Launch    int          `json:"launch,omitempty"`    // new workers
	Drain     []fleet.ID   `json:"drain,omitempty"`     // in the order in which they are spared last
	Sleep     []fleet.ID   `json:"sleep,omitempty"`     // drained workers put to sleep
	Terminate []fleet.Exit `json:"terminate,omitempty"` // workers let go for good

	Wants   []Want   `json:"wants,omitempty"`
	Reasons []Reason `json:"reasons,omitempty"`
}

// Want is one policy's answer.
type Want struct {
	Policy  string `json:"policy"`
	Want    int    `json:"want"`
	Because string `json:"because"`
	Abstain bool   `json:"abstain,omitempty"`
	Blind   bool   `json:"blind,omitempty"` // could not tell: Because says why
}

// Reason is one argument for a decision: who made it, and what was said.
type Reason struct {
	By   string `json:"by"`
	Said string `json:"said"`
}

// Because adds an argument to the decision. It copies, so that decisions that
// share a past do not share a future.
func (d Decision) Because(by, format string, args ...any) Decision {
	d.Reasons = append(slices.Clip(d.Reasons), Reason{By: by, Said: fmt.Sprintf(format, args...)})
	return d
}

// Action names the decision by its strongest deed: launch (also wake and
// recall), drain, sleep, terminate or hold.
func (d Decision) Action() string {
	switch {
	case d.Launch > 0 || len(d.Wake) > 0 || len(d.Recall) > 0:
		return "launch"
	case len(d.Drain) > 0:
		return "drain"
	case len(d.Sleep) > 0:
		return "sleep"
	case len(d.Terminate) > 0:
		return "terminate"
	}
	return "hold"
}

// Idle reports whether there is nothing to do.
func (d Decision) Idle() bool { return d.Action() == "hold" }
