package main

import (
	"time"

	"skynet/simulate/scenario"
)

// burst shows the forecasts for a quarter of an hour before, in and after a burst out
// of nothing: each band was said a quarter of an hour before the dot in it.
func burst(series scenario.Series) []byte {
	minutes := minutesOf(series, 4)
	day := series.Began.AddDate(0, 0, 23) // a Wednesday
	first := int(day.Sub(series.Began)/time.Minute) + 11*60
	for i := range 45 {
		minutes[first+i] = 4 * minutes[first+i]
	}
	c := &canvas{height: 330}
	p := &plot{canvas: c, top: 44, bottom: 270, from: day.Add(8 * time.Hour), to: day.Add(20 * time.Hour), most: 2000}
	t := newTold(series.Began)
	p.axes(500, whole, 2, "15:04")
	var p50, p90, p99 []point
	var dots []point
	for at := p.from; at.Before(p.to); at = at.Add(quarter) {
		b := t.until(minutes, at).Within()[1]
		middle := at.Add(quarter / 2)
		p50, p90, p99 = append(p50, point{middle, b.P50}), append(p90, point{middle, b.P90}), append(p99, point{middle, b.P99})
		dots = append(dots, point{middle, came(minutes, series.Began, at, quarter)})
	}
	p.area("p99", p50, p99)
	p.area("p90", p50, p90)
	p.curve("p50", p50)
	for i, d := range dots {
		class := "dot"
		if d.v > p99[i].v {
			class = "over"
		}
		p.put(`<circle class="%s" cx="%.1f" cy="%.1f" r="2.8"/>`, class, p.x(d.at), p.y(d.v))
	}
	c.text(left, 18, "start", "", "Items in the next 15 minutes, forecast each quarter of an hour")
	c.dots(312)
	return c.svg("Forecasts for 15 minutes around a burst at 11:00: the bands widen within a quarter of an hour and narrow over hours")
}

// dots tells what the marks are.
func (c *canvas) dots(y float64) {
	for _, e := range []struct {
		mark, said string
		x          float64
	}{
		{`<path class="p50" d="M%.1f %.1fh16"/>`, "p50", left},
		{`<rect class="p90" x="%.1f" y="%.1f" width="16" height="10"/>`, "to p90", left + 64},
		{`<rect class="p99" x="%.1f" y="%.1f" width="16" height="10"/>`, "to p99", left + 146},
		{`<circle class="dot" cx="%.1f" cy="%.1f" r="3.4"/>`, "came", left + 228},
		{`<circle class="over" cx="%.1f" cy="%.1f" r="3.4"/>`, "more than p99", left + 292},
	} {
		top, text := y, 22.0
		switch e.mark[1] {
		case 'r':
			top = y - 6
		case 'c':
			text = 10
		}
		c.put(e.mark, e.x, top)
		c.text(e.x+text, y+4, "start", "", e.said)
	}
}
