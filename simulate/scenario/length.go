package scenario

import (
	"math"
	"math/rand/v2"
	"time"

	"skynet/config/strict"
)

// Length is how long something takes: {mean} always as long, {mean, exponential}
// without memory, {median, p95} log-normal.
type Length struct {
	Mean        strict.Duration `yaml:"mean" doc:"always so long, or on average with exponential"`
	Exponential bool            `yaml:"exponential" doc:"drawn from the exponential distribution of that mean"`
	Median      strict.Duration `yaml:"median" doc:"half take no longer; with p95: log-normal"`
	P95         strict.Duration `yaml:"p95" doc:"95 of 100 take no longer"`
}

// Constant is a length that never varies.
func Constant(d time.Duration) Length { return Length{Mean: strict.Duration(d)} }

const (
	// grain is what lengths are rounded to. Exponentials and logarithms may differ in
	// their last bit from one processor to another: rounded, the same seed gives the
	// same on each.
	grain = time.Microsecond
	// longest bounds what is drawn: what takes longer than a month never ends here.
	longest = 30 * 24 * time.Hour
	// z95 is the normal distribution's quantile of 95%.
	z95 = 1.6448536269514722
)

// Draw draws a length.
func (l Length) Draw(r *rand.Rand) time.Duration { return l.Sampler()(r) }

// Sampler draws lengths, for where there are millions.
func (l Length) Sampler() func(*rand.Rand) time.Duration {
	switch {
	case l.Median > 0:
		median, sigma := float64(l.Median), l.sigma()
		return func(r *rand.Rand) time.Duration { return rounded(median * math.Exp(sigma*r.NormFloat64())) }
	case l.Exponential:
		return func(r *rand.Rand) time.Duration { return rounded(float64(l.Mean) * r.ExpFloat64()) }
	}
	return func(*rand.Rand) time.Duration { return l.Mean.Std() }
}

// sigma is the standard deviation of the logarithm.
func (l Length) sigma() float64 { return math.Log(float64(l.P95)/float64(l.Median)) / z95 }

func rounded(ns float64) time.Duration {
	if !(ns < float64(longest)) {
		return longest
	}
	return time.Duration(math.Round(ns/float64(grain))) * grain
}

// Average is its mean.
func (l Length) Average() time.Duration {
	if l.Median == 0 {
		return l.Mean.Std()
	}
	return rounded(float64(l.Median) * math.Exp(l.sigma()*l.sigma()/2))
}

// Validate wants one of the three ways of writing it.
func (l *Length) Validate(r *strict.Report) {
	if !r.Sound("mean", "median", "p95", "exponential") {
		return
	}
	for _, k := range []struct {
		key   string
		value strict.Duration
	}{{"mean", l.Mean}, {"median", l.Median}, {"p95", l.P95}} {
		if r.Given(k.key) && (k.value < strict.Duration(time.Millisecond) || k.value.Std() > longest) {
			r.Bad(k.key, k.value, "is out of range; write 1ms to %s", strict.Duration(longest))
			return
		}
	}
	mean, median, p95 := r.Given("mean"), r.Given("median"), r.Given("p95")
	if !mean {
		l.Mean = 0 // not the default of who left it out
	}
	switch {
	case mean && (median || p95):
		r.Bad("mean", l.Mean, "cannot stand beside median and p95; write {mean: 4s} or {median: 4s, p95: 12s}")
	case !mean && !(median && p95):
		r.Bad("", nil, "says too little; write {mean: 4s}, {mean: 4s, exponential: true} or {median: 4s, p95: 12s}")
	case l.Exponential && !mean:
		r.Bad("exponential", true, "needs mean; write {mean: 4s, exponential: true}")
	case median && l.P95 < l.Median:
		r.Bad("p95", l.P95, "is shorter than the median (%s); raise it", l.Median)
	}
}
