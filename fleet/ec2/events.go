package ec2

import (
	"encoding/json"
	"fmt"
	"time"

	"skynet/fleet"
)

// EventKind is what EventBridge tells of an instance.
type EventKind string

// The kinds that we understand, by EventBridge's names for them.
const (
	Interrupted EventKind = "EC2 Spot Instance Interruption Warning"
	Rebalance   EventKind = "EC2 Instance Rebalance Recommendation"
	Changed     EventKind = "EC2 Instance State-change Notification"
)

// warning is how long before a Spot instance is taken back EC2 says so.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
const warning = 2 * time.Minute

// Event is what EventBridge tells of one instance. It is a hint, sent on a best effort
// basis: what counts is what the agent says and what EC2 lists.
type Event struct {
	Kind EventKind
	ID   fleet.ID
	At   time.Time // when EC2 sent it
	// Interruption is set where EC2 takes the instance back (Interrupted).
	Interruption *fleet.Interruption
	State        string // EC2's word for the new state (Changed)
	Account      string
	Region       string
	// Ours says that the instance was seen with our tag.
	Ours bool
}

// envelope is an event as EventBridge writes it.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/automating_with_eventbridge.html
type envelope struct {
	Kind    EventKind `json:"detail-type"`
	Source  string    `json:"source"`
	Account string    `json:"account"`
	Region  string    `json:"region"`
	Time    time.Time `json:"time"`
	Detail  struct {
		Instance string `json:"instance-id"`
		Action   string `json:"instance-action"`
		State    string `json:"state"`
	} `json:"detail"`
}

// ParseEvent reads an event of EventBridge's, as a rule puts it into a queue.
func ParseEvent(body []byte) (Event, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("event of EventBridge's: %w", err)
	}
	id := e.Detail.Instance
	if e.Source != "aws.ec2" || instanceID.FindString(id) != id || id == "" {
		return Event{}, fmt.Errorf("event of EventBridge's: %q from %q is not about an instance", e.Kind, e.Source)
	}
	ev := Event{Kind: e.Kind, ID: fleet.ID(id), At: e.Time, Account: e.Account, Region: e.Region}
	switch e.Kind {
	case Interrupted:
		ev.Interruption = &fleet.Interruption{Action: e.Detail.Action, At: e.Time.Add(warning)}
	case Changed:
		ev.State = e.Detail.State
	case Rebalance:
	default:
		return Event{}, fmt.Errorf("event of EventBridge's: %q is none that we understand", e.Kind)
	}
	return ev, nil
}

// Event reads an event, refuses one of another account or region, and says whether
// the instance is ours. Until it was listed, nobody's is.
func (f *Fleet) Event(body []byte) (Event, error) {
	e, err := ParseEvent(body)
	if err != nil {
		return e, err
	}
	if e.Account != f.o.Account || e.Region != f.o.Region {
		return Event{}, fmt.Errorf("event of EventBridge's: %s of account %s, region %s; ours are in %s, %s", e.ID, e.Account, e.Region, f.o.Account, f.o.Region)
	}
	_, e.Ours = f.known.sight(e.ID)
	return e, nil
}
