package heartbeats

// window remembers which of the last 64 sequence numbers were seen, so that a
// doubled heartbeat is counted once and a late one is not lost. Older than
// that counts as seen: it would be five minutes late at the least.
type window struct {
	top  uint64 // highest seen
	bits uint64 // bit i: top-i was seen
}

// take marks a number as seen and reports whether it was not seen before.
func (w *window) take(seq uint64) bool {
	if seq > w.top {
		w.bits = w.bits<<min(seq-w.top, 64) | 1
		w.top = seq
		return true
	}
	bit := uint64(1) << min(w.top-seq, 64) // 0 beyond the window
	fresh := bit != 0 && w.bits&bit == 0
	w.bits |= bit
	return fresh
}
