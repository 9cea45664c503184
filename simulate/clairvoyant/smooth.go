package clairvoyant

// smooth goes through a tube in whole instances, with as few changes as it can.
// It looks ahead for the levels that could stay the longest, as the taut string
// between two curves does. free is capacity that is there in any case.
//
// Source of the taut string: Davies, Kovac: Local extremes, runs, strings and
// multiresolution, Annals of Statistics 29 (2001); of its use for plans that bear
// the least peaks and changes: Salehi, Zhang, Kurose, Towsley: Supporting stored
// video, IEEE/ACM Transactions on Networking 6 (1998).
func (b *tube) smooth(w way, free []int) []int {
	level := make([]int, len(b.above)-1)
	served, now := int64(0), 0
	for t := 0; t < len(level); {
		k, sure := b.funnel(t, served, w.eager)
		steps := commit(sure)
		if w.hold && b.holds(t, served, now, k, steps) {
			k = now
		}
		for until := t + steps; t < until; t++ {
			n := max(b.least(t, served), min(k, b.usable(t, served)), free[t])
			level[t] = min(n, b.most)
			served = min(b.above[t+1], served+int64(level[t])*b.unit)
		}
		now = level[t-1]
	}
	return level
}

// commit is for how long a level is kept before looking again: a part of what is
// sure, so that all the looking takes no longer than a few times the demand's
// length.
func commit(sure int) int { return max(1, sure/8) }

// funnel is the level that stays within the tube for longest, and the number of
// steps for which it surely does. Where the tube turns up it is the highest of
// those, where it turns down the lowest.
func (b *tube) funnel(t int, served int64, eager bool) (level, sure int) {
	low, high := int64(0), int64(b.most)
	for d := int64(1); t+int(d) < len(b.above); d++ {
		i := t + int(d)
		l := ceilDiv(b.below[i]-served, b.unit*d)
		h := (max(0, b.above[i]-served) + b.unit - 1) / (b.unit * d) // less than a step of one may be idle
		switch {
		case d == 1 && l > h:
			return int(l), 1
		case l > high:
			return int(high), int(d) - 1
		case h < low:
			return int(low), int(d) - 1
		case max(low, l) > min(high, h) && eager:
			return int(max(low, l)), int(d) - 1
		case max(low, l) > min(high, h):
			return int(min(high, h)), int(d) - 1
		}
		low, high = max(low, l), min(high, h)
	}
	return int(low), max(1, len(b.above)-1-t)
}

// least is what must serve now, or an item is late.
func (b *tube) least(t int, served int64) int {
	return int(max(0, ceilDiv(b.below[t+1]-served, b.unit)))
}

// usable is as many as find something to do now.
func (b *tube) usable(t int, served int64) int {
	return int(max(0, ceilDiv(b.above[t+1]-served, b.unit)))
}

// holds reports whether the level of now may stay a while where k is asked for.
func (b *tube) holds(t int, served int64, now, k, steps int) bool {
	switch {
	case now > k:
		return b.above[t+1]-served >= int64(now)*b.unit
	case now < k && t+steps < len(b.above)-1:
		then := served + int64(now)*b.unit*int64(steps)
		if then < b.below[t+steps] || then > b.above[t+steps] {
			return false
		}
		later, _ := b.funnel(t+steps, then, false)
		return later <= k
	}
	return false
}

// back is the tube as it is met by who goes back in time: what is due is what
// arrives. What is put off as long as it can be on the way back is done as early
// as it can be.
func (b *tube) back() *tube {
	last := len(b.above) - 1
	all := b.above[last]
	r := *b
	r.above, r.below = make([]int64, last+1), make([]int64, last+1)
	for t := range r.above {
		r.above[t], r.below[t] = all-b.below[last-t], all-b.above[last-t]
	}
	return &r
}
