package main

import (
	"fmt"
	"time"

	"skynet/signals/forecast"
	"skynet/simulate/scenario"
)

const quarter = 15 * time.Minute

// sunday shows what is expected of a Sunday evening hours before it, and in the midst
// of it, after three weeks.
func sunday(series scenario.Series) []byte {
	minutes := minutesOf(series, 4)
	day := series.Began.AddDate(0, 0, 27)
	c := &canvas{height: 480}
	t := newTold(series.Began)
	for i, now := range []time.Time{day.Add(14 * time.Hour), day.Add(19 * time.Hour)} {
		top := 48 + float64(i)*208
		p := &plot{canvas: c, top: top, bottom: top + 164, from: day.Add(10 * time.Hour), to: day.Add(24 * time.Hour), most: 900}
		p.axes(300, whole, 2, "15:04")
		p.evening(t.until(minutes, now), now)
		p.curve("came", stretches(minutes, series.Began, p.from, now))
		p.curve("came later", stretches(minutes, series.Began, now.Add(-quarter), p.to))
		p.mark(now, "now")
	}
	c.text(left, 18, "start", "", "Items per 15 minutes, on the fourth Sunday")
	c.legend(462)
	return c.svg("Forecast of a Sunday evening, at 14:00 and at 19:00: bands of p50, p90 and p99, and what came")
}

// evening draws the bands of what is to come.
func (p *plot) evening(v forecast.View, now time.Time) {
	var p50, p90, p99 []point
	for _, b := range v.Coming(quarter, int(p.to.Sub(now)/quarter)) {
		at := b.From.Add(quarter / 2)
		p50, p90, p99 = append(p50, point{at, b.P50}), append(p90, point{at, b.P90}), append(p99, point{at, b.P99})
	}
	p.area("p99", p50, p99)
	p.area("p90", p50, p90)
	p.curve("p50", p50)
}

// stretches are what each quarter of an hour brought.
func stretches(minutes []float64, began, from, to time.Time) (list []point) {
	for at := from; at.Before(to); at = at.Add(quarter) {
		list = append(list, point{at.Add(quarter / 2), came(minutes, began, at, quarter)})
	}
	return list
}

// legend tells what the bands are.
func (c *canvas) legend(y float64) {
	x := left
	entry := func(mark, said string, wide float64) {
		c.put("%s", mark)
		c.text(x+22, y+4, "start", "", said)
		x += wide
	}
	swatch := func(class string) string {
		return fmt.Sprintf(`<rect class="%s" x="%.1f" y="%.1f" width="16" height="10"/>`, class, x, y-6)
	}
	stroke := func(class string) string {
		return fmt.Sprintf(`<path class="%s" d="M%.1f %.1fh16"/>`, class, x, y)
	}
	entry(stroke("p50"), "p50", 64)
	entry(swatch("p90"), "to p90", 82)
	entry(swatch("p99"), "to p99", 82)
	entry(stroke("came"), "came", 74)
	entry(stroke("came later"), "came later", 90)
}
