// Package expression compiles what operators write in rules: arithmetic and
// conditions on signals, such as
//
//	queues.photos.visible > 5000 and rate(queues.photos.arrived, '10m') > 3
//
// The grammar is expr-lang's (https://expr-lang.org/docs/language-definition);
// what may be said is a list, and all else is refused with its column. Meaning is
// given here and not by that library's machine, in which integers overflow and
// the result of 0/0 makes not (x < y) true: all numbers are finite floats, and
// what would not be one is an error. Signals are read first, all of them, so
// that one that is unknown makes the whole expression unknown; after that
// nothing is left that could wait, run long or fail but arithmetic.
package expression

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"skynet/signals"
)

// What an expression may be at most.
const (
	longest   = 4096 // bytes
	mostNodes = 500
	mostSlots = 64
)

// Expression is compiled text. It is read-only, and safe to share.
type Expression struct {
	slots   []slot
	number  func(*frame) float64 // one of the two
	truth   func(*frame) bool
	longest time.Duration
}

// frame is one evaluation. The first thing that goes wrong is kept; what is
// computed after it is thrown away.
type frame struct {
	slots []float64
	err   error
}

// Number compiles an expression whose value is a number. The error is a Problems.
func Number(text string, names signals.Names) (*Expression, error) {
	return compile(text, names, "a number", func(v value) bool { return v.number != nil })
}

// Condition compiles an expression that is true or false. The error is a Problems.
func Condition(text string, names signals.Names) (*Expression, error) {
	return compile(text, names, "true or false", func(v value) bool { return v.truth != nil })
}

// Signals are the names that the expression speaks of, sorted.
func (e *Expression) Signals() (names []string) {
	for _, s := range e.slots {
		names = append(names, s.signal)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Window is how far back it looks.
func (e *Expression) Window() time.Duration { return e.longest }

// Reading is what a snapshot says about an expression's signals.
type Reading []Named

// Named is one value that an expression uses, under the name by which it uses it:
// "fleet.slots" or "rate(queue.arrived,'10m')".
type Named struct {
	Name  string
	Value float64
}

// Read takes from a snapshot all that the expression speaks of. An error names
// the first of it that is unknown.
func (e *Expression) Read(s signals.Snapshot) (Reading, error) {
	read := make(Reading, len(e.slots))
	covered := e.longest > 0 && s.Covers(e.longest)
	for i := range e.slots {
		v, err := e.slots[i].read(s, covered)
		if err != nil {
			return nil, err
		}
		read[i] = Named{e.slots[i].shown, v}
	}
	return read, nil
}

func (r Reading) frame() *frame {
	f := &frame{slots: make([]float64, len(r))}
	for i := range r {
		f.slots[i] = r[i].Value
	}
	return f
}

// Number is the value of an expression compiled as one, always finite.
func (e *Expression) Number(r Reading) (float64, error) {
	f := r.frame()
	if v := f.finite(e.number(f), "the result"); f.err == nil {
		return v, nil
	}
	return 0, f.err
}

// True is the value of an expression compiled as a condition.
func (e *Expression) True(r Reading) (bool, error) {
	f := r.frame()
	v := e.truth(f)
	return v && f.err == nil, f.err
}

func (f *frame) fail(format string, args ...any) float64 {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
	return 0
}

func (f *frame) finite(v float64, what string) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return f.fail("%s is not a number that can be counted with: %g", what, v)
	}
	return v
}

// Problem is one thing wrong with an expression's text.
type Problem struct {
	Line, Column int // in the text, from 1
	Said         string
	// Unknown is a name that is not among Known, if that is what is wrong.
	Unknown string
	Known   []string
}

// Error is the problem with its place.
func (p Problem) Error() string { return p.where() + ": " + p.Said }

func (p Problem) where() string {
	if p.Line > 1 {
		return fmt.Sprintf("line %d, column %d", p.Line, p.Column)
	}
	return fmt.Sprintf("column %d", p.Column)
}

// Problems are all that is wrong with an expression, in the order of the text.
type Problems []Problem

// Error is one problem a line.
func (p Problems) Error() string {
	said := make([]string, len(p))
	for i := range p {
		said[i] = p[i].Error()
	}
	return strings.Join(said, "\n")
}

func (p Problems) sort() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p
}
