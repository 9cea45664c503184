// Package scenario reads the YAML file that describes a world to simulate: what
// arrives, how long it takes, what the machines are like, what they cost and what
// goes wrong. It is strict (see config/strict), and reads the recorded load that
// the file names.
package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"skynet/config/strict"
)

// Scenario is the file as it is written, and what it names.
type Scenario struct {
	Name     string          `yaml:"name" strict:"required" doc:"what the results are called"`
	Start    Time            `yaml:"start" doc:"when it begins; recorded load is shifted so that its first line is then; the first line's own time if left out"`
	Until    Until           `yaml:"until" doc:"when arrivals end: a time, or how long after start; the end of the recorded load if left out"`
	Seed     int             `yaml:"seed" strict:"min=0" doc:"the same seed draws the same chances; 1 if left out"`
	Interval strict.Duration `yaml:"interval" doc:"from tick to tick; 1m if left out"`
	Queues   []Queue         `yaml:"queues" strict:"required" doc:"where items arrive and wait"`
	Fleet    *Fleet          `yaml:"fleet" doc:"the only fleet; it serves every queue"`
	Fleets   []Fleet         `yaml:"fleets" doc:"several fleets, instead of fleet"`
	Faults   Faults          `yaml:"faults" doc:"what goes wrong all the time"`
	// Incidents stand in the order of the file; of several at once the last counts.
	Incidents []Incident `yaml:"incidents" doc:"what goes wrong for a time"`

	// End is when arrivals end, counted from Start.
	End time.Duration
	// Notes tell what is not simulated though the file speaks of it.
	Notes []string
}

// Queue is a queue and what arrives in it.
type Queue struct {
	Name       string          `yaml:"name" strict:"required" doc:"small letters, digits and _"`
	Arrivals   *Arrivals       `yaml:"arrivals" doc:"how many items arrive: a series"`
	Jobs       *Jobs           `yaml:"jobs" doc:"single items with the time that each took: a job trace, instead of arrivals"`
	Seconds    *Length         `yaml:"seconds" doc:"how long an item takes; a job trace has its own"`
	Visibility strict.Duration `yaml:"visibility" doc:"how long after its worker's death an item comes back; 30s if left out"`
	Weight     float64         `yaml:"weight" strict:"above=0,max=1e9" doc:"share of slot time among the fleet's queues; 1 if left out"`
	Feeds      string          `yaml:"feeds" doc:"queue in which each finished item arrives as a new one"`

	Series Series  // of arrivals
	Trace  Trace   // of jobs
	Phases []Phase // how long an item takes by when it was sent, where that is recorded: see LengthAt
	Next   int     // the place of the queue that it feeds; -1 for none
}

// Phase is a time from which on items take so long, in order.
type Phase struct {
	From time.Duration // since start
	Length
}

// LengthAt is how long an item takes that was sent so long after start.
func (q *Queue) LengthAt(sent time.Duration) Length {
	i := sort.Search(len(q.Phases), func(i int) bool { return q.Phases[i].From > sent })
	switch {
	case i > 0:
		return q.Phases[i-1].Length
	case q.Seconds != nil:
		return *q.Seconds
	}
	return Length{}
}

// Arrivals is a recorded series of counts.
type Arrivals struct {
	CSV   string  `yaml:"csv" strict:"required" doc:"file of timestamp,value, relative to this one, may be gzipped"`
	Scale float64 `yaml:"scale" strict:"above=0,max=1e9" doc:"multiplies the values; 1 if left out"`
}

// Jobs is a recorded list of items.
type Jobs struct {
	CSV string `yaml:"csv" strict:"required" doc:"file of timestamp,duration_seconds[,kind], relative to this one, may be gzipped"`
}

// Fleet is what machines there are.
type Fleet struct {
	Name    string   `yaml:"name" doc:"small letters, digits and _; fleet if it is the only one"`
	Queues  []string `yaml:"queues" doc:"the queues that it serves; all of them if it is the only fleet"`
	Slots   int      `yaml:"slots" strict:"min=1,max=10000" doc:"items that one instance works on at once; 1 if left out"`
	Boot    Length   `yaml:"boot" doc:"launch to first heartbeat; 2m if left out"`
	Wake    Length   `yaml:"wake" doc:"wake to first heartbeat; 1m if left out"`
	Start   int      `yaml:"start" strict:"min=0,max=100000" doc:"instances that serve already when it begins"`
	Price   *float64 `yaml:"price" strict:"min=0" doc:"what an hour of an instance costs, where its type does not say"`
	Types   []Type   `yaml:"types" doc:"instance types; the cheapest is launched"`
	Spot    *Spot    `yaml:"spot" doc:"how much is bought as Spot; all of the types that have such a price if left out"`
	Zones   []Zone   `yaml:"zones" doc:"availability zones; launches spread evenly"`
	Billing Billing  `yaml:"billing" doc:"how time is paid for"`

	Serves []int // the places of its queues
}

// Type is an instance type.
type Type struct {
	Name  string   `yaml:"name" strict:"required"`
	Price *float64 `yaml:"price" strict:"min=0" doc:"an hour on demand; the fleet's price if left out"`
	Spot  *float64 `yaml:"spot" strict:"min=0" doc:"an hour as Spot; not offered as Spot if left out"`
}

// Spot is how much of a fleet is bought as Spot.
type Spot struct {
	BaseOnDemand int            `yaml:"base_on_demand" strict:"min=0" doc:"the first so many are on demand"`
	Share        strict.Percent `yaml:"share" strict:"required" doc:"of those above, so many are Spot"`
}

// Zone is an availability zone.
type Zone struct {
	Name string   `yaml:"name" strict:"required"`
	Out  []Window `yaml:"out" doc:"when nothing can be launched or woken in it"`
}

// Window is a stretch of time, counted from start.
type Window struct {
	From strict.Duration `yaml:"from" strict:"required" doc:"so long after start"`
	For  strict.Duration `yaml:"for" strict:"required" doc:"how long"`
}

// Holds reports whether a moment falls into it.
func (w Window) Holds(at time.Duration) bool {
	return at >= w.From.Std() && at-w.From.Std() < w.For.Std()
}

// Billing is how time is paid for.
type Billing struct {
	Unit    strict.Duration `yaml:"unit" doc:"a part of it counts as a whole; 1s if left out, 1h for hourly billing"`
	Minimum strict.Duration `yaml:"minimum" doc:"the least that is paid for a launch or wake; 60s if left out"`
}

// Faults are how often things go wrong.
type Faults struct {
	DeadOnArrival        strict.Percent `yaml:"dead_on_arrival" doc:"launches that are never heard of"`
	LaunchRefused        strict.Percent `yaml:"launch_refused" doc:"instances asked for that the cloud has no capacity for"`
	InterruptionsPerHour strict.Percent `yaml:"interruptions_per_hour" doc:"Spot instances taken back within an hour, two minutes after a notice"`
	HeartbeatLoss        strict.Percent `yaml:"heartbeat_loss" doc:"workers that fall silent within an hour, for one to ten minutes, and work on"`
	APIErrors            strict.Percent `yaml:"api_errors" doc:"calls of the cloud that fail: half are refused, of half the answer is lost"`
}

// Incident replaces the faults for a time.
type Incident struct {
	Window `yaml:",inline"`
	Boot   *Length        `yaml:"boot" doc:"launch to first heartbeat meanwhile"`
	Dead   strict.Percent `yaml:"dead_on_arrival" doc:"launches that are never heard of"`
	Refuse strict.Percent `yaml:"launch_refused" doc:"instances asked for that the cloud has no capacity for"`
	Errors strict.Percent `yaml:"api_errors" doc:"calls of the cloud that fail"`
}

// Load reads a scenario file and the recorded load that it names. Everything
// wrong with the file comes in one error, and so does everything wrong with the
// load.
func Load(path string) (Scenario, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Scenario{}, fmt.Errorf("scenario file: %w", err)
	}
	s, err := Parse(path, data)
	if err != nil {
		return s, err
	}
	return s, s.load(path)
}

// Parse reads a file's bytes, but not what it names; name is for messages.
func Parse(name string, data []byte) (Scenario, error) { return strict.Read[Scenario](name, data) }

// Schema is the JSON Schema of scenario files, for editors.
func Schema() []byte { return strict.Schema[Scenario]() }

// load reads the recorded load that the file at path names, and settles when it
// begins and ends.
func (s *Scenario) load(path string) error {
	var errs []error
	folder := filepath.Dir(path)
	for i := range s.Queues {
		q := &s.Queues[i]
		var err error
		switch {
		case q.Arrivals != nil:
			q.Series, err = ReadSeries(beside(folder, q.Arrivals.CSV))
		case q.Jobs != nil:
			q.Trace, err = ReadTrace(beside(folder, q.Jobs.CSV))
		}
		if errors.As(err, new(*fs.PathError)) {
			err = fmt.Errorf("%s: queue %s: %w; a path is relative to the scenario file", path, q.Name, err)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.settle()
}

func beside(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// settle fixes Start and End by what was recorded.
func (s *Scenario) settle() error {
	if s.Start.IsZero() {
		for _, q := range s.Queues {
			if first := q.began(); !first.IsZero() && (s.Start.IsZero() || first.Before(s.Start.Time)) {
				s.Start.Time = first
			}
		}
		if s.Start.IsZero() {
			return errors.New("scenario: nothing is recorded that says when it begins; add start")
		}
		for i := range s.Queues {
			s.Queues[i].shift(s.Start.Time)
		}
	}
	for _, q := range s.Queues {
		s.End = max(s.End, q.Series.End(), q.Trace.End())
	}
	if s.Until.given() {
		s.End = s.Until.after(s.Start.Time)
	}
	return s.Bearable()
}

// MostItems may arrive in a simulation, which takes hours for as many.
const MostItems = 1e11

const (
	longestRun = 10 * 366 * 24 * time.Hour
	mostSlots  = 2_000_000
)

// Bearable refuses what would not end in anybody's life, or before there were
// clocks to tell it.
func (s *Scenario) Bearable() error {
	items := 0.0
	for _, q := range s.Queues {
		if q.Arrivals != nil {
			items += q.Series.Items() * q.Arrivals.Scale
		}
	}
	for _, f := range s.Fleets {
		if f.Start > mostSlots/max(1, f.Slots) {
			return fmt.Errorf("scenario: fleet %s starts with %d instances of %d slots; at most %d slots will do", f.Name, f.Start, f.Slots, mostSlots)
		}
	}
	switch {
	case s.End <= 0:
		return fmt.Errorf("scenario: until is not after start (%s); write a later one", s.Start.Format(time.RFC3339))
	case s.End > longestRun:
		return fmt.Errorf("scenario: lasts %s; at most ten years will do: set until", strict.Duration(s.End))
	case s.Start.Year() < 1970 || s.Start.Year() > 2200:
		return fmt.Errorf("scenario: begins in %d; give it a start from 1970 to 2200", s.Start.Year())
	case !(items <= MostItems):
		return fmt.Errorf("scenario: %.3g items arrive; at most %g will do: lower scale", items, MostItems)
	}
	return nil
}

func (q *Queue) began() time.Time {
	if q.Arrivals != nil {
		return q.Series.Began
	}
	return q.Trace.Began
}

// shift moves what was recorded so that it keeps its own times: where no start is
// given, two recordings stay side by side.
func (q *Queue) shift(start time.Time) {
	if !q.Series.Began.IsZero() {
		q.Series.shift(q.Series.Began.Sub(start))
	}
	if !q.Trace.Began.IsZero() {
		q.Trace.shift(q.Trace.Began.Sub(start))
	}
}

// Priced reports whether it is known what an hour of an instance costs, in every
// fleet.
func (s *Scenario) Priced() bool {
	for _, f := range s.Fleets {
		if !f.Priced() {
			return false
		}
	}
	return true
}

// Priced reports whether it is known what an hour of its instances costs.
func (f *Fleet) Priced() bool {
	return f.Price != nil || len(f.Types) > 0 && f.Types[0].Price != nil
}
