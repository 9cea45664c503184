package fleet

import (
	"encoding/json"
	"fmt"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

const (
	sketchAccuracy = 0.01   // quantiles are within 1% of the true value
	sketchBins     = 1024   // with 1%: from 1 ns to some 10 s exact, collapsing below; bounds memory
	sketchBytes    = 32_768 // a heartbeat with a longer one is refused: it is not from our agent
	sketchLongest  = 1e9    // some 31 years: what lasts longer is no duration of ours
	sketchMost     = 1e9    // durations in one sketch from elsewhere
)

// Sketch holds many durations in seconds in little room: exact count, sum and
// extremes, quantiles within 1%. Sketches of several workers merge into one.
// The zero value is empty and ready to use. It is a value like a number: a copy
// is not changed by what is added to the original later, nor the other way
// round. For that Add and Merge copy what they add to (1.5 µs): give Add many
// durations at once where there are many.
// Source: Masson, Rim, Lee: DDSketch, VLDB 2019.
type Sketch struct {
	s *ddsketch.DDSketchWithExactSummaryStatistics
}

var (
	sketchMapping = must(mapping.NewLogarithmicMapping(sketchAccuracy))
	sketchStore   = func() store.Store { return store.NewCollapsingLowestDenseStore(sketchBins) }
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only for constants above: fails at once or never
	}
	return v
}

// Add records durations, in seconds. What is not a duration (negative, NaN,
// longer than 31 years) is left out.
func (k *Sketch) Add(seconds ...float64) {
	s := k.copied()
	for _, v := range seconds {
		if v >= 0 && v <= sketchLongest {
			_ = s.Add(v) // fails only for values excluded above
		}
	}
	k.s = s
}

// Merge adds all that o holds.
func (k *Sketch) Merge(o Sketch) {
	if o.s == nil {
		return
	}
	s := k.copied()
	_ = s.MergeWith(o.s) // fails only for different mappings: there is one
	k.s = s
}

// copied is what k holds, in a sketch that no copy of k shares.
func (k *Sketch) copied() *ddsketch.DDSketchWithExactSummaryStatistics {
	if k.s == nil {
		return ddsketch.NewDDSketchWithExactSummaryStatistics(sketchMapping, sketchStore)
	}
	return k.s.Copy()
}

// Count is how many durations were added.
func (k Sketch) Count() int {
	if k.s == nil {
		return 0
	}
	return int(k.s.GetCount())
}

// Sum is their sum, s.
func (k Sketch) Sum() float64 {
	if k.s == nil {
		return 0
	}
	return k.s.GetSum()
}

// Quantile returns the q-quantile (0 to 1), s, or false for an empty sketch.
func (k Sketch) Quantile(q float64) (float64, bool) {
	if k.Count() == 0 {
		return 0, false
	}
	v, err := k.s.GetValueAtQuantile(q)
	return v, err == nil
}

// Max is the longest duration that was added, s, or false for an empty sketch.
// It is exact, as Quantile(1) is not.
func (k Sketch) Max() (float64, bool) {
	if k.Count() == 0 {
		return 0, false
	}
	v, err := k.s.GetMaxValue()
	return v, err == nil
}

// IsZero reports whether nothing was added; it leaves empty sketches out of JSON.
func (k Sketch) IsZero() bool { return k.Count() == 0 }

// MarshalJSON writes the library's binary form, base64 coded, null when empty.
func (k Sketch) MarshalJSON() ([]byte, error) {
	if k.s == nil {
		return []byte("null"), nil
	}
	var b []byte
	k.s.Encode(&b, true)
	return json.Marshal(b)
}

// UnmarshalJSON reads what MarshalJSON wrote. It refuses what is too long or
// holds numbers that are not durations.
func (k *Sketch) UnmarshalJSON(b []byte) error {
	var raw []byte
	if err := json.Unmarshal(b, &raw); err != nil {
		return fmt.Errorf("sketch: %w", err)
	}
	k.s = nil
	if len(raw) == 0 {
		return nil
	}
	if len(raw) > sketchBytes {
		return fmt.Errorf("sketch: %d bytes, at most %d are accepted", len(raw), sketchBytes)
	}
	s, err := decodeSketch(raw)
	if err != nil {
		return fmt.Errorf("sketch: %w", err)
	}
	k.s = s
	return nil
}
