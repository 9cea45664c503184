package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Version tells one content of the lease from every other that it ever had.
type Version string

// ErrChanged says that the lease was not, or is no longer, of the version that a
// write was to replace.
var ErrChanged = errors.New("the lease has changed")

// Store keeps the lease.
type Store interface {
	// Read returns what was written last, and "" where nothing ever was. A read that
	// begins after a write has returned sees it, or a later one.
	Read(ctx context.Context) ([]byte, Version, error)
	// Write replaces what is of that version ("": nothing is there yet) or returns
	// ErrChanged. After any other error nobody can tell whether it was written.
	Write(ctx context.Context, body []byte, replaces Version) (Version, error)
}

// Notes keeps what lies beside the lease, by name.
type Notes interface {
	Put(ctx context.Context, name string, body []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
	// List returns the names between two, without these, in order.
	List(ctx context.Context, after, before string) ([]string, error)
}

// State is what the lease says.
type State struct {
	Holder   string        `json:"holder"`
	Term     uint64        `json:"term"`  // rises by one with every holder: what carries a lower one is of the past
	Since    time.Time     `json:"since"` // by the holder's clock: for people, nothing follows from it
	Lasts    time.Duration `json:"lasts_ns"`
	Grace    time.Duration `json:"grace_ns"`
	Note     uint64        `json:"note"` // the last that counts: later ones were never acted on
	Terms    []Began       `json:"terms,omitempty"`
	Released bool          `json:"released,omitempty"` // given up, with no call under way
	Write    string        `json:"write"`              // chance: tells this write from every other
}

// Began says which term the notes after a number are of.
type Began struct {
	Term  uint64 `json:"term"`
	After uint64 `json:"after"`
}

// mostTerms is how many are kept: what is older than so many changes is out of every
// window.
const mostTerms = 64

// termOf is the term that a note of this number counts in; 0 if it is not known.
func (s State) termOf(note uint64) uint64 {
	for i := len(s.Terms) - 1; i >= 0; i-- {
		if s.Terms[i].After < note {
			return s.Terms[i].Term
		}
	}
	return 0
}

func (s State) encode() []byte {
	body, _ := json.Marshal(s) // of plain values: cannot fail
	return body
}

// ErrForeign says that what is there is no lease.
var ErrForeign = errors.New("is no lease")

// plausible reports whether one of us can have written it: numbers far below those at
// which names of notes would lose their order, or sums overflow.
func (s State) plausible() bool {
	return s.Holder != "" && s.Term > 0 && s.Term < 1e9 && s.Note < 1e15 && s.Lasts >= 0 && s.Grace >= 0 &&
		s.Lasts <= 24*time.Hour && s.Grace <= 24*time.Hour && len(s.Terms) <= mostTerms
}

// read reads the lease. What is there and is no lease stays as it is.
func (l *Lease) read(ctx context.Context) (s State, v Version, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.opt.Patience)
	defer cancel()
	body, v, err := l.store.Read(ctx)
	if err != nil || v == "" {
		return State{}, v, err
	}
	if err := json.Unmarshal(body, &s); err != nil || !s.plausible() {
		return State{}, v, fmt.Errorf("%w: what is there was written by another program; "+
			"name another object, or delete it if no controller runs", ErrForeign)
	}
	return s, v, nil
}
