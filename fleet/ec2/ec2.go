package ec2

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"skynet/fleet"
)

// Template is what the instances of one fleet are launched as.
type Template struct {
	Fleet   string
	Name    string   // of the launch template
	Version string   // of it: a number, or $Latest or $Default, which Check pins to a number
	Subnets []string // where; of several in one zone one is used at a time
	Types   []string // instance types, the preferred first
	Spot    *Spot    // nil: all on demand
	Tags    map[string]string
	Prices  map[string]float64 // of an hour on demand, by type
	// PlainStop has instances that could hibernate stop instead.
	PlainStop bool
}

// Spot is how much of a fleet is bought on the Spot market.
type Spot struct {
	BaseOnDemand int     // so many are on demand in any case
	Share        float64 // of what comes on top, 0 to 1
	Strategy     string  // price-capacity-optimized, capacity-optimized, lowest-price or diversified
}

// Options are what a Fleet is told.
type Options struct {
	Controller string   // whose instances these are: the value of the tag skynet:controller
	Account    string   // twelve digits: nothing is changed in any other
	Region     string   // nor in any other than this
	Identity   Identity // says whose credentials we have
	Templates  []Template
	// Calls is how many calls that change something are sent in a minute, at most; 100
	// by default. All who use the account share its rates.
	Calls int
	// VolumePrice is what a GiB of sleeping volume costs a month; 0 if it is not known.
	VolumePrice float64
	Now         func() time.Time // time.Now by default
	Log         *slog.Logger     // hears of what is not known of instances; slog.Default() by default
}

const callsAMinute = 100

// Fleet is the instances of one controller, in any number of fleets. It is safe for
// use by several goroutines.
type Fleet struct {
	read  Reader
	write Writer
	o     Options

	known    *known
	refusals *refusals
	drafts   *drafts
	budget   *budget
	prices   *spotPrices
	sizes    *sizes

	uncheckable atomic.Bool // status checks could not be read the last time

	mu       sync.RWMutex
	proven   bool                // account and region are those of the settings
	resolved map[string]resolved // what Check found out, by fleet
}

// New returns a Fleet that reads and writes. It can change nothing before Check has
// found account and region to be right, and launch nothing for a fleet that Check
// found fault with.
func New(client API, o Options) *Fleet { return newFleet(client, client, o) }

// NewReadOnly returns a Fleet for a dry run: it reads everything, and answers
// fleet.ErrReadOnly where it would write, since it has nothing to write with.
func NewReadOnly(client Reader, o Options) *Fleet { return newFleet(client, noWrites{}, o) }

func newFleet(r Reader, w Writer, o Options) *Fleet {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Calls <= 0 {
		o.Calls = callsAMinute
	}
	return &Fleet{
		read: r, write: w, o: o, known: newKnown(), refusals: newRefusals(), drafts: &drafts{made: map[string]time.Time{}}, prices: newSpotPrices(), sizes: newSizes(),
		budget: &budget{most: o.Calls}, resolved: map[string]resolved{},
	}
}

// template is the settings of a fleet and what Check found out about them; false
// where it found fault, or was not asked.
func (f *Fleet) template(fleetName string) (Template, resolved, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	r, ok := f.resolved[fleetName]
	for _, t := range f.o.Templates {
		if t.Fleet == fleetName {
			return t, r, ok
		}
	}
	return Template{}, resolved{}, false
}

// mayAct is why nothing may be changed, or nil.
func (f *Fleet) mayAct() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if _, dry := f.write.(noWrites); dry {
		return fleet.ErrReadOnly
	}
	if !f.proven {
		return errUnchecked
	}
	return nil
}
