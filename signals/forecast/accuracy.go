package forecast

import (
	"math"
	"slices"
	"time"
)

// Accuracy is how good the forecasts of one series are at one horizon. A loss is the
// mean pinball loss of the quantiles .5, .9 and .99, over the mean absolute difference
// of a stretch of the horizon's length and the one before it ("scaled").
type Accuracy struct {
	Horizon              time.Duration
	Scored               int     // forecasts
	Loss                 float64 // ours
	LastWeek             float64 // of "same as last week", with the quantiles of its own errors so far
	Last                 float64 // of "last value", with the quantiles of its own errors so far
	PlainWeek, PlainLast float64 // of the same without quantiles
	P90, P99             float64 // how often no more came than that
	Over99               float64 // mean of p99 over the mean of what came
}

// Measure runs a Forecaster over the arrivals of each minute from a start on, as a
// queue that is read each minute, and scores the forecasts for 5, 15 and 60 minutes
// that were made after so many minutes.
func Measure(set Settings, start time.Time, arrivals []float64, after int) []Accuracy {
	s := newStream(newDays(set.Zone, set.Holidays))
	made := make([][nh][nq]float64, len(arrivals)+1)
	for i, n := range arrivals {
		at := start.Add(time.Duration(i) * time.Minute)
		s.observe(at, at.Add(time.Minute), n)
		for h := range horizons {
			for q := range quantiles {
				made[i+1][h][q] = float64(s.now[h].all[q])
			}
		}
	}
	cum := make([]float64, len(arrivals)+1)
	for i, n := range arrivals {
		cum[i+1] = cum[i] + n
	}
	var list []Accuracy
	for i, h := range horizons {
		list = append(list, measure(cum, made, i, int(h), after))
	}
	return list
}

func measure(cum []float64, made [][nh][nq]float64, hi, h, after int) Accuracy {
	a := Accuracy{Horizon: time.Duration(h) * time.Minute}
	after = max(after, 2*h, 1)
	last, week := &naive{back: h, h: h}, &naive{back: weekMinutes, h: h}
	scale, came := 0.0, 0.0
	for t := 2 * h; t+h < len(cum); t++ {
		y := cum[t+h] - cum[t]
		lq, lp, _ := last.guess(cum, t)
		wq, wp, weekOK := week.guess(cum, t)
		if t < after || !weekOK {
			continue
		}
		a.Scored++
		came += y
		scale += math.Abs(y - (cum[t] - cum[t-h]))
		m := made[t][hi]
		for j, tau := range quantiles {
			a.Loss += pinball(tau, m[j], y)
			a.Last += pinball(tau, lq[j], y)
			a.LastWeek += pinball(tau, wq[j], y)
			a.PlainLast += pinball(tau, lp, y)
			a.PlainWeek += pinball(tau, wp, y)
		}
		a.P90 += count(y <= m[1])
		a.P99 += count(y <= m[2])
		a.Over99 += m[2]
	}
	n := float64(a.Scored)
	for _, loss := range []*float64{&a.Loss, &a.Last, &a.LastWeek, &a.PlainLast, &a.PlainWeek} {
		*loss /= float64(nq) * max(scale, 1e-9)
	}
	a.P90, a.P99, a.Over99 = a.P90/n, a.P99/n, a.Over99/max(came, 1e-9)
	return a
}

func count(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// naive is a forecast that something comes again, with the quantiles of all its
// errors until then, which are brought up to date each hour.
type naive struct {
	back, h int
	errors  []float64
	q       [nq]float64
}

func (n *naive) guess(cum []float64, t int) (q [nq]float64, plain float64, ok bool) {
	if t-n.back < 0 {
		return q, 0, false
	}
	plain = cum[t-n.back+n.h] - cum[t-n.back]
	if made := t - n.h; made-n.back >= 0 && t%5 == 0 {
		n.errors = append(n.errors, cum[t]-cum[made]-(cum[made-n.back+n.h]-cum[made-n.back]))
	}
	if t%60 == 0 && len(n.errors) > 0 {
		sorted := slices.Sorted(slices.Values(n.errors))
		for j, tau := range quantiles {
			n.q[j] = sorted[int(tau*float64(len(sorted)-1))]
		}
	}
	for j := range q {
		q[j] = max(0, plain+n.q[j])
	}
	return q, plain, true
}
