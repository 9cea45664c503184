package main

import (
	"math"
	"math/rand/v2"
	"time"

	"skynet/signals/forecast"
	"skynet/simulate/scenario"
)

// week is the made-up week that the project's examples play.
const week = "config/examples/week.csv"

// minutesOf draws what each minute of so many weeks brings: the made-up week again and
// again, each a little busier or quieter than the last, and so is each day.
func minutesOf(series scenario.Series, weeks int) (list []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	for range weeks {
		ofWeek, ofDay := math.Exp(0.05*r.NormFloat64()), 1.0
		for i, s := range series.Steps {
			if i%48 == 0 {
				ofDay = math.Exp(0.05 * r.NormFloat64())
			}
			next := series.Steps[(i+1)%len(series.Steps)].Items
			n := int(s.For / time.Minute)
			for m := range n {
				share := float64(m) / float64(n)
				mean := ofWeek * ofDay * (s.Items*(1-share) + next*share) / float64(n)
				list = append(list, math.Max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
			}
		}
	}
	return list
}

// told is a forecaster that has heard some minutes.
type told struct {
	*forecast.Forecaster
	began time.Time
	heard int
}

func newTold(began time.Time) *told {
	return &told{Forecaster: forecast.New(forecast.Settings{}), began: began}
}

// until has it hear all minutes before a time.
func (t *told) until(minutes []float64, at time.Time) forecast.View {
	for ; t.began.Add(time.Duration(t.heard) * time.Minute).Before(at); t.heard++ {
		t.Learn("", t.began.Add(time.Duration(t.heard+1)*time.Minute), time.Minute, minutes[t.heard])
	}
	v, _ := t.Queue("")
	return v
}

// came is what a stretch of time brought.
func came(minutes []float64, began, from time.Time, span time.Duration) (sum float64) {
	i := int(from.Sub(began) / time.Minute)
	for _, n := range minutes[i : i+int(span/time.Minute)] {
		sum += n
	}
	return sum
}
