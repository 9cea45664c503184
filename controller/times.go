package controller

import (
	"slices"
	"sort"
	"time"
)

// times are the moments of past ticks, in milliseconds and in order, by which
// decisions and launch tokens are named. A clock that is set back must not make
// them repeat: the journal would refuse the tick, and the cloud would answer an old
// launch instead of making a new one.
type times []int64

// remembered is how long a moment is kept. A clock set back by more than that
// meets the journal's refusal of a name that it has already.
const remembered = 24 * time.Hour

func (t *times) add(at time.Time) {
	if i, there := slices.BinarySearch(*t, at.UnixMilli()); !there {
		*t = slices.Insert(*t, i, at.UnixMilli())
	}
}

// free is at, or the first millisecond after it at which there was no tick.
func (t times) free(at time.Time) time.Time {
	for {
		if _, taken := slices.BinarySearch(t, at.UnixMilli()); !taken {
			return at
		}
		at = at.Add(time.Millisecond)
	}
}

// within counts the ticks in the interval of that number.
func (t times) within(number int64, interval time.Duration) (n int) {
	of := func(i int) int64 { return t[i] * int64(time.Millisecond) / int64(interval) }
	first := sort.Search(len(t), func(i int) bool { return of(i) >= number })
	for i := first; i < len(t) && of(i) == number; i++ {
		n++
	}
	return n
}

// forget drops moments that are long past.
func (t *times) forget(now time.Time) {
	old, _ := slices.BinarySearch(*t, now.Add(-remembered).UnixMilli())
	*t = slices.Delete(*t, 0, old)
}
