package signals_test

import (
	"slices"
	"testing"
	"time"

	"skynet/signals"
)

// What is added takes its place among the rest, in order of names, and stands
// instead of what had its name; the snapshot that it is added to stays as it was.
func TestWith(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	k := func(name string, v float64) signals.Signal { return signals.Known(name, v, at, time.Minute) }
	before := signals.Snapshot{Now: at, Signals: []signals.Signal{k("b", 1), k("d", 1), k("f", 1)}}
	after := before.With([]signals.Signal{k("g", 2), k("d", 2), k("a", 2), k("c", 2)})
	var names []string
	for _, s := range after.Signals {
		names = append(names, s.Name)
	}
	if want := []string{"a", "b", "c", "d", "f", "g"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	for name, want := range map[string]float64{"a": 2, "b": 1, "c": 2, "d": 2, "f": 1, "g": 2} {
		if v, err := after.Value(name); err != nil || v != want {
			t.Errorf("%s is %g (%v), want %g", name, v, err, want)
		}
	}
	if v, _ := before.Value("d"); v != 1 || len(before.Signals) != 3 {
		t.Error("the snapshot before has changed")
	}
}
