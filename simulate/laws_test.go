package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/config/strict"
	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/policy/file"
	"skynet/signals"
	seeded "skynet/simulate/chance"
	"skynet/simulate/scenario"
)

// mishaps is a scenario in which everything goes wrong that can: two fleets,
// three queues of which one feeds another, Spot, zones that run out, every fault.
func mishaps() scenario.Scenario {
	sec := func(s int) strict.Duration { return strict.Duration(time.Duration(s) * time.Second) }
	steps := func(n float64) (s scenario.Series) {
		for i := range 72 {
			s.Steps = append(s.Steps, scenario.Step{At: time.Duration(i) * 5 * time.Minute, For: 5 * time.Minute, Items: n * float64(1+i%24)})
		}
		return s
	}
	boot := scenario.Length{Median: sec(90), P95: sec(180)}
	bill := scenario.Billing{Unit: sec(1), Minimum: sec(60)}
	sc := scenario.Scenario{
		Name: "mishaps", Seed: 7, Interval: sec(60), End: 6 * time.Hour,
		Queues: []scenario.Queue{
			{Name: "photos", Arrivals: &scenario.Arrivals{Scale: 1.5}, Series: steps(10), Seconds: &scenario.Length{Median: sec(20), P95: sec(60)}, Visibility: sec(120), Weight: 3, Next: 2},
			{Name: "videos", Arrivals: &scenario.Arrivals{Scale: 1}, Series: steps(.3), Seconds: &scenario.Length{Mean: sec(300), Exponential: true}, Visibility: sec(60), Weight: 1, Next: -1},
			{Name: "assembly", Seconds: &scenario.Length{Mean: sec(5)}, Visibility: sec(30), Weight: 1, Next: -1},
		},
		Fleets: []scenario.Fleet{
			{
				Name: "render", Slots: 4, Boot: boot, Wake: scenario.Constant(30 * time.Second), Start: 2, Serves: []int{0, 1}, Billing: bill,
				Types: []scenario.Type{{Name: "large", Price: new(.2), Spot: new(.08)}, {Name: "old", Price: new(.3), Spot: new(.07)}},
				Spot:  &scenario.Spot{BaseOnDemand: 3, Share: 70},
				Zones: []scenario.Zone{{Name: "a", Out: []scenario.Window{{From: sec(3600), For: sec(7200)}}}, {Name: "b", Out: []scenario.Window{{From: sec(5400), For: sec(3600)}}}},
			},
			{Name: "assemble", Slots: 1, Boot: boot, Wake: boot, Serves: []int{2}, Billing: bill, Price: new(.1)},
		},
		Faults: scenario.Faults{DeadOnArrival: 5, LaunchRefused: 10, InterruptionsPerHour: 20, HeartbeatLoss: 20, APIErrors: 5},
		Incidents: []scenario.Incident{
			{Window: scenario.Window{From: sec(10_000), For: sec(2000)}, Boot: &scenario.Length{Mean: sec(900)}, Dead: 50, Refuse: 50, Errors: 20},
		},
	}
	sc.Start.Time = time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)
	return sc
}

func read(t testing.TB, text string) Policy {
	t.Helper()
	p, err := file.Parse("test.policy.yaml", []byte(text), signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	return Policy{Name: "test", Decider: p.Engine, Signals: p.Signals, Silent: p.Silent}
}

const sleepy = "objective: {wait: 1m, quantile: 0.95}\nbounds: {min: 1, max: 40}\nsleep: {keep: 5, at_most: 1h}\n"

// Every item arrives, waits, is worked on and leaves once, or is still there; and
// nobody is paid for who is not there.
func TestConservation(t *testing.T) {
	sc := mishaps()
	lost, looked := 0, 0
	o := Options{state: func(w *world, at time.Duration, name string) {
		looked++
		left := 0
		for _, q := range w.queues {
			left += q.left()
			lost += len(q.lost)
			if q.arrived != q.done+int64(q.left()) || q.arrived != q.started+int64(q.waiting.n) {
				t.Fatalf("%s at %s: %d arrived, %d started, %d done, %d waiting, %d again, %d in hand, %d lost",
					q.Name, at, q.arrived, q.started, q.done, q.waiting.n, q.again.n, q.inHand, len(q.lost))
			}
		}
		inHand, billed := 0, 0
		for _, c := range w.crews {
			for _, m := range c.live {
				busy := 0
				for _, s := range m.slots {
					if s.queue != nil {
						busy++
					}
				}
				if busy != m.busy || busy > 0 && m.phase != up {
					t.Fatalf("%s at %s: %d in hand, %d noted, phase %d", m.id, at, busy, m.busy, m.phase)
				}
				inHand += busy
				if m.billed() {
					billed++
				}
			}
		}
		held := 0
		for _, q := range w.queues {
			held += q.inHand
		}
		if left != w.left || inHand != held || billed != w.billed {
			t.Fatalf("at %s: %d left, %d noted; %d in hand, %d noted; %d billed, %d noted", at, left, w.left, inHand, held, billed, w.billed)
		}
	}}
	r, err := Run(t.Context(), &sc, read(t, sleepy), o)
	if err != nil {
		t.Fatal(err)
	}
	if lost == 0 || looked != 2*r.Ticks || r.Interruptions == 0 || r.Wakes == 0 || r.Sleeps == 0 || r.Unstarted != 0 {
		t.Errorf("too little went wrong: %d lost, %d looks, %+v", lost, looked, r)
	}
	if want := r.Fleets[0].Items + r.Fleets[1].Items; r.Items != want || r.Peak > r.Fleets[0].Peak+r.Fleets[1].Peak {
		t.Errorf("%d items, the fleets' are %d", r.Items, want)
	}
}

// The same seed gives the same bytes, another seed others.
func TestSameSeedSameBytes(t *testing.T) {
	played := func(seed uint64) string {
		sc := mishaps()
		var ticks []string
		r, err := Run(t.Context(), &sc, read(t, sleepy), Options{Seed: &seed, Watch: func(_ string, r controller.Report) {
			text, _ := json.Marshal([]any{r.Snapshot.Workers, r.Snapshot.Signals, r.Decision, r.Deeds})
			ticks = append(ticks, string(text))
		}})
		if err != nil {
			t.Fatal(err)
		}
		r.WallSeconds = 0
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + fmt.Sprint(ticks)
	}
	one := played(1)
	if one != played(1) {
		t.Error("the same seed gave two results")
	}
	if one == played(2) {
		t.Error("two seeds gave one result")
	}
}

// Whatever policies do, they meet the same arrivals, which take as long.
func TestPoliciesMeetTheSameWork(t *testing.T) {
	var work []float64
	for _, text := range []string{sleepy, "bounds: {min: 3, max: 6}\npolicies: [{type: backlog, per_worker: 50}]"} {
		sc := mishaps()
		r, err := Run(t.Context(), &sc, read(t, text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		work = append(work, float64(r.Items), r.WorkSeconds)
	}
	if work[0] != work[2] || work[1] != work[3] {
		t.Errorf("items and work differ: %v", work)
	}
}

// Where nothing goes wrong nobody is let go with an item in hand.
func TestNoBusyKill(t *testing.T) {
	sc := mishaps()
	sc.Faults, sc.Incidents = scenario.Faults{}, nil
	var w *world
	if _, err := Run(t.Context(), &sc, read(t, sleepy), Options{state: func(v *world, _ time.Duration, _ string) { w = v }}); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.crews {
		if c.busyKills > 0 || c.terminations+c.sleeps == 0 {
			t.Errorf("%s: %d were ended with an item in hand, %d in all", c.Name, c.busyKills, c.terminations+c.sleeps)
		}
	}
	for _, q := range w.queues {
		if q.again.n+len(q.lost) > 0 {
			t.Errorf("%s lost items", q.Name)
		}
	}
}

// listed and ears show the world's machines to the daemon's own roster.
type registry struct{ c *crew }

func (r registry) Instances(context.Context, string) (list []fleet.Instance, err error) {
	at := r.c.world.at
	for _, m := range r.c.live {
		in := fleet.Instance{ID: m.id, Type: r.c.typeName(m.kind), Zone: r.c.zoneName(m.zone), Spot: m.spot, Launched: at(m.launched), Tags: map[string]string{}}
		in.Phase = []fleet.Phase{booting: fleet.PhasePending, up: fleet.PhaseRunning, asleep: fleet.PhaseStopped, gone: fleet.PhaseTerminated}[m.phase]
		if m.woken != never {
			in.Woken = at(m.woken)
		}
		if m.phase == asleep {
			in.Stopped = at(m.asleep)
		}
		if m.tag != "" {
			in.Tags[fleet.TagDrain] = m.tag
		}
		if m.order != "" {
			in.Tags[fleet.TagIntent] = m.order
		}
		list = append(list, in)
	}
	return list, nil
}
func (registry) Tag(context.Context, []fleet.ID, string, string) ([]fleet.ID, error) { return nil, nil }
func (registry) Untag(context.Context, []fleet.ID, string) ([]fleet.ID, error)       { return nil, nil }

func (r registry) Last(id fleet.ID) (fleet.Heartbeat, time.Time, bool) {
	m := r.c.byID[id]
	if m == nil || !m.heard(r.c.world.now) {
		return fleet.Heartbeat{}, time.Time{}, false
	}
	said := m.says(r.c.world.now)
	b := fleet.Heartbeat{Worker: id, State: fleet.Working, Slots: r.c.Slots, Jobs: said.jobs, Drain: said.obeys, CPU: 100 * float64(said.jobs) / float64(r.c.Slots)}
	switch {
	case said.obeys != "" && said.jobs == 0:
		b.State = fleet.Drained
	case said.obeys != "":
		b.State = fleet.Draining
	}
	if said.gone {
		b.Interruption = &fleet.Interruption{Action: "terminate"}
	}
	return b, r.c.world.at(said.at), true
}

func (r registry) Booted(id fleet.ID) time.Time {
	if m := r.c.byID[id]; m != nil && m.heard(r.c.world.now) {
		return r.c.world.at(m.ready)
	}
	return time.Time{}
}
func (r registry) Listening() (since, until time.Time) {
	return time.Time{}, r.c.world.at(r.c.world.now)
}

// A worker's state means here what it means in the daemon.
func TestWorkersAreJoinedAsTheDaemonDoes(t *testing.T) {
	sc := mishaps()
	seen := map[fleet.State]int{}
	silent := 0
	o := Options{state: func(w *world, at time.Duration, _ string) {
		for _, c := range w.crews {
			real := roster.Roster{Registry: registry{c}, Ears: registry{c}, Silence: c.silence}
			want, _ := real.Workers(t.Context(), c.Name)
			got := []fleet.Worker{}
			for _, m := range c.live {
				got = append(got, m.worker(w.now))
				seen[got[len(got)-1].State]++
				if got[len(got)-1].Silent {
					silent++
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("at %s: %s", at, d)
			}
		}
	}}
	if _, err := Run(t.Context(), &sc, read(t, sleepy), o); err != nil {
		t.Fatal(err)
	}
	for _, s := range []fleet.State{fleet.Starting, fleet.Working, fleet.Draining, fleet.Drained, fleet.Asleep, fleet.Waking, fleet.Leaving} {
		if seen[s] == 0 {
			t.Errorf("nobody was %s", s)
		}
	}
	if silent == 0 {
		t.Error("nobody was silent")
	}
}

// A queue that weighs three times as much gets three times the slot time, whatever
// its items take, while both have work.
func TestWeightsShareSlotTime(t *testing.T) {
	sc := mishaps()
	sc.Faults, sc.Incidents = scenario.Faults{}, nil
	burst := scenario.Series{Steps: []scenario.Step{{For: time.Minute, Items: 4000}}}
	sc.Queues = sc.Queues[:2]
	sc.Queues[0].Series, sc.Queues[1].Series = burst, burst
	sc.Queues[0].Next = -1
	sc.Queues[1].Seconds = &scenario.Length{Mean: strict.Duration(time.Minute)}
	sc.Fleets = sc.Fleets[:1]
	checked := false
	if _, err := Run(t.Context(), &sc, read(t, "bounds: {min: 5, max: 5}"), Options{state: func(w *world, at time.Duration, _ string) {
		if at == 90*time.Minute {
			a, b := w.queues[0].work.Seconds(), w.queues[1].work.Seconds()
			if checked = true; a/b < 2.9 || a/b > 3.2 {
				t.Errorf("%g and %g s of work", a, b)
			}
		}
	}}); err != nil || !checked {
		t.Error(err, checked)
	}
}

// What arrives adds up to the series, in order, each in its step.
func TestArrivalsAreTheSeries(t *testing.T) {
	q := scenario.Queue{Arrivals: &scenario.Arrivals{Scale: 2.5}}
	want := 0.0
	for i := range 500 {
		v := float64(i*7%13) / 3
		q.Series.Steps = append(q.Series.Steps, scenario.Step{At: time.Duration(i) * time.Minute, For: time.Minute, Items: v})
		want += v * 2.5
	}
	got, last := make([]float64, 500), time.Duration(-1)
	a := newArrivals(&q, 0, 500*time.Minute, 1)
	n := 0
	for ; a.next.n > 0; a.advance() {
		if a.next.sent <= last {
			t.Fatalf("%s comes after %s", a.next.sent, last)
		}
		if last = a.next.sent; int(a.next.key) != n {
			t.Fatalf("key %d, want %d", a.next.key, n)
		}
		n += a.next.n
		got[a.next.sent/time.Minute] += float64(a.next.n)
	}
	sum, items := 0.0, 0.0
	for i, s := range q.Series.Steps {
		sum, items = sum+2.5*s.Items, items+got[i]
		if d := sum - items; d < -.500001 || d > .500001 {
			t.Fatalf("after step %d %g have come, want %g", i, items, sum)
		}
	}
	if half := newArrivals(&q, 0, 250*time.Minute, 1); half.next.n == 0 {
		t.Error("no arrivals before the end")
	}
}

func TestHistogram(t *testing.T) {
	h := histogram{fine: exact}
	var all []time.Duration
	for i := range 100_000 {
		d := time.Duration(seeded.Mix(uint64(i))%uint64(1+i*i)) * time.Microsecond
		all = append(all, d)
		h.add(d, 1)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, .01, .5, .95, .99, 1} {
		got, _ := h.quantile(q)
		want := all[int(q*float64(len(all)))-1]
		if diff := (got - want).Abs(); diff > want/2000 {
			t.Errorf("quantile %g is %s, want %s", q, got, want)
		}
	}
	if _, ok := (&histogram{}).quantile(.5); ok {
		t.Error("the median of nothing")
	}
}

// A window holds what a histogram of its minutes alone would.
func TestWindow(t *testing.T) {
	w := newWindow(5)
	type one struct {
		minute int64
		d      time.Duration
	}
	var all []one
	for i := range int64(400) {
		n := 1000 + i/3
		if i > 200 {
			n += 20 // a pause
		}
		d := time.Duration(seeded.Mix(uint64(i)) % 1e12)
		w.add(n, d)
		all = append(all, one{n, d})
		want := histogram{fine: coarse}
		for _, o := range all {
			if o.minute > n-5 {
				want.add(o.d, 1)
			}
		}
		if late := n + 1 + i%5; i%7 == 0 { // looked at after a pause
			w, kept := newWindow(5), int64(0)
			for _, o := range all {
				if w.add(o.minute, o.d); o.minute > late-5 {
					kept++
				}
			}
			if got := w.until(late).n; got != kept {
				t.Fatalf("at %d, %d minutes later: %d, want %d", n, late-n, got, kept)
			}
		}
		got := w.until(n)
		for _, q := range []float64{.01, .5, .99} {
			a, _ := got.quantile(q)
			if b, _ := want.quantile(q); a != b || got.n != want.n {
				t.Fatalf("at %d: quantile %g of %d is %s, want %s of %d", n, q, got.n, a, b, want.n)
			}
		}
	}
	if w.until(2000).n != 0 {
		t.Error("something is left for ever")
	}
}

// What the ticks that decided say has arrived adds up to what has, however many came
// to nothing in between.
func TestArrivalsAddUpWhenTicksFail(t *testing.T) {
	sc := mishaps()
	sc.Faults.APIErrors = 20
	counted, failed := map[string]float64{}, 0
	var truly, first map[string]int64
	o := Options{
		Watch: func(_ string, r controller.Report) {
			if r.Err != nil {
				failed++
				return
			}
			for _, q := range sc.Queues {
				if n, err := r.Snapshot.Value("queues." + q.Name + ".arrived"); err == nil {
					counted[q.Name] += n
				}
			}
		},
		state: func(w *world, _ time.Duration, _ string) {
			truly = map[string]int64{}
			for _, q := range w.queues {
				truly[q.Name] = q.arrived
			}
			if first == nil {
				first = truly
			}
		},
	}
	if _, err := Run(t.Context(), &sc, read(t, sleepy), o); err != nil {
		t.Fatal(err)
	}
	for name, n := range truly {
		const few = .01 // arrived before the first tick that decided, and after the last
		if want := float64(n - first[name]); want < 100 || counted[name] > want || counted[name] < (1-few)*want {
			t.Errorf("%s: %g arrivals were counted of %g", name, counted[name], want)
		}
	}
	if failed < 50 {
		t.Errorf("%d ticks failed", failed)
	}
}
