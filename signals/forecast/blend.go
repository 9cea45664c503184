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

// The forms that errors take: a share of what was forecast, which may depend on the
// time of day, or so many items whatever was forecast. Smooth streams are of the first
// kinds, bursts out of nothing of the last.
const (
	relative = iota
	timely
	absolute
	forms
)

// guess is a forecast that waits for its horizon to pass.
type guess struct {
	at     int64 // the minute it was made at
	floor  float64
	slot   int     // of the day
	uneven float64 // how much larger errors are at this time of day
	mid    [models]float32
	wide   [models][forms]float32 // the scale of its error
	q      [models][forms][nq]float32
	all    [nq]float32 // the models' quantiles, weighed and corrected
	x      [nmix][features]float32
	base   [nmix]float32
	can    [nmix]bool
	full   bool
	apart  float64 // how far the models' answers are apart, over what chance makes of it
}

// record is what is known of one model's errors at one horizon: how large they are
// lately, their quantiles in that measure, and the loss.
type record struct {
	seen  float64
	quick [forms]float64 // mean size of errors, last hours
	slow  [forms]float64 // the same, last days
	z     [forms][nq]float64
	loss  [forms][nq]losses
}

// losses are means over the last hour, the last day and the last weeks: a model that
// did badly in any of them is not to be trusted, be it that the world has just changed
// or that it knows nothing of Sunday evenings.
type losses [3]float64

func (l *losses) learn(x, seen float64) {
	first := 1 / seen
	for i, rate := range lossRates {
		l[i] += max(rate, first) * (x - l[i])
	}
}

func (l *losses) mean() float64 { return (l[0] + l[1] + l[2]) / 3 }

// trial is how the models did at one horizon.
type trial struct {
	minutes  int64
	models   [models]record
	blend    record
	most     float64          // that ever came, lately
	size     float64          // of the blend's errors, a share, on the whole
	shape    [dayBins]float32 // how much larger they are at a time of day
	seen     float64
	weight   [nq][models][forms]float64
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
	priorWidth = 0.3              // of the logarithm of a ratio, before anything was learned
	sharpness  = 8.0
	zStep      = 0.015
	zBoost     = 20.0
)

// How fast losses are forgotten, a minute.
var lossRates = [3]float64{halving(60), halving(lossHalf), halving(10 * dayMinutes)}

// halving is the rate at which half is left after so many minutes.
func halving(minutes float64) float64 { return 1 - math.Exp(-math.Ln2/minutes) }

// How fast sizes of errors and the largest number are forgotten, a minute.
var (
	quickRate = 1 - math.Exp(-math.Ln2/120)
	slowRate  = 1 - math.Exp(-math.Ln2/(2*dayMinutes))
	mostFade  = math.Exp(-math.Ln2 / (4 * weekMinutes))
)

func newTrial(minutes int64) trial {
	t := trial{minutes: minutes}
	for i := range t.models {
		t.models[i] = newRecord()
	}
	t.blend = newRecord()
	t.ours, t.week, t.weekRef, t.lastRef = newEWMA(7*dayMinutes), newEWMA(7*dayMinutes), newEWMA(7*dayMinutes), newEWMA(7*dayMinutes)
	t.recent = newEWMA(lossHalf)
	for i := range t.shape {
		t.shape[i] = 1
	}
	return t
}

func newRecord() record {
	var r record
	for f := range forms {
		r.z[f] = normal
	}
	return r
}

// deviation is the standard deviation of a normal distribution over its mean size.
const deviation = 1.2533

// weigh sets the models' weights by their recent losses.
func (t *trial) weigh(g *guess) {
	for i := range quantiles {
		best := t.best(g, i)
		sum := 0.0
		for m := range models {
			ready := t.ready(g, m)
			for f := range forms {
				w := 0.0
				if ready {
					w = math.Exp(-sharpness * over(t.models[m].loss[f][i].mean(), best))
				}
				t.weight[i][m][f] = w
				sum += w
			}
		}
		for m := range models {
			for f := range forms {
				t.weight[i][m][f] /= max(sum, 1e-300)
			}
		}
	}
}

// best is the least loss of a quantile among those who have an answer.
func (t *trial) best(g *guess, i int) float64 {
	best := math.Inf(1)
	for m := range models {
		if !t.ready(g, m) {
			continue
		}
		for f := range forms {
			best = min(best, t.models[m].loss[f][i].mean())
		}
	}
	return best
}

// over is by what share a loss is larger than the best.
func over(loss, best float64) float64 {
	switch {
	case best > 0:
		return loss/best - 1
	case loss > 0:
		return 10
	}
	return 0
}

// ready reports whether a model has an answer, and has been scored long enough to be
// listened to, if others have.
func (t *trial) ready(g *guess, m int) bool {
	if math.IsNaN(float64(g.mid[m])) {
		return false
	}
	trained := min(float64(2*t.minutes+30), t.models[lastValue].seen)
	return t.models[m].seen >= trained
}

// blendInto weighs the models' quantiles and corrects them.
func (t *trial) blendInto(g *guess) {
	var q [nq]float64
	for i := range q {
		weights := 0.0
		for m := range models {
			if g.mid[m] != g.mid[m] { // it has no answer now
				continue
			}
			for f, w := range t.weight[i][m] {
				if w > 1e-6 {
					q[i] += w * float64(g.q[m][f][i])
					weights += w
				}
			}
		}
		if weights > 0 {
			q[i] /= weights
		} else {
			q[i] = float64(g.q[lastValue][relative][i])
		}
	}
	for i := range q {
		if i > 0 {
			q[i] = max(q[i-1], q[0]+(q[i]-q[0])*math.Exp(t.correct[i]))
		}
		g.all[i] = float32(q[i])
	}
}

// score takes in what came of a forecast.
func (t *trial) score(g *guess, y float64) {
	t.most = max(y, t.most*mostFade)
	for m := range models {
		if !math.IsNaN(float64(g.mid[m])) {
			t.models[m].learn(g, m, y, float64(t.minutes))
		}
	}
	t.shapes(g, y)
	ours, ref, last := 0.0, 0.0, 0.0
	for i, tau := range quantiles {
		ours += pinball(tau, float64(g.all[i]), y)
		ref += pinball(tau, float64(g.q[sameLastWeek][relative][i]), y)
		last += pinball(tau, float64(g.q[lastValue][relative][i]), y)
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
		t.correct[i] += 0.015 / math.Sqrt(float64(t.minutes)) * move
		t.correct[i] = max(-2, min(3, t.correct[i]))
	}
}

// bound is more than any forecast says: twice the most that came within memory, and
// a lot more than that while there is little to remember.
func (t *trial) bound(rate float64) float64 {
	return 2*t.most + 10*(1+rate*float64(t.minutes))/(1+t.models[lastValue].seen/dayMinutes)
}

// shapes learns at which times of the day errors are large: where a day begins, or
// where something is started by the clock.
func (t *trial) shapes(g *guess, y float64) {
	mid := float64(g.all[0])
	off := math.Abs(math.Log((y + g.floor) / (mid + g.floor)))
	t.seen++
	t.size += max(slowRate, 1/t.seen) * (off - t.size)
	if t.size > 0 && t.seen > dayMinutes/4 {
		t.shape[g.slot] += shapeRate * float32(min(off/t.size, 8)-float64(t.shape[g.slot]))
	}
}

// uneven is how much larger errors are at a time of day than on the whole.
func (t *trial) uneven(slot int) float64 {
	before, after := t.shape[(slot+dayBins-1)%dayBins], t.shape[(slot+1)%dayBins]
	return max(0.1, 0.15*float64(before)+0.7*float64(t.shape[slot])+0.15*float64(after))
}

const shapeRate = 0.03

// differ says how far the models' answers are apart, over what they are usually off. What
// a model is charged counts by that: when all say the same it does not matter to
// whom one listens, and the few minutes before Sunday evening begins tell them apart.
func (t *trial) differ(g *guess) float64 {
	n, sum, squares := 0.0, 0.0, 0.0
	for m := range models {
		if x := float64(g.mid[m]); x == x {
			n++
			sum += x
			squares += x * x
		}
	}
	mean := sum / max(n, 1)
	spread := math.Sqrt(max(0, squares/max(n, 1)-mean*mean))
	usual := math.Sqrt(mean+0.5) + t.size*(mean+g.floor)
	return min(10, max(0.3, spread/usual))
}
