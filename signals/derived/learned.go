package derived

import (
	"math"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// learn takes over the samples of the last tick and adds one for each worker
// that was heard for the first time since.
func learn(s signals.Snapshot) (boots, wakes []float64) {
	last := s.Last()
	boots, wakes = slices.Clone(last.Boots), slices.Clone(last.Wakes)
	born := make(map[fleet.ID]bool, len(s.Born))
	for _, id := range s.Born {
		born[id] = true
	}
	var heard []*fleet.Worker
	for i := range s.Workers {
		if w := &s.Workers[i]; born[w.ID] {
			heard = append(heard, w)
		}
	}
	slices.SortFunc(heard, func(a, b *fleet.Worker) int { // not as the cloud lists them
		if c := a.Booted.Compare(b.Booted); c != 0 {
			return c
		}
		return compare(a.ID, b.ID)
	})
	for _, w := range heard {
		if w.Woken.After(w.Launched) {
			wakes = sample(wakes, w.Woken, w.Booted)
		} else {
			boots = sample(boots, w.Launched, w.Booted)
		}
	}
	return newest(boots), newest(wakes)
}

// sample leaves out what no boot takes: clocks differ, and a worker that was not
// listened to for a day says nothing about boots.
func sample(list []float64, from, to time.Time) []float64 {
	d := to.Sub(from)
	if from.IsZero() || to.IsZero() || d < 0 || d > 24*time.Hour {
		return list
	}
	return append(list, d.Seconds())
}

func newest(list []float64) []float64 {
	return slices.Clip(list[max(0, len(list)-signals.Samples):])
}

// learned puts how long workers take to come.
func (v *view) learned() {
	p, ok := nearestRank(v.Boots, 0.95)
	v.learn("fleet.boot_p95", p, ok, v.set.Priors.Boot*3/2, "boot")
	m, ok := fadingMean(v.Boots)
	v.learn("fleet.boot_seconds", m, ok, v.set.Priors.Boot, "boot")
	m, ok = fadingMean(v.Wakes)
	v.learn("fleet.wake_seconds", m, ok, v.set.Priors.Wake, "wake")
}

func (v *view) learn(name string, n float64, seen bool, prior time.Duration, what string) {
	if seen {
		v.put(signals.Known(name, n, v.Now, 0))
		return
	}
	none := "no " + what + " has been seen yet"
	if prior <= 0 {
		v.put(signals.Missing(name, v.Now, none+", and nothing is assumed"))
		return
	}
	s := signals.Known(name, prior.Seconds(), v.Now, 0)
	s.Note = assumed + none
	v.put(s)
}

// fading is what a sample weighs less than the one after it: of twenty the last
// five weigh as much as all the others.
const fading = 0.87

func fadingMean(samples []float64) (float64, bool) {
	sum, weights := 0.0, 0.0
	for _, n := range samples { // the newest is last
		sum, weights = sum*fading+n, weights*fading+1
	}
	return sum / weights, weights > 0
}

// nearestRank is the smallest sample that a share q of them does not exceed.
func nearestRank(samples []float64, q float64) (float64, bool) {
	if len(samples) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)], true
}
