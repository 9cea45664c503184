// Package signals holds what a tick knows: numbers, how far each is to be
// trusted, and the snapshot that freezes them together with the workers and
// the recent past. Unknown is a value here, never zero.
package signals

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// Signal is one number and how far to trust it.
type Signal struct {
	Name    string        `json:"name"`
	Value   float64       `json:"value"`
	At      time.Time     `json:"at"`                // when it was measured
	Good    time.Duration `json:"good,omitempty"`    // usable until At+Good
	Unknown string        `json:"unknown,omitempty"` // why there is no value, "" if there is
	Note    string        `json:"note,omitempty"`    // what the value rests on, if not on a measurement: "assumed: …"
}

// Assumed is what the note of a signal begins with that nothing has been learned of yet.
const Assumed = "assumed: "

// Known is a measured signal. What is not a number becomes unknown: nothing
// that is computed from it would be one either.
func Known(name string, value float64, at time.Time, good time.Duration) Signal {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return Missing(name, at, fmt.Sprintf("not a finite number: %g", value))
	}
	return Signal{Name: name, Value: value, At: at, Good: good}
}

// Missing is a signal that could not be measured, and why.
func Missing(name string, at time.Time, why string) Signal {
	if why == "" {
		why = "unknown"
	}
	return Signal{Name: name, At: at, Unknown: why}
}

// Check returns the value as it may be used at now, or an error that says why
// it may not: never a zero that stands for "do not know".
func (s Signal) Check(now time.Time) (float64, error) {
	if s.Unknown != "" {
		return 0, fmt.Errorf("%s is unknown: %s", s.Name, s.Unknown)
	}
	if now.After(s.At.Add(s.Good)) {
		return 0, fmt.Errorf("%s is stale: measured %s ago, good for %s", s.Name, now.Sub(s.At).Round(time.Second), s.Good)
	}
	if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return 0, fmt.Errorf("%s is unknown: not a finite number: %g", s.Name, s.Value)
	}
	return s.Value, nil
}

// usable is Check without the reason.
func (s *Signal) usable(now time.Time) bool {
	return s.Unknown == "" && !now.After(s.At.Add(s.Good)) && !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0)
}

// Sort orders signals by name. Of two with one name the first stays: a
// source that repeats a name does not overrule another.
func Sort(list []Signal) []Signal {
	slices.SortStableFunc(list, byName)
	return slices.CompactFunc(list, func(a, b Signal) bool { return a.Name == b.Name })
}

func byName(a, b Signal) int { return strings.Compare(a.Name, b.Name) }

// Find looks a name up in a list sorted by name.
func Find(list []Signal, name string) (Signal, bool) {
	i, ok := search(list, name)
	if !ok {
		return Signal{}, false
	}
	return list[i], true
}

func search(list []Signal, name string) (int, bool) {
	i := sort.Search(len(list), func(i int) bool { return list[i].Name >= name })
	return i, i < len(list) && list[i].Name == name
}
