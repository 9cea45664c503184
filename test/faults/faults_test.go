package faults

import (
	"flag"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seeds = flag.Int("seeds", 0, "how many seeds are played")
	from  = flag.Uint64("from", 1, "the first of them")
	hours = flag.Int("hours", 2, "how long each lasts")
	story = flag.Bool("story", false, "print the whole story")
)

// tell prints the story of a seed.
func tell(t *testing.T, r Result) {
	t.Helper()
	t.Errorf("seed %d: %v\nweather: %s\npolicy:\n%s", r.Seed, r.Breach, &r.Weather, r.Policy)
	r.log.print(os.Stdout, *story)
}

func TestSeeds(t *testing.T) {
	n := *seeds
	if n == 0 {
		n = 40
	}
	var next atomic.Uint64
	var wg sync.WaitGroup
	var mu sync.Mutex
	begun := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < uint64(n); i = next.Add(1) - 1 {
				r, err := Run(*from+i, Options{Length: time.Duration(*hours) * time.Hour})
				mu.Lock()
				if err != nil {
					t.Error(err)
				} else if r.Breach != nil {
					tell(t, r)
				} else if testing.Verbose() {
					t.Logf("seed %d: %d items, %d ticks, %d bought, lasted %s: %s", r.Seed, r.Items, r.Ticks, r.Bought, r.Lasted, &r.Weather)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d seeds in %s", n, time.Since(begun).Round(time.Millisecond))
}

// TestASeedGoesTheSameWayTwice is what everything else rests on.
func TestASeedGoesTheSameWayTwice(t *testing.T) {
	for seed := range uint64(20) {
		a, err := Run(seed, Options{})
		b, err2 := Run(seed, Options{})
		if err != nil || err2 != nil || a.Sum != b.Sum {
			t.Errorf("seed %d: %x and %x, %v %v", seed, a.Sum, b.Sum, err, err2)
		}
	}
}
