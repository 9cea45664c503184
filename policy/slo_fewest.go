package policy

import "math"

// fewest is the fewest workers that start what waits in time. If those that there
// are can, it is the fewest of them. If they cannot, all of them are kept, and
// what even new workers cannot reach in time is given the wait from their boot
// on; late says so. So is all that waits where it is only assumed how long an item
// takes: no world is bought on that.
func fewest(u *supply, list []demand) (n int, late bool) {
	t := table{u: u, list: list, caps: make([]float64, 0, longest(list))}
	t.waves = u.there()
	t.fill(func(by float64, _ *demand) float64 { return max(0, by) })
	if t.enough(u.have) {
		return t.search(0, u.have), false
	}
	t.waves = u.waves[:u.count]
	t.fill(func(by float64, d *demand) float64 {
		if by < u.boot || d.assumed {
			return max(by, u.boot+d.wait)
		}
		return by
	})
	return t.search(u.have, t.surely()), true
}

func longest(list []demand) (n int) {
	for i := range list {
		n = max(n, len(list[i].batches))
	}
	return n
}

// table holds how many items one slot of each wave can start until each batch is
// due.
type table struct {
	u      *supply
	list   []demand
	waves  []wave
	starts []float64 // by queue, batch and wave
	taken  [wavesMost]float64
	caps   []float64
}

// fill computes the table, with deadlines as due says.
func (t *table) fill(due func(by float64, d *demand) float64) {
	t.starts = t.starts[:0]
	for i := range t.list {
		d := &t.list[i]
		for _, b := range d.batches {
			by := due(b.by, d)
			for _, w := range t.waves {
				t.starts = append(t.starts, starts(by-w.after, d.seconds))
			}
		}
	}
}

// starts is how many items of s seconds a free slot can start within h seconds:
// the first at once, another whenever one ends.
func starts(h, s float64) float64 {
	if h < 0 {
		return 0
	}
	return math.Floor(h/s+1e-9) + 1
}

// enough reports whether n workers start in time what must be.
func (t *table) enough(n int) bool {
	t.take(n)
	starts, shares := t.starts, 0.0
	for i := range t.list {
		d := &t.list[i]
		t.caps = t.caps[:0]
		for range d.batches {
			t.caps = append(t.caps, t.capacity(starts[:len(t.waves)]))
			starts = starts[len(t.waves):]
		}
		if len(t.list) == 1 {
			return d.lateWith(t.caps, 1) <= d.misses
		}
		if shares += d.share(t.caps); shares > 1+1e-9 {
			return false
		}
	}
	return true
}

// take counts the slots of each wave that n workers are.
func (t *table) take(n int) {
	for i, w := range t.waves {
		some := min(n, w.workers)
		t.taken[i] = float64(some) * w.slots
		n -= some
	}
}

// capacity is how many items are started. Slots at work start one less.
func (t *table) capacity(starts []float64) (n float64) {
	for i, k := range starts {
		n += t.taken[i] * k
	}
	return max(0, n-t.u.busy)
}

// lateWith counts the items that start late if the queue has a share of the
// workers. First in, first out: a batch's items start after all older ones.
func (d *demand) lateWith(caps []float64, share float64) (late float64) {
	for i, b := range d.batches {
		late += min(max(0, b.upto-share*caps[i]-1e-9*b.upto), b.items)
	}
	return late
}

// never is a share that no fleet has.
const never = 1e18

// share is the smallest share of the workers with which no more items start late
// than may.
func (d *demand) share(caps []float64) float64 {
	least, most := 0.0, 0.0 // with the allowance spent on each batch alone, and on none
	for i, b := range d.batches {
		need := b.upto - min(b.items, d.misses)
		switch {
		case caps[i] > 0:
			least, most = max(least, need/caps[i]), max(most, b.upto/caps[i])
		case need > 0:
			return never
		}
	}
	if least >= 1 || d.lateWith(caps, least) <= d.misses {
		return least
	}
	if d.lateWith(caps, most) > d.misses {
		return never
	}
	for range 20 {
		if mid := (least + most) / 2; d.lateWith(caps, mid) <= d.misses {
			most = mid
		} else {
			least = mid
		}
	}
	return most
}

// surely is a number of workers that is enough: those that there are start
// nothing, and new ones each queue's most urgent batch.
func (t *table) surely() int {
	slots, starts := 0.0, t.starts
	for i := range t.list {
		most := 0.0
		for _, b := range t.list[i].batches {
			most = max(most, b.upto/starts[len(t.waves)-1])
			starts = starts[len(t.waves):]
		}
		slots += most
	}
	n := ceil(slots/t.u.slots) + 1
	for _, w := range t.waves[:len(t.waves)-1] {
		n += w.workers
	}
	return min(n, unlimited)
}

// search finds the fewest that are enough, where most are.
func (t *table) search(least, most int) int {
	for least < most {
		if mid := int(uint(least+most) / 2); t.enough(mid) {
			most = mid
		} else {
			least = mid + 1
		}
	}
	return most
}
