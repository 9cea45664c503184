package fleet

import "time"

// Phase is what the cloud itself says of an instance (EC2's instance states).
type Phase uint8

// The phases, by EC2's names.
const (
	PhasePending Phase = iota
	PhaseRunning
	PhaseStopping
	PhaseStopped
	PhaseShuttingDown
	PhaseTerminated
)

var phases = names[Phase]{kind: "phase", of: []string{
	"pending", "running", "stopping", "stopped", "shutting-down", "terminated",
}}

func (p Phase) String() string { return phases.name(p) }

// MarshalText writes the phase's name.
func (p Phase) MarshalText() ([]byte, error) { return phases.marshal(p) }

// UnmarshalText reads a phase's name.
func (p *Phase) UnmarshalText(b []byte) (err error) { *p, err = phases.parse(b); return err }

// Tag keys. An instance carries them so that it can be found after a crash,
// adopted after a restart, and told to drain. They must be legal as names in
// EC2's instance metadata (no spaces, no "/").
const (
	TagController = "skynet:controller" // which controller of the account it belongs to
	TagFleet      = "skynet:fleet"      // which fleet it belongs to
	TagIntent     = "skynet:intent"     // token of the order that launched it
	TagDrain      = "skynet:drain"      // ID of the decision that asks it to drain
)

// Instance is one machine as the cloud lists it, before anything that the
// agent on it says.
type Instance struct {
	ID       ID
	Phase    Phase
	Type     string
	Zone     string
	Spot     bool
	Hourly   float64 // what an hour costs now; 0: the settings say
	Launched time.Time
	Woken    time.Time // last start after a sleep, zero if never
	Stopped  time.Time // when it went to sleep, zero unless asleep
	Impaired bool      // the cloud's status checks fail
	Reason   string    // why it stopped or ended, in the cloud's words; "" while it runs, and where nobody says
	Tags     map[string]string
}
