package faults

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How `make faults` plays seeds.
var (
	seeds  = flag.Int("seeds", 0, "how many seeds are played; 0: a slice of them")
	from   = flag.Uint64("from", 1, "the first of them")
	hours  = flag.Int("hours", 2, "for how many virtual hours something happens in each")
	onWire = flag.Bool("wire", false, "play all of them through fleet/ec2 and SQLite, not one in a hundred")
	shrink = flag.Bool("shrink", false, "find the least weather that breaks the law")
	also   = flag.String("also", "", "kinds of weather that every seed has, besides its own")
	calm   = flag.Bool("calm", false, "play the calm twins of seeds: their weather is what people do, orders and reloads")
	whole  = flag.Bool("story", false, "print whole stories")
)

// slice is how many seeds are played where nobody says how many.
const slice = 100

// wireEvery is how often a seed is played through the wire.
const wireEvery = 100

func options(seed uint64) Options {
	return Options{Length: time.Duration(*hours) * time.Hour, Wire: *onWire || seed%wireEvery == 0, Weather: besides}
}

// besides adds the weather that every seed is to have, and takes away what it is not.
func besides(w Weather) Weather {
	if *calm {
		w = w.Only(Orders, Reloads)
	}
	for _, name := range strings.Fields(*also) {
		if k, known := KindOf(name); known {
			w = w.With(calmAfter(time.Duration(*hours)*time.Hour), k)
		}
	}
	return w
}

// tell prints the story of a seed that broke a law.
func tell(t *testing.T, r Result, by ...Options) {
	t.Helper()
	if *shrink && len(by) > 0 {
		if less, err := Shrink(r, by[0]); err == nil {
			r = less
		}
	}
	r.log.print(os.Stdout, *whole)
	t.Errorf("seed %d: %v\nweather: %s\npolicy:\n%sagain: make faults SEED=%d HOURS=%d", r.Seed, r.Breach, &r.Weather, r.Policy, r.Seed, *hours)
}

func TestSeeds(t *testing.T) {
	n := *seeds
	if n == 0 {
		n = slice
	}
	var next, items, ticks atomic.Uint64
	var wg sync.WaitGroup
	var telling sync.Mutex
	begun := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < uint64(n); i = next.Add(1) - 1 {
				o := options(*from + i)
				r, err := Run(*from+i, o)
				items.Add(uint64(r.Items))
				ticks.Add(uint64(r.Ticks))
				telling.Lock()
				switch {
				case err != nil:
					t.Error(err)
				case r.Breach != nil:
					tell(t, r, o)
				case n == 1 && *whole:
					r.log.print(os.Stdout, true)
				}
				progress(i+1, n, begun)
				telling.Unlock()
			}
		})
	}
	wg.Wait()
	took := time.Since(begun)
	t.Logf("%d seeds of %d h in %s, %.0f a minute: %d ticks, %d items", n, *hours, took.Round(time.Second), float64(n)/took.Minutes(), ticks.Load(), items.Load())
}

// progress says now and then how far a long run has come.
func progress(done uint64, n int, begun time.Time) {
	const often = 100
	if *seeds > often && done%often == 0 {
		fmt.Printf("%d of %d seeds, %s left\n", done, n, (time.Since(begun) / time.Duration(done) * time.Duration(n-int(done))).Round(time.Second))
	}
}

// TestASeedGoesTheSameWayTwice is what everything else rests on.
func TestASeedGoesTheSameWayTwice(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		a, err := Run(seed, Options{})
		b, err2 := Run(seed, Options{})
		if err != nil || err2 != nil || a.Sum != b.Sum {
			t.Errorf("seed %d: %x and %x, %v %v", seed, a.Sum, b.Sum, err, err2)
		}
	}
}

// TestStories plays again what was found once.
func TestStories(t *testing.T) {
	files, _ := filepath.Glob("stories/*.txtar")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := ParseStory(text)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Run()
			if err != nil {
				t.Fatal(err)
			}
			if r.Breach != nil {
				tell(t, r, Options{Length: s.Length, Wire: s.Wire})
			}
		})
	}
}

func TestStoriesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"A tale.\n-- play --\nseed: 3\nhours: 24\nweather: spot crashes\n": "",
		"A tale.\n":                              `has no file "play"`,
		"-- play --\nseed: 3\n":                  "needs a seed, and a comment that tells what happened",
		"A tale.\n-- play --\nhours: 3\n":        "needs a seed, and a comment that tells what happened",
		"A tale.\n-- play --\nweather: sun\n":    `"weather: sun": there is no weather "sun"`,
		"A tale.\n-- play --\nsed: 3\n":          `"sed: 3": there is no key "sed"; there are seed, hours, weather and wire`,
		"A tale.\n-- play --\nseed: seventeen\n": `"seed: seventeen": strconv.ParseUint: parsing "seventeen": invalid syntax`,
	} {
		if _, err := ParseStory([]byte(text)); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestCalmIsWell: without any fault all is as the law of convergence says that calm
// would leave it, soon after the last item.
func TestCalmIsWell(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		r, err := Run(seed, Options{Weather: func(w Weather) Weather { return w.Only() }})
		if err != nil || r.Breach != nil || r.Items == 0 || r.Bought == 0 {
			t.Errorf("seed %d: %v %v, %d items, %d bought", seed, err, r.Breach, r.Items, r.Bought)
		}
	}
}
