package forecast

import (
	"math"
	"time"
)

// stream is one queue's arrivals, or those of all of them: what is remembered, the
// models, and how they did. It moves on by whole minutes.
type stream struct {
	days    *days
	past    past
	begun   bool
	seen    time.Time // until when arrivals are known or given up
	part    float64   // items of the minute that is not complete
	blank   bool      // something of that minute is not known
	gap     int64     // the last minute that had to be filled, and is not scored
	rate    float64   // items a minute, over days
	mean    ewma
	quick   ewma
	slow    ewma
	levels  [2]level // off the shape of the day, and of the week
	seasons seasons
	mixers  [nh][nmix]regression
	trials  [nh]trial
	pending [nh][]guess
	now     [nh]guess
	off     float64 // σ of the last five minutes
	offOK   bool
	misses  [192]miss
	missed  int // where the oldest is
	judge   *Scores
}

func newStream(d *days) *stream {
	s := &stream{days: d}
	s.mean, s.quick, s.slow = newEWMA(3*dayMinutes), newEWMA(4), newEWMA(30)
	s.mixers = newMixers()
	for i, h := range horizons {
		s.trials[i] = newTrial(h)
		s.pending[i] = make([]guess, h)
	}
	return s
}

// minuteOf is the minute that a time lies in.
func minuteOf(t time.Time) int64 { return floorDiv(t.Unix(), 60) }

// start begins a stream whose first items are known from a time on.
func (s *stream) start(from time.Time) {
	s.begun, s.seen = true, from
	s.past.start(minuteOf(from))
	s.part, s.blank = 0, from.Unix()%60 != 0
	s.gap = s.past.head - 1
}

// observe takes in that so many items came since a time, until another.
func (s *stream) observe(from, to time.Time, items float64) {
	if !s.begun {
		s.start(from)
	}
	if from.After(s.seen) {
		s.skip(from)
	}
	span := to.Sub(s.seen)
	if span <= 0 {
		s.part += items
		return
	}
	for s.seen.Before(to) {
		end := time.Unix((s.past.head+1)*60, 0)
		until := to
		if !end.After(to) {
			until = end
		}
		s.part += items * float64(until.Sub(s.seen)) / float64(span)
		s.seen = until
		if !until.Before(end) {
			s.minute()
		}
	}
}

// skip fills in what is not known until a time.
func (s *stream) skip(to time.Time) {
	last := minuteOf(to)
	if last-s.past.head > bins*binMinutes {
		s.start(to)
		return
	}
	for s.past.head < last {
		s.part, s.blank = s.fill(), true
		s.minute()
	}
	s.seen = to
	s.blank = s.blank || to.Unix()%60 != 0
}

// fill is what a minute of which nothing is known probably brought.
func (s *stream) fill() float64 {
	head := s.past.head
	if n, ok := s.like(weekShape, head, head+1); ok {
		return n
	}
	if n, ok := s.like(dayShape, head, head+1); ok {
		return n
	}
	return s.slow.mean()
}

// minute completes the minute under way: the models learn, forecasts whose horizon
// has passed are scored, and new ones are made.
func (s *stream) minute() {
	items := s.part
	blank := s.blank
	s.part, s.blank = 0, false
	if blank {
		s.gap = s.past.head
		if s.past.age() == 0 { // the first minute began before it was watched
			s.past.start(s.past.head + 1)
			return
		}
	}
	s.past.add(items)
	if blank {
		s.judged(items, false)
		if s.past.head%binMinutes == 0 && s.seasons.seen > 0 {
			s.seasons.look(s.days, s.past.head, s.floor())
		}
		return
	}
	s.learn(items)
	for i := range horizons {
		s.settle(i)
	}
	s.predict(true)
	s.judged(items, true)
}

// judged tells whoever judges what a minute brought and what is forecast after it.
func (s *stream) judged(items float64, counted bool) {
	if s.judge != nil {
		s.judge.minute(s.past.head, items, counted, &s.now)
	}
}

func (s *stream) learn(items float64) {
	s.mean.learn(items)
	s.rate = s.mean.mean()
	s.quick.learn(items)
	s.slow.learn(items)
	head := s.past.head
	for i, k := range []kind{dayShape, weekShape} {
		if n, ok := s.like(k, head-1, head); ok {
			f := 0.5 + 0.05*s.rate
			s.levels[i].learn(math.Log((items + f) / (n + f)))
		}
	}
	if head%binMinutes == 0 && s.past.age() >= binMinutes {
		s.seasons.learn(s.days, head-binMinutes, s.past.sum(head-binMinutes, head), s.floor())
	}
}

// floor is that of a bin.
func (s *stream) floor() float64 { return 0.5 + 0.02*s.rate*binMinutes }

// settle scores the forecast whose horizon ends now.
func (s *stream) settle(i int) {
	h := horizons[i]
	head := s.past.head
	g := &s.pending[i][head%h]
	if g.at != head-h || !g.full || s.gap >= g.at {
		return
	}
	y := s.past.sum(g.at, head)
	if i == 0 {
		wide := max((float64(g.all[1])-float64(g.all[0]))/normal[1], math.Sqrt(float64(g.all[0])+1))
		s.off, s.offOK = (y-float64(g.all[0]))/wide, true
	}
	if i == 1 && head%h == 0 {
		s.misses[s.missed] = miss{at: g.at, q: g.all, came: float32(y)}
		s.missed = (s.missed + 1) % len(s.misses)
	}
	s.trials[i].score(g, y)
	for m := range mixes {
		if !g.can[m] {
			continue
		}
		base := float64(g.base[m])
		target := math.Log((y + g.floor) / (base + g.floor))
		weight := min(3, max(0.05, (base+g.floor)/(s.rate*float64(h)+g.floor)))
		r := &s.mixers[i][m]
		r.learn(&g.x[m], max(-4, min(4, target)), weight)
		if head%binMinutes == int64(m) {
			r.solve(4 * float64(h) * r.noise)
		}
	}
}

// predict makes the forecasts of this minute. Those that rest on what was filled in
// are not scored.
func (s *stream) predict(scored bool) {
	c := s.look()
	slot, _ := s.days.slot(s.past.head)
	for i, h := range horizons {
		g := &s.now[i]
		*g = guess{at: s.past.head, floor: c.floor(h), full: true, slot: slot, uneven: s.trials[i].uneven(slot)}
		s.guessAll(&c, i, g)
		g.apart = s.trials[i].differ(g)
		t := &s.trials[i]
		most := s.trials[i].bound(s.rate)
		for m := range models {
			mid := float64(g.mid[m])
			wide := t.models[m].width(mid, g.floor, g.uneven)
			g.wide[m] = [forms]float32{float32(wide[0]), float32(wide[1]), float32(wide[2])}
			g.q[m] = t.models[m].spread(mid, wide, g.floor, most)
		}
		if s.past.head%binMinutes == 0 || t.models[lastValue].seen < float64(h)+60 {
			t.weigh(g)
		}
		t.blendInto(g)
		if scored {
			s.pending[i][s.past.head%h] = *g
		}
	}
	s.ascend()
}

// ascend keeps a longer horizon from bringing less than a shorter.
func (s *stream) ascend() {
	for i := 1; i < nh; i++ {
		for j := range quantiles {
			s.now[i].all[j] = max(s.now[i].all[j], s.now[i-1].all[j])
		}
	}
}
