package fleet

import (
	"math"
	"time"
)

// Heartbeat is what a worker says of itself, every few seconds and at once
// when its state changes. Heartbeats travel over a queue of their own, which
// may lose, double and reorder them: Boot and Seq tell the reader which is the
// newest and which it has seen.
type Heartbeat struct {
	Worker ID        `json:"worker"`
	Fleet  string    `json:"fleet"`
	Boot   string    `json:"boot"` // new with each start of the agent
	Seq    uint64    `json:"seq"`  // from 1, one more each time
	At     time.Time `json:"at"`   // by the worker's clock: never compared with ours

	State State  `json:"state"`           // Working, Draining, Drained or Leaving
	Drain string `json:"drain,omitempty"` // the drain it obeys; "drained" counts for that one only
	Jobs  int    `json:"jobs"`
	Slots int    `json:"slots"`

	CPU          float64       `json:"cpu"`    // per cent of the machine, 0 to 100
	Memory       float64       `json:"memory"` // per cent of the machine, 0 to 100
	Version      string        `json:"version,omitempty"`
	Interruption *Interruption `json:"interruption,omitempty"`
	AtRisk       bool          `json:"at_risk,omitempty"` // the cloud expects to interrupt it, and has not said when

	Queues []Work `json:"queues,omitempty"` // what was done since the last heartbeat, by queue
}

// Interruption is the cloud's notice that it will take the instance back.
type Interruption struct {
	Action string    `json:"action"` // terminate, stop or hibernate, as EC2 says it
	At     time.Time `json:"at"`
}

// Work is what one worker did for one queue since its last heartbeat.
type Work struct {
	Queue       string `json:"queue"`
	Completed   int    `json:"completed"`
	Failed      int    `json:"failed,omitempty"`      // tries that ended in an error
	Redelivered int    `json:"redelivered,omitempty"` // received for the second time or more
	BytesIn     int64  `json:"bytes_in,omitempty"`
	BytesOut    int64  `json:"bytes_out,omitempty"`
	Seconds     Sketch `json:"seconds,omitzero"` // time to process an item, s
	Wait        Sketch `json:"wait,omitzero"`    // time from sent to first started, s
}

// Empty reports whether nothing was done.
func (w Work) Empty() bool {
	return w.Completed == 0 && w.Failed == 0 && w.Redelivered == 0 && w.Seconds.Count() == 0 && w.Wait.Count() == 0
}

// Merge adds what o says to w. Both must be of the same queue. Counts that no number
// can hold stay at the largest: they come from one who lies.
func (w *Work) Merge(o Work) {
	w.Completed = plus(w.Completed, o.Completed)
	w.Failed = plus(w.Failed, o.Failed)
	w.Redelivered = plus(w.Redelivered, o.Redelivered)
	w.BytesIn = plus(w.BytesIn, o.BytesIn)
	w.BytesOut = plus(w.BytesOut, o.BytesOut)
	w.Seconds.Merge(o.Seconds)
	w.Wait.Merge(o.Wait)
}

// plus adds two counts, neither of which is negative.
func plus[N int | int64](a, b N) N {
	if sum := a + b; sum >= a {
		return sum
	}
	return N(math.MaxInt64)
}
