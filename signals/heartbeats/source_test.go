package heartbeats_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/heartbeats"
)

// worked is a heartbeat that says how long items took and waited, s.
func worked(seq uint64, queue string, seconds ...float64) fleet.Heartbeat {
	w := fleet.Work{Queue: queue, Completed: len(seconds)}
	w.Seconds.Add(seconds...)
	for _, s := range seconds {
		w.Wait.Add(10 * s)
	}
	return beat(seq, func(b *fleet.Heartbeat) { b.Queues = []fleet.Work{w} })
}

// told is what the source says of one signal: its value, or why there is none.
func told(t *testing.T, s *heartbeats.Source, now time.Time, name string) (float64, string) {
	t.Helper()
	for _, sig := range s.Read(t.Context(), now) {
		if sig.Name == name {
			v, err := sig.Check(now)
			if err != nil {
				return 0, sig.Unknown
			}
			return v, ""
		}
	}
	t.Fatalf("%s is not given", name)
	return 0, ""
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > .011*want {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

func TestNamesAreWhatIsGiven(t *testing.T) {
	e := heartbeats.New()
	s := e.Source("render", []string{"photos", "videos"}, time.Minute)
	for _, state := range []string{"deaf", "hearing nothing", "hearing"} {
		switch state {
		case "hearing nothing":
			e.Hear(noon, nil)
		case "hearing":
			e.Hear(noon, post(worked(1, "photos", 1)))
		}
		var given []string
		for _, sig := range s.Read(t.Context(), noon) {
			given = append(given, sig.Name)
		}
		names := s.Names()
		slices.Sort(names)
		slices.Sort(given)
		if !slices.Equal(names, given) || len(slices.Compact(given)) != 8+2*11 {
			t.Errorf("%s: promised %v, gave %v", state, names, given)
		}
	}
}

func TestCountersAreThoseSinceTheLastTick(t *testing.T) {
	e := heartbeats.New()
	s := e.Source("render", []string{"photos"}, time.Minute)
	counts := func(now time.Time) string {
		var list []string
		for _, sig := range s.Read(t.Context(), now) {
			if leaf, ok := strings.CutPrefix(sig.Name, "queues.photos."); ok && !strings.Contains(leaf, "_p") && leaf != "seconds_mean" {
				list = append(list, fmt.Sprint(leaf, " ", sig.Value))
			}
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	busy := func(seq uint64) fleet.Heartbeat {
		return beat(seq, func(b *fleet.Heartbeat) {
			b.Queues = []fleet.Work{{Queue: "photos", Completed: 3, Failed: 1, Redelivered: 2, BytesIn: 120, BytesOut: 60}, {Queue: "videos", Completed: 9}}
		})
	}
	idle := "bytes_in 0, bytes_out 0, completed 0, failed 0, redelivered 0"
	e.Hear(noon, nil)
	for i, step := range []struct {
		hear []fleet.Heartbeat
		want string
	}{
		{nil, idle}, // 0 and not unknown: we did listen
		{[]fleet.Heartbeat{busy(1)}, "bytes_in 2, bytes_out 1, completed 3, failed 1, redelivered 2"},
		{nil, idle},
		{[]fleet.Heartbeat{busy(2), busy(3), busy(3)}, "bytes_in 4, bytes_out 2, completed 6, failed 2, redelivered 4"},
	} {
		e.Hear(noon, post(step.hear...))
		if got := counts(noon); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	if all := e.Totals("render"); all["photos"].Completed != 9 || len(all) != 1 || len(e.Totals("other")) != 0 {
		t.Errorf("totals: %+v", all)
	}
}

// A tick may come late, or be left out, deaf or not: bytes a second are over the
// time that has passed.
func TestRatesAreOverTheTimeThatPassed(t *testing.T) {
	e := heartbeats.New()
	s := e.Source("render", []string{"photos"}, time.Minute)
	e.Hear(noon, nil)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for i, step := range []struct {
		now  int
		deaf bool
		want float64 // of 600 bytes in each step
	}{
		{0, false, 10}, // the first: an interval
		{60, false, 10},
		{180, false, 5},
		{190, false, 60},
		{220, true, 0},
		{310, false, 10}, // with what the deaf tick did not give
		{250, false, 10}, // the clock was set back: an interval
	} {
		e.Hear(at(step.now), post(beat(uint64(i+1), func(b *fleet.Heartbeat) { b.Queues[0].BytesIn = 600 })))
		now := at(step.now)
		if step.deaf {
			now = now.Add(16 * time.Second)
		}
		got, why := told(t, s, now, "queues.photos.bytes_in")
		if got != step.want || (why != "") != step.deaf {
			t.Errorf("at %d s: %g bytes a second (%s), want %g", step.now, got, why, step.want)
		}
	}
}

func TestDeafTicksLoseNothing(t *testing.T) {
	e := heartbeats.New()
	s := e.Source("render", []string{"photos"}, time.Minute)
	e.Hear(noon, post(beat(1)))
	deaf := noon.Add(16 * time.Second)
	if _, why := told(t, s, deaf, "queues.photos.completed"); why != "heartbeats were last read 16s ago" {
		t.Errorf("deaf, yet: %q", why)
	}
	e.Hear(deaf, nil)
	if n, why := told(t, s, deaf, "queues.photos.completed"); n != 1 || why != "" {
		t.Errorf("counts %g (%s), want the one heard before", n, why)
	}
}

func TestTotalsAreACopy(t *testing.T) {
	e := counting()
	e.Hear(noon, post(worked(1, "photos", 1)))
	w := e.Totals("render")["photos"]
	w.Seconds.Add(5)
	if n := e.Totals("render")["photos"].Seconds.Count(); n != 1 {
		t.Errorf("what was given out changed what is kept: %d", n)
	}
}

// Times of items are kept for a quarter of an hour, waits for five minutes.
func TestQuantilesAndTheirWindows(t *testing.T) {
	e := heartbeats.New()
	s := e.Source("render", []string{"photos", "videos"}, time.Minute)
	e.Hear(noon, post(worked(1, "photos", 1, 1, 1, 100), worked(2, "videos", 10)))
	for name, want := range map[string]float64{
		"queues.photos.seconds_p50": 1, "queues.photos.seconds_p95": 1, "queues.photos.wait_p50": 10, "queues.photos.wait_p99": 10,
		"queues.videos.seconds_p50": 10, "queues.videos.wait_p95": 100,
		"work.seconds_p50": 1, "work.seconds_p95": 10, "work.wait_p50": 10, "work.wait_p99": 100,
	} {
		got, why := told(t, s, noon, name)
		if why != "" {
			t.Errorf("%s is unknown: %s", name, why)
		}
		near(t, name, got, want)
	}
	for _, c := range []struct {
		minutes       int
		seconds, wait bool // still known
	}{{4, true, true}, {5, true, false}, {14, true, false}, {15, false, false}} {
		now := noon.Add(time.Duration(c.minutes) * time.Minute)
		e.Hear(now, nil)
		for _, prefix := range []string{"work.", "queues.photos."} {
			_, noSeconds := told(t, s, now, prefix+"seconds_p50")
			_, noWait := told(t, s, now, prefix+"wait_p50")
			if (noSeconds == "") != c.seconds || (noWait == "") != c.wait {
				t.Errorf("after %d minutes: %sseconds %q, wait %q", c.minutes, prefix, noSeconds, noWait)
			}
		}
	}
}

func TestAnOldRoundOfTheRingIsNotNews(t *testing.T) {
	e := heartbeats.New()
	s := e.Source("render", []string{"photos"}, time.Minute)
	e.Hear(noon, post(worked(1, "photos", 1)))
	now := noon.Add(15 * time.Minute) // the same place in the ring
	e.Hear(now, post(worked(2, "photos", 50)))
	got, _ := told(t, s, now, "queues.photos.seconds_p50")
	near(t, "the median", got, 50)
}

// In the mean time per item the past fades, by half in ten minutes. It does not
// fade into nothing: an estimate of yesterday is better than none.
func TestTheMeanFades(t *testing.T) {
	const name = "queues.photos.seconds_mean"
	e := heartbeats.New()
	s := e.Source("render", []string{"photos"}, time.Minute)
	e.Hear(noon, nil)
	if _, why := told(t, s, noon, name); why == "" {
		t.Error("a mean of nothing")
	}
	e.Hear(noon, post(worked(1, "photos", 1, 1)))
	e.Hear(noon, post(worked(2, "photos", 4)))
	got, _ := told(t, s, noon, name)
	near(t, "the mean of 1, 1 and 4", got, 2)

	later := noon.Add(10 * time.Minute)
	e.Hear(later, post(worked(3, "photos", 10)))
	got, _ = told(t, s, later, name) // the 3 items of before weigh 1.5
	near(t, "the mean with a later item", got, (1.5*2+10)/2.5)

	muchLater := noon.Add(30 * 24 * time.Hour)
	e.Hear(muchLater, nil)
	again, why := told(t, s, muchLater, name)
	if again != got || why != "" {
		t.Errorf("a month later it is %g (%s), want %g", again, why, got)
	}
	e.Hear(muchLater, post(worked(4, "photos", 3)))
	got, _ = told(t, s, muchLater, name)
	near(t, "the mean with one recent item", got, 3)
}

func TestMachines(t *testing.T) {
	e := heartbeats.New()
	s := e.Source("render", nil, time.Minute)
	e.Hear(noon, nil)
	if _, why := told(t, s, noon, "fleet.cpu_mean"); why != "no worker has been heard lately" {
		t.Errorf("nobody spoke: %q", why)
	}
	uses := func(n int, percent float64) fleet.Heartbeat {
		return beat(1, of(fleet.ID(fmt.Sprintf("i-%d", n))), func(b *fleet.Heartbeat) { b.CPU, b.Memory = percent, percent/2 })
	}
	for n := range 20 {
		e.Hear(noon, post(uses(n+1, float64(n+1))))
	}
	e.Hear(noon, post(beat(1, of("i-99"), func(b *fleet.Heartbeat) { b.Fleet, b.CPU = "other", 100 })))
	for name, want := range map[string]float64{"fleet.cpu_mean": 10.5, "fleet.cpu_p95": 19, "fleet.memory_p95": 9.5} {
		if got, why := told(t, s, noon, name); got != want || why != "" {
			t.Errorf("%s is %g (%s), want %g", name, got, why, want)
		}
	}
	now := noon.Add(2*time.Minute + 1)
	e.Hear(now, post(uses(50, 70)))
	for _, name := range []string{"fleet.cpu_mean", "fleet.cpu_p95"} {
		if got, _ := told(t, s, now, name); got != 70 {
			t.Errorf("%s is %g, want that of the only worker heard lately", name, got)
		}
	}
}

var _ signals.Source = (*heartbeats.Source)(nil)
