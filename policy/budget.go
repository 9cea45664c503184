package policy

import (
	"fmt"
	"math"
	"time"

	"skynet/signals"
)

// Budget caps what the fleet may cost, in money. By the hour it bounds what is
// wanted, as the maximum does. By the day it lets the fleet fall to the minimum,
// by ordinary draining, as soon as one more hour at the present rate would use
// the day's money up.
//
// It prevents the weekend's bill: a queue that fills by itself (a client that
// sends everything again, an item that fails for ever) keeps a fleet at its
// maximum, which was set for an hour's peak, until somebody looks on Monday.
type Budget struct {
	Hourly float64 // money an hour; 0: no such budget
	Daily  float64 // money a day, from midnight in the fleet's time zone; 0: no such budget
}

// Name is "budget".
func (Budget) Name() string { return "budget" }

// Cap is how many workers the money pays for.
func (b Budget) Cap(s signals.Snapshot, bounds Bounds) (most int, because string, err error) {
	most = math.MaxInt
	if b.Daily > 0 {
		if most, because, err = b.day(s, bounds); err != nil || most <= bounds.Min {
			return most, because, err
		}
	}
	if b.Hourly > 0 {
		n, said, err := b.hour(s, bounds)
		if err != nil {
			return 0, "", err
		}
		if n < most {
			most, because = n, said
		}
	}
	return most, because, nil
}

// hour is what is billed and as many more as the rest of the hour's budget pays
// for, at what one costs at most; or so many fewer, at the mean price, that it is
// enough. What drains is billed too: none is bought in its place before it is
// gone, and none is asked to drain besides.
func (b Budget) hour(s signals.Snapshot, bounds Bounds) (most int, because string, err error) {
	now, each, err := rate(s)
	if err != nil {
		return 0, "", err
	}
	billed := s.Billed() + s.Open
	now += float64(s.Open) * each
	if now > b.Hourly {
		mean := now / float64(max(1, billed))
		return pays(b.Hourly, mean), fmt.Sprintf("%d cost %.2f an hour, %.2f each, the budget is %.2f an hour", billed, now, mean, b.Hourly), nil
	}
	if most = billed + pays(b.Hourly-now, each); most < bounds.Max { // else nobody will ask why
		because = fmt.Sprintf("%d cost %.2f an hour, one more at most %.2f, the budget is %.2f an hour", billed, now, each, b.Hourly)
	}
	return most, because, nil
}

// day is the minimum once one more hour at the present rate would use the day's
// budget up. Until then no more is bought than what such an hour can still pay
// for: else a tick would buy what the next gives up. When it has been reached it
// stays at the minimum for a while: else the rate, low again, would let the fleet
// be bought back at once, and given up again, all evening.
func (b Budget) day(s signals.Snapshot, bounds Bounds) (most int, because string, err error) {
	today, err := money(s, "cost.today")
	if err != nil {
		return 0, "", err
	}
	now, err := money(s, "cost.per_hour")
	if err != nil {
		return 0, "", err
	}
	if today+now >= b.Daily {
		return bounds.Min, fmt.Sprintf("%.2f are spent today, one more hour at %.2f reaches the budget of %.2f a day", today, now, b.Daily), nil
	}
	if b.reached(s, today) {
		return bounds.Min, fmt.Sprintf("%.2f are spent today, and within the last %s one more hour would have reached the budget of %.2f a day", today, span(b.Window()), b.Daily), nil
	}
	each, err := money(s, "cost.per_instance")
	if priced := err == nil; !priced {
		return math.MaxInt, "", nil // what it costs will show a tick later
	}
	most = s.Billed() + s.Open + fitting(b.Daily-today-now-float64(s.Open)*each, each)
	if most >= bounds.Max { // nobody will ask why
		return math.MaxInt, "", nil
	}
	return most, fmt.Sprintf("%.2f are spent today at %.2f an hour, one more costs %.2f an hour, the budget is %.2f a day", today, now, each, b.Daily), nil
}

// fitting is how many stay short of the money at this price each.
func fitting(money, each float64) int {
	n := pays(money, each)
	if n > 0 && each > 0 && float64(n)*each >= money*(1-1e-9) {
		n--
	}
	return n
}

// reached reports whether an earlier tick of this day fell to the minimum.
func (b Budget) reached(s signals.Snapshot, today float64) bool {
	spentBy, rateAt := signals.Reader{Name: "cost.today"}, signals.Reader{Name: "cost.per_hour"}
	ticks := s.Since(s.Now.Add(-b.Window()))
	for i := range ticks {
		spent, ok := spentBy.Value(&ticks[i])
		rate, known := rateAt.Value(&ticks[i])
		if ok && known && spent <= today && spent+rate >= b.Daily { // more was spent then: it was yesterday
			return true
		}
	}
	return false
}

// Window is how long a fall to the minimum lasts at least.
func (b Budget) Window() time.Duration {
	if b.Daily > 0 {
		return 2 * hour
	}
	return 0
}

// pays is how many the money pays for at this price each. Ten times 0.1 are 1,
// though their sum is a little off.
func pays(money, each float64) int {
	const plenty, rounding = 1e9, 1e-9
	if each <= 0 {
		return plenty
	}
	return int(min(math.Floor(max(0, money)/each*(1+rounding)), plenty))
}
