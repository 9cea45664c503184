package health

import (
	"fmt"
	"strings"
	"time"

	"skynet/signals"
)

// rounding is how little does not count: 1 less 0.05 is a little off 0.95.
const rounding = 1e-9

// promise is how a queue's objective is kept.
func promise(s signals.Snapshot, t Terms, queue string) Promise {
	p := Promise{Queue: queue, Wait: t.Wait, Quantile: t.Quantile}
	if own, ok := t.Waits[queue]; ok {
		p.Wait = own
	}
	name := func(catalogued string) string { return signals.OfQueue(catalogued, queue) }
	p.Within, p.Known = within(s, name, p.Wait.Seconds())
	age, ageErr := s.Value(name("queue.oldest_age"))
	switch {
	case p.Known && p.Within < p.Quantile-rounding:
		p.Missed = fmt.Sprintf("%.4g%% of the items of %s started within %s in the last 5m, promised are %.4g%%",
			100*p.Within, queue, span(p.Wait), 100*p.Quantile)
	case !p.Known && ageErr == nil && age > p.Wait.Seconds(): // nothing starts at all
		p.Missed = fmt.Sprintf("the oldest item of %s waits for %s, promised are %s, and none has started lately",
			queue, span(time.Duration(age)*time.Second), span(p.Wait))
	}
	return p
}

// point is a wait and the share of items that wait no longer.
type point struct{ wait, share float64 }

// within estimates the share of items that waited no longer than wait, s: straight
// lines between the quantiles that are known; what is beyond the last of them thins
// out as its wait falls short of the promise.
func within(s signals.Snapshot, name func(string) string, wait float64) (share float64, known bool) {
	last := point{}
	for _, q := range []struct {
		signal string
		share  float64
	}{{"work.wait_p50", 0.50}, {"work.wait_p95", 0.95}, {"work.wait_p99", 0.99}} {
		v, err := s.Value(name(q.signal))
		if err != nil || v < last.wait {
			return 0, false
		}
		next := point{v, q.share}
		if wait < v {
			return last.share + (next.share-last.share)*(wait-last.wait)/(next.wait-last.wait), true
		}
		last = next
	}
	if wait <= 0 {
		return 1, true
	}
	return 1 - (1-last.share)*last.wait/wait, true
}

// spending is what of each budget is used.
func spending(s signals.Snapshot, t Terms) (list []Spending) {
	for _, b := range []struct {
		period, signal string
		limit          float64
	}{{"hour", "cost.per_hour", t.Hourly}, {"day", "cost.today", t.Daily}} {
		if b.limit <= 0 {
			continue
		}
		used, err := s.Value(b.signal)
		list = append(list, Spending{Period: b.period, Limit: b.limit, Used: used, Known: err == nil})
	}
	return list
}

// span is a time without what rounds to nothing: 2m rather than 2m0s.
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
