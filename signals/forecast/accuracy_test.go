package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// sundays draws what so many days bring, minute by minute.
func sundays(days int) (list []float64) {
	r := rand.New(rand.NewPCG(1, 2))
	rate := sunday(time.UTC)
	for i := range days * dayMinutes {
		list = append(list, math.Floor(rate(monday.Add(time.Duration(i)*time.Minute))*(0.5+r.Float64())))
	}
	return list
}

// judgedOver ticks through arrivals with scores; a negative one is a tick that does
// not know.
func judgedOver(arrivals []float64) []Accuracy {
	f, s := New(Settings{}), NewScores(dayMinutes)
	f.Score(s)
	f.Observe(tick(monday, 0))
	for i, n := range arrivals {
		now := monday.Add(time.Duration(i+1) * time.Minute)
		if n < 0 {
			f.Observe(unheard(now))
		} else {
			f.Observe(tick(now, n))
		}
	}
	return s.Accuracy()
}

func TestARunIsScoredAsAMeasurement(t *testing.T) {
	arrivals := sundays(20)
	got, want := judgedOver(arrivals), Measure(Settings{}, monday, arrivals, dayMinutes)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v\nmeasured: %+v", got[i], want[i])
		}
		if a := got[i]; a.Scored < 12*dayMinutes || math.Abs(a.P90-.9) > .02 || math.Abs(a.P99-.99) > .01 || !(a.Loss < 1.02*a.LastWeek) || !(a.Loss < a.Last) {
			t.Errorf("%+v", a)
		}
	}
}

func TestWithoutAWeekTheLastValueCounts(t *testing.T) {
	list := judgedOver(sundays(5))
	if len(list) != nh || list[1].Scored < 4*dayMinutes-60 || !math.IsNaN(list[1].LastWeek) || !(list[1].Loss < list[1].Last) {
		t.Errorf("%+v", list)
	}
	if list := judgedOver(sundays(2)[:2*dayMinutes-30]); list != nil {
		t.Errorf("less than a day is scored: %+v", list)
	}
}

func TestWhatWasNotCountedIsNotScored(t *testing.T) {
	whole, holed := sundays(5), sundays(5)
	for i := range 120 {
		holed[3*dayMinutes+i] = -1
	}
	a, b := judgedOver(whole)[1], judgedOver(holed)[1]
	if missing := a.Scored - b.Scored; missing < 120 || missing > 200 {
		t.Errorf("%d of %d are not scored, want two hours and the horizon", missing, a.Scored)
	}
}

func TestNaiveErrorsAreThoseOfFourWeeks(t *testing.T) {
	var n naive
	for i := range naiveErrors + 500 {
		n.learn(float64(i * 7919 % 10007))
		if i%12 == 0 {
			n.merge()
		}
	}
	n.learn(-5)
	n.merge()
	if len(n.errors) != naiveErrors || len(n.sorted) != naiveErrors || n.sorted[0] != -5 {
		t.Errorf("%d errors, %d in order, the least %g", len(n.errors), len(n.sorted), n.sorted[0])
	}
	if want := slices.Sorted(slices.Values(n.errors)); !slices.Equal(n.sorted, want) {
		t.Error("those in order are not those that are kept")
	}
}
