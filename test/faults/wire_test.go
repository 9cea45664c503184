package faults

import (
	"testing"
	"time"
)

// TestAWiredSeedGoesTheSameWayTwice is what the others of its kind rest on: no real
// clock, file name or order of goroutines is in a story.
func TestAWiredSeedGoesTheSameWayTwice(t *testing.T) {
	for seed := range uint64(4) {
		begun := time.Now()
		a, err := Run(seed, Options{Wire: true})
		b, err2 := Run(seed, Options{Wire: true})
		if err != nil || err2 != nil || a.Sum != b.Sum {
			t.Errorf("seed %d: %x and %x, %v %v", seed, a.Sum, b.Sum, err, err2)
		}
		t.Logf("seed %d: %d ticks, %d bought, %d items, %v in %s: %s", seed, a.Ticks, a.Bought, a.Items, a.Breach, time.Since(begun), &a.Weather)
	}
}
