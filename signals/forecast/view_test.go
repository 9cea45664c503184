package forecast

import (
	"math"
	"testing"
	"time"
)

// learned is a forecaster that has learned so many minutes, of one queue or of several.
func learned(minutes int, queues ...string) *Forecaster {
	f := New(Settings{Queues: queues})
	for i, n := range sundays(minutes/dayMinutes + 1)[:minutes] {
		for _, q := range queues {
			f.Learn(q, monday.Add(time.Duration(i+1)*time.Minute), time.Minute, n)
		}
	}
	return f
}

// What is drawn for the next hour adds up to what is forecast for it, however it is cut.
func TestComingAddsUpToTheHour(t *testing.T) {
	v, _ := learned(13*dayMinutes+17*60+40, "photos").Queue("photos")
	within := v.Within()
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 20 * time.Minute, time.Hour} {
		list, sum := v.Coming(step, int(time.Hour/step)), 0.0
		for _, b := range list {
			sum += b.P50
			if !(b.P50 >= 0) || b.P90 < b.P50 || b.P99 < b.P90 {
				t.Errorf("in steps of %s: %+v", step, b)
			}
		}
		if math.Abs(sum-within[2].P50) > 1e-6*sum {
			t.Errorf("in steps of %s: %.1f, want %.1f", step, sum, within[2].P50)
		}
	}
	if b := v.Coming(15*time.Minute, 1)[0]; b != within[1] {
		t.Errorf("the next quarter of an hour is drawn as %+v, forecast as %+v", b, within[1])
	}
	// Sunday evening begins in 20 minutes, and lies within the hour.
	if list := v.Coming(20*time.Minute, 3); list[1].P50 < 3*list[0].P50 {
		t.Errorf("%+v", list)
	}
}

// A day ahead bands are as wide as what comes again each week is wrong, and on the first
// day the wider the further ahead.
func TestBandsADayAhead(t *testing.T) {
	v, _ := learned(15*dayMinutes, "photos").Queue("photos")
	for _, b := range v.Coming(time.Hour, 24) {
		if b.P90 < 1.02*b.P50 || b.P99 < b.P90 || b.P99 > 1.5*b.P50 {
			t.Errorf("%+v: what comes in an hour is within some 15%%", b)
		}
	}
	v, _ = learned(200, "photos").Queue("photos")
	list := v.Coming(time.Hour, 24)
	if near, far := list[1], list[12]; far.P99/far.P50 < 1.2*near.P99/near.P50 || far.P99 > 100*far.P50 {
		t.Errorf("%+v, %+v", near, far)
	}
}

// fed is a forecaster of one queue that has learned what came, minute by minute.
func fed(minutes int, came func(minute int) float64) View {
	f := New(Settings{Queues: []string{"photos"}})
	for i := range minutes {
		f.Learn("photos", monday.Add(time.Duration(i+1)*time.Minute), time.Minute, came(i))
	}
	v, _ := f.Queue("photos")
	return v
}

// Twice the usual load is expected to be over by half, as a logarithm, each three hours.
func TestWhatIsOffTheShapeFades(t *testing.T) {
	const days = 15 * dayMinutes
	list := fed(days+180, func(i int) float64 {
		if i >= days {
			return 200
		}
		return 100
	}).Coming(time.Hour, 12)
	off := func(hour int) float64 { return math.Log(list[hour].P50 / 6000) }
	if off(2) < .1 {
		t.Fatalf("%+v: twice as much comes now", list[:3])
	}
	near(t, "three hours later", off(5), off(2)/2, .1)
	near(t, "nine hours later", off(11), off(2)/8, .2)
}

// The fleet's own forecast is there before the first tick, of what its queues learned.
func TestAFleetThatHasOnlyLearned(t *testing.T) {
	f := learned(3*dayMinutes, "photos", "videos")
	v, ok := f.Queue("")
	one, _ := f.Queue("photos")
	if !ok || f.Silent("", monday.AddDate(0, 0, 3)) != "" {
		t.Fatal("there is none")
	}
	near(t, "both queues within an hour", v.Within()[2].P50, 2*one.Within()[2].P50, .05)
	if f.fleet != nil {
		t.Error("looking has changed what a tick will begin with")
	}
	if why := f.Silent("clips", monday); why == "" {
		t.Error("a forecast of a queue that nobody knows")
	}
}

func TestALapseIsFilled(t *testing.T) {
	f := learned(9*dayMinutes, "photos")
	now := monday.AddDate(0, 0, 9).Add(3 * time.Hour)
	f.Lapse("photos", now, "the end")
	v, _ := f.Queue("photos")
	if !v.Until().Equal(now) || !v.Since().Equal(monday) || v.Rests(now) != "arrivals have been unknown for 3 hours: the end" || v.Shape() != "week" {
		t.Errorf("%s to %s, rests %q, shape %q", v.Since(), v.Until(), v.Rests(now), v.Shape())
	}
	near(t, "the hour after it", v.Within()[2].P50, 6000, .1)
	if why := f.Silent("photos", now.AddDate(0, 0, 2)); why != "arrivals have been unknown for 2 days: the end" {
		t.Error(why)
	}
	if v, _ := learned(30, "photos").Queue("photos"); v.Shape() != "" {
		t.Error(v.Shape())
	}
}

func TestComparedIsUnknownAtFirst(t *testing.T) {
	for _, c := range []struct {
		minutes    int
		week, last bool
	}{{40, false, true}, {3 * dayMinutes, false, true}, {9 * dayMinutes, true, true}} {
		v, _ := learned(c.minutes, "photos").Queue("photos")
		got := v.Compared()[1]
		if !math.IsNaN(got.OverLastWeek) != c.week || !math.IsNaN(got.OverLast) != c.last {
			t.Errorf("after %d minutes: %+v", c.minutes, got)
		}
	}
}

func BenchmarkScored(b *testing.B) {
	arrivals := sundays(28)
	for _, scored := range []bool{false, true} {
		b.Run(map[bool]string{false: "without", true: "with scores"}[scored], func(b *testing.B) {
			for b.Loop() {
				f := New(Settings{})
				if scored {
					f.Score(NewScores(dayMinutes))
				}
				for i, n := range arrivals {
					f.Observe(tick(monday.Add(time.Duration(i+1)*time.Minute), n))
				}
			}
		})
	}
}
