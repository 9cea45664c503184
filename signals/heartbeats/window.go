package heartbeats

// window remembers which of the last 64 sequence numbers were seen, so that a
// doubled heartbeat is counted once and a late one is not lost. Older than
// that counts as seen: it would be five minutes late at the least.
type window struct {
	top  uint64 // highest seen
	bits uint64 // bit i: top-i was seen
}

func (w window) fresh(seq uint64) bool {
	switch {
	case seq > w.top:
		return true
	case w.top-seq >= 64:
		return false
	}
	return w.bits>>(w.top-seq)&1 == 0
}

func (w *window) add(seq uint64) {
	if seq <= w.top {
		if w.top-seq < 64 {
			w.bits |= 1 << (w.top - seq)
		}
		return
	}
	w.bits = w.bits<<min(seq-w.top, 64) | 1
	w.top = seq
}
