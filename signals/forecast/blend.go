package forecast

import "math"

// The quantiles that are forecast, and where a normal distribution has them.
var (
	quantiles = [...]float64{0.5, 0.9, 0.99}
	normal    = [...]float64{0, 1.2816, 2.3263}
)

const nq = len(quantiles)

// pinball is the loss of saying that a quantile lies at q when y came.
// Source: Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978.
func pinball(tau, q, y float64) float64 {
	if y >= q {
		return tau * (y - q)
	}
	return (1 - tau) * (q - y)
}

// guess is a forecast that waits for its horizon to pass.
type guess struct {
	at    int64 // the minute it was made at
	floor float64
	mid   [models]float32
	wide  [models]float32 // the scale of its error
	q     [models][nq]float32
	raw   [nq]float32 // the models' quantiles, weighed
	all   [nq]float32 // and corrected
	x     [nmix][features]float32
	base  [nmix]float32
	can   [nmix]bool
	full  bool
}

// record is what is known of one model's errors at one horizon: how large they are
// lately, their quantiles in that measure, and the loss.
type record struct {
	seen       float64
	quick      float64 // variance of what counting does not explain, last hours
	slow       float64 // the same, last days
	z          [nq]float64
	loss       [nq]ewma
	lossWeight float64
}

// trial is how the models did at one horizon.
type trial struct {
	minutes  int64
	models   [models]record
	blend    record
	weight   [nq][models]float64
	correct  [nq]float64 // how much wider or narrower the blend's quantiles are made
	ours     ewma        // loss of the blend
	recent   ewma        // the same, as fast as the models' losses
	week     ewma        // loss of the blend, and of "same as last week", where both are known
	weekRef  ewma
	lastRef  ewma
	weekSeen int
}

const (
	lossHalf   = 1.0 * dayMinutes // half-life of losses
	quickHalf  = 120.0
	slowHalf   = 2.0 * dayMinutes
	priorWidth = 0.3 // of the logarithm of a ratio, before anything was learned
	sharpness  = 12.0
)

func newTrial(minutes int64) trial {
	t := trial{minutes: minutes}
	for i := range t.models {
		t.models[i] = newRecord()
	}
	t.blend = newRecord()
	t.ours, t.week, t.weekRef, t.lastRef = newEWMA(7*dayMinutes), newEWMA(7*dayMinutes), newEWMA(7*dayMinutes), newEWMA(7*dayMinutes)
	t.recent = newEWMA(lossHalf)
	return t
}

func newRecord() record {
	r := record{quick: priorWidth * priorWidth, slow: priorWidth * priorWidth, z: normal}
	for i := range r.loss {
		r.loss[i] = newEWMA(lossHalf)
	}
	return r
}

// width is the standard deviation to expect of the logarithm of what comes over what
// was forecast: what counting alone makes it (the variance of a count is its mean),
// and how far the model has been off.
func (r *record) width(mid, floor float64) float64 {
	return math.Sqrt((mid+0.5)/((mid+floor)*(mid+floor)) + 0.4*r.quick + 0.6*r.slow)
}

// spread turns a model's forecast into quantiles.
func (r *record) spread(mid, wide, floor float64) (q [nq]float64) {
	for i := range q {
		q[i] = math.Max(0, (mid+floor)*math.Exp(math.Min(r.z[i]*wide, 12))-floor)
	}
	return q
}

// learn takes in what came.
func (r *record) learn(mid, wide, floor, y, minutes float64) {
	r.seen++
	off := math.Log((y + floor) / (mid + floor))
	extra := math.Max(0, off*off-(mid+0.5)/((mid+floor)*(mid+floor)))
	r.quick += math.Max(1-math.Exp(-math.Ln2/quickHalf), 1/(r.seen+2+minutes/10)) * (extra - r.quick)
	r.slow += math.Max(1-math.Exp(-math.Ln2/slowHalf), 1/(r.seen+2+minutes/10)) * (extra - r.slow)
	u := off / wide
	step := 0.02 / math.Sqrt(minutes) * (1 + 20/(1+r.seen/200))
	step = math.Min(step, 0.05)
	for i, tau := range quantiles {
		move := -(1 - tau)
		if u > r.z[i] {
			move = tau
		}
		r.z[i] += step * move * math.Max(1, math.Abs(r.z[i]))
	}
}

// weigh sets the models' weights by their recent losses.
func (t *trial) weigh(g *guess) {
	for i := range quantiles {
		best := math.Inf(1)
		for m := range models {
			if t.ready(g, m) {
				best = math.Min(best, t.models[m].loss[i].mean())
			}
		}
		sum := 0.0
		for m := range models {
			t.weight[i][m] = 0
			if !t.ready(g, m) {
				continue
			}
			over := 0.0
			if best > 0 {
				over = t.models[m].loss[i].mean()/best - 1
			} else if t.models[m].loss[i].mean() > 0 {
				over = 10
			}
			t.weight[i][m] = math.Exp(-sharpness * over)
			sum += t.weight[i][m]
		}
		for m := range models {
			if sum > 0 {
				t.weight[i][m] /= sum
			}
		}
	}
}

// ready reports whether a model has an answer, and has been scored long enough to be
// listened to, if others have.
func (t *trial) ready(g *guess, m int) bool {
	if math.IsNaN(float64(g.mid[m])) {
		return false
	}
	trained := math.Min(float64(2*t.minutes+30), t.models[lastValue].seen)
	return t.models[m].seen >= trained
}

// blendInto weighs the models' quantiles and corrects them.
func (t *trial) blendInto(g *guess) {
	var q [nq]float64
	for i := range q {
		for m, w := range t.weight[i] {
			if w > 0 {
				q[i] += w * float64(g.q[m][i])
			}
		}
	}
	mid := q[0]
	for i := range q {
		q[i] = math.Max(q[i], q[max(i-1, 0)])
		g.raw[i] = float32(q[i])
	}
	for i := range q {
		if i > 0 {
			q[i] = math.Max(q[i-1], mid+(q[i]-mid)*math.Exp(t.correct[i]))
		}
		g.all[i] = float32(q[i])
	}
}

// score takes in what came of a forecast.
func (t *trial) score(g *guess, y float64) {
	for m := range models {
		if math.IsNaN(float64(g.mid[m])) {
			continue
		}
		r := &t.models[m]
		for i, tau := range quantiles {
			r.loss[i].learn(pinball(tau, float64(g.q[m][i]), y))
		}
		r.learn(float64(g.mid[m]), float64(g.wide[m]), g.floor, y, float64(t.minutes))
	}
	if !g.full {
		return
	}
	ours, ref, last := 0.0, 0.0, 0.0
	for i, tau := range quantiles {
		ours += pinball(tau, float64(g.all[i]), y)
		ref += pinball(tau, float64(g.q[sameLastWeek][i]), y)
		last += pinball(tau, float64(g.q[lastValue][i]), y)
	}
	t.ours.learn(ours)
	t.recent.learn(ours)
	t.lastRef.learn(last)
	if !math.IsNaN(ref) {
		t.week.learn(ours)
		t.weekRef.learn(ref)
		t.weekSeen++
	}
	t.adapt(g, y)
}

// adapt widens a quantile that was passed too often and narrows one that was not.
// Source: Gibbs and Candès, Adaptive Conformal Inference Under Distribution Shift,
// NeurIPS 2021; here the width is moved, as a logarithm, rather than the rate.
func (t *trial) adapt(g *guess, y float64) {
	for i := 1; i < nq; i++ {
		move := -(1 - quantiles[i])
		if y > float64(g.all[i]) {
			move = quantiles[i]
		}
		t.correct[i] += 0.03 / math.Sqrt(float64(t.minutes)) * move
		t.correct[i] = math.Max(-2, math.Min(3, t.correct[i]))
	}
}
