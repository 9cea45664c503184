// Package handover hands the journal of one controller over to the next, on another
// machine: each tick is noted where both can read before anything is done about it,
// and who stands by writes it into a journal of its own. What became of a deed goes
// along with the tick after it; a successor that comes before that finds the intent
// without an outcome, and finds out, as after a crash.
package handover

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"

	"skynet/fleet"
	"skynet/journal"
)

// Log is where ticks are noted: a lease is one.
type Log interface {
	// Note returns nil if whoever comes next will read it, and this controller is
	// the one that may act on it. After an error it may be read all the same.
	Note(ctx context.Context, body []byte) error
}

// Journal is a journal whose ticks are noted for a successor before they are written.
type Journal struct {
	journal.Journal
	log Log

	mu    sync.Mutex
	owing []journal.Outcome // not noted yet
}

// New returns a journal that notes what is written to own.
func New(own journal.Journal, log Log) *Journal { return &Journal{Journal: own, log: log} }

// Write implements journal.Journal: when it returns an error, no deed may be done, and
// who reads the note all the same learns that none was.
func (j *Journal) Write(ctx context.Context, r journal.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	if err := j.note(ctx, &r); err != nil {
		j.owe(unsent(r)...)
		return err
	}
	if err := j.Journal.Write(ctx, r); err != nil {
		j.owe(unsent(r)...)
		return err
	}
	return nil
}

// Settle implements journal.Journal.
func (j *Journal) Settle(ctx context.Context, o journal.Outcome) error {
	if err := j.Journal.Settle(ctx, o); err != nil {
		return err
	}
	j.owe(o.Clone())
	return nil
}

// Flush notes what became of the last deeds, before the lease is given up.
func (j *Journal) Flush(ctx context.Context) error {
	j.mu.Lock()
	none := len(j.owing) == 0
	j.mu.Unlock()
	if none {
		return nil
	}
	return j.note(ctx, nil)
}

func (j *Journal) owe(outcomes ...journal.Outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.owing = append(j.owing, outcomes...)
}

// note notes a tick, if there is one, and the outcomes that are owed.
func (j *Journal) note(ctx context.Context, r *journal.Record) error {
	j.mu.Lock()
	owing := j.owing
	j.owing = nil
	j.mu.Unlock()
	body, err := encode(entry{Record: r, Outcomes: owing})
	if err == nil {
		err = j.log.Note(ctx, body)
	}
	if err != nil {
		j.mu.Lock()
		j.owing = append(owing, j.owing...)
		j.mu.Unlock()
	}
	return err
}

// unsent are the outcomes of a tick that is in no journal of ours.
func unsent(r journal.Record) (list []journal.Outcome) {
	for _, i := range r.Intents {
		list = append(list, journal.Outcome{
			Intent: i.ID, At: i.At, Unsent: true, Failed: "not done: it could not be written down first",
		})
	}
	return list
}

// entry is what one note says.
type entry struct {
	Record   *journal.Record   `json:"record,omitempty"`
	Requests map[string][]byte `json:"requests,omitempty"` // of orders, by intent: a second try needs the very same bytes
	Odd      map[int]string    `json:"odd,omitempty"`      // signals whose values JSON cannot say, by index
	Outcomes []journal.Outcome `json:"outcomes,omitempty"`
}

// split moves aside what JSON would change or refuse.
func (e *entry) split() {
	r := e.Record.Clone()
	e.Record, e.Requests, e.Odd = &r, map[string][]byte{}, map[int]string{}
	for i := range r.Intents {
		if o := r.Intents[i].Order; o != nil && o.Request != nil {
			e.Requests[r.Intents[i].ID] = o.Request
			r.Intents[i].Order = withRequest(o, nil)
		}
	}
	for i := range r.Snapshot.Signals {
		if v := &r.Snapshot.Signals[i].Value; math.IsNaN(*v) || math.IsInf(*v, 0) {
			e.Odd[i], *v = strconv.FormatFloat(*v, 'g', -1, 64), 0
		}
	}
}

// join undoes split.
func (e *entry) join() {
	for i := range e.Record.Intents {
		n := &e.Record.Intents[i]
		if request, ok := e.Requests[n.ID]; ok && n.Order != nil {
			n.Order = withRequest(n.Order, request)
		}
	}
	for i, text := range e.Odd {
		if v, err := strconv.ParseFloat(text, 64); err == nil && i >= 0 && i < len(e.Record.Snapshot.Signals) {
			e.Record.Snapshot.Signals[i].Value = v
		}
	}
}

func encode(e entry) ([]byte, error) {
	if e.Record != nil {
		e.split()
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if err := errors.Join(json.NewEncoder(w).Encode(e), w.Close()); err != nil {
		return nil, fmt.Errorf("write the tick down for a successor: %w", err)
	}
	return packed.Bytes(), nil
}

// largest is how long a note may be, unpacked: that of a thousand workers is less
// than one MB.
const largest = 64 << 20

func decode(body []byte) (e entry, err error) {
	packed, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return e, err
	}
	text, err := io.ReadAll(io.LimitReader(packed, largest+1))
	switch {
	case err != nil:
		return e, err
	case len(text) > largest:
		return e, fmt.Errorf("is longer than %d MB", largest>>20)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, err
	}
	if e.Record == nil {
		return e, nil
	}
	e.join()
	return e, e.Record.Check()
}

func withRequest(o *fleet.Order, request []byte) *fleet.Order {
	same := *o
	same.Request = request
	return &same
}
