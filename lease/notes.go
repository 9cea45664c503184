package lease

import (
	"context"
	"fmt"
	"sync"
)

// nameOf is the name of a note. Names are in the order of numbers.
func nameOf(n, term uint64) string { return fmt.Sprintf("%016d.%010d", n, term) }

// atOnce is how many notes are read at the same time.
const atOnce = 16

// Read calls each with every note that counts, in order: of those after a number, up
// to the last that the lease names as s has it. It returns the number of the last one
// that each took, beside an error too.
func (l *Lease) Read(ctx context.Context, s State, after uint64, each func(body []byte) error) (uint64, error) {
	names, err := l.list(ctx, s, after)
	if err != nil {
		return after, fmt.Errorf("list what lies beside the lease: %w", err)
	}
	for len(names) > 0 {
		some := names[:min(atOnce, len(names))]
		names = names[len(some):]
		bodies, err := l.get(ctx, some)
		if err != nil {
			return after, err
		}
		for i, body := range bodies {
			if err := each(body); err != nil {
				return after, fmt.Errorf("%s beside the lease: %w", some[i].name, err)
			}
			after = some[i].number
		}
	}
	return max(after, s.Note), nil
}

type note struct {
	name         string
	number, term uint64
}

// list finds the notes that count: of one number the one of the term that was in
// force, since a holder of the past may have written before it found itself fenced.
func (l *Lease) list(ctx context.Context, s State, after uint64) (list []note, err error) {
	if after >= s.Note {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 6*l.opt.Patience)
	defer cancel()
	names, err := l.notes.List(ctx, nameOf(after+1, 0), nameOf(s.Note+1, 0))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		n := note{name: name}
		if _, err := fmt.Sscanf(name, "%d.%d", &n.number, &n.term); err != nil || n.name != nameOf(n.number, n.term) {
			continue // not ours
		}
		if of := s.termOf(n.number); of != 0 && of != n.term {
			continue
		}
		if last := len(list) - 1; last >= 0 && list[last].number == n.number {
			list[last] = n // the higher term: names are in order
			continue
		}
		list = append(list, n)
	}
	return list, nil
}

func (l *Lease) get(ctx context.Context, list []note) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*l.opt.Patience)
	defer cancel()
	bodies, errs := make([][]byte, len(list)), make([]error, len(list))
	var wg sync.WaitGroup
	for i, n := range list {
		wg.Go(func() { bodies[i], errs[i] = l.notes.Get(ctx, n.name) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("read %s beside the lease: %w", list[i].name, err)
		}
	}
	return bodies, nil
}

// State is what the lease says, as far as is known.
func (l *Lease) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}
