package signals

import (
	"iter"
	"slices"
	"time"
)

// Point is a signal's value at one tick.
type Point struct {
	At    time.Time
	Value float64
}

// Past gives the known values of a signal over a window that ends now, oldest
// first: those of the ticks after now-window, then this tick's own.
func (s Snapshot) Past(name string, window time.Duration) iter.Seq[Point] {
	return func(yield func(Point) bool) {
		ticks := s.Since(s.Now.Add(-window))
		for i := range ticks {
			if p, ok := ticks[i].point(name); ok && !yield(p) {
				return
			}
		}
		if v, err := s.Value(name); err == nil {
			yield(Point{s.Now, v})
		}
	}
}

func (t Tick) point(name string) (Point, bool) {
	v, ok := t.Value(name)
	return Point{t.At, v}, ok
}

// Value is a signal's value as it was known at that tick; false if it was not.
func (t Tick) Value(name string) (float64, bool) {
	sig, ok := Find(t.Signals, name)
	if !ok {
		return 0, false
	}
	v, err := sig.Check(t.At)
	return v, err == nil
}

// Covers reports whether ticks cover the window before now: one stands at or
// before its start, and no gap longer than three ticks follows it.
func (s Snapshot) Covers(window time.Duration) bool {
	start, last, allowed := s.Now.Add(-window), s.Now, 3*s.Step()
	for i := range s.Recent {
		t := &s.Recent[len(s.Recent)-1-i]
		if last.Sub(t.At) > allowed {
			return false
		}
		if !t.At.After(start) {
			return true
		}
		last = t.At
	}
	return false
}

// Step is the median time between two ticks, about the interval, over the last
// few; 0 before the third tick. A tick or two may fail without leaving a gap in a
// window.
func (s Snapshot) Step() time.Duration {
	const few = 31
	var steps [few]time.Duration
	n := 0
	for i := len(s.Recent) - 1; i > 0 && n < few; i-- {
		if d := s.Recent[i].At.Sub(s.Recent[i-1].At); d > 0 {
			steps[n] = d
			n++
		}
	}
	if n == 0 {
		return 0
	}
	slices.Sort(steps[:n])
	return steps[n/2]
}
