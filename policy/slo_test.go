package policy_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// reading are signals by name; one that is NaN is unknown.
type reading map[string]float64

// measuring is a snapshot at noon with these signals, changed by others.
func measuring(lists ...reading) signals.Snapshot {
	all := reading{}
	for _, list := range lists {
		for name, v := range list {
			all[name] = v
		}
	}
	s := signals.Snapshot{Fleet: "render", Now: noon}
	for name, v := range all {
		s.Signals = append(s.Signals, signals.Known(name, v, noon, time.Minute))
	}
	return s.Freeze()
}

// nobody is a fleet of nobody with nothing to do.
var nobody = reading{
	"queue.visible": 0, "queue.in_flight": 0, "queue.arrived": 0, "queue.oldest_age": 0, "work.seconds_mean": 10,
	"fleet.running": 0, "fleet.pending": 0, "fleet.slots": 4, "fleet.boot_seconds": 90,
}

// withPast has it that a minute ago there was a tick that knew the same, so that
// arrivals have a time to be divided by; what waits came long before.
func withPast(s signals.Snapshot) signals.Snapshot {
	t := signals.Tick{At: minutesAgo(1)}
	for _, sig := range s.Signals {
		sig.At = t.At
		t.Signals = append(t.Signals, sig)
	}
	s.Recent = append(s.Recent, t)
	return s
}

func within(wait time.Duration, quantile float64) policy.SLO {
	return policy.SLO{Objective: policy.Objective{Wait: wait, Quantile: quantile}}
}

func idle(n int) []fleet.Worker {
	return crew(n, func(_ int, w *fleet.Worker) { w.Slots = 4 })
}

func TestSLOWorkedExample(t *testing.T) {
	s := withPast(measuring(nobody, reading{"queue.visible": 12, "work.seconds_mean": 90}))
	s.Workers = idle(11)
	n, because, err := within(2*time.Minute, .99).Want(s)
	if n != 2 || because != "12 items × 90 s, 4 slots each: all start within 2m with 2" || err != nil {
		t.Errorf("wants %d: %s (%v)", n, because, err)
	}
}

func TestSLO(t *testing.T) {
	const wait = 2 * time.Minute
	starting := func(ago time.Duration) func(int, *fleet.Worker) {
		return func(_ int, w *fleet.Worker) {
			*w = fleet.Worker{ID: w.ID, State: fleet.Starting, Launched: noon.Add(-ago)}
		}
	}
	busy := func(jobs int) func(int, *fleet.Worker) {
		return func(_ int, w *fleet.Worker) { w.Slots, w.Jobs = 4, jobs }
	}
	state := func(st fleet.State) func(int, *fleet.Worker) {
		return func(_ int, w *fleet.Worker) { w.State, w.Slots, w.Drain = st, 4, "render-x" }
	}
	for _, c := range []struct {
		name  string
		given reading
		crew  []fleet.Worker
		want  int
		said  string
	}{
		{"nothing to do", reading{}, idle(3), 0, "nothing waits"},
		{"one item", reading{"queue.visible": 1}, idle(3), 1, "all start within 2m"},
		{"a slot starts 13 items of 10 s in 2m", reading{"queue.visible": 13 * 4}, idle(3), 1, ""},
		{"one more takes one more, all counted", reading{"queue.visible": 13*4 + 1}, idle(3), 2, ""},
		{"nobody is there: a new one has 30 s left", reading{"queue.visible": 16}, nil, 1, "1 of them new"},
		{"so one more takes one more", reading{"queue.visible": 17}, nil, 2, "2 of them new"},
		{"items that are too long for one round", reading{"queue.visible": 9, "work.seconds_mean": 300}, idle(9), 3, ""},
		{"busy slots start one less", reading{"queue.visible": 12*4 + 1, "queue.in_flight": 4}, crew(5, busy(4)), 5, "20 slots at work hold 5"},
		{"busy slots of one", reading{"queue.visible": 12 * 4, "queue.in_flight": 4}, crew(1, busy(4)), 1, ""},
		{"busy slots of one, and one item more", reading{"queue.visible": 12*4 + 1, "queue.in_flight": 4}, crew(1, busy(4)), 2, "1 of them new"},
		{"what is being worked on keeps its workers", reading{"queue.in_flight": 9}, crew(9, func(i int, w *fleet.Worker) { w.Slots, w.Jobs = 4, 1 }), 3, "9 slots at work hold 3"},
		{"what nobody holds waits", reading{"queue.in_flight": 60}, crew(9, busy(0)), 2, "60 items"},
		{"what a silent worker held waits", reading{"queue.in_flight": 4}, crew(2, busy(2), func(i int, w *fleet.Worker) { w.Silent = i == 0 }), 1, "2 items"},
		{"what draining ones hold does not", reading{"queue.in_flight": 8}, crew(2, state(fleet.Draining), busy(4)), 0, "nothing waits"},
		// 30 s for a new one: 4 rounds; one that has 45 s to go has 75 s: 8 rounds.
		{"one on its way has a head start", reading{"queue.visible": 32}, crew(1, starting(45*time.Second)), 1, ""},
		{"and takes a new one beside it", reading{"queue.visible": 33}, crew(1, starting(45*time.Second)), 2, "1 of them new"},
		{"of many on their way only some are kept", reading{"queue.visible": 33}, crew(9, starting(45*time.Second)), 2, "with 2"},
		{"one long overdue is not relied on", reading{"queue.visible": 1}, crew(1, starting(10*time.Minute)), 2, ""},
		{"those that are late have the wait from a boot on", reading{"queue.visible": 52, "queue.oldest_age": 900}, nil, 1, "52 items late already start within 2m of a boot with 1, 1 of them new"},
		{"one more than those that are late", reading{"queue.visible": 53, "queue.oldest_age": 900}, nil, 2, "53 items late already"},
		{"nobody is let go who can start a late item", reading{"queue.visible": 1000, "queue.oldest_age": 900}, idle(30), 30, "1000 items late already"},
		{"but those who need not", reading{"queue.visible": 40, "queue.oldest_age": 900}, idle(30), 10, "with 10"},
		{"due before a boot: as if late", reading{"queue.visible": 104, "queue.oldest_age": 60}, nil, 2, "104 items due before a boot of 1m30s start within 2m of a boot with 2"},
		{"sleeping workers wake sooner", reading{"queue.visible": 40, "fleet.wake_seconds": 30}, crew(9, state(fleet.Asleep)), 1, ""},
		{"as many as there are", reading{"queue.visible": 41, "fleet.wake_seconds": 30}, crew(1, state(fleet.Asleep)), 2, ""},
		{"draining ones come back at once", reading{"queue.visible": 48}, crew(1, state(fleet.Draining)), 1, ""},
		{"without a list of workers: running", reading{"queue.visible": 53, "fleet.running": 5}, nil, 2, ""},
		{"without a list: pending are half way", reading{"queue.visible": 33, "fleet.pending": 1}, nil, 2, ""},
		{"without a list: in flight is held by those who serve", reading{"queue.in_flight": 8, "fleet.running": 2}, nil, 2, "8 slots at work hold 2"},
		{"without a list: as far as they can", reading{"queue.in_flight": 9, "fleet.running": 2}, nil, 2, "1 item "},
		{"slots below one count as one", reading{"queue.visible": 13, "fleet.slots": 0, "fleet.running": 3}, nil, 1, ""},
		{"no time at all", reading{"queue.visible": 1000, "work.seconds_mean": 0}, idle(2), 1, ""},
		{"more than makes sense", reading{"queue.visible": 1e300, "work.seconds_mean": 1e300}, nil, 1e9, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := withPast(measuring(nobody, c.given))
			s.Workers = c.crew
			n, because, err := within(wait, .99).Want(s.Freeze())
			if n != c.want || err != nil || !strings.Contains(because, c.said) {
				t.Errorf("wants %d, want %d: %s (%v)", n, c.want, because, err)
			}
		})
	}
}

// What is unknown makes it blind, with what the rest calls for.
func TestSLOUnknown(t *testing.T) {
	unknown := math.NaN()
	waiting := reading{"queue.visible": 53, "queue.in_flight": 4, "fleet.running": 1}
	for _, c := range []struct {
		name  string
		given reading
		want  int // at least
		err   string
	}{
		{"visible", reading{"queue.visible": unknown}, 1, "queue.visible is unknown"},
		{"visible below zero", reading{"queue.visible": -1}, 1, "queue.visible is unknown: it cannot be -1"},
		{"in flight", reading{"queue.in_flight": unknown}, 2, "queue.in_flight is unknown"},
		{"seconds", reading{"work.seconds_mean": unknown}, 1, "work.seconds_mean is unknown"},
		{"slots", reading{"fleet.slots": unknown}, 1, "fleet.slots is unknown"},
		{"boot", reading{"fleet.boot_seconds": unknown}, 2, "fleet.boot_seconds is unknown"},
		{"running", reading{"fleet.running": unknown}, 2, "fleet.running is unknown"},
		{"arrivals", reading{"queue.arrived": unknown}, 2, "arrivals are unknown: queue.arrived is not known of any tick of the last 5m"},
		{"two", reading{"queue.arrived": unknown, "fleet.slots": unknown}, 1, "; fleet.slots is unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := within(2*time.Minute, .99).Want(withPast(measuring(nobody, waiting, c.given)))
			if n != c.want || err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("wants %d: %s (%v), want %d and %q", n, because, err, c.want, c.err)
			}
		})
	}
}

func TestSLOBuysOnItsFirstTick(t *testing.T) {
	n, _, err := within(2*time.Minute, .99).Want(measuring(nobody, reading{"queue.visible": 17, "queue.arrived": 17}))
	if n != 2 || err == nil || !strings.Contains(err.Error(), "arrivals are unknown") {
		t.Errorf("wants %d, %v", n, err)
	}
}

func TestSLOManyQueues(t *testing.T) {
	s := withPast(measuring(nobody, reading{
		"queues.photos.visible": 12, "queues.photos.in_flight": 0, "queues.photos.arrived": 0, "queues.photos.seconds_mean": 90, "queues.photos.oldest_age": 0,
		"queues.videos.visible": 30, "queues.videos.in_flight": 0, "queues.videos.arrived": 0, "queues.videos.seconds_mean": 300, "queues.videos.oldest_age": 0,
	}))
	s.Queues, s.Workers = []string{"photos", "videos"}, idle(9)
	p := within(2*time.Minute, .99)
	p.Objective.Queues = map[string]time.Duration{"videos": 30 * time.Minute}
	// Photos need 12/2 = 6 slots, videos 30/7 = 4.3: together 10.3 or 3 workers. All nine
	// have work for 210 s: 30 × 210 s + 12 × 90 s.
	n, because, err := p.Want(s)
	if n != 9 || err != nil || !strings.HasPrefix(because, "videos 30 items × 300 s + photos 12 items × 90 s, 4 slots each: all start in time with 3; keeps 9, ") {
		t.Errorf("wants %d: %s (%v)", n, because, err)
	}
	s.Signals = slicesWithout(s.Signals, "queues.videos.visible")
	if n, because, err = p.Want(s); n < 2 || err == nil || !strings.Contains(err.Error(), "queues.videos.visible is unknown") {
		t.Errorf("wants %d: %s (%v)", n, because, err)
	}
}

func slicesWithout(list []signals.Signal, name string) (rest []signals.Signal) {
	for _, s := range list {
		if s.Name != name {
			rest = append(rest, s)
		}
	}
	return rest
}

func TestSLOLeavesTheShareThatMayBeLate(t *testing.T) {
	for _, c := range []struct {
		visible, quantile float64
		want              int // workers of 4 slots that start 13 each
	}{
		{52, .99, 1}, {53, .99, 2}, {53, .98, 1}, {104, .5, 2}, {105, .5, 2}, // 84 keep one at work for as long as it takes to replace it
		{520, .9, 9}, {520, .95, 10},
	} {
		s := withPast(measuring(nobody, reading{"queue.visible": c.visible}))
		s.Workers = idle(20)
		n, because, err := within(2*time.Minute, c.quantile).Want(s)
		if n != c.want || err != nil {
			t.Errorf("%g items, %g in time: wants %d, want %d: %s (%v)", c.visible, c.quantile, n, c.want, because, err)
		}
	}
}

// arriving is an hour of ticks, a minute apart, in each of which so many arrived.
func arriving(each float64, more reading) signals.Snapshot {
	s := measuring(nobody, reading{"queue.arrived": each}, more)
	for i := 60; i > 0; i-- {
		t := signals.Tick{At: minutesAgo(i)}
		for _, sig := range s.Signals {
			sig.At = t.At
			t.Signals = append(t.Signals, sig)
		}
		s.Recent = append(s.Recent, t)
	}
	return s
}

func TestSLOKeepsPace(t *testing.T) {
	for _, c := range []struct {
		name     string
		each     float64
		wait     time.Duration
		quantile float64
		given    reading
		want     int
	}{
		{"nothing comes", 0, 2 * time.Minute, .95, nil, 0},
		// 0.01 items a second: the next one cannot wait for a boot.
		{"little, in a hurry", .6, 2 * time.Minute, .95, nil, 1},
		{"little, with time for a boot", .6, 10 * time.Minute, .95, nil, 0},
		{"many, with time for a boot", 60, 10 * time.Minute, .95, nil, 0}, // whoever is there stays: see TestSLOStays
		// 10 erlangs and 10 s: P(wait > 10 s) is 0.11 with 12 slots, 0.03 with 13.
		{"in a great hurry", 60, 10 * time.Second, .95, nil, 4},
		{"and more surely", 60, 10 * time.Second, .9999, nil, 5},
		{"with slots of one", 60, 10 * time.Second, .95, reading{"fleet.slots": 1}, 13},
		// 30 an hour of 5 minutes each, 2.5 erlangs: somebody waits 13.0 times in 100 with 5, 4.7 with 6.
		{"no wait at all, 86 in 100", .5, time.Nanosecond, .865, reading{"work.seconds_mean": 300, "fleet.slots": 1}, 5},
		{"no wait at all, 90 in 100", .5, time.Nanosecond, .9, reading{"work.seconds_mean": 300, "fleet.slots": 1}, 6},
		{"ten thousand workers", 40_000 * 6, 2 * time.Minute, .95, nil, 10_001},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := within(c.wait, c.quantile).Want(arriving(c.each, c.given))
			if n != c.want || err != nil {
				t.Errorf("wants %d, want %d: %s (%v)", n, c.want, because, err)
			}
		})
	}
}

// Who has work for as long as a boot and two ticks take stays: here 3.5 minutes, in
// which a worker of 4 slots does 84 items of 10 s.
func TestSLOStays(t *testing.T) {
	for _, c := range []struct {
		name  string
		each  float64 // a minute
		given reading
		want  int
		said  string
	}{
		{"nothing to do", 0, reading{"fleet.running": 9}, 0, "nothing waits"},
		{"work for one", 0, reading{"fleet.running": 9, "queue.visible": 84}, 1, "with 1"},
		{"and a little more", 0, reading{"fleet.running": 9, "queue.visible": 85}, 2, "; keeps 2, which what waits and comes keeps at work for 3m30s"},
		{"no more than there are", 0, reading{"fleet.running": 2, "queue.visible": 400}, 2, "with 2"},
		{"what comes keeps some", 24, reading{"fleet.running": 9}, 1, "; keeps 1, "}, // 24 × 3.5 = 84
		{"and what waits more", 24, reading{"fleet.running": 9, "queue.visible": 1}, 2, "; keeps 2, "},
		{"those that are on their way as well", 24, reading{"fleet.pending": 9, "queue.visible": 1}, 2, "; keeps 2, "},
		{"a long item keeps but one slot", 0, reading{"fleet.running": 9, "queue.visible": 5, "work.seconds_mean": 9000}, 2, "with 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := within(10*time.Minute, .99).Want(arriving(c.each, c.given))
			if n != c.want || err != nil || !strings.Contains(because, c.said) {
				t.Errorf("wants %d, want %d: %s (%v)", n, c.want, because, err)
			}
		})
	}
}

// Where items cannot wait for a boot, what is forecast is planned for, with the
// margin that was learned, and what comes before an order of the next tick could
// serve stands in line.
func TestSLOPlansAhead(t *testing.T) {
	ahead := func(margin float64) reading {
		return reading{ // 1, 1.2 and 1.6 items/s
			"forecast.arrivals_5m": 300, "forecast.arrivals_5m_p90": 360, "forecast.arrivals_5m_p99": 480, "forecast.margin": margin,
		}
	}
	for _, c := range []struct {
		name string
		wait time.Duration
		fore reading
		want int
		said string
	}{
		{"the median: 10 slots at work", time.Minute, ahead(0), 3, "up to 1 items/s are to be expected"},
		{"p90: 12", time.Minute, ahead(1), 3, ""},
		{"p99: 16", time.Minute, ahead(2), 4, "16 slots or 4 workers keep pace"},
		{"beyond: 20", time.Minute, ahead(3), 5, "up to 2 items/s"},
		{"with time for a boot it is not needed", 5 * time.Minute, ahead(3), 3, "nobody has to stand by"},
		{"a margin that is not known is p90", time.Minute, reading{"forecast.arrivals_5m": 300, "forecast.arrivals_5m_p90": 600, "forecast.arrivals_5m_p99": 600}, 5, "up to 2 items/s"},
		{"without a forecast it goes by what came", time.Minute, nil, 3, "1 items/s keep 10 slots at work, 11 slots or 3 workers keep pace"},
		{"where mostly nothing comes nobody stands by for what may", time.Minute, reading{"forecast.arrivals_5m": 0, "forecast.arrivals_5m_p90": 3000, "forecast.arrivals_5m_p99": 3000}, 3, "11 slots"},
		{"less than an item before one could boot is nothing", time.Minute, reading{"forecast.arrivals_5m": 0, "forecast.arrivals_5m_p90": .1, "forecast.arrivals_5m_p99": 1}, 3, "11 slots"},
		{"a jump is bought for", time.Minute, reading{"forecast.arrivals_5m": 3000, "forecast.arrivals_5m_p90": 3000, "forecast.arrivals_5m_p99": 3000}, 43, "nothing waits; for what is to come 43, 40 of them new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := arriving(60, reading{"fleet.running": 3})
			for name, v := range c.fore {
				s.Signals = append(s.Signals, signals.Known(name, v, s.Now, time.Minute))
			}
			n, because, err := within(c.wait, .95).Want(s.Freeze())
			if n != c.want || err != nil || !strings.Contains(because, c.said) {
				t.Errorf("wants %d, want %d: %s (%v)", n, c.want, because, err)
			}
		})
	}
}

// On a queue in which nearly nothing comes, some billionth of an item to be expected
// buys nobody, unless something comes within the hour.
func TestSLONobodyStandsByForNothing(t *testing.T) {
	for _, c := range []struct {
		mid, hour float64
		want      int
	}{{0, 0, 0}, {1e-10, 1e-9, 0}, {1e-10, .3, 0}, {1e-10, 1, 1}, {0, 1, 0}, {3, 30, 1}} {
		s := arriving(0, reading{})
		for name, v := range map[string]float64{"5m": c.mid, "5m_p90": 5, "5m_p99": 9, "60m": c.hour} {
			s.Signals = append(s.Signals, signals.Known("forecast.arrivals_"+name, v, s.Now, time.Minute))
		}
		if n, because, err := within(time.Minute, .99).Want(s.Freeze()); n != c.want || err != nil {
			t.Errorf("with %g in five minutes and %g in an hour: wants %d, want %d: %s (%v)", c.mid, c.hour, n, c.want, because, err)
		}
	}
}

// How long an item takes is assumed until the first is done: a fleet that starts into
// a full queue must not buy the world on that.
func TestSLOBuysLittleOnAnAssumption(t *testing.T) {
	want := func(note string) int {
		s := arriving(1200, reading{"queue.visible": 1200})
		for name, v := range (reading{"forecast.arrivals_5m": 6000, "forecast.arrivals_5m_p90": 6000, "forecast.arrivals_5m_p99": 6000}) {
			s.Signals = append(s.Signals, signals.Known(name, v, s.Now, time.Minute))
		}
		for i := range s.Signals {
			if s.Signals[i].Name == "work.seconds_mean" {
				s.Signals[i].Note = note
			}
		}
		n, because, err := within(time.Minute, .99).Want(s.Freeze())
		t.Log(because, err)
		return n
	}
	if known, assumed := want(""), want(signals.Assumed+"no item has been done yet"); assumed > known/5 || assumed < 1200/60*10/4 {
		t.Errorf("wants %d on an assumption, %d when it is known", assumed, known)
	}
}

func anySLO() *rapid.Generator[policy.SLO] {
	return rapid.Custom(func(t *rapid.T) policy.SLO {
		return within(time.Duration(rapid.IntRange(1, 900).Draw(t, "wait"))*time.Second, float64(rapid.IntRange(50, 99).Draw(t, "quantile"))/100)
	})
}

// startsInTime plays a queue of items, first in, first out, that all came now, for
// workers that are idle, and returns the share that starts within the wait.
func startsInTime(workers, slots, items int, seconds, wait float64) float64 {
	free := make([]float64, workers*slots)
	inTime := 0
	for range items {
		first := 0
		for i := range free {
			if free[i] < free[first] {
				first = i
			}
		}
		if len(free) > 0 && free[first] <= wait {
			inTime++
		}
		if len(free) > 0 {
			free[first] += seconds
		}
	}
	return float64(inTime) / float64(items)
}

// What it wants is enough, and one less is not.
// Of two, one has been on its way for far too long. It must not stay in the place of
// the one that works.
func TestSLODoesNotCountOnThoseThatMayNeverCome(t *testing.T) {
	for ago, want := range map[time.Duration]int{2 * time.Minute: 1, 10 * time.Minute: 2} {
		s := withPast(measuring(nobody, reading{"queue.visible": 1}))
		s.Workers = append(idle(1), fleet.Worker{ID: "w-late", State: fleet.Starting, Launched: noon.Add(-ago), Unheard: ago})
		n, because, err := within(5*time.Minute, .95).Want(s)
		if n != want || err != nil {
			t.Errorf("launched %s ago: wants %d, want %d: %s (%v)", ago, n, want, because, err)
		}
		e := policy.Engine{Bounds: policy.Bounds{Max: 10}, Policies: []policy.Policy{within(5*time.Minute, .95)}, Plan: policy.DefaultPlan()}
		if d := e.Decide(s); (len(d.Drain) > 0) == (want == 2) {
			t.Errorf("launched %s ago: drains %v: %+v", ago, d.Drain, d.Reasons)
		}
	}
}

func TestSLOWantsJustEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anySLO().Draw(t, "policy")
		items, slots, seconds := rapid.IntRange(1, 300).Draw(t, "items"), rapid.IntRange(1, 4).Draw(t, "slots"), rapid.IntRange(1, 400).Draw(t, "seconds")
		s := withPast(measuring(nobody, reading{"queue.visible": float64(items), "work.seconds_mean": float64(seconds), "fleet.slots": float64(slots)}))
		s.Workers = idle(300)
		n, because, err := p.Want(s)
		if err != nil {
			t.Fatal(err)
		}
		wait, share := p.Objective.Wait.Seconds(), p.Objective.Quantile
		if got := startsInTime(n, slots, items, float64(seconds), wait); got < share-1e-9 {
			t.Fatalf("%g start in time: %s", got, because)
		}
		if strings.Contains(because, "; keeps ") {
			return // who has work stays, though fewer would do
		}
		if got := startsInTime(n-1, slots, items, float64(seconds), wait); got >= share {
			t.Fatalf("%g start in time with one less: %s", got, because)
		}
	})
}

// anyDemand draws a snapshot as slo reads it, with queues, ages and workers.
func anyDemand(t *rapid.T) signals.Snapshot {
	n := func(label string, most int) float64 { return float64(rapid.IntRange(0, most).Draw(t, label)) }
	given := reading{"fleet.slots": 1 + n("slots", 7), "fleet.boot_seconds": n("boot", 300), "fleet.running": n("running", 20), "fleet.pending": n("pending", 5)}
	var queues []string
	for i := range rapid.IntRange(0, 3).Draw(t, "queues") {
		queues = append(queues, fmt.Sprintf("q%d", i))
	}
	for _, q := range append([]string{""}, queues...) {
		for _, d := range []struct {
			name string
			most int
		}{{"queue.visible", 2000}, {"queue.in_flight", 60}, {"queue.arrived", 100}, {"queue.oldest_age", 600}, {"work.seconds_mean", 300}} {
			name := d.name
			if q != "" {
				name = signals.OfQueue(name, q)
			}
			given[name] = n(d.name, d.most)
		}
	}
	s := withPast(measuring(given))
	s.Queues = queues
	for i := range rapid.IntRange(0, 10).Draw(t, "workers") {
		s.Workers = append(s.Workers, anyWorker(i).Draw(t, "worker"))
	}
	return s.Freeze()
}

// with is a snapshot with another value of a signal.
func changed(s signals.Snapshot, change reading) signals.Snapshot {
	list := append([]signals.Signal(nil), s.Signals...)
	for i := range list {
		if v, ok := change[list[i].Name]; ok {
			list[i].Value = v
		}
	}
	s.Signals = list
	s.Recent = slices.Clone(s.Recent)
	for i := range s.Recent { // the past was like now
		s.Recent[i].Signals = nil
		for _, sig := range list {
			sig.At = s.Recent[i].At
			s.Recent[i].Signals = append(s.Recent[i].Signals, sig)
		}
	}
	return s
}

// zero is a reading of 0 for the signals of such a name.
func zero(s signals.Snapshot, leaf string) reading {
	none := reading{}
	for _, sig := range s.Signals {
		if strings.HasSuffix(sig.Name, leaf) {
			none[sig.Name] = 0
		}
	}
	return none
}

// More to do never wants fewer workers, and more slots never want more.
func TestSLOIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, s := anySLO().Draw(t, "policy"), anyDemand(t)
		queue := ""
		if len(s.Queues) > 0 {
			queue = rapid.SampledFrom(s.Queues).Draw(t, "queue")
		}
		name := rapid.SampledFrom([]string{"queue.visible", "work.seconds_mean", "fleet.slots"}).Draw(t, "signal")
		full := name
		if queue != "" && name != "fleet.slots" {
			full = signals.OfQueue(name, queue)
		}
		if name == "fleet.slots" { // what is in flight and held by none of them waits: with more slots less does
			s = changed(s, zero(s, "in_flight"))
		}
		if name == "queue.visible" { // more that is late already leaves more room for what may be late
			s = changed(changed(s, zero(s, "oldest_age")), zero(s, "arrived"))
		}
		before, err := s.Value(full)
		if err != nil {
			t.Fatal(err)
		}
		few, because, err := p.Want(s)
		more, because2, err2 := p.Want(changed(s, reading{full: before + float64(rapid.IntRange(1, 200).Draw(t, "more"))}))
		if err != nil || err2 != nil || few < 0 || more < 0 {
			t.Fatalf("%d (%v), %d (%v)", few, err, more, err2)
		}
		if name == "fleet.slots" {
			few, more = more, few
		}
		if more < few {
			t.Fatalf("wants %d, and %d with more of %s:\n%s\n%s", few, more, full, because, because2)
		}
	})
}

// Whatever the numbers, what it wants is a number.
func TestSLOOfStrangeNumbers(t *testing.T) {
	strange := []float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64, -1, 0, 1, 1e9}
	rapid.Check(t, func(t *rapid.T) {
		given := reading{}
		for name := range nobody {
			given[name] = rapid.SampledFrom(strange).Draw(t, name)
		}
		given["fleet.wake_seconds"] = rapid.SampledFrom(strange).Draw(t, "wake")
		s := withPast(measuring(given))
		for i := range s.Signals { // past what a source would have refused
			s.Signals[i].Value, s.Signals[i].Unknown = given[s.Signals[i].Name], ""
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "workers") {
			s.Workers = append(s.Workers, anyWorker(i).Draw(t, "worker"))
		}
		n, because, err := anySLO().Draw(t, "policy").Want(s)
		if n < 0 || n > 1e9 || strings.Contains(because, "NaN") || strings.Contains(because, "Inf") {
			t.Fatalf("wants %d: %s (%v)", n, because, err)
		}
	})
}

// BenchmarkSLO is one policy of many: a whole decision has 10 µs for one queue,
// and 5 ms for a hundred and ten thousand workers.
func BenchmarkSLO(b *testing.B) {
	for _, c := range []struct {
		name            string
		queues, workers int
		arrived         float64
		shrinks         bool
	}{{"one queue", 0, 5, 30, false}, {"100 queues", 100, 10_000, 1000, false}, {"100 queues in a dip", 100, 10_000, 1000, true}} {
		s := sloScale(c.queues, c.workers, c.arrived)
		if c.shrinks {
			for i := range s.Recent {
				s.Recent[i].Want = 1e6
			}
		}
		p := within(2*time.Minute, .99)
		n, because, err := p.Want(s)
		b.Log(n, because, err)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Want(s)
			}
		})
	}
}

// sloScale is an hour in which so many arrived each minute, a few minutes of which
// wait.
func sloScale(queues, workers int, arrived float64) signals.Snapshot {
	at := func(at time.Time) []signals.Signal {
		list := measured(queues, at)
		for i := range list {
			name := list[i].Name
			switch {
			case strings.HasSuffix(name, ".arrived"):
				list[i].Value = arrived
			case strings.HasSuffix(name, ".visible"):
				list[i].Value = 3.5 * arrived
			case strings.HasSuffix(name, ".oldest_age"):
				list[i].Value = 100
			case name == "fleet.running":
				list[i].Value = float64(workers)
			}
		}
		return list
	}
	s := signals.Snapshot{Fleet: "render", Now: noon, Signals: at(noon)}
	for i := range queues {
		s.Queues = append(s.Queues, fmt.Sprintf("q%03d", i))
	}
	for i := range workers {
		s.Workers = append(s.Workers, fleet.Worker{ID: fleet.ID(fmt.Sprintf("i-%08d", i)), State: fleet.Working, Slots: 4, Jobs: 1 - i%2})
		if i%10 == 0 {
			s.Workers[i].State, s.Workers[i].Launched = fleet.Starting, noon.Add(-time.Duration(i%3)*time.Second)
		}
	}
	for i := 65; i > 0; i-- {
		s.Recent = append(s.Recent, signals.Tick{At: minutesAgo(i), Signals: at(minutesAgo(i))})
	}
	return s.Freeze()
}
