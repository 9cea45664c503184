package forecast

import "math"

// features is how many numbers a regression looks at, at most.
const features = 10

// regression learns, by least squares that forget, how much of what was seen until
// now lasts over the horizon. It is solved anew from running sums rather than
// updated (recursive least squares blow up where nothing varies for days), with a
// ridge that pulls towards what holds of most streams.
type regression struct {
	n     int
	xx    [features][features]float64
	xy    [features]float64
	prior [features]float64
	beta  [features]float64
	noise float64 // mean square of what was not explained
	seen  float64
}

// forget is what a minute leaves of the minutes before: half after a week.
var forget = math.Exp(-math.Ln2 / weekMinutes)

func (r *regression) guess(x *[features]float32) float64 {
	sum := 0.0
	for i := range r.n {
		sum += r.beta[i] * float64(x[i])
	}
	return sum
}

// learn takes in what came of what was seen. One that lies far out counts less
// (Huber's weight), so that a burst does not undo what a week has taught.
func (r *regression) learn(x *[features]float32, y, weight float64) {
	miss := y - r.guess(x)
	if r.seen > 0 {
		if far := 2.5 * math.Sqrt(r.noise); math.Abs(miss) > far {
			weight *= far / math.Abs(miss)
		}
	}
	r.seen++
	rate := max(1/r.seen, 1.0/dayMinutes)
	r.noise += rate * (min(miss*miss, 16*r.noise+1/r.seen) - r.noise)
	for i := range r.n {
		for j := range i + 1 {
			r.xx[i][j] = r.xx[i][j]*forget + weight*float64(x[i])*float64(x[j])
		}
		r.xy[i] = r.xy[i]*forget + weight*float64(x[i])*y
	}
}

// solve finds the coefficients by Cholesky's decomposition.
func (r *regression) solve(ridge float64) {
	var l [features][features]float64
	var z [features]float64
	for i := range r.n {
		sum := r.xy[i] + ridge*r.prior[i]
		for j := range i + 1 {
			a := r.xx[i][j]
			if i == j {
				a += ridge
			}
			for k := range j {
				a -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(max(a, 1e-12))
			} else {
				l[i][j] = a / l[j][j]
				sum -= l[i][j] * z[j]
			}
		}
		z[i] = sum / l[i][i]
	}
	for i := r.n - 1; i >= 0; i-- {
		sum := z[i]
		for j := i + 1; j < r.n; j++ {
			sum -= l[j][i] * r.beta[j]
		}
		r.beta[i] = sum / l[i][i]
	}
}
