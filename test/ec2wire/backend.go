package ec2wire

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Backend is the cloud that a Wire speaks for, in plain words. What it refuses is an
// Error; a Gone has no answer; any other error is answered as InternalError. Over HTTP
// it is asked one thing at a time.
type Backend interface {
	// Launch buys what a CreateFleet call of type instant asks for.
	Launch(l Launch) (Launched, error)
	// Instances is a page of those that pass the query.
	Instances(q Query) (Page, error)
	// Statuses is a page of those whose status checks are asked for. Of an ID that is
	// not there it says ErrNoInstance.
	Statuses(q Query) (Page, error)

	Terminate(ids []string) ([]Change, error)
	Stop(ids []string, hibernate bool) ([]Change, error)
	Start(ids []string) ([]Change, error)
	Tag(ids []string, tags map[string]string) error
	Untag(ids, keys []string) error
}

// Error is what EC2 says no with.
type Error struct {
	Status  int // of HTTP; 0 stands for 400
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Gone is a connection that ends without an answer.
type Gone struct{ Err error }

func (g *Gone) Error() string { return g.Err.Error() }
func (g *Gone) Unwrap() error { return g.Err }

// ErrNoInstance is the error for IDs that are not there, in EC2's own sentence: its
// clients read the IDs out of it.
func ErrNoInstance(ids ...string) error {
	const code = "InvalidInstanceID.NotFound"
	if len(ids) == 1 {
		return &Error{Code: code, Message: "The instance ID '" + ids[0] + "' does not exist"}
	}
	return &Error{Code: code, Message: "The instance IDs '" + strings.Join(ids, ", ") + "' do not exist"}
}

// refusal is an error in EC2's words.
func refusal(err error) *Error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return &Error{Status: http.StatusInternalServerError, Code: "InternalError", Message: err.Error()}
	case e.Status == 0:
		return &Error{Status: http.StatusBadRequest, Code: e.Code, Message: e.Message}
	}
	return e
}

// Instance is one as EC2 lists it.
type Instance struct {
	ID, Type, Zone, Subnet string
	Spot                   bool
	State                  string // EC2's word: pending, running, stopping, stopped, shutting-down, terminated
	Reason                 string // of the last change of its state
	Code, Message          string // why that was: EC2's state reason, none if both are empty
	Born                   time.Time
	Started                time.Time // Born, or the last start
	Tags                   map[string]string
	Hibernates             bool // was launched so that it can
	Impaired               bool // its status checks fail
	Protected              bool // from termination
	Volumes                []string
}

// Change is what became of one instance that was to change its state.
type Change struct{ ID, State string }

// Launch is what a CreateFleet call asks for.
type Launch struct {
	Token             string
	Form              string // the whole request: a token goes with one request
	Template, Version string
	Count             int
	Spot              bool
	Strategy          string
	Offers            []Offer
	Tags              map[string]string // of instances
}

// Market is EC2's word for the market that a launch asks: spot or on-demand.
func (l Launch) Market() string { return market(l.Spot) }

func market(spot bool) string {
	if spot {
		return "spot"
	}
	return "on-demand"
}

// Offer is a type in a subnet, acceptable to who launches.
type Offer struct {
	Type, Subnet string
	Priority     float64
}

// Launched is the answer to a launch.
type Launched struct {
	Bought  []Bought
	Refused []Refused
}

// Bought are instances of one offer.
type Bought struct {
	Offer
	IDs []string
}

// Refused is why there was less of an offer than was asked for.
type Refused struct {
	Offer
	Code, Message string
}

// Query says which instances are asked for.
type Query struct {
	IDs     []string // empty: all
	Filters []Filter
	All     bool   // of status checks: also of those that are not running
	Most    int    // on a page; 0: all on one
	Token   string // where the page before ended, in the backend's own words; "" for the first
}

// Filter wants one of the values.
type Filter struct {
	Name   string
	Values []string
}

// Page are some instances, and where the next page begins; "" if there is none.
type Page struct {
	Instances []*Instance
	Next      string
}

// Passes reports whether an instance is asked for.
func (q *Query) Passes(i *Instance) bool {
	if len(q.IDs) > 0 && !slices.Contains(q.IDs, i.ID) {
		return false
	}
	for f := range slices.Values(q.Filters) {
		is, there := i.field(f.Name)
		if !there || !slices.Contains(f.Values, is) {
			return false
		}
	}
	return true
}

// field is what a filter compares.
func (i *Instance) field(name string) (is string, there bool) {
	if key, tag := strings.CutPrefix(name, "tag:"); tag {
		is, there = i.Tags[key]
		return is, there
	}
	switch name {
	case "instance-id":
		return i.ID, true
	case "instance-state-name":
		return i.State, true
	case "instance-type":
		return i.Type, true
	case "availability-zone":
		return i.Zone, true
	case "subnet-id":
		return i.Subnet, true
	case "instance-lifecycle":
		return market(i.Spot), true
	case "instance-status.status":
		return i.health(), true
	case "system-status.status":
		return "ok", true
	}
	return "", false
}

// health is EC2's word for the status checks of an instance.
func (i *Instance) health() string {
	switch {
	case i.State != "running":
		return "not-applicable"
	case i.Impaired:
		return "impaired"
	}
	return "ok"
}

// Catalogue is what EC2 knows that does not change.
type Catalogue struct {
	Zones     map[string]string   // of subnets
	Sold      map[string][]string // zones in which a type is sold
	Templates []Template
	Types     map[string]Type
	GiB       int    // of a volume
	Prices    string // the items of a Spot price history, as XML
}

// Template is a version of a launch template.
type Template struct {
	Name, ID string
	Number   int
	Aliases  []string // $Latest, $Default
	Data     string   // launchTemplateData, as XML
}

// Type is what is known of an instance type.
type Type struct {
	Hibernates bool
	MiB        int
}
