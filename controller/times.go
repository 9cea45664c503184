package controller

import "time"

// times are the moments of past ticks, to the millisecond, by which decisions
// and launch tokens are named. A clock that is set back must not make them
// repeat: the journal would refuse the tick, and the cloud would answer an old
// launch instead of making a new one.
type times map[int64]bool

// remembered is how long a moment is kept. A clock set back by more than that
// meets the journal's refusal of a name that it has already.
const remembered = 24 * time.Hour

func (t times) add(at time.Time) { t[at.UnixMilli()] = true }

// free is at, or the first millisecond after it at which there was no tick.
func (t times) free(at time.Time) time.Time {
	for t[at.UnixMilli()] {
		at = at.Add(time.Millisecond)
	}
	return at
}

// within counts the ticks in the interval of that number.
func (t times) within(number int64, interval time.Duration) (n int) {
	for at := range t {
		if at*int64(time.Millisecond)/int64(interval) == number {
			n++
		}
	}
	return n
}

// forget drops moments that are long past.
func (t times) forget(now time.Time) {
	old := now.Add(-remembered).UnixMilli()
	for at := range t {
		if at < old {
			delete(t, at)
		}
	}
}
