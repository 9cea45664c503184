package forecast

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"skynet/signals"
)

// monday is a Monday, 00:00 UTC.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// tick is a snapshot that says how many items came to the only queue.
func tick(now time.Time, n float64) signals.Snapshot {
	return signals.Snapshot{Now: now, Signals: []signals.Signal{signals.Known("queue.arrived", n, now, 0)}}
}

// unheard is a tick that does not know.
func unheard(now time.Time) signals.Snapshot {
	return signals.Snapshot{Now: now, Signals: []signals.Signal{signals.Missing("queue.arrived", now, "no answer")}}
}

// find is a signal, which must be there.
func find(t testing.TB, list []signals.Signal, name string) signals.Signal {
	t.Helper()
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("%s is not given", name)
	return signals.Signal{}
}

// value is a signal's value, which must be known.
func value(t testing.TB, list []signals.Signal, name string) float64 {
	t.Helper()
	s := find(t, list, name)
	if s.Unknown != "" {
		t.Fatalf("%s is unknown: %s", name, s.Unknown)
	}
	return s.Value
}

// near checks a number within a share.
func near(t testing.TB, what string, got, want, share float64) {
	t.Helper()
	if math.Abs(got-want) > share*want {
		t.Errorf("%s: %.1f, want %.1f within %.0f%%", what, got, want, 100*share)
	}
}

// world brings items a minute at a rate that depends on the time, and counts by chance.
type world struct {
	f    *Forecaster
	now  time.Time
	rate func(time.Time) float64
	r    *rand.Rand
	step time.Duration
}

func newWorld(set Settings, start time.Time, rate func(time.Time) float64) *world {
	return &world{f: New(set), now: start, rate: rate, r: rand.New(rand.NewPCG(1, 2)), step: time.Minute}
}

// came draws what a step brings.
func (w *world) came() float64 {
	mean := w.rate(w.now) * w.step.Minutes()
	return math.Max(0, math.Round(mean+math.Sqrt(mean)*w.r.NormFloat64()))
}

// run ticks until a time, and returns the last tick's signals.
func (w *world) run(until time.Time) (out []signals.Signal) {
	for w.now.Before(until) {
		n := w.came()
		w.now = w.now.Add(w.step)
		out = w.f.Observe(tick(w.now, n))
	}
	return out
}

// sunday is quiet but on Sunday evenings.
func sunday(zone *time.Location) func(time.Time) float64 {
	return func(t time.Time) float64 {
		if t = t.In(zone); t.Weekday() == time.Sunday && t.Hour() >= 18 && t.Hour() < 22 {
			return 1000
		}
		return 100
	}
}

func day(n int) time.Time { return monday.AddDate(0, 0, n) }

func TestSundayEveningIsLearned(t *testing.T) {
	w := newWorld(Settings{}, monday, sunday(time.UTC))
	out := w.run(day(20).Add(17*time.Hour + 59*time.Minute))
	near(t, "the hour that begins in a minute", value(t, out, "forecast.arrivals_60m"), 59000, 0.15)
	near(t, "a quarter that begins in a minute", value(t, out, "forecast.arrivals_15m"), 14100, 0.15)
	out = w.run(day(20).Add(21*time.Hour + 59*time.Minute))
	if got := value(t, out, "forecast.arrivals_60m"); got > 20000 {
		t.Errorf("a minute before the end of the evening: %.0f, want about 7000", got)
	}
	near(t, "what this hour usually brings", value(t, out, "forecast.usual"), 1000.0/60, 0.05)
	// The same as last week is the whole truth here, so that little can be better.
	if got := value(t, out, "forecast.error"); got > 1.1 {
		t.Errorf("error over that of the same as last week: %.2f", got)
	}
}

func TestALevelShiftIsFollowed(t *testing.T) {
	shift := day(15).Add(10 * time.Hour)
	daily := func(t time.Time) float64 { return 600 + 400*math.Sin(float64(t.Unix()%86400)/86400*2*math.Pi) }
	w := newWorld(Settings{}, monday, func(t time.Time) float64 {
		if t.Before(shift) {
			return daily(t)
		}
		return 3 * daily(t)
	})
	out := w.run(shift.Add(5 * time.Minute))
	if got := value(t, out, "forecast.surprise"); got < 5 {
		t.Errorf("surprise after three times as many: %.1f σ", got)
	}
	out = w.run(shift.Add(30 * time.Minute))
	near(t, "half an hour after", value(t, out, "forecast.arrivals_15m"), 15*3*daily(w.now.Add(7*time.Minute)), 0.15)
}

func TestAConstantStreamHasTightBands(t *testing.T) {
	w := newWorld(Settings{}, monday, func(time.Time) float64 { return 1200 })
	out := w.run(day(3))
	for name, want := range map[string]float64{"5m": 6000, "15m": 18000, "60m": 72000} {
		near(t, name, value(t, out, "forecast.arrivals_"+name), want, 0.02)
		p99 := value(t, out, "forecast.arrivals_"+name+"_p99")
		if most := want + 6*math.Sqrt(want); p99 > math.Max(most, 1.03*want) || p99 < want {
			t.Errorf("%s: p99 %.0f of a steady %.0f", name, p99, want)
		}
	}
}

func TestTheFirstDay(t *testing.T) {
	f := New(Settings{})
	for _, s := range f.Observe(unheard(monday)) {
		if s.Unknown == "" || !strings.Contains(s.Unknown, "no answer") {
			t.Errorf("before anything is known: %+v", s)
		}
	}
	f.Observe(tick(monday.Add(time.Minute), 500)) // since when is not known
	var out []signals.Signal
	for i := range 30 {
		out = f.Observe(tick(monday.Add(time.Duration(i+2)*time.Minute), 100))
	}
	near(t, "after half an hour", value(t, out, "forecast.arrivals_5m"), 500, 0.05)
	if s := find(t, out, "forecast.arrivals_60m_p99"); !strings.Contains(s.Note, "minutes of history") {
		t.Errorf("it does not say that it rests on little: %+v", s)
	}
	if s := find(t, out, "forecast.usual"); s.Unknown == "" {
		t.Errorf("nothing is usual yet: %+v", s)
	}
	if s := find(t, out, "forecast.error"); !strings.Contains(s.Note, "last value") {
		t.Errorf("compared with what there is: %+v", s)
	}
}

func TestAnOutageIsNoZero(t *testing.T) {
	w := newWorld(Settings{}, monday, func(time.Time) float64 { return 600 })
	w.run(day(9))
	missed := 0.0
	var out []signals.Signal
	for range 30 {
		missed += w.came()
		w.now = w.now.Add(time.Minute)
		out = w.f.Observe(unheard(w.now))
	}
	s := find(t, out, "forecast.arrivals_15m")
	near(t, "while nothing is known", value(t, out, s.Name), 9000, 0.05)
	if !strings.Contains(s.Note, "no answer") {
		t.Errorf("it does not say that nothing is known: %+v", s)
	}
	missed += w.came()
	w.now = w.now.Add(time.Minute)
	out = w.f.Observe(tick(w.now, missed)) // covers the gap
	near(t, "after the gap", value(t, out, "forecast.arrivals_15m"), 9000, 0.05)
	w.now = w.now.Add(5 * time.Hour) // the daemon was down
	w.f.Observe(unheard(w.now))
	out = w.run(w.now.Add(3 * time.Minute))
	near(t, "after five hours", value(t, out, "forecast.arrivals_15m"), 9000, 0.1)
	w.now = w.now.Add(25 * time.Hour)
	if s := find(t, w.f.Observe(unheard(w.now)), "forecast.arrivals_5m"); s.Unknown == "" {
		t.Errorf("nothing was heard for a day: %+v", s)
	}
}

func TestClocksOnTheWallAreSetForward(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	// 2026-03-08 02:00 becomes 03:00 there, and 2026-11-01 02:00 becomes 01:00.
	for _, changes := range []time.Time{time.Date(2026, 3, 8, 0, 0, 0, 0, zone), time.Date(2026, 11, 1, 0, 0, 0, 0, zone)} {
		w := newWorld(Settings{Zone: zone}, changes.AddDate(0, 0, -15), sunday(zone))
		evening := time.Date(changes.Year(), changes.Month(), changes.Day(), 17, 59, 0, 0, zone)
		near(t, "Sunday evening", value(t, w.run(evening), "forecast.arrivals_15m"), 14100, 0.15)
	}
}

func TestAHolidayIsLikeASunday(t *testing.T) {
	week := func(t time.Time) float64 {
		if t.Weekday() == time.Sunday || t.Equal(day(23)) || t.After(day(23)) && t.Before(day(24)) {
			return 100
		}
		if h := t.Hour(); h >= 8 && h < 18 {
			return 1000
		}
		return 100
	}
	at := day(23).Add(7*time.Hour + 59*time.Minute) // Wednesday
	w := newWorld(Settings{Holidays: []string{"2026-03-25"}}, monday, week)
	if got := value(t, w.run(at), "forecast.arrivals_15m"); got > 4000 {
		t.Errorf("on a holiday: %.0f, want about 1500", got)
	}
	w.run(at.Add(24 * time.Hour))
	near(t, "on the day after", value(t, w.run(day(24).Add(8*time.Hour-time.Minute+time.Minute)), "forecast.arrivals_15m"), 15000, 0.25)
	w = newWorld(Settings{}, monday, week)
	if got := value(t, w.run(at), "forecast.arrivals_15m"); got < 8000 {
		t.Errorf("if nobody says that it is one: %.0f", got)
	}
}

func TestZerosAndBursts(t *testing.T) {
	w := newWorld(Settings{}, monday, func(t time.Time) float64 {
		if t.Hour() == 12 && t.Minute() < 10 && t.Day()%3 == 0 {
			return 5000
		}
		return 0
	})
	out := w.run(day(8).Add(20 * time.Hour))
	if got := value(t, out, "forecast.arrivals_60m"); got > 3 {
		t.Errorf("at night: %.1f", got)
	}
	out = w.run(day(15).Add(20 * time.Hour))
	if got := value(t, out, "forecast.arrivals_5m_p90"); got > 5 {
		t.Errorf("nine nights in ten: %.1f", got)
	}
}

func TestTicksOfAnyLength(t *testing.T) {
	for _, step := range []time.Duration{10 * time.Second, 37 * time.Second, 5 * time.Minute, time.Hour} {
		w := newWorld(Settings{}, monday, func(time.Time) float64 { return 600 })
		w.step = step
		out := w.run(day(2))
		near(t, step.String(), value(t, out, "forecast.arrivals_60m"), 36000, 0.03)
	}
}

func TestTheClockIsSetBack(t *testing.T) {
	for _, by := range []time.Duration{time.Second, time.Minute, time.Hour} {
		w := newWorld(Settings{}, monday, func(time.Time) float64 { return 600 })
		w.run(day(9))
		w.now = w.now.Add(-by)
		out := w.run(w.now.Add(10 * time.Minute))
		near(t, by.String(), value(t, out, "forecast.arrivals_15m"), 9000, 0.05)
	}
	w := newWorld(Settings{}, monday, func(time.Time) float64 { return 600 })
	w.run(day(9))
	if s := find(t, w.f.Observe(tick(day(-300), 600)), "forecast.arrivals_5m"); !strings.Contains(s.Unknown, "set back") {
		t.Errorf("a year ago: %+v", s)
	}
	near(t, "and put right", value(t, w.run(day(9).Add(time.Minute)), "forecast.arrivals_15m"), 9000, 0.05)
	w.now = day(-300)
	near(t, "and stays", value(t, w.run(w.now.Add(2*time.Hour)), "forecast.arrivals_15m"), 9000, 0.05)
}

// TestTheSumHasItsOwnForecast: when one queue rises as another falls, their sum is
// steady, and its band far narrower than the sum of theirs.
func TestTheSumHasItsOwnForecast(t *testing.T) {
	f := New(Settings{Queues: []string{"a", "b"}})
	r := rand.New(rand.NewPCG(1, 2))
	var out []signals.Signal
	part := 0.5
	for i := range 2 * 1440 {
		now := monday.Add(time.Duration(i) * time.Minute)
		part = math.Min(0.9, math.Max(0.1, part+0.05*r.NormFloat64()))
		s := signals.Snapshot{Now: now, Queues: []string{"a", "b"}, Signals: []signals.Signal{
			signals.Known("queues.a.arrived", math.Round(1000*part), now, 0),
			signals.Known("queues.b.arrived", 1000-math.Round(1000*part), now, 0)}}
		if i%100 == 50 { // what one has not told, it tells later
			s.Signals[0] = signals.Missing("queues.a.arrived", now, "late")
		}
		if i%100 == 51 {
			s.Signals[0].Value += 500
		}
		out = f.Observe(s)
	}
	near(t, "the sum", value(t, out, "forecast.arrivals_15m"), 15000, 0.05)
	sum := value(t, out, "forecast.arrivals_15m_p99")
	parts := value(t, out, "queues.a.forecast.arrivals_15m_p99") + value(t, out, "queues.b.forecast.arrivals_15m_p99")
	if sum > 16500 || parts < sum {
		t.Errorf("p99 of the sum %.0f, sum of p99 %.0f", sum, parts)
	}
}

func TestHistoryIsLearned(t *testing.T) {
	rate := sunday(time.UTC)
	f := New(Settings{Queues: []string{"a", "b"}})
	for _, q := range f.set.Queues {
		for at := monday; at.Before(day(20).Add(17 * time.Hour)); at = at.Add(time.Hour) {
			f.Learn(q, at.Add(time.Hour), time.Hour, 60*rate(at))
		}
	}
	var out []signals.Signal
	for at := day(20).Add(17 * time.Hour); !at.After(day(20).Add(18*time.Hour - time.Minute)); at = at.Add(time.Minute) {
		out = f.Observe(signals.Snapshot{Now: at, Queues: f.set.Queues, Signals: []signals.Signal{
			signals.Known("queues.a.arrived", 100, at, 0), signals.Known("queues.b.arrived", 100, at, 0)}})
	}
	near(t, "one", value(t, out, "queues.a.forecast.arrivals_60m"), 59000, 0.2)
	near(t, "both", value(t, out, "forecast.arrivals_60m"), 118000, 0.2)
}

func TestQueueShowsWhatItRestsOn(t *testing.T) {
	w := newWorld(Settings{}, monday, sunday(time.UTC))
	if _, ok := w.f.Queue(""); ok {
		t.Error("a forecast of nothing")
	}
	w.run(day(20).Add(12 * time.Hour))
	v, ok := w.f.Queue("")
	if !ok {
		t.Fatal("no forecast")
	}
	coming := v.Coming(time.Hour, 12)
	near(t, "at noon", coming[1].P50, 6000, 0.2)
	near(t, "in the evening", coming[7].P50, 60000, 0.3)
	for _, b := range coming {
		if !(b.P50 <= b.P90 && b.P90 <= b.P99) {
			t.Errorf("band %+v", b)
		}
	}
	weight := 0.0
	for _, m := range v.Models() {
		if m.Horizon == time.Hour {
			weight += m.Weight
		}
	}
	near(t, "weights", weight, 1, 0.001)
	if got := v.Misses(); len(got) != 192 || !got[0].From.Before(got[191].From) {
		t.Errorf("%d misses", len(got))
	}
}

func TestTheSameAgain(t *testing.T) {
	run := func() []signals.Signal { return newWorld(Settings{}, monday, sunday(time.UTC)).run(day(8)) }
	if a, b := run(), run(); !reflect.DeepEqual(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	size := unsafe.Sizeof(tap{}) + unsafe.Sizeof(stream{})
	for _, h := range horizons {
		size += uintptr(h) * unsafe.Sizeof(guess{})
	}
	if size > 256<<10 {
		t.Errorf("%d kB a queue", size>>10)
	}
	t.Logf("%d kB a queue", size>>10)
}

// lawful are the laws that hold whatever comes.
func lawful(t *rapid.T, list []signals.Signal) {
	at := map[string]float64{}
	for _, s := range list {
		if s.Unknown != "" {
			continue
		}
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.Value < 0 && !strings.HasSuffix(s.Name, "surprise") {
			t.Fatalf("%+v", s)
		}
		at[s.Name] = s.Value
	}
	for _, q := range []string{"", "queues.a.", "queues.b."} {
		rises := func(names ...string) {
			for i := 1; i < len(names); i++ {
				a, b := q+"forecast.arrivals_"+names[i-1], q+"forecast.arrivals_"+names[i]
				if at[a] > at[b] {
					t.Fatalf("%s %g > %s %g", a, at[a], b, at[b])
				}
			}
		}
		for _, h := range []string{"5m", "15m", "60m"} {
			rises(h, h+"_p90", h+"_p99")
		}
		for _, p := range []string{"", "_p90", "_p99"} {
			rises("5m"+p, "15m"+p, "60m"+p)
		}
	}
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		queues := rapid.SampledFrom([][]string{nil, {"a"}, {"a", "b"}}).Draw(t, "queues")
		f := New(Settings{Queues: queues, Holidays: []string{"2026-03-04"}})
		now := monday
		for range rapid.IntRange(1, 8).Draw(t, "stretches") {
			step := time.Duration(rapid.SampledFrom([]int{10, 60, 61, 300, 3600, 86400, -30, -600, -90000}).Draw(t, "step")) * time.Second
			most := rapid.SampledFrom([]float64{0, 1, 1000, 1e9, 1e15, -5}).Draw(t, "most")
			for i := range rapid.IntRange(1, 30).Draw(t, "ticks") {
				now = now.Add(step)
				s := signals.Snapshot{Now: now, Queues: queues}
				for _, name := range []string{"queue.arrived", "queues.a.arrived", "queues.b.arrived"} {
					n := signals.Known(name, math.Floor(most*float64(i*7919%100)/100), now, 0)
					if i%11 == 5 {
						n = signals.Missing(name, now, "lost")
					}
					s.Signals = append(s.Signals, n)
				}
				lawful(t, f.Observe(s))
			}
		}
	})
}

// TestSolve compares with what can be worked out by hand: y = 2a − b.
func TestSolve(t *testing.T) {
	r := regression{n: 2}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		x := [features]float32{rng.Float32(), rng.Float32()}
		r.learn(&x, 2*float64(x[0])-float64(x[1]), 1)
		r.solve(1e-6)
	}
	near(t, "a", r.beta[0], 2, 0.01)
	near(t, "-b", -r.beta[1], 1, 0.01)
}

func TestPinball(t *testing.T) {
	for _, c := range []struct{ tau, q, y, want float64 }{{0.9, 10, 12, 1.8}, {0.9, 10, 8, 0.2}, {0.5, 3, 3, 0}} {
		if got := pinball(c.tau, c.q, c.y); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v: %g", c, got)
		}
	}
}

// TestMeasureIsFair: on counts that nothing can foretell, at a rate that never
// changes, nobody can be much better than the quantiles of errors.
func TestMeasureIsFair(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]float64, 20*1440)
	for i := range list {
		list[i] = math.Round(1200 + math.Sqrt(1200)*r.NormFloat64())
	}
	for _, a := range Measure(Settings{}, monday, list, 7*1440) {
		if a.P90 < 0.87 || a.P90 > 0.93 || a.P99 < 0.98 || a.P99 > 0.997 {
			t.Errorf("covers %.3f and %.4f within %s", a.P90, a.P99, a.Horizon)
		}
		if a.Loss > a.Last || a.Loss > a.LastWeek || a.Loss < 0.4*a.Last {
			t.Errorf("loss within %s: %.3f, last value %.3f, last week %.3f", a.Horizon, a.Loss, a.Last, a.LastWeek)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	f := New(Settings{})
	now := monday
	for i := range 15 * 1440 {
		now = now.Add(time.Minute)
		f.Observe(tick(now, 1000+500*math.Sin(float64(i)/229)))
	}
	i := 0
	for b.Loop() {
		now = now.Add(time.Minute)
		i++
		f.Observe(tick(now, 1000+500*math.Sin(float64(i)/229)))
	}
}

// While the journal cannot be written no tick is remembered, and each counts from the
// last one that is: what was heard before is not heard again.
func TestTicksThatAreForgottenCountOnce(t *testing.T) {
	f, g := New(Settings{}), New(Settings{})
	now, last := monday, monday
	var lost, kept []signals.Signal
	count := 0.0
	for i := range 240 {
		before := now
		now, count = now.Add(time.Minute), count+10
		s := tick(now, count)
		s.Recent = []signals.Tick{{At: last}}
		lost = f.Observe(s)
		if i < 120 || i >= 200 {
			last, count = now, 0
		}
		s = tick(now, 10)
		s.Recent = []signals.Tick{{At: before}}
		kept = g.Observe(s)
	}
	for _, name := range []string{"forecast.arrivals_15m", "forecast.arrivals_60m_p99"} {
		if a, b := value(t, lost, name), value(t, kept, name); a != b {
			t.Errorf("%s is %g, and %g where no tick was forgotten", name, a, b)
		}
	}
}
