package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// DefaultWindow is how long a Memory keeps ticks unless told otherwise: a day
// and an hour, so that "the same time yesterday" is still there.
const DefaultWindow = 25 * time.Hour

// Memory is a journal that dies with the process: for simulations, tests and
// `skynet decide`. It is safe for concurrent use; what callers do later to a
// record that they wrote or read does not reach what is kept.
type Memory struct {
	window time.Duration

	mu     sync.Mutex
	ticks  map[string][]*Record // by fleet, oldest first
	open   map[string][]Intent  // by fleet, unsettled, oldest first: they outlive their tick
	taken  map[string]bool      // decision IDs of the ticks kept
	owners map[string]*Record   // by intent ID; nil when the tick has left the window
}

// NewMemory keeps each fleet's ticks of the window before its newest one
// (0: DefaultWindow), and unsettled intents for as long as they are that.
func NewMemory(window time.Duration) *Memory {
	if window <= 0 {
		window = DefaultWindow
	}
	return &Memory{
		window: window,
		ticks:  map[string][]*Record{}, open: map[string][]Intent{},
		taken: map[string]bool{}, owners: map[string]*Record{},
	}
}

// Write implements Journal.
func (m *Memory) Write(ctx context.Context, r Record) error {
	if err := ready(ctx, r); err != nil {
		return fmt.Errorf("journal: write: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fresh(r); err != nil {
		return fmt.Errorf("journal: write: %w", err)
	}
	m.keep(r.Clone())
	return nil
}

func ready(ctx context.Context, r Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.Check()
}

// fresh refuses IDs that are taken.
func (m *Memory) fresh(r Record) error {
	if m.taken[r.Decision.ID] {
		return fmt.Errorf("decision %s: %w", r.Decision.ID, ErrDuplicate)
	}
	for _, i := range r.Intents {
		if _, ok := m.owners[i.ID]; ok {
			return fmt.Errorf("intent %s: %w", i.ID, ErrDuplicate)
		}
	}
	return nil
}

func (m *Memory) keep(r Record) {
	outcomes := r.Outcomes
	r.Outcomes = nil
	name := r.Snapshot.Fleet
	m.taken[r.Decision.ID] = true
	for _, i := range r.Intents {
		m.owners[i.ID] = &r
		m.open[name] = ordered(m.open[name], i, func(i Intent) time.Time { return i.At })
	}
	m.ticks[name] = ordered(m.ticks[name], &r, func(r *Record) time.Time { return r.Snapshot.Now })
	for _, o := range outcomes {
		m.settle(o)
	}
	m.forget(name)
}

// ordered puts v behind all that are not younger. Ticks come in order but for
// a clock that was set back, so this is nearly always an append.
func ordered[T any](list []T, v T, at func(T) time.Time) []T {
	i := len(list)
	for i > 0 && at(list[i-1]).After(at(v)) {
		i--
	}
	return slices.Insert(list, i, v)
}

// forget drops what has left the window.
func (m *Memory) forget(name string) {
	ticks := m.ticks[name]
	cutoff := ticks[len(ticks)-1].Snapshot.Now.Add(-m.window)
	n := 0
	for ticks[n].Snapshot.Now.Before(cutoff) {
		m.drop(ticks[n])
		n++
	}
	clear(ticks[:n]) // the array lives on: let the records go
	m.ticks[name] = ticks[n:]
}

func (m *Memory) drop(r *Record) {
	delete(m.taken, r.Decision.ID)
	for _, i := range r.Intents {
		if _, settled := r.outcome(i.ID); settled {
			delete(m.owners, i.ID)
		} else {
			m.owners[i.ID] = nil
		}
	}
}

// Settle implements Journal.
func (m *Memory) Settle(ctx context.Context, o Outcome) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("journal: settle %s: %w", o.Intent, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.owners[o.Intent]; !ok {
		return fmt.Errorf("journal: settle %q: %w", o.Intent, ErrNoIntent)
	}
	m.settle(o.Clone())
	return nil
}

func (m *Memory) settle(o Outcome) {
	for name := range m.open {
		m.open[name] = slices.DeleteFunc(m.open[name], func(i Intent) bool { return i.ID == o.Intent })
	}
	r := m.owners[o.Intent]
	if r == nil {
		delete(m.owners, o.Intent) // its tick is gone: nobody can ask for the outcome
		return
	}
	at := slices.IndexFunc(r.Outcomes, func(p Outcome) bool { return p.Intent == o.Intent })
	if at < 0 {
		r.Outcomes = append(r.Outcomes, o)
		return
	}
	r.Outcomes[at] = o
}

// Unsettled implements Journal.
func (m *Memory) Unsettled(ctx context.Context, fleetName string) ([]Intent, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("journal: unsettled intents of %s: %w", fleetName, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return each(m.open[fleetName], Intent.Clone), nil
}

// Records implements Journal.
func (m *Memory) Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("journal: records of %s: %w", fleetName, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ticks := m.ticks[fleetName]
	from, _ := slices.BinarySearchFunc(ticks, since, func(r *Record, t time.Time) int { return r.Snapshot.Now.Compare(t) })
	ticks = ticks[from:]
	if limit > 0 && len(ticks) > limit {
		ticks = ticks[len(ticks)-limit:]
	}
	var out []Record
	for _, r := range ticks {
		out = append(out, r.Clone())
	}
	return out, nil
}

// Close implements Journal; there is nothing to end.
func (m *Memory) Close() error { return nil }

var _ Journal = (*Memory)(nil)
