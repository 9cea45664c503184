package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// meter shows on a terminal how far simulations are. The zero meter shows nothing.
type meter struct {
	ctx    context.Context
	to     io.Writer // nil: nobody looks
	mu     sync.Mutex
	all    int
	shares map[string]float64
	said   bool
}

// meterFor shows progress where standard error is a terminal.
func meterFor(c *cobra.Command) *meter {
	m := &meter{ctx: c.Context(), shares: map[string]float64{}}
	if f, ok := c.ErrOrStderr().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		m.to = f
	}
	return m
}

// expect says how many will be played.
func (m *meter) expect(n int) { m.all = n }

// share is where one of them tells how much of it is done.
func (m *meter) share(name string) func(share float64) {
	if m.to == nil {
		return func(float64) {}
	}
	return func(share float64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.shares[name] = share
		sum := 0.0
		for _, s := range m.shares {
			sum += s
		}
		m.said = true
		fmt.Fprintf(m.to, "\r\x1b[K%3.0f%%  %s", 100*min(1, sum/float64(max(1, m.all, len(m.shares)))), short(name))
	}
}

// clear takes the line away.
func (m *meter) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.said {
		fmt.Fprint(m.to, "\r\x1b[K")
		m.said = false
	}
}
