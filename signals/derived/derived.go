// Package derived computes the signals that follow from others: from the
// workers, from the queues' own numbers, from earlier ticks. All of it is pure,
// so that the daemon, `skynet decide`, the simulator and a test know the same.
package derived

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"skynet/signals"
)

// Settings are what a fleet's settings and its policy file say that signals
// depend on.
type Settings struct {
	Queues   []string      // names of the fleet's queues; none: queue.* stands for the one there is
	Slots    int           // what one instance works on at once, 0 if only it can tell
	Interval time.Duration // from tick to tick, 0 if it is not fixed
	Prices   []Price       // what an hour of an instance costs, by type; none: money is unknown
	Daily    float64       // the daily budget, 0 if there is none
	Hourly   bool          // instances are billed by the hour
	Zone     *time.Location
	Holidays []string // dates, 2006-01-02
	Priors   Priors
	Promise  Promise            // the objective's
	Promises map[string]Promise // of queues that have their own

	// Final says that the signals come from outside, as in `skynet decide`: what is
	// given is not computed, and stays unknown if it is given as that. Workers that
	// are nil are not known, rather than none. A source of the daemon's cannot take a
	// name that is computed here.
	Final bool
}

// Price is what an hour of one instance type costs.
type Price struct {
	Type   string
	Hourly float64
}

// Priors are what is assumed until something has been learned.
type Priors struct {
	Boot    time.Duration            // launch to first heartbeat
	Wake    time.Duration            // wake to first heartbeat
	Item    time.Duration            // time to process one item
	ByQueue map[string]time.Duration // the same for one queue
}

// DefaultPriors are those of a policy file that names none: two minutes for a
// machine to boot, one to wake, ten seconds an item.
func DefaultPriors() Priors {
	return Priors{Boot: 2 * time.Minute, Wake: time.Minute, Item: 10 * time.Second}
}

// Complete adds to a snapshot what follows from what it holds (workers, signals,
// Recent), and freezes it. Every name of the catalogue is there afterwards, if
// only to say why it is not known.
func Complete(s signals.Snapshot, set Settings) signals.Snapshot {
	s = s.WithoutForgotten()
	s.Queues = set.Queues
	s.Born, s.Died = signals.Fates(s.Last().Starting, s.Workers)
	s.Causes = signals.Causes(s)
	s.Boots, s.Wakes = learn(s)
	v := look(&s, set)
	v.workers()
	v.work()
	v.learned()
	v.journal()
	v.money()
	v.put(signals.Calendar(s.Now, set.Zone, set.Holidays)...)
	v.rest()
	given := s.Signals
	s.Signals = v.merged()
	return withMargins(s.Freeze(), set, given)
}

// view is a snapshot while it is being completed.
type view struct {
	*signals.Snapshot
	set    Settings
	given  []signals.Signal // in order of their names
	out    []signals.Signal // computed
	at     map[string]int   // where the fleet's own are in out
	window time.Duration    // five minutes, or as long as it takes to hold two ticks
	crew   crew
	paper  *paper
}

// paper is room that a view needs, and the next one may use again.
type paper struct {
	given, out []signals.Signal
	at         map[string]int
	order      []int // of what was computed last, by name
}

var papers = sync.Pool{New: func() any { return &paper{at: make(map[string]int, len(signals.Catalogue))} }}

func look(s *signals.Snapshot, set Settings) *view {
	p := papers.Get().(*paper)
	clear(p.at)
	v := &view{Snapshot: s, set: set, paper: p, at: p.at, out: p.out[:0]}
	v.given = signals.Sort(append(p.given[:0], s.Signals...))
	for i, g := range v.given {
		if math.IsNaN(g.Value) || math.IsInf(g.Value, 0) {
			v.given[i] = signals.Missing(g.Name, g.At, fmt.Sprintf("not a finite number: %g", g.Value))
		}
	}
	v.window = v.atLeastTwoTicks(short)
	return v
}

// The windows of the catalogue.
const (
	short   = 5 * time.Minute
	quarter = 15 * time.Minute
	hour    = time.Hour
)

// atLeastTwoTicks stretches a window for a fleet that ticks so seldom that the
// window would never hold an earlier tick.
func (v *view) atLeastTwoTicks(window time.Duration) time.Duration {
	step := v.set.Interval
	if step == 0 {
		step = v.Step()
	}
	if n := len(v.Recent); step == 0 && n > 0 {
		step = v.Now.Sub(v.Recent[n-1].At)
	}
	return max(window, 2*step)
}

// put adds computed signals of the fleet. Where signals are final, one that was
// given stays.
func (v *view) put(list ...signals.Signal) {
	for _, s := range list {
		if _, given := signals.Find(v.given, s.Name); given && v.set.Final {
			continue
		}
		v.at[s.Name] = len(v.out)
		v.out = append(v.out, s)
	}
}

// find is a signal of the fleet's, as far as they are there by now.
func (v *view) find(name string) (signals.Signal, bool) {
	if i, ok := v.at[name]; ok {
		return v.out[i], true
	}
	return signals.Find(v.given, name)
}

// value is a number that follow-up signals may be computed from. One below zero
// is none: no signal that they are computed from can be negative.
func (v *view) value(name string) (float64, error) {
	s, ok := v.find(name)
	return number(s, ok, name, v.Now)
}

// rest names what nobody gives.
func (v *view) rest() {
	for _, q := range v.set.Queues { // put in their places, to be learned last
		v.put(signals.Missing(signals.OfQueue(margin, q), v.Now, "not learned yet"), signals.Missing(signals.OfQueue(usualRate, q), v.Now, "not learned yet"))
	}
	for _, k := range signals.Catalogue {
		if _, there := v.find(k.Name); !there {
			v.put(signals.Missing(k.Name, v.Now, nobody(k.Name)))
		}
	}
}

func nobody(name string) string {
	switch group, _, _ := strings.Cut(name, "."); {
	case group == "forecast":
		return "there is no forecast yet"
	case name == "cost.spot_price":
		return "only EC2 has it"
	}
	return "no source gives it"
}

// merged is what was given and what was computed in order of names. Of two with
// one name the computed one stays: put has left out those that must not.
func (v *view) merged() []signals.Signal {
	all := make([]signals.Signal, 0, len(v.given)+len(v.out))
	i := 0
	for _, place := range v.paper.sorted(v.out) {
		s := v.out[place]
		for ; i < len(v.given) && v.given[i].Name < s.Name; i++ {
			all = append(all, v.given[i])
		}
		if i < len(v.given) && v.given[i].Name == s.Name {
			i++
		}
		all = append(all, s)
	}
	all = append(all, v.given[i:]...)
	v.paper.given, v.paper.out = v.given, v.out
	papers.Put(v.paper)
	return all
}

// sorted is the order of what was computed by name: that of the last time, nearly
// always.
func (p *paper) sorted(out []signals.Signal) []int {
	byName := func(a, b int) int { return strings.Compare(out[a].Name, out[b].Name) }
	if len(p.order) != len(out) {
		p.order = p.order[:0]
		for i := range out {
			p.order = append(p.order, i)
		}
	}
	if !slices.IsSortedFunc(p.order, byName) {
		slices.SortFunc(p.order, byName)
	}
	return p.order
}
