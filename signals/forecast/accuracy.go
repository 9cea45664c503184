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
	LastWeek             float64 // of "same as last week", with the quantiles of its own errors so far; NaN: no week was known
	Last                 float64 // of "last value", with the quantiles of its own errors so far
	PlainWeek, PlainLast float64 // of the same without quantiles
	P90, P99             float64 // how often no more came than that
	Over99               float64 // mean of p99 over the mean of what came
}

// Measure runs a Forecaster over the arrivals of each minute from a start on, as a
// queue that is read each minute, and scores the forecasts for 5, 15 and 60 minutes
// that were made after so many minutes, and when a week was known.
func Measure(set Settings, start time.Time, arrivals []float64, after int) []Accuracy {
	s := newStream(newDays(set.Zone, set.Holidays))
	s.judge = NewScores(after)
	for i, n := range arrivals {
		at := start.Add(time.Duration(i) * time.Minute)
		s.observe(at, at.Add(time.Minute), n)
	}
	return s.judge.over(func(j *judged) *tally { return &j.weekly })
}

// Scores judge forecasts while they are made, minute by minute. They take about a
// megabyte, however long that goes on.
type Scores struct {
	after int
	first int64 // the minute before which nothing was known; 0: nothing has come yet
	head  int64
	cum   [judgedMinutes]float64 // items before a minute
	made  [64][nh][nq]float64    // the forecasts of the last minutes
	gap   int64                  // the last minute that was filled in
	by    [nh]judged
}

// judgedMinutes reach back a week and twice the longest horizon.
const judgedMinutes = weekMinutes + 256

// NewScores score what is forecast after so many minutes.
func NewScores(after int) *Scores {
	s := &Scores{after: after}
	for i, h := range horizons {
		s.by[i] = judged{last: naive{back: h, h: h}, week: naive{back: weekMinutes, h: h}}
	}
	return s
}

// judged is how the forecasts of one horizon did.
type judged struct {
	last, week naive
	all        tally // forecasts
	weekly     tally // those of them that "same as last week" made one beside
}

// Score has the forecasts of the fleet's arrivals scored from now on; nil: no more.
func (f *Forecaster) Score(s *Scores) {
	f.scores = s
	if f.fleet != nil {
		f.fleet.judge = s
	}
}

// enough is how many forecasts are scored before it is told how good they are.
const enough = dayMinutes

// Accuracy is how good the forecasts were, by horizon: of those made while a week was
// known, so that all are judged by the same minutes, or of all of them where that is
// less than a day. None where that is less, too.
func (s *Scores) Accuracy() []Accuracy {
	if s.by[nh-1].weekly.n >= enough {
		return s.over(func(j *judged) *tally { return &j.weekly })
	}
	if s.by[nh-1].all.n < enough {
		return nil
	}
	return s.over(func(j *judged) *tally { return &j.all })
}

func (s *Scores) over(which func(*judged) *tally) []Accuracy {
	list := make([]Accuracy, nh)
	for i, h := range horizons {
		t := which(&s.by[i])
		list[i] = t.accuracy(time.Duration(h) * time.Minute)
		if t.n > s.by[i].weekly.n {
			list[i].LastWeek, list[i].PlainWeek = math.NaN(), math.NaN()
		}
	}
	return list
}

// minute takes in what the minute before head brought, whether that was counted, and
// what was forecast then.
func (s *Scores) minute(head int64, items float64, counted bool, now *[nh]guess) {
	if s.first == 0 || head > s.head+1 || head <= s.first {
		s.begin(head - 1)
	}
	if !counted {
		s.gap = head - 1
	}
	s.head = head
	s.cum[head%judgedMinutes] = s.before(head-1) + items
	for i := range horizons {
		s.by[i].score(s, i)
		for q := range quantiles {
			s.made[head%int64(len(s.made))][i][q] = float64(now[i].all[q])
		}
	}
}

// begin begins anew: nothing before a minute is known. What was scored remains.
func (s *Scores) begin(minute int64) {
	s.first, s.head, s.gap = minute, minute, minute-1
	s.cum[minute%judgedMinutes] = 0
}

func (s *Scores) before(minute int64) float64 { return s.cum[minute%judgedMinutes] }

func (s *Scores) sum(from, minutes int64) float64 { return s.before(from+minutes) - s.before(from) }

// score judges the forecasts that were made a horizon ago.
func (j *judged) score(s *Scores, i int) {
	h := horizons[i]
	at := s.head - h
	if at-s.first < 2*h {
		return
	}
	last, week := j.last.guess(s, at), j.week.guess(s, at)
	if at-s.first < int64(s.after) || s.gap >= at {
		return
	}
	o := outcome{came: s.sum(at, h), before: s.sum(at-h, h), ours: s.made[at%int64(len(s.made))][i], last: last, week: week}
	j.all.add(&o)
	if week.ok {
		j.weekly.add(&o)
	}
}

// naive is a forecast that something comes again, with the quantiles of its errors
// of the last four weeks, which are brought up to date each hour.
type naive struct {
	back, h     int64
	errors      []float64 // in order of time, from next on where there are as many as are kept
	next        int
	sorted      []float64 // as of the last hour
	spare       []float64
	fresh, gone []float64 // since then
	q           [nq]float64
}

// naiveErrors is how many errors are kept, one each five minutes.
const naiveErrors = 4 * weekMinutes / 5

// said is what a naive forecast says.
type said struct {
	plain float64
	q     [nq]float64
	ok    bool
}

func (n *naive) guess(s *Scores, at int64) (g said) {
	if at-n.back < s.first {
		return g
	}
	g = said{plain: s.sum(at-n.back, n.h), ok: true}
	age := at - s.first
	if made := at - n.h; made-n.back >= s.first && age%5 == 0 {
		n.learn(s.sum(made, n.h) - s.sum(made-n.back, n.h))
	}
	if age%60 == 0 && n.merge() {
		for j, tau := range quantiles {
			n.q[j] = n.sorted[int(tau*float64(len(n.sorted)-1))]
		}
	}
	for j := range g.q {
		g.q[j] = max(0, g.plain+n.q[j])
	}
	return g
}

// learn takes in an error, in place of the oldest where there are enough.
func (n *naive) learn(off float64) {
	n.fresh = append(n.fresh, off)
	if len(n.errors) < naiveErrors {
		n.errors = append(n.errors, off)
		return
	}
	n.gone = append(n.gone, n.errors[n.next])
	n.errors[n.next] = off
	n.next = (n.next + 1) % naiveErrors
}

// merge brings the order up to date; false if there is no error yet.
func (n *naive) merge() bool {
	slices.Sort(n.fresh)
	slices.Sort(n.gone)
	out, fresh, gone := n.spare[:0], n.fresh, n.gone
	for _, v := range n.sorted {
		if len(gone) > 0 && gone[0] == v {
			gone = gone[1:]
			continue
		}
		for len(fresh) > 0 && fresh[0] < v {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
		out = append(out, v)
	}
	n.sorted, n.spare = append(out, fresh...), n.sorted
	n.fresh, n.gone = n.fresh[:0], n.gone[:0]
	return len(n.sorted) > 0
}
