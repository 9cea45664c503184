package forecast

import "math"

// Horizons of the forecasts, minutes.
var horizons = [...]int64{5, 15, 60}

const nh = len(horizons)

// The models that compete.
const (
	lastValue = iota
	quickMean
	slowMean
	sameYesterday
	sameLastWeek
	weekLevel
	dayLevel
	twoSeasons
	flatMix
	dayMix
	weekMix
	models
)

var modelNames = [models]string{
	lastValue:     "last value",
	quickMean:     "mean of the last minutes",
	slowMean:      "mean of the last hour",
	sameYesterday: "same time yesterday",
	sameLastWeek:  "same time last week",
	weekLevel:     "hour of week, level and trend",
	dayLevel:      "hour of day, level",
	twoSeasons:    "smoothing with two seasons",
	flatMix:       "regression on the last day",
	dayMix:        "regression on the shape of the day",
	weekMix:       "regression on the shape of the week",
}

// mixes are the regressions' models, in the order of their state.
var mixes = [...]int{flatMix, dayMix, weekMix}

const nmix = len(mixes)

// windows are the stretches of the recent past that regressions look at, minutes.
var windows = [...]int64{5, 15, 60, 180, 1440}

const nw = len(windows)

// scene is what the models see of the world at one minute.
type scene struct {
	rate   float64            // items a minute, over days
	recent [nw]float64        // items of the windows
	had    [kinds][nw]float64 // what earlier days brought then
	can    [kinds]bool        // whether earlier days are known at all
}

// floor keeps a ratio of counts sensible where there are few: half an item, and a
// fiftieth of what the stream brings on the whole.
func (c *scene) floor(minutes int64) float64 { return 0.5 + 0.02*c.rate*float64(minutes) }

// ratio is the logarithm of how many times more came than should have.
func (c *scene) ratio(came, should float64, minutes int64) float64 {
	f := c.floor(minutes)
	return math.Log((came + f) / (should + f))
}

func (s *stream) look() scene {
	c := scene{rate: s.rate}
	head := s.past.head
	for i, w := range windows {
		c.recent[i] = s.past.last(w)
	}
	for k := range kinds {
		c.can[k] = true
		for i, w := range windows {
			n, ok := s.like(k, head-w, head)
			if !ok && i > 2 { // a longer stretch than is known says the same as a shorter
				n, ok = c.had[k][i-1]*c.recent[i]/max(c.recent[i-1], 1e-9), true
			}
			c.had[k][i] = n
			c.can[k] = c.can[k] && ok
		}
	}
	return c
}

// guessAll asks every model what comes within a horizon; NaN is no answer.
func (s *stream) guessAll(c *scene, hi int, g *guess) {
	h := horizons[hi]
	head := s.past.head
	nan := math.NaN()
	p := [models]float64{}
	for i := range p {
		p[i] = nan
	}
	var next [kinds]float64
	var can [kinds]bool
	for k := range kinds {
		next[k], can[k] = s.like(k, head, head+h)
		can[k] = can[k] && c.can[k]
	}
	p[lastValue] = s.past.last(h)
	p[quickMean] = s.quick.mean() * float64(h)
	p[slowMean] = s.slow.mean() * float64(h)
	if can[yesterday] {
		p[sameYesterday] = next[yesterday]
	}
	if can[lastWeek] {
		p[sameLastWeek] = next[lastWeek]
	}
	if can[dayShape] {
		p[dayLevel] = scaled(next[dayShape], s.levels[0].now(h), c.floor(h))
	}
	if can[weekShape] {
		p[weekLevel] = scaled(next[weekShape], s.levels[1].now(h), c.floor(h))
	}
	if n, ok := s.seasons.sum(head, head+h); ok {
		p[twoSeasons] = n
	}
	s.mix(c, hi, g, &next, &can, &p)
	for i, v := range p {
		g.mid[i] = float32(v)
	}
}

func scaled(n, log, floor float64) float64 {
	return max(0, (n+floor)*math.Exp(log)-floor)
}

// mix asks the regressions.
func (s *stream) mix(c *scene, hi int, g *guess, next *[kinds]float64, can *[kinds]bool, p *[models]float64) {
	h := horizons[hi]
	g.can = [nmix]bool{true, can[dayShape], can[weekShape]}
	if s.past.age() < 2*windows[2] {
		g.can[0] = false
	}
	g.base = [nmix]float32{float32(c.recent[1] / float64(windows[1]) * float64(h)), float32(next[dayShape]), float32(next[weekShape])}
	for i, m := range mixes {
		if !g.can[i] {
			continue
		}
		g.x[i] = s.features(c, i, h, next, can)
		log := s.mixers[hi][i].guess(&g.x[i])
		log = max(-4, min(4, log))
		p[m] = scaled(float64(g.base[i]), log, c.floor(h))
	}
}

// features of the regressions: how far the recent past is off what the base says of
// it, over the windows; what the last minutes alone would say; what yesterday alone
// would say; that something is off on the whole.
func (s *stream) features(c *scene, i int, h int64, next *[kinds]float64, can *[kinds]bool) (x [features]float32) {
	n := 0
	put := func(v float64) { x[n] = float32(max(-3, min(3, v))); n++ }
	if i == 0 {
		r := func(a int) float64 {
			return c.ratio(c.recent[a]*float64(windows[1])/float64(windows[a]), c.recent[1], windows[1])
		}
		put(r(0))
		put(r(2))
		put(r(3))
		put(r(4))
		put(0.1)
		return x
	}
	base := []kind{1: dayShape, 2: weekShape}[i]
	for w := range windows {
		put(c.ratio(c.recent[w], c.had[base][w], windows[w]))
	}
	part := c.recent[1] * float64(h) / float64(windows[1])
	put(c.ratio(part, next[base], h))
	other := []kind{1: yesterday, 2: lastWeek}[i]
	put(c.ratio(next[other], next[base], h) - c.ratio(c.had[other][2], c.had[base][2], windows[2]))
	if i == 2 && can[dayShape] {
		put(c.ratio(next[dayShape], next[base], h) - c.ratio(c.had[dayShape][2], c.had[base][2], windows[2]))
	} else {
		put(0)
	}
	put(0.1)
	return x
}

// priors of the regressions: what is off is off for a while.
func newMixers() (all [nh][nmix]regression) {
	for hi := range all {
		r := &all[hi]
		r[0] = regression{n: 5, prior: [features]float64{0.3, 0.1}}
		r[1] = regression{n: 9, prior: [features]float64{0.2, 0.4, 0.15, 0, 0.1}}
		r[2] = regression{n: 9, prior: [features]float64{0.2, 0.4, 0.15, 0, 0.1}}
		for i := range r {
			r[i].beta = r[i].prior
		}
	}
	return all
}

// ewma is a mean in which minutes count less the older they are. Until it has seen
// enough it is the plain mean.
type ewma struct {
	rate, sum, weight float64
}

func newEWMA(halfLife float64) ewma { return ewma{rate: 1 - math.Exp(-math.Ln2/halfLife)} }

func (e *ewma) learn(x float64) {
	e.sum += x - e.rate*e.sum
	e.weight += 1 - e.rate*e.weight
}

func (e *ewma) mean() float64 {
	if e.weight == 0 {
		return 0
	}
	return e.sum / e.weight
}

// level is how far a stream is off a shape, as a logarithm, and where that is going.
// Source: Holt's linear trend, damped (Gardner and McKenzie, Management Science 31, 1985).
type level struct {
	now0, trend float64
	seen        int
}

const (
	levelHalf = 20.0 // minutes
	trendRate = 0.01
	damp      = 0.98 // of the trend, a minute
)

func (l *level) learn(ratio float64) {
	rate := max(1-math.Exp(-math.Ln2/levelHalf), 1/float64(l.seen+1))
	l.seen++
	before := l.now0
	l.now0 += damp*l.trend + rate*(ratio-l.now0-damp*l.trend)
	l.trend = damp*l.trend + trendRate*(l.now0-before-damp*l.trend)
}

// now is the level in the middle of a horizon.
func (l *level) now(h int64) float64 {
	sum := l.trend * damp * (1 - math.Pow(damp, float64(h)/2)) / (1 - damp)
	return max(-4, min(4, l.now0+sum))
}
