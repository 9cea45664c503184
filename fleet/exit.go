package fleet

// Cause is why a worker is let go. Each has evidence of its own, which the
// laws in package policy check.
type Cause uint8

// The causes.
const (
	CauseDrained  Cause = iota // it said itself that it is empty
	CauseDeadline              // its drain outlived the deadline set for it
	CauseSilent                // no heartbeat, and more evidence than silence
	CauseDead                  // dead on arrival: launched or woken, never heard of
	CauseOrphan                // tagged as ours, but no fleet of ours claims it
	CauseSlept                 // asleep for too long
)

var causes = names[Cause]{kind: "cause", of: []string{
	"drained", "deadline", "silent", "dead", "orphan", "slept",
}}

func (c Cause) String() string { return causes.name(c) }

// MarshalText writes the cause's name.
func (c Cause) MarshalText() ([]byte, error) { return causes.marshal(c) }

// UnmarshalText reads a cause's name.
func (c *Cause) UnmarshalText(b []byte) (err error) { *c, err = causes.parse(b); return err }

// Exit is one worker to be terminated, and why.
type Exit struct {
	ID    ID    `json:"id"`
	Cause Cause `json:"cause"`
}
