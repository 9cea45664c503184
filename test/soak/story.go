//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// story is what happened, a line each, as it is printed and as it is told again
// when something was lost.
type story struct {
	mu    sync.Mutex
	to    io.Writer
	begun time.Time
	lines []string
	done  map[string]int // how often each fault was done
	bad   []string       // what was found on the way
}

// mostLines bounds what is remembered of a round.
const mostLines = 20_000

func newStory(to io.Writer) *story {
	return &story{to: to, begun: time.Now(), done: map[string]int{}}
}

// tell adds a line.
func (s *story) tell(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf("%7.1fs  %s", time.Since(s.begun).Seconds(), fmt.Sprintf(format, args...))
	if len(s.lines) < mostLines {
		s.lines = append(s.lines, line)
	}
	fmt.Fprintln(s.to, line)
}

// count counts a fault that was done.
func (s *story) count(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[fault]++
}

// accuse notes what must not happen.
func (s *story) accuse(format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	s.tell("WRONG    %s", said)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bad) < mostFindings {
		s.bad = append(s.bad, said)
	}
}

func (s *story) found() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bad)
}

// faults are how often each was done, and all of them together.
func (s *story) faults() (each map[string]int, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.done {
		all += n
	}
	return maps.Clone(s.done), all
}

// text is the whole story.
func (s *story) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n") + "\n"
}

// tally sums rounds up.
type tally struct {
	rounds, items, outputs, ticks, launches, again, starts, refused int
	faults                                                          map[string]int
}

func (t *tally) add(o tally) {
	t.rounds += o.rounds
	t.items += o.items
	t.outputs += o.outputs
	t.ticks += o.ticks
	t.launches += o.launches
	t.again += o.again
	t.starts += o.starts
	t.refused += o.refused
	if t.faults == nil {
		t.faults = map[string]int{}
	}
	for name, n := range o.faults {
		t.faults[name] += n
	}
}

func (t tally) String() string {
	var b strings.Builder
	all := 0
	for _, n := range t.faults {
		all += n
	}
	fmt.Fprintf(&b, "%d rounds: %d faults, %d ticks (%.1f hours of a tick a minute)\n", t.rounds, all, t.ticks, float64(t.ticks)/fleetsPerRound/60)
	fmt.Fprintf(&b, "  items     %d in, each with its outputs (%d in all), byte for byte; %d told of more than once\n", t.items, t.outputs, t.again)
	fmt.Fprintf(&b, "  workers   %d launched, each under an intent; none is left\n", t.launches)
	fmt.Fprintf(&b, "  starts    %d of the controller, %d of which it refused or gave up by itself\n", t.starts, t.refused)
	for _, name := range slices.Sorted(maps.Keys(t.faults)) {
		fmt.Fprintf(&b, "  %6d x  %s\n", t.faults[name], name)
	}
	return b.String()
}
