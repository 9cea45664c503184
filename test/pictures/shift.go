package main

import (
	"fmt"
	"time"

	"skynet/signals/forecast"
	"skynet/simulate/scenario"
)

// kinds of models, as they are stacked, the first at the bottom.
var kinds = []struct {
	class, said string
	models      []string
}{
	{"a", "as it was: same time last week, yesterday", []string{"same time last week", "same time yesterday"}},
	{"b", "shapes times a level; two seasons", []string{"hour of week, level and trend", "hour of day, level", "smoothing with two seasons"}},
	{"c", "regressions on the shapes", []string{"regression on the shape of the week", "regression on the shape of the day"}},
	{"d", "regression on the last day", []string{"regression on the last day"}},
	{"e", "as it is: last value, means", []string{"last value", "mean of the last minutes", "mean of the last hour"}},
}

// shift shows to which models the forecast for an hour listens when the load triples
// for good.
func shift(series scenario.Series) []byte {
	minutes := minutesOf(series, 4)
	day := series.Began.AddDate(0, 0, 22) // a Tuesday
	begins := day.Add(10 * time.Hour)
	for i := int(begins.Sub(series.Began) / time.Minute); i < len(minutes); i++ {
		minutes[i] *= 3
	}
	c := &canvas{height: 420}
	p := &plot{canvas: c, top: 52, bottom: 270, from: day.Add(4 * time.Hour), to: day.Add(28 * time.Hour), most: 1}
	t := newTold(series.Began)
	stack := make([][]point, len(kinds)+1)
	for at := p.from; !at.After(p.to); at = at.Add(10 * time.Minute) {
		sum := 0.0
		stack[0] = append(stack[0], point{at, 0})
		shares := sharesOf(t.until(minutes, at))
		for i := range kinds {
			sum += shares[i]
			stack[i+1] = append(stack[i+1], point{at, min(sum, 1)})
		}
	}
	for i, k := range kinds {
		p.area(k.class, stack[i], stack[i+1])
	}
	p.axes(.25, func(v float64) string { return fmt.Sprintf("%.0f%%", 100*v) }, 4, "15:04")
	p.mark(begins, "the load triples")
	c.text(left, 18, "start", "", "Who is listened to about the next hour (weights in the p50)")
	for i, k := range kinds {
		y := 312 + float64(len(kinds)-1-i)*21
		c.put(`<rect class="%s" x="%.1f" y="%.1f" width="16" height="10"/>`, k.class, left, y-9)
		c.text(left+22, y, "start", "", k.said)
	}
	return c.svg("Weights of the models before and after the load triples at 10:00")
}

// sharesOf are the weights of the kinds for an hour.
func sharesOf(v forecast.View) []float64 {
	shares := make([]float64, len(kinds))
	for _, s := range v.Models() {
		for i, k := range kinds {
			for _, m := range k.models {
				if s.Model == m && s.Horizon == time.Hour {
					shares[i] += s.Weight
				}
			}
		}
	}
	return shares
}
