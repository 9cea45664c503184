package signals

import (
	"slices"
	"time"
)

// Value is a signal's value as it was known at that tick; false if it was not.
func (t Tick) Value(name string) (float64, bool) { return (&Reader{Name: name}).Value(&t) }

// Reader reads one signal from tick after tick. It looks first where the signal
// stood in the tick before: ticks hold the same names in the same order nearly
// always, and a search of thousands of names for each would take most of the time.
type Reader struct {
	Name string
	at   int
}

// Find gives the signal as that tick held it; false if it did not.
func (r *Reader) Find(t *Tick) (Signal, bool) {
	if r.at < len(t.Signals) && t.Signals[r.at].Name == r.Name {
		return t.Signals[r.at], true
	}
	i, ok := search(t.Signals, r.Name)
	if !ok {
		return Signal{}, false
	}
	r.at = i
	return t.Signals[i], true
}

// Value is the signal's value as it was known at that tick; false if it was not.
func (r *Reader) Value(t *Tick) (float64, bool) {
	sig, ok := r.Find(t)
	return sig.Value, ok && sig.usable(t.At)
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

// Step is the median time between two ticks, this one among them, about the
// interval, over the last few; 0 before the third tick. Of two in the middle it is
// the shorter: after a restart the first is as long as nobody ticked. A tick or two
// may fail without leaving a gap in a window.
func (s Snapshot) Step() time.Duration {
	const few = 31
	var steps [few]time.Duration
	n, later := 0, s.Now
	for i := len(s.Recent) - 1; i >= 0 && n < few; i-- {
		if d := later.Sub(s.Recent[i].At); d > 0 {
			steps[n] = d
			n++
		}
		later = s.Recent[i].At
	}
	if n < 2 {
		return 0
	}
	slices.Sort(steps[:n])
	return steps[(n-1)/2]
}
