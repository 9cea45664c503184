package faults

import (
	"testing"
	"time"
)

// TestAWiredSeedGoesTheSameWayTwice is what the others of its kind rest on: no real
// clock, file name or order of goroutines is in a story.
func TestAWiredSeedGoesTheSameWayTwice(t *testing.T) {
	for seed := range uint64(3) {
		a, err := Run(seed, Options{Wire: true})
		b, err2 := Run(seed, Options{Wire: true})
		if err != nil || err2 != nil || a.Sum != b.Sum {
			t.Errorf("seed %d: %x and %x, %v %v", seed, a.Sum, b.Sum, err, err2)
		}
	}
}

// TestWiredSeeds plays one seed in a hundred of those that TestSeeds is told, or a few.
func TestWiredSeeds(t *testing.T) {
	n, from := max(4, *seeds), *from
	for seed := from; seed < from+uint64(n); seed++ {
		begun := time.Now()
		r, err := Run(seed, Options{Length: time.Duration(*hours) * time.Hour, Wire: true})
		switch {
		case err != nil:
			t.Error(err)
		case r.Breach != nil:
			tell(t, r)
		default:
			t.Logf("seed %d: %d items, %d ticks, %d bought, lasted %s, in %s: %s", seed, r.Items, r.Ticks, r.Bought, r.Lasted, time.Since(begun).Round(time.Millisecond), &r.Weather)
		}
	}
}
