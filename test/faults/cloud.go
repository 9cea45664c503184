package faults

import (
	"errors"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal"
)

// Machines is the cloud as its API shows it, whoever asks: each method is one
// request on the wire. The weather has been at it already: a request may wait (the
// caller's world goes on meanwhile), fail before or after it took effect, and a list
// lags behind and lies.
//
// It is called by what runs on a Host (see Host.Begin), in the caller's own goroutine,
// and checks the laws at the moment that something takes effect. So whoever stands
// between the controller and it, a client of AWS's over a wire say, adds faults of its
// own kind and misses no law.
//
// An error is one of fleet's refusals (ErrThrottled, ErrNoCapacity: what is missing was
// not done), ErrUnreached, ErrLost, ErrLate or, naming an instance, ErrNotFound.
type Machines interface {
	// Launch starts machines, once for each token. Under one that was seen before it
	// gives the answer that it gave then.
	Launch(p Purchase) ([]fleet.Instance, error)
	// List gives those for which want is true, of what the cloud shows now: what is
	// fresh may be missing, what is gone may be there, with tags as they were.
	List(want func(fleet.Instance) bool) ([]fleet.Instance, error)
	Start(ids []fleet.ID) (done []fleet.ID, err error)
	Stop(ids []fleet.ID) (done []fleet.ID, err error)
	Terminate(ids []fleet.ID) (done []fleet.ID, err error)
	Tag(ids []fleet.ID, key, value string) (done []fleet.ID, err error)
	Untag(ids []fleet.ID, key string) (done []fleet.ID, err error)
}

// Purchase is one launch request.
type Purchase struct {
	Token  string // the request's own: EC2's client token
	Count  int
	Tags   map[string]string // skynet:fleet and skynet:intent among them: the order's token
	Offers []Offer           // one is taken that has room; none: any
	Spot   bool
}

// Offer is a kind of machine in a place.
type Offer struct{ Type, Zone string }

// What a request comes to, besides fleet's refusals.
var (
	// ErrUnreached is a request that never arrived: a connection that was refused.
	ErrUnreached = errors.New("connection refused")
	// ErrLost is a request that was carried out and whose answer was lost.
	ErrLost = errors.New("connection reset: the answer is lost")
	// ErrLate is a request whose caller's time ran out, before or after it took effect.
	ErrLate = errors.New("no answer within the call's deadline")
	// ErrNotFound names an instance that is not there, or not visible yet.
	ErrNotFound = errors.New("no such instance")
)

// Reach is how a controller on one host reaches its fleet: by Machines, at once
// (direct.go) or by way of fleet/ec2 and its wire (wire.go).
type Reach struct {
	Cloud  controller.Cloud
	Roster *roster.Roster // how long a silence may be is the policy's to say
	// Before is called before each tick, with what the host's clock says; nil: nothing.
	Before func(now time.Time)
}

// Disk keeps the journal of one host: in memory (disk.go), or SQLite's in a folder
// (wire.go). It survives the controller; its faults are the world's.
type Disk interface {
	// Open returns the journal as it is found at a start, after a crash too.
	Open() (journal.Journal, error)
	// Crash takes what is there at this moment as all that is left: what was under
	// way, or is done by an old handle later, never happened.
	Crash() error
	// Check reports what is torn.
	Check() error
	// Close ends it all.
	Close() error
}

// Way is what may stand in for the plain reach and disk of a host: nil where the seed
// is played without it.
type Way interface {
	// Reach is called at each start of a controller on h.
	Reach(h *Host, m Machines) (Reach, error)
	// Disk is called once for each host.
	Disk(h *Host) (Disk, error)
}
