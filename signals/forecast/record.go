package forecast

import "math"

// width is the standard deviation to expect of an error: what counting alone makes it
// (the variance of a count is its mean), and how far the model has been off.
func (r *record) width(mid, floor, uneven float64) (wide [forms]float64) {
	counting := math.Sqrt(mid + 0.5)
	size := func(f int) float64 { return deviation * (0.5*r.quick[f] + 0.5*r.slow[f]) }
	new := priorWidth / (1 + r.seen)
	wide[relative] = max(counting/(mid+floor), size(relative)+new)
	wide[timely] = max(counting/(mid+floor), (size(timely)+new)*uneven)
	wide[absolute] = max(counting, size(absolute)+new*(mid+floor))
	return wide
}

// spread turns a model's forecast into quantiles.
func (r *record) spread(mid float64, wide [forms]float64, floor, most float64) (q [forms][nq]float32) {
	for i := range quantiles {
		for f := relative; f <= timely; f++ {
			rel := (mid+floor)*math.Exp(min(r.z[f][i]*wide[f], 12)) - floor
			q[f][i] = float32(min(max(0, rel), most))
		}
		abs := mid + r.z[absolute][i]*wide[absolute]
		q[absolute][i] = float32(min(max(0, abs), most))
	}
	return q
}

// learn takes in what came.
func (r *record) learn(g *guess, m int, y, minutes float64) {
	mid := float64(g.mid[m])
	r.seen++
	share := math.Log((y + g.floor) / (mid + g.floor))
	off := [forms]float64{share, share, y - mid}
	step := zStep / math.Sqrt(minutes) * (1 + zBoost/(1+r.seen/200))
	step = min(step, 0.05)
	for f := range forms {
		size := math.Abs(off[f])
		if f == timely {
			size /= g.uneven
		}
		r.quick[f] += max(quickRate, 1/(r.seen+1)) * (size - r.quick[f])
		r.slow[f] += max(slowRate, 1/(r.seen+1)) * (size - r.slow[f])
		u := off[f] / float64(g.wide[m][f])
		for i, tau := range quantiles {
			r.loss[f][i].learn(pinball(tau, float64(g.q[m][f][i]), y)*g.apart, r.seen)
			move := -(1 - tau)
			if u > r.z[f][i] {
				move = tau
			}
			r.z[f][i] += step * move * max(1, math.Abs(r.z[f][i]))
		}
	}
}
