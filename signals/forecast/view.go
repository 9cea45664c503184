package forecast

import (
	"math"
	"time"
)

// View is one queue's forecast, for tools that print and draw it.
type View struct {
	tap *tap
}

// Queue gives access to a queue's forecast; "" is the fleet's own, of the sum of its
// queues. False where nothing has been observed of it.
func (f *Forecaster) Queue(name string) (View, bool) {
	t := f.named(name)
	if t == nil || !t.begun || !t.now[0].full {
		return View{}, false
	}
	return View{tap: t}, true
}

// named is where a queue's forecast comes from, or the fleet's; nil: nothing is known
// of it. A fleet's own that has only learned is made for the occasion.
func (f *Forecaster) named(queue string) *tap {
	switch {
	case queue != "":
		return f.taps[queue]
	case f.fleet != nil:
		return f.fleet
	case len(f.set.Queues) > 1:
		return f.sumOf(f.set.Queues)
	case len(f.set.Queues) == 1:
		return f.taps[f.set.Queues[0]]
	}
	return f.taps[""]
}

// Lapse says that nothing has been heard of a queue until now, and why: what came
// since is filled in with what is usual.
func (f *Forecaster) Lapse(queue string, now time.Time, why string) {
	t := f.tap(queue)
	t.why = why
	t.blind(now)
}

// Silent says why there is no forecast for a queue, "" if there is one.
func (f *Forecaster) Silent(queue string, now time.Time) string {
	if t := f.named(queue); t != nil {
		return t.silent(now)
	}
	return "no whole minute of arrivals has been seen yet"
}

// Since is the first minute that is remembered, and Until the first that is not
// complete.
func (v View) Since() time.Time { return v.at(v.tap.past.oldest()) }

// Until is the end of the last complete minute: what forecasts begin with.
func (v View) Until() time.Time { return v.at(v.tap.past.head) }

// Rests says what a forecast rests on where that is little.
func (v View) Rests(now time.Time) string { return v.tap.rests(now) }

// Shape is what is known of the time beyond the next hour: the shape of the "week" or
// of the "day", or nothing, which is "".
func (v View) Shape() string { return v.shapeAt(v.tap.past.head+horizons[nh-1], binMinutes) }

func (v View) shapeAt(from, minutes int64) string {
	if _, ok := v.tap.like(weekShape, from, from+minutes); ok {
		return "week"
	}
	if _, ok := v.tap.like(dayShape, from, from+minutes); ok {
		return "day"
	}
	return ""
}

// Band is what is expected in a stretch of time, items.
type Band struct {
	From          time.Time
	Span          time.Duration
	P50, P90, P99 float64
}

// Within are the forecasts that the signals show: for 5, 15 and 60 minutes from the
// last complete minute on.
func (v View) Within() []Band {
	list := make([]Band, nh)
	for i, h := range horizons {
		q := v.tap.now[i].all
		list[i] = Band{From: v.at(v.tap.past.head), Span: time.Duration(h) * time.Minute,
			P50: float64(q[0]), P90: float64(q[1]), P99: float64(q[2])}
	}
	return list
}

// Coming are the next steps, each by itself. Steps within the next hour add up to the
// forecasts for 5, 15 and 60 minutes; those beyond are what the shape of the week, or else of the
// day, makes of how far the stream is off it now, which fades over hours; where no day
// is known, the last hour goes on. Steps are whole minutes, of at most a day.
func (v View) Coming(step time.Duration, n int) []Band {
	minutes := min(max(int64(step/time.Minute), 1), dayMinutes)
	var list []Band
	for i := range n {
		from := v.tap.past.head + int64(i)*minutes
		if from+minutes-v.tap.past.head > weekMinutes {
			break
		}
		list = append(list, v.band(from, minutes))
	}
	return list
}

// fade is the half-life of how far a stream is off its shape, minutes, beyond an hour.
const fade = 180.0

func (v View) band(from, minutes int64) Band {
	t := v.tap
	head := t.past.head
	i := 0
	for i < nh-1 && horizons[i] < minutes {
		i++
	}
	g := &t.now[i]
	mid := v.middle(from, minutes)
	b := Band{From: v.at(from), Span: time.Duration(minutes) * time.Minute, P50: mid, P90: mid, P99: mid}
	if from == head && minutes == horizons[i] {
		b.P90, b.P99 = float64(g.all[1]), float64(g.all[2])
		return b
	}
	scale := float64(minutes) / float64(horizons[i])
	near := math.Exp2(-float64(from-head) / fade)
	past := v.passed(i, from, mid/scale)
	grow, most := 1.0, max(mid, scale*t.trials[i].bound(t.rate))
	if v.shapeAt(from, minutes) == "" {
		grow = math.Sqrt(1 + float64(from-head)/60) // what merely goes on is off by more the longer it does
	}
	for j, to := range map[int]*float64{1: &b.P90, 2: &b.P99} {
		ratio := near*logRatio(float64(g.all[j]), float64(g.all[0]), g.floor) + (1-near)*logRatio(past[j], mid/scale, g.floor)
		*to = min(most, max(mid, scale*scaled(mid/scale, max(0, ratio)*grow, g.floor)))
	}
	b.P99 = max(b.P90, b.P99)
	return b
}

func logRatio(a, b, floor float64) float64 { return math.Log((a + floor) / (b + floor)) }

// passed are the quantiles that a stretch of a horizon's length far ahead has around its
// median, by the errors of who says that the same comes as a week ago, or else as
// yesterday, which do not depend on how far ahead that is said. Until either has been
// seen for a day they are those of the last value, as a share of what comes.
func (v View) passed(i int, from int64, mid float64) (q [nq]float64) {
	t := &v.tap.trials[i]
	r, form := &t.models[lastValue], relative
	for _, m := range []int{sameLastWeek, sameYesterday} {
		if t.models[m].seen >= dayMinutes {
			r = &t.models[m]
			form = r.fittest()
			break
		}
	}
	slot, _ := v.tap.days.slot(from)
	floor := v.tap.now[i].floor
	all := r.spread(mid, r.width(mid, floor, t.uneven(slot)), floor, t.bound(v.tap.rate))
	for j := range q {
		q[j] = float64(all[form][j])
	}
	return q
}

// fittest is the form of errors whose upper quantiles have lost least.
func (r *record) fittest() (best int) {
	loss := func(form int) float64 { return r.loss[form][1].mean() + r.loss[form][2].mean() }
	for form := range forms {
		if loss(form) < loss(best) {
			best = form
		}
	}
	return best
}

// middle is the median of a step.
func (v View) middle(from, minutes int64) (sum float64) {
	head := v.tap.past.head
	start, before := int64(0), 0.0
	for i, h := range horizons { // what the forecasts give to 0–5, 5–15 and 15–60 minutes
		all := float64(v.tap.now[i].all[0])
		a, b := max(from, head+start), min(from+minutes, head+h)
		if a < b {
			sum += (all - before) * v.part(head+start, h-start, a, b-a)
		}
		start, before = h, all
	}
	if a := max(from, head+start); a < from+minutes {
		off := math.Exp2(-float64(a-head)/fade) * v.off()
		sum += v.shape(a, from+minutes-a) * math.Exp(off)
	}
	return sum
}

// part is what share of a stretch falls to a stretch within it, by its shape.
func (v View) part(from, minutes, a, span int64) float64 {
	whole := v.shape(from, minutes)
	if span == minutes || whole <= 0 {
		return float64(span) / float64(minutes)
	}
	return v.shape(a, span) / whole
}

// off is how far the forecast of the hour is off the shape, as a logarithm.
func (v View) off() float64 {
	g := &v.tap.now[nh-1]
	h := horizons[nh-1]
	return math.Log((float64(g.all[0]) + g.floor) / (v.shape(v.tap.past.head, h) + g.floor))
}

func (v View) shape(from, minutes int64) float64 {
	t := v.tap
	for _, k := range []kind{weekShape, dayShape} {
		if n, ok := t.like(k, from, from+minutes); ok {
			return n
		}
	}
	return float64(t.now[nh-1].all[0]) * float64(minutes) / float64(horizons[nh-1])
}

func (v View) at(minute int64) time.Time { return time.Unix(minute*60, 0).In(v.tap.days.zone) }

// Compared is how wrong the forecasts of one horizon were over the last weeks, as a
// ratio of pinball losses; NaN where there is nothing to compare with yet.
type Compared struct {
	Horizon      time.Duration
	OverLastWeek float64 // over "same as last week"
	OverLast     float64 // over "last value"
}

// Compared are all horizons.
func (v View) Compared() []Compared {
	list := make([]Compared, nh)
	for i := range list {
		t := &v.tap.trials[i]
		list[i] = Compared{Horizon: time.Duration(t.minutes) * time.Minute, OverLastWeek: math.NaN(), OverLast: math.NaN()}
		if t.weekSeen >= dayMinutes && t.weekRef.mean() > 0 {
			list[i].OverLastWeek = t.week.mean() / t.weekRef.mean()
		}
		if t.lastRef.mean() > 0 {
			list[i].OverLast = t.ours.mean() / t.lastRef.mean()
		}
	}
	return list
}

// Standing is how one model does at one horizon.
type Standing struct {
	Model    string
	Horizon  time.Duration
	Weight   float64 // share in the forecast of the median
	P90, P99 float64 // the same, of these quantiles
	Loss     float64 // recent mean pinball loss over that of the forecast as a whole; 1 is as good
	Scored   int     // forecasts whose horizon has passed
}

// Models are all models at all horizons, by horizon.
func (v View) Models() []Standing {
	var list []Standing
	for i := range v.tap.trials {
		t := &v.tap.trials[i]
		for m := range models {
			r := &t.models[m]
			s := Standing{Model: modelNames[m], Horizon: time.Duration(t.minutes) * time.Minute, Scored: int(r.seen),
				Weight: sum(t.weight[0][m]), P90: sum(t.weight[1][m]), P99: sum(t.weight[2][m])}
			for j := range quantiles {
				s.Loss += min(r.loss[relative][j].mean(), r.loss[timely][j].mean(), r.loss[absolute][j].mean())
			}
			if ours := t.recent.mean(); ours > 0 {
				s.Loss /= ours
			}
			list = append(list, s)
		}
	}
	return list
}

// Miss is a forecast for 15 minutes whose time has passed, and what came.
type Miss struct {
	Band
	Came float64
}

// Misses are the last forecasts whose time has passed, one each quarter of an hour for
// two days, oldest first.
func (v View) Misses() []Miss {
	var list []Miss
	t := v.tap
	for i := range t.misses {
		m := t.misses[(t.missed+i)%len(t.misses)]
		if m.at == 0 {
			continue
		}
		list = append(list, Miss{Came: float64(m.came), Band: Band{From: v.at(m.at), Span: 15 * time.Minute,
			P50: float64(m.q[0]), P90: float64(m.q[1]), P99: float64(m.q[2])}})
	}
	return list
}

// miss is what is kept of one.
type miss struct {
	at   int64
	q    [nq]float32
	came float32
}

func sum(w [forms]float64) float64 { return w[relative] + w[timely] + w[absolute] }
