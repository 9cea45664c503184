package lease_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"skynet/lease"
)

// shelf is a store and its notes in memory, as S3 keeps them.
type shelf struct {
	mu    sync.Mutex
	body  []byte
	n     int // writes
	notes map[string][]byte

	blind bool // planted: conditions are ignored
}

func newShelf() *shelf { return &shelf{notes: map[string][]byte{}} }

func (s *shelf) version() lease.Version {
	if s.n == 0 {
		return ""
	}
	return lease.Version(fmt.Sprint(s.n))
}

func (s *shelf) Read(context.Context) ([]byte, lease.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.body), s.version(), nil
}

func (s *shelf) Write(_ context.Context, body []byte, replaces lease.Version) (lease.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version() != replaces && !s.blind {
		return "", lease.ErrChanged
	}
	s.body = slices.Clone(body)
	s.n++
	return s.version(), nil
}

func (s *shelf) Put(_ context.Context, name string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes[name] = slices.Clone(body)
	return nil
}

func (s *shelf) Get(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, ok := s.notes[name]
	if !ok {
		return nil, errors.New("no such note")
	}
	return slices.Clone(body), nil
}

func (s *shelf) List(_ context.Context, after, before string) (names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.notes)) {
		if name > after && name < before {
			names = append(names, name)
		}
	}
	return names, nil
}
