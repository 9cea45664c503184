// Package line holds the JSON lines that `skynet decide` reads and writes, and
// that programs which advise a policy (type exec) are asked and answer in: one
// snapshot a line, one decision a line.
//
//	{"time":"2026-03-01T17:00:00Z","signals":{"queue.visible":120,"fleet.running":6,"fleet.pending":1}}
//	{"time":"2026-03-01T17:00:00Z","have":7,"want":7,"action":"hold","reasons":[{"by":"backlog","said":"…"}]}
//
// Reading is strict: what is misspelt, doubled or of the wrong kind is an error
// that names the key and the cure, since a simulator that drives us for an hour
// must not find out afterwards that one of its numbers was never read.
package line

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// In is one line that is read: what is known at one time.
type In struct {
	Time    time.Time           `json:"time"`
	Signals map[string]*float64 `json:"signals"`          // nil: unknown
	Workers []fleet.Worker      `json:"workers,omitzero"` // nil: not given; an empty list is a fleet without workers
	Advice  []signals.Advice    `json:"advice,omitempty"` // what programs answered; those left out are asked
	Orders  signals.Standing    `json:"orders,omitzero"`  // the operator's
}

// Out is one line that is written: what was decided. Have and Want are nil
// where it is unknown how many workers there are.
type Out struct {
	Time    time.Time `json:"time"`
	Have    *int      `json:"have"`
	Want    *int      `json:"want"`
	Action  string    `json:"action"` // launch, drain or hold; with workers also sleep and terminate
	Reasons []Reason  `json:"reasons"`
}

// Reason is one argument for a decision.
type Reason struct {
	By   string `json:"by"`
	Said string `json:"said"`
}

// Of is the line that says what a snapshot knows. What is unknown or stale in it
// is null.
func Of(s signals.Snapshot) In {
	in := In{Time: s.Now, Workers: s.Workers, Orders: s.Orders, Signals: make(map[string]*float64, len(s.Signals))}
	for _, sig := range s.Signals {
		in.Signals[sig.Name] = nil
		if v, err := sig.Check(s.Now); err == nil {
			in.Signals[sig.Name] = &v
		}
	}
	return in
}

// Names lists the signals of the line in order.
func (in In) Names() []string {
	names := make([]string, 0, len(in.Signals))
	for n := range in.Signals {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Given are the line's signals, measured at its time: the value is there, or it
// is unknown because the line says so.
func (in In) Given(now time.Time) []signals.Signal {
	list := make([]signals.Signal, 0, len(in.Signals))
	for _, n := range in.Names() {
		if v := in.Signals[n]; v != nil {
			list = append(list, signals.Known(n, *v, now, 0))
		} else {
			list = append(list, signals.Missing(n, now, "given as null"))
		}
	}
	return list
}

// Encode writes the line, with its end.
func (in In) Encode() ([]byte, error) {
	if in.Signals == nil {
		in.Signals = map[string]*float64{}
	}
	return encode(in)
}

// Encode writes the line, with its end.
func (o Out) Encode() ([]byte, error) {
	if o.Reasons == nil {
		o.Reasons = []Reason{}
	}
	return encode(o)
}

// encode leaves < and > as they are: reasons are read by people.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// finite reports whether v can be reckoned with.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
