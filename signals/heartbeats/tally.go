package heartbeats

import (
	"math"
	"time"

	"skynet/fleet"
)

const (
	halfLife = 10 * time.Minute // recent items weigh more in the mean time per item
	minutes  = 15               // how many minutes of sketches are kept
)

// tally adds up what the workers of one fleet did.
type tally struct {
	queues map[string]*done
}

// done is what was done for one queue.
type done struct {
	fresh fleet.Work // since the last tick
	total fleet.Work // since we listen
	recent
}

func (t *tally) add(now time.Time, works []fleet.Work) {
	for _, w := range works {
		d := t.queues[w.Queue]
		if d == nil {
			continue
		}
		d.fresh.Merge(w)
		d.total.Merge(w)
		d.recent.add(now, w)
	}
}

// expect has a queue counted from now on.
func (t *tally) expect(queue string) {
	if t.queues[queue] == nil {
		t.queues[queue] = &done{fresh: fleet.Work{Queue: queue}, total: fleet.Work{Queue: queue}}
	}
}

// recent is the past quarter of an hour by the minute, and a mean in which the
// past fades.
type recent struct {
	ring   [minutes]minute
	count  float64 // faded number of items
	sum    float64 // faded sum of their seconds
	fadeAt time.Time
}

type minute struct {
	number  int64 // minutes since 1970
	seconds fleet.Sketch
	wait    fleet.Sketch
}

func (r *recent) add(now time.Time, w fleet.Work) {
	m := r.at(now)
	m.seconds.Merge(w.Seconds)
	m.wait.Merge(w.Wait)
	r.fade(now)
	r.count += float64(w.Seconds.Count())
	r.sum += w.Seconds.Sum()
}

// at is the minute that now falls in, emptied if the ring has come round.
func (r *recent) at(now time.Time) *minute {
	n := now.Unix() / 60
	m := &r.ring[n%minutes]
	if m.number != n {
		*m = minute{number: n}
	}
	return m
}

// fade halves what was counted for every half-life that has passed.
func (r *recent) fade(now time.Time) {
	if past := now.Sub(r.fadeAt); past > 0 && !r.fadeAt.IsZero() {
		f := math.Exp2(-past.Seconds() / halfLife.Seconds())
		r.count, r.sum = r.count*f, r.sum*f
	}
	r.fadeAt = now
}

// mean is the time an item takes, s; false before the first.
func (r *recent) mean() (float64, bool) {
	if r.count <= 0 {
		return 0, false
	}
	return r.sum / r.count, true
}

// merged joins the sketches of the last n minutes.
func (r *recent) merged(now time.Time, n int64) (seconds, wait fleet.Sketch) {
	last := now.Unix() / 60
	for i := range r.ring {
		if m := &r.ring[i]; m.number > last-n && m.number <= last {
			seconds.Merge(m.seconds)
			wait.Merge(m.wait)
		}
	}
	return seconds, wait
}
