package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skynet/journal"
)

// memory is a disk of which the journal is all there is, and never torn.
type memory struct{ journal *journal.Memory }

func newMemory() *memory { return &memory{journal.NewMemory(7 * 24 * time.Hour)} }

func (m *memory) Open() (journal.Journal, error) { return m.journal, nil }
func (m *memory) Crash() error                   { return nil }
func (m *memory) Check() error                   { return nil }
func (m *memory) Close() error                   { return nil }

var errFull = errors.New("no space left on device")

// shaky is a journal on a disk that the weather is at. What it acknowledged must be
// there ever after.
type shaky struct {
	journal.Journal
	*Host
	acked map[string]bool // decisions whose writing was acknowledged
}

// write does something to the journal. It may be slow, fail before or after it took
// effect, and its process may die before or after.
func (j *shaky) write(name string, do func() error) error {
	h := j.Host
	h.mayDie("before it " + name)
	if h.Strikes(DiskSlow, .7) {
		h.Wait(between(h.Draw(DiskSlow), 100*time.Millisecond, 8*time.Second))
	} else {
		h.Wait(2 * time.Millisecond)
	}
	if h.Strikes(DiskFull, .6) {
		h.Tell(h.name, "cannot %s: its disk is full", name)
		return fmt.Errorf("journal: %w", errFull)
	}
	if err := do(); err != nil {
		return err
	}
	h.mayDie("after it " + name)
	if h.Strikes(DiskLate, .4) {
		h.Tell(h.name, "is told that it could not %s, though it did", name)
		return errors.New("journal: input/output error at commit")
	}
	return nil
}

func (j *shaky) Write(ctx context.Context, r journal.Record) error {
	err := j.write("writes a tick down", func() error { return j.Journal.Write(ctx, r) })
	if err == nil {
		j.acked[r.Decision.ID] = true
	}
	return err
}

func (j *shaky) Settle(ctx context.Context, o journal.Outcome) error {
	return j.write("writes an outcome down", func() error { return j.Journal.Settle(ctx, o) })
}
