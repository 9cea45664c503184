// Package derived computes the signals that follow from others: from the
// workers, from the queues' own numbers, from earlier ticks. All of it is pure,
// so that the daemon, `skynet decide`, the simulator and a test know the same.
package derived

import (
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

	// Final says that the signals come from outside, as in `skynet decide`: what is
	// given is not computed, and stays unknown if it is given as that. A source of
	// the daemon's cannot take a name that is computed here.
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
	Seconds time.Duration            // time to process one item
	ByQueue map[string]time.Duration // the same for one queue
}

// DefaultPriors are those of a policy file that names none: two minutes for a
// machine to boot, one to wake, ten seconds an item.
func DefaultPriors() Priors {
	return Priors{Boot: 2 * time.Minute, Wake: time.Minute, Seconds: 10 * time.Second}
}

// Complete adds to a snapshot what follows from what it holds (workers, signals,
// Recent), and freezes it.
func Complete(s signals.Snapshot, set Settings) signals.Snapshot {
	s.Queues = set.Queues
	last := s.Last()
	s.Born, s.Died = signals.Fates(last.Starting, s.Workers)
	s.Signals = set.add(s.Signals, OfWorkers(s.Workers, set.Slots, s.Now))
	s.Signals = set.add(s.Signals, OfQueues(set.Queues, s.Signals, s.Now))
	return s.Freeze()
}

// add joins what was given with what was computed, in order of names. Of two with
// one name the first stays.
func (set Settings) add(given, computed []signals.Signal) []signals.Signal {
	if set.Final {
		return signals.Sort(append(given, computed...))
	}
	return signals.Sort(append(computed, given...))
}
