package simulate

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in bins whose width grows with them, as
// HdrHistogram's do, by whole numbers alone: the same on every machine. With fine
// bits of resolution the middle of a bin is within 2^-(fine+1) of what is in it.
type histogram struct {
	fine   uint
	counts []int64
	n      int64
	least  int // the lowest bin that may hold something; all are between it and the end of counts
}

const (
	// coarse is within 0.8%, as the agent's own sketches are within 1%.
	coarse = 6
	// exact is within 0.05%: for results.
	exact = 10
)

func (h *histogram) bin(d time.Duration) int {
	v := uint64(max(0, d)) / uint64(time.Microsecond)
	if v < 2<<h.fine {
		return int(v)
	}
	e := uint(bits.Len64(v)) - (h.fine + 1)
	return int(e<<h.fine) + int(v>>e)
}

// middle is the duration that a bin stands for.
func (h *histogram) middle(bin int) time.Duration {
	if bin < 2<<h.fine {
		return time.Duration(bin) * time.Microsecond
	}
	e := uint(bin)>>h.fine - 1
	low := (uint64(bin) - uint64(e<<h.fine)) << e
	return time.Duration(low+(uint64(1)<<e)/2) * time.Microsecond
}

func (h *histogram) add(d time.Duration, n int64) { h.addBin(h.bin(d), n) }

func (h *histogram) addBin(b int, n int64) {
	if b >= len(h.counts) {
		h.counts = append(h.counts, make([]int64, b+1-len(h.counts))...)
	}
	if h.n == 0 || b < h.least {
		h.least = b
	}
	h.counts[b] += n
	h.n += n
}

// merge adds, or with sign -1 takes away, what o holds.
func (h *histogram) merge(o *histogram, sign int64) {
	if o.n == 0 {
		return
	}
	for b := o.least; b < len(o.counts); b++ {
		if c := o.counts[b]; c != 0 {
			h.addBin(b, sign*c)
		}
	}
}

func (h *histogram) reset() {
	clear(h.counts)
	h.counts, h.n, h.least = h.counts[:0], 0, 0
}

// quantile is the nearest-rank quantile; false if there is nothing.
func (h *histogram) quantile(q float64) (time.Duration, bool) {
	if h.n == 0 {
		return 0, false
	}
	rank, seen := max(1, int64(math.Ceil(q*float64(h.n)))), int64(0)
	for b := h.least; b < len(h.counts); b++ {
		if seen += h.counts[b]; seen >= rank {
			return h.middle(b), true
		}
	}
	return h.middle(len(h.counts) - 1), true
}

// window is a histogram of the last so many minutes, by the minute of the clock.
type window struct {
	total   histogram
	minutes []minute
}

type minute struct {
	number int64
	histogram
}

func newWindow(minutes int) window {
	w := window{total: histogram{fine: coarse}, minutes: make([]minute, minutes)}
	for i := range w.minutes {
		w.minutes[i].fine = coarse
	}
	return w
}

// add counts a duration in the minute of that number.
func (w *window) add(number int64, d time.Duration) {
	m := &w.minutes[number%int64(len(w.minutes))]
	if m.number != number {
		w.drop(m)
		m.number = number
	}
	b := w.total.bin(d)
	m.addBin(b, 1)
	w.total.addBin(b, 1)
}

func (w *window) drop(m *minute) {
	w.total.merge(&m.histogram, -1)
	m.reset()
}

// until forgets what came before the window that ends in the minute of that number.
func (w *window) until(number int64) *histogram {
	for i := range w.minutes {
		if m := &w.minutes[i]; m.n > 0 && m.number <= number-int64(len(w.minutes)) {
			w.drop(m)
		}
	}
	return &w.total
}
