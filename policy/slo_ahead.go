package policy

import (
	"skynet/signals"
)

// ahead is what is forecast of a queue for the next five minutes, items/s: the
// median, and so much as is not exceeded nine times in ten, and 99 times in 100.
type ahead struct{ mid, p90, p99 float64 }

const five = 300 // s

// aheadOf is the forecast for a queue; false if there is none.
func aheadOf(s *signals.Snapshot, queue string) (a ahead, known bool) {
	for _, one := range []struct {
		name string
		to   *float64
	}{
		{"forecast.arrivals_5m", &a.mid}, {"forecast.arrivals_5m_p90", &a.p90}, {"forecast.arrivals_5m_p99", &a.p99},
	} {
		v, err := atLeastZero(s, of(one.name, queue))
		if err != nil {
			return a, false
		}
		*one.to = min(v, mostItems) / five
	}
	a.p90 = max(a.p90, a.mid)
	a.p99 = max(a.p99, a.p90)
	return a, true
}

// with is the rate at a margin above the median: 1 is p90, 2 is p99, and so on by
// equal steps.
func (a ahead) with(margin float64) float64 {
	if margin <= 1 {
		return a.mid + margin*(a.p90-a.mid)
	}
	return a.p90 + (margin-1)*(a.p99-a.p90)
}

// planned is how many items a second to plan for; 0 where there is no forecast, and
// where mostly none comes while a worker boots: for a burst that may come some day
// nobody stands by.
func (d *demand) planned(s *signals.Snapshot, u *supply) float64 {
	a, known := aheadOf(s, d.queue)
	if !known || a.mid*(u.boot+notice(s)) < 1 {
		return 0
	}
	margin, err := atLeastZero(s, of("forecast.margin", d.queue))
	if err != nil {
		margin = 1
	}
	return a.with(margin)
}

// leastExpected is how many items must be as likely as not within an hour for
// somebody to be bought for those that are to come. The next five minutes tell
// nothing where little comes: their median is some billionth of an item.
const leastExpected = 0.5

// rare reports whether so little comes that nobody is bought before it is there.
func rare(s *signals.Snapshot, queue string) bool {
	hour, err := atLeastZero(s, of("forecast.arrivals_60m", queue))
	return err == nil && hour < leastExpected
}

// expect puts in line what will probably come before a worker that is ordered at the
// next tick could start it: the order for that is due now.
func (d *demand) expect(s *signals.Snapshot, u *supply) {
	gap := u.boot + notice(s) - d.wait
	a, known := aheadOf(s, d.queue)
	if gap <= 0 || !known || a.mid == 0 || d.assumed || rare(s, d.queue) {
		return
	}
	const parts = 4
	items := min(a.mid*gap/parts, mostItems)
	for i := range parts {
		d.upto += items
		d.batches = append(d.batches, due{items: items, upto: d.upto, by: gap*float64(i+1)/parts + d.wait, coming: true})
	}
}
