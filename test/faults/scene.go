package faults

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// scene is what a seed is made of besides its weather: none of it is a fault.
type scene struct {
	length time.Duration // of what is asked for
	calm   time.Duration // all faults have stopped
	quiet  time.Duration // no more items arrive

	interval time.Duration
	pair     bool // two hosts in turns
	slots    int
	boot     time.Duration // the mean
	item     time.Duration // the mean
	spot     float64       // the share of Spot instances
	load     load
	price    float64
	policy   *ruling // of the first policy file
	foresees bool    // has forecasts, and a day to learn from
}

// load is how items arrive.
type load struct {
	shape string
	rate  float64 // items a second, when it is most
}

// calmAfter is when all faults have stopped.
func calmAfter(length time.Duration) time.Duration { return length * 7 / 12 }

func drawScene(c *chance, length time.Duration) (s scene, err error) {
	r := c.of(forScene, 0, 0)
	s = scene{
		length: length, calm: calmAfter(length), quiet: length * 2 / 3,
		interval: pick(r, 30*time.Second, time.Minute, time.Minute), pair: r.IntN(4) == 0,
		slots: pick(r, 1, 2, 4), boot: between(r, 20*time.Second, 2*time.Minute), item: between(r, 10*time.Second, 2*time.Minute),
		spot: pick(r, 0, .5, 1), price: .17,
	}
	most := 2 + r.IntN(9)
	capacity := float64(most*s.slots) / s.item.Seconds()
	s.load = load{pick(r, "quiet", "steady", "bursts", "waves", "flicker", "flicker"), min(.8, capacity*pick(r, .5, 1, 2.5))}
	text, hours := s.drawPolicy(c.of(forScene, 2, 0), most)
	s.foresees = c.of(forScene, 3, 0).Float64() < foreseen
	s.policy, err = s.parse("v1", text, hours)
	return s, err
}

// drawPolicy writes a policy file, and tells its timetable.
func (s *scene) drawPolicy(r *rand.Rand, most int) (text string, hours []timetable) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	least := min(most, pick(r, 0, 0, 1, 2))
	line("bounds: {min: %d, max: %d}", least, most)
	kind := r.IntN(5)
	switch kind {
	case 0, 1:
		line("objective: {wait: %s, quantile: %g}", pick(r, "1m", "5m", "10m"), pick(r, .9, .95, .99))
	case 2:
		line("policies:\n  - {type: backlog, per_worker: %d}", 1+r.IntN(3*s.slots))
	case 3:
		line("policies:\n  - {type: step, signal: queue.visible, above: %.1f, below: 0.5, for: %s, add: 2, remove: 2}", .6, pick(r, "1m", "3m"))
	case 4:
		t := timetable{r.IntN(60), 10 + r.IntN(20), 1 + r.IntN(most)}
		hours = append(hours, t)
		line("policies:\n  - {type: slo}\n  - {type: schedule, cron: \"%d * * * *\", for: %dm, want: %d}", t.minute, t.lasts, t.want)
	}
	line("guards:")
	line("  launch: {per_tick: %d, per_hour: %d}", 1+r.IntN(most), most*(1+r.IntN(4)))
	release := []string{"", "", ", drain_deadline: 10m", ", billing: hour"}
	if kind == 3 { // a step waits after each change, and so lets one go in the last minutes of each hour
		release = release[:3]
	}
	line("  release: {per_tick: %s, after: %s, min_age: %s%s}", pick(r, "1", "50%", "100%"), pick(r, "0s", "2m", "5m"), pick(r, "0s", "3m"), pick(r, release...))
	if r.IntN(3) == 0 {
		line("  budget: {hourly: %.3f}", s.price*float64(max(1, most-1))+.001)
	}
	if r.IntN(3) == 0 {
		line("sleep: {keep: %d, at_most: 30m}", 1+r.IntN(3))
	}
	if r.IntN(2) == 0 {
		line("deadlines: {boot: %s, silent: 2m, replace: %s}", pick(r, "5m", "8m"), pick(r, "4m", "6m"))
	}
	return b.String(), hours
}

// at is how many items a second arrive.
func (l load) at(now time.Duration) float64 {
	switch l.shape {
	case "quiet":
		return l.rate / 20
	case "bursts":
		if now%(25*time.Minute) < 3*time.Minute {
			return 2 * l.rate
		}
		return l.rate / 50
	case "flicker": // fast enough for workers to be recalled from a drain, and drained again
		if now%(5*time.Minute) < 2*time.Minute {
			return 1.5 * l.rate
		}
		return 0
	case "waves":
		return l.rate * (1 - math.Cos(2*math.Pi*now.Minutes()/40)) / 2
	}
	return l.rate / 2
}

// arrive sends the items of each stretch of ten seconds.
func (w *World) arrive() (on bool) {
	const stretch = 10 * time.Second
	r := w.chance.of(forLoad, 0, uint64(w.now/stretch))
	n := poisson(r, w.scene.load.at(w.now)*stretch.Seconds())
	for range n {
		w.after(between(r, 0, stretch), w.work.send)
	}
	return w.now < w.scene.quiet
}

// poisson draws a number of independent events of that mean.
// Source: Knuth, The Art of Computer Programming, volume 2, 3.4.1.
func poisson(r *rand.Rand, mean float64) (n int) {
	limit, p := math.Exp(-mean), r.Float64()
	for p > limit {
		p *= r.Float64()
		n++
	}
	return n
}

// absurd is a number that no queue has.
func absurd(n int) float64 { return []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[n] }
