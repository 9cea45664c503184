package derived

import (
	"fmt"
	"time"

	"skynet/signals"
)

// A depth that nobody would believe is not counted as arrivals before it has stood for
// a while. One wrong reading of 1e12 items, learned as arrivals, would be forecast for
// hours, and be in the means of a day. What truly came is counted a few minutes later,
// all of it, or as soon as the depth is back in reach: what was completed meanwhile is
// known. Objectives look at what waits, and are not kept from it.
const (
	// plain is how many items a queue may hold whatever it held before.
	plain = 1e6
	// sudden is how many times more than lately is doubted.
	sudden = 1000
	// witnesses is how many readings have to agree, however long ago they were.
	witnesses = 3
)

// witness is what earlier ticks know of a queue's depth.
type witness struct {
	ticks  []signals.Tick
	depth  func(*signals.Tick) (float64, bool)
	window time.Duration
}

// doubt is why a depth is not believed yet, "" if it is. It is, once it has stood for
// the window; and where something like it had stood before what was less, which then
// may have been wrong itself.
func (w witness) doubt(n float64, at time.Time) string {
	if n <= plain {
		return ""
	}
	less, _ := w.look(n, at, len(w.ticks))
	if less < 0 {
		return ""
	}
	for i := less - 1; i >= 0 && at.Sub(w.ticks[i].At) <= w.window; i-- {
		was, ok := w.depth(&w.ticks[i])
		if !ok || was <= plain || far(n, was) {
			continue
		}
		if before, alike := w.look(was, w.ticks[i].At, i); before < 0 && alike >= witnesses {
			return ""
		}
	}
	was, _ := w.depth(&w.ticks[less])
	return fmt.Sprintf("%.0f items are there, %s ago there were %.0f: counted once so many have been there for %s",
		n, at.Sub(w.ticks[less].At), was, w.window)
}

// look finds the last of so many ticks that knew of far less, -1 if there is none
// within the window, nor in the last reading before it, and how many were alike.
func (w witness) look(n float64, at time.Time, until int) (less, alike int) {
	for i := until - 1; i >= 0; i-- {
		was, ok := w.depth(&w.ticks[i])
		switch {
		case !ok:
			continue
		case far(n, was):
			return i, alike
		}
		if alike++; alike >= witnesses && at.Sub(w.ticks[i].At) >= w.window {
			break
		}
	}
	return -1, alike
}

func far(n, was float64) bool { return n > sudden*max(was, 1) }
