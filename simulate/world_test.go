package simulate

import (
	"slices"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
	seeded "skynet/simulate/chance"
	"skynet/simulate/scenario"
)

// still is a world in which nothing happens by itself: a queue of ten-second items
// that come when the test says so, and machines of two slots that boot in a minute.
func still(change func(*scenario.Scenario)) *world {
	sc := scenario.Scenario{
		Name: "still", Interval: strict.Duration(time.Minute), End: 24 * time.Hour,
		Queues: []scenario.Queue{
			{Name: "photos", Seconds: &scenario.Length{Mean: strict.Duration(10 * time.Second)}, Visibility: strict.Duration(30 * time.Second), Weight: 1, Next: -1},
		},
		Fleets: []scenario.Fleet{{
			Name: "render", Slots: 2, Boot: scenario.Constant(time.Minute), Wake: scenario.Constant(20 * time.Second), Serves: []int{0},
			Billing: scenario.Billing{Unit: strict.Duration(time.Second), Minimum: strict.Duration(time.Minute)}, Price: new(1.),
		}},
	}
	sc.Start.Time = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if change != nil {
		change(&sc)
	}
	return newWorld(&sc, Policy{Objective: policy.Objective{Wait: time.Minute}}, 1)
}

// come has items arrive now.
func (w *world) come(place, n int) {
	q := w.queues[place]
	w.arrive(q, batch{sent: w.now, key: uint64(place)<<keyBits | uint64(q.arrived), n: n})
}

func (w *world) after(d time.Duration) { w.advance(w.now + d) }

func launched(t *testing.T, w *world, token string, n int) []fleet.ID {
	t.Helper()
	ids, err := w.crews[0].Launch(t.Context(), fleet.Order{Fleet: "render", Count: n, Token: token})
	if err != nil || len(ids) != n {
		t.Fatal(ids, err)
	}
	return ids
}

func (w *world) machine(id fleet.ID) fleet.Worker { return w.crews[0].byID[id].worker(w.now) }

// A machine that drains takes no more, finishes what it has, and says so; one that
// is recalled goes on.
func TestDrainAndRecall(t *testing.T) {
	w := still(nil)
	id := launched(t, w, "a", 1)
	w.come(0, 10)
	w.after(61 * time.Second)
	if m := w.machine(id[0]); m.State != fleet.Working || m.Jobs != 2 || !m.Heard.Equal(w.at(time.Minute)) || m.CPU != 100 {
		t.Fatalf("%+v", m)
	}
	decision := fleet.DecisionID("render", w.at(w.now))
	if _, err := w.crews[0].Drain(t.Context(), id, decision); err != nil {
		t.Fatal(err)
	}
	if m := w.machine(id[0]); m.State != fleet.Draining || m.DrainingSince.IsZero() {
		t.Errorf("%+v", m)
	}
	w.after(20 * time.Second) // it has seen the tag while the first two were in hand
	if m := w.machine(id[0]); m.State != fleet.Drained || m.Jobs != 0 || w.queues[0].done != 2 {
		t.Errorf("%d done, %+v", w.queues[0].done, m)
	}
	if _, err := w.crews[0].Recall(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.after(time.Minute)
	if m := w.machine(id[0]); m.State != fleet.Working || w.queues[0].done != 10 || !m.Heard.Equal(w.at(135*time.Second)) {
		t.Errorf("%d done, %+v", w.queues[0].done, m)
	}
}

// What a dying machine had in hand is invisible for a while and then comes first.
func TestRedelivery(t *testing.T) {
	w := still(nil)
	id := launched(t, w, "a", 1)
	w.come(0, 5)
	w.after(65 * time.Second)
	look := func() (visible, inFlight, oldest, redelivered float64) {
		list := w.crews[0].Collect(t.Context(), w.at(w.now))
		of := func(name string) float64 {
			i := slices.IndexFunc(list, func(s signals.Signal) bool { return s.Name == "queues.photos."+name })
			if i < 0 || list[i].Unknown != "" {
				t.Fatalf("no %s", name)
			}
			return list[i].Value
		}
		if p := of("wait_p50"); p < 59.5 || p > 60.5 {
			t.Errorf("half wait %g s", p)
		}
		return of("visible"), of("in_flight"), of("oldest_age"), of("redelivered")
	}
	if v, f, o, _ := look(); v != 3 || f != 2 || o != 65 {
		t.Errorf("%g visible, %g in flight, oldest %g s", v, f, o)
	}
	if done, err := w.crews[0].Terminate(t.Context(), id); err != nil || len(done) != 1 || w.crews[0].busyKills != 1 {
		t.Error(done, err)
	}
	if v, f, _, _ := look(); v != 3 || f != 2 {
		t.Errorf("%g visible, %g in flight", v, f)
	}
	w.after(30 * time.Second)
	if v, f, o, _ := look(); v != 5 || f != 0 || o != 95 {
		t.Errorf("%g visible, %g in flight, oldest %g s", v, f, o)
	}
	launched(t, w, "b", 1)
	w.after(61 * time.Second)
	if q := w.queues[0]; q.again.n != 0 || q.waiting.n != 3 || q.started != 2 {
		t.Errorf("%d come back, %d wait, %d started for the first time", q.again.n, q.waiting.n, q.started)
	}
}

// Sleep is not paid for; a wake is, and at least the minimum.
func TestSleepIsNotPaidFor(t *testing.T) {
	w := still(nil)
	c := w.crews[0]
	id := launched(t, w, "a", 1)
	w.after(100 * time.Second)
	if _, err := c.Sleep(t.Context(), id); err != nil || c.billed != 0 {
		t.Fatal(err, c.billed)
	}
	w.after(time.Hour)
	if m := w.machine(id[0]); m.State != fleet.Asleep || !m.AsleepSince.Equal(w.at(100*time.Second)) {
		t.Errorf("%+v", m)
	}
	if _, err := c.Wake(t.Context(), id); err != nil || c.billed != 1 {
		t.Fatal(err, c.billed)
	}
	if m := w.machine(id[0]); m.State != fleet.Waking {
		t.Errorf("%+v", m)
	}
	w.after(20 * time.Second)
	if m := w.machine(id[0]); m.State != fleet.Working {
		t.Errorf("%+v", m)
	}
	w.after(10 * time.Second)
	if _, err := c.Terminate(t.Context(), id); err != nil || c.seconds[0] != 100+60 || c.billed != 0 {
		t.Errorf("%v: %v paid, %d billed", err, c.seconds, c.billed)
	}
}

// An interrupted machine takes no more and is gone two minutes later.
func TestInterruption(t *testing.T) {
	w := still(func(sc *scenario.Scenario) {
		sc.Fleets[0].Types = []scenario.Type{{Name: "a", Price: new(1.), Spot: new(.5)}}
		sc.Faults.InterruptionsPerHour = 99
	})
	id := launched(t, w, "a", 1)
	m := w.crews[0].byID[id[0]]
	for !m.notice {
		w.come(0, 1)
		w.after(time.Second)
	}
	before := w.queues[0].waiting.n
	w.come(0, 5)
	if s := w.machine(id[0]); !s.Spot || !s.Interrupted || s.State != fleet.Draining {
		t.Errorf("%+v", s)
	}
	w.after(119 * time.Second)
	if s := w.machine(id[0]); s.State != fleet.Draining || s.Jobs != 0 || w.queues[0].waiting.n != before+5 {
		t.Errorf("%d wait, %+v", w.queues[0].waiting.n-before, s)
	}
	w.after(2 * time.Second)
	if s := w.machine(id[0]); s.State != fleet.Leaving || w.crews[0].seconds[1] == 0 || w.crews[0].seconds[0] != 0 {
		t.Errorf("%v paid, %+v", w.crews[0].seconds, s)
	}
}

// A call that fails is refused and nothing is done, or its answer is lost and all
// is: then the same token brings it to light, and buys nothing.
func TestFailedCalls(t *testing.T) {
	w := still(func(sc *scenario.Scenario) { sc.Faults.APIErrors = 100 })
	c := w.crews[0]
	refused, lost := 0, 0
	for i := range 40 {
		before := len(c.live)
		ids, err := c.Launch(t.Context(), fleet.Order{Count: 2, Token: string(rune('a' + i))})
		switch more := len(c.live) - before; {
		case err == nil || ids != nil:
			t.Fatal(ids, err)
		case fleet.Refused(err) && more == 0:
			refused++
		case !fleet.Refused(err) && more == 2:
			lost++
		default:
			t.Errorf("%v, %d launched", err, more)
		}
		if _, err := c.Workers(t.Context(), "render"); err == nil {
			t.Error("listed")
		}
	}
	if refused < 10 || lost < 10 {
		t.Errorf("%d refused, %d lost", refused, lost)
	}
	w.sc.Faults.APIErrors = 0
	n := len(c.live)
	for i := range 40 {
		if ids, err := c.Launch(t.Context(), fleet.Order{Count: 2, Token: string(rune('a' + i))}); err != nil || len(ids) != 2 {
			t.Error(ids, err)
		}
	}
	if len(c.live) != n+2*refused {
		t.Errorf("%d machines, want %d", len(c.live), n+2*refused)
	}
}

// Launches spread over the zones that have room, and are refused where none has.
func TestZones(t *testing.T) {
	hours := func(from, length int) []scenario.Window {
		return []scenario.Window{{From: strict.Duration(time.Duration(from) * time.Hour), For: strict.Duration(time.Duration(length) * time.Hour)}}
	}
	w := still(func(sc *scenario.Scenario) {
		sc.Fleets[0].Zones = []scenario.Zone{{Name: "a", Out: hours(1, 2)}, {Name: "b", Out: hours(2, 2)}}
	})
	c := w.crews[0]
	count := func() (a, b int) {
		for _, m := range c.live {
			if w.machine(m.id).Zone == "a" {
				a++
			} else {
				b++
			}
		}
		return a, b
	}
	launched(t, w, "0", 4)
	if a, b := count(); a != 2 || b != 2 {
		t.Errorf("%d and %d", a, b)
	}
	w.after(time.Hour)
	launched(t, w, "1", 2)
	if a, b := count(); a != 2 || b != 4 {
		t.Errorf("%d and %d", a, b)
	}
	w.after(time.Hour)
	if ids, err := c.Launch(t.Context(), fleet.Order{Count: 2, Token: "2"}); len(ids) > 0 || !fleet.Refused(err) {
		t.Error(ids, err)
	}
	w.after(time.Hour)
	launched(t, w, "3", 2)
	if a, b := count(); a != 4 || b != 4 {
		t.Errorf("%d and %d", a, b)
	}
}

// The share of Spot holds above the base, and the cheapest type is taken.
func TestSpotShare(t *testing.T) {
	w := still(func(sc *scenario.Scenario) {
		sc.Fleets[0].Types = []scenario.Type{{Name: "a", Price: new(.1), Spot: new(.05)}, {Name: "b", Price: new(.2), Spot: new(.04)}}
		sc.Fleets[0].Spot = &scenario.Spot{BaseOnDemand: 2, Share: 50}
	})
	launched(t, w, "0", 10)
	spot := 0
	for _, m := range w.crews[0].live {
		if s := w.machine(m.id); s.Spot != (s.Type == "b") {
			t.Errorf("%+v", s)
		}
		if m.spot {
			spot++
		}
	}
	if spot != 4 {
		t.Errorf("%d of 10 are Spot", spot)
	}
}

// A queue in which nothing waited for long has no claim to what it did not use.
func TestIdleTimeIsNoCredit(t *testing.T) {
	w := still(func(sc *scenario.Scenario) {
		b := sc.Queues[0]
		b.Name = "videos"
		sc.Queues = append(sc.Queues, b)
		sc.Fleets[0].Serves = []int{0, 1}
		sc.Fleets[0].Start = 1
	})
	w.come(0, 1000)
	w.after(time.Hour)
	w.come(1, 1000)
	done := w.queues[0].done
	w.after(10 * time.Minute)
	if a, b := w.queues[0].done-done, w.queues[1].done; a < 55 || b < 55 || a+b != 120 {
		t.Errorf("%d and %d were done", a, b)
	}
}

// Of two things at the same time the one that was planned first happens first.
func TestEventsKeepOrder(t *testing.T) {
	var h events
	for i := range 1000 {
		h.push(event{at: time.Duration(seeded.Mix(uint64(i)) % 7), slot: int32(i)})
	}
	last := event{at: -1}
	for range 1000 {
		if e := h.pop(); e.at < last.at || e.at == last.at && e.slot < last.slot {
			t.Fatalf("%+v after %+v", e, last)
		} else {
			last = e
		}
	}
}

// Streams differ by seed, purpose, thing and number.
func TestChances(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(3) {
		c := newChance(seed)
		for purpose := range uint64(3) {
			for thing := range uint64(5) {
				for number := range uint64(50) {
					v := c.of(purpose, thing, number).Uint64()
					if seen[v] || v != c.of(purpose, thing, number).Uint64() {
						t.Fatalf("%d %d %d %d is not its own", seed, purpose, thing, number)
					}
					seen[v] = true
				}
			}
		}
	}
}

// nobody keeps no machine.
type nobody struct{}

func (nobody) Decide(s signals.Snapshot) policy.Decision {
	return policy.Decision{ID: fleet.DecisionID(s.Fleet, s.Now), Fleet: s.Fleet}
}
func (nobody) Max() int              { return 1 }
func (nobody) Window() time.Duration { return time.Hour }

// What is never started missed its objective, and waited until the end: a day
// after the last arrival.
func TestNeverStarted(t *testing.T) {
	sc := *still(nil).sc
	sc.Interval = strict.Duration(time.Hour)
	sc.Queues[0].Arrivals = &scenario.Arrivals{Scale: 1}
	sc.Queues[0].Series.Steps = []scenario.Step{{For: time.Second, Items: 10}}
	sc.End = time.Hour
	r, err := Run(t.Context(), &sc, Policy{Decider: nobody{}}, Options{})
	if err != nil || r.Unstarted != 10 || *r.WithinObjective != 0 || r.Wait.P50 < 25*3600-1.1 || r.Wait.Max > 25*3600 || r.Ticks != 25 || r.Efficiency != nil {
		t.Errorf("%v: %+v %+v", err, r, r.Wait)
	}
}

// An agent that wakes says so, though heartbeats were lost when it went to sleep.
func TestWhoWakesIsHeard(t *testing.T) {
	w := still(nil)
	c := w.crews[0]
	id := launched(t, w, "a", 1)
	w.after(100 * time.Second)
	c.deafen(c.byID[id[0]])
	c.byID[id[0]].deaf = w.now + 10*time.Minute
	if _, err := c.Sleep(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.after(time.Minute)
	if _, err := c.Wake(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.after(30 * time.Second)
	if m := w.machine(id[0]); m.State != fleet.Working || m.Heard.Before(m.Woken) {
		t.Errorf("woken at %s, heard at %s: %s", m.Woken, m.Heard, m.State)
	}
}

// A run has no end of launches: none is called as another, and what was bought with
// a token is not kept for ever.
func TestManyLaunches(t *testing.T) {
	seen := map[fleet.ID]bool{}
	for _, n := range []int64{0, 9_999_999, 10_000_000, 12_345_678, 20_000_000} {
		if id := nameOf(7, n); seen[id] {
			t.Errorf("machine %d is called %s, as another is", n, id)
		} else {
			seen[id] = true
		}
	}
	w := still(nil)
	c := w.crews[0]
	for i := range 200 {
		token := fleet.Token("render", int64(i), 0)
		ids := launched(t, w, token, 1)
		if again := launched(t, w, token, 1); !slices.Equal(ids, again) || c.launches != int64(i+1) {
			t.Fatalf("%v and %v, %d launches", ids, again, c.launches)
		}
		w.after(time.Minute)
	}
	if len(c.tokens) > 62 || len(c.sent) != len(c.tokens) {
		t.Errorf("%d tokens are remembered", len(c.tokens))
	}
}

// However many queues there are, what the clairvoyant looks at stays bearable.
func TestStepsOfManyQueues(t *testing.T) {
	const year = 365 * 24 * time.Hour
	w := still(nil)
	for _, c := range []struct{ queues, most int }{{1, mostSteps}, {5, mostSteps}, {50, allSteps / 50}} {
		for len(w.queues) < c.queues {
			w.queues = append(w.queues, w.queues[0])
		}
		if n := int(year / stepFor(w, year)); n > c.most {
			t.Errorf("%d queues: %d steps each", c.queues, n)
		}
	}
}
