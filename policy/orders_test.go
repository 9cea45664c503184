package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

func paused(until time.Time) signals.Standing {
	return signals.Standing{Pause: &signals.Pause{Until: until, By: "ann", Why: "new disks"}}
}

func TestFreeze(t *testing.T) {
	for _, c := range []struct {
		name   string
		orders signals.Standing
		holds  bool
	}{
		{"nobody has paused it", signals.Standing{}, false},
		{"until later", paused(noon.Add(time.Hour)), true},
		{"until a moment from now", paused(noon.Add(1)), true},
		{"until now", paused(noon), false},
		{"it has expired", paused(noon.Add(-time.Hour)), false},
		{"a pause that never had an end has ended", paused(time.Time{}), false},
		{"a floor is no pause", signals.Standing{Floor: &signals.Floor{Want: 1, Until: noon.Add(time.Hour)}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := signals.Snapshot{Now: noon, Orders: c.orders}
			if d := soften(t, policy.Freeze{}, s, everything()); (todo(d) == 0) != c.holds || todo(d) > 0 && todo(d) != todo(everything()) {
				t.Errorf("does %+v", d)
			}
		})
	}
}

// An operator who asks why nothing happens is told, also when there is nothing
// to do.
func TestAPauseSaysWhose(t *testing.T) {
	for want, d := range map[string]policy.Decision{
		"do nothing: paused until 2026-03-01T13:00:00Z, ordered by ann: new disks": everything(),
		"paused until 2026-03-01T13:00:00Z, ordered by ann: new disks":             {},
	} {
		got := policy.Freeze{}.Soften(signals.Snapshot{Now: noon, Orders: paused(noon.Add(time.Hour))}, d)
		if len(got.Reasons) != 1 || got.Reasons[0] != (policy.Reason{By: "freeze", Said: want}) {
			t.Errorf("%v, want %q", got.Reasons, want)
		}
	}
}

// A pause stops deadlines too: who works on an instance by hand does not want it
// replaced as silent.
func TestAPauseKeepsEvenTheOverdue(t *testing.T) {
	s := of("a", in(fleet.Working, silent, unheard(time.Hour)), "b", in(fleet.Drained), "c", in(fleet.Starting, unheard(time.Hour)))
	s.Fleet, s.Now = "render", noon
	e := policy.Engine{Bounds: policy.Bounds{Max: 9}, Policies: []policy.Policy{says{n: 9}}, Plan: policy.DefaultPlan(), Guards: []policy.Guard{policy.Freeze{}}}
	if d := e.Decide(s); todo(d) == 0 {
		t.Fatalf("nothing to do to begin with: %+v", d)
	}
	s.Orders = paused(noon.Add(time.Minute))
	if d := e.Decide(s); todo(d) > 0 {
		t.Errorf("paused, does %q", told(d))
	}
}

func TestAFloor(t *testing.T) {
	later, said := noon.Add(time.Hour), "want 5 instead of 2 until 2026-03-01T13:00:00Z, ordered by ann: a big customer"
	floor := func(n int, until time.Time) *signals.Floor {
		return &signals.Floor{Want: n, Until: until, By: "ann", Why: "a big customer"}
	}
	for _, c := range []struct {
		name      string
		floor     *signals.Floor
		raw, want int // 2 are wanted, 1 to 6 allowed
		says      string
	}{
		{"none", nil, 2, 2, ""},
		{"above the want", floor(5, later), 5, 5, said},
		{"below it", floor(1, later), 2, 2, ""},
		{"as much", floor(2, later), 2, 2, ""},
		{"above the maximum", floor(50, later), 50, 6, "want 6 instead of 50: the maximum"},
		{"below nothing", floor(-5, later), 2, 2, ""},
		{"expires now", floor(5, noon), 2, 2, ""},
		{"expired", floor(5, noon.Add(-1)), 2, 2, ""},
		{"never had an end", floor(5, time.Time{}), 2, 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := policy.Engine{Bounds: policy.Bounds{Min: 1, Max: 6}, Policies: []policy.Policy{says{n: 2}}, Plan: policy.DefaultPlan()}
			d := e.Decide(signals.Snapshot{Fleet: "render", Now: noon, Workers: crew(2), Orders: signals.Standing{Floor: c.floor}})
			if d.Raw != c.raw || d.Want != c.want || d.Launch != c.want-2 || d.Wants[0].Want != 2 {
				t.Errorf("raw %d, want %d, launch %d: %v", d.Raw, d.Want, d.Launch, d.Reasons)
			}
			if got := fmt.Sprint(d.Reasons[1:]); !strings.Contains(got, c.says) || c.raw == 2 && len(d.Reasons) > 1 {
				t.Errorf("says %s, want %q", got, c.says)
			}
		})
	}
}

// A floor stands above what policies want, not above what the operator's own
// limits allow.
func TestAFloorBuysNothingThatTheBudgetDoesNotPay(t *testing.T) {
	s := billed(2, 0, costs(4, 2, none))
	s.Orders.Floor = &signals.Floor{Want: 9, Until: noon.Add(time.Hour)}
	e := policy.Engine{Bounds: policy.Bounds{Max: 20}, Policies: []policy.Policy{says{n: 2}}, Plan: policy.DefaultPlan(), Caps: []policy.Cap{policy.Budget{Hourly: 10}}}
	if d := e.Decide(s); d.Raw != 9 || d.Want != 5 || d.Launch != 3 {
		t.Errorf("raw %d, want %d, launch %d: %v", d.Raw, d.Want, d.Launch, d.Reasons)
	}
}

func TestOrdersSurviveJSON(t *testing.T) {
	s := billed(2, 0, nil)
	s.Orders = paused(noon.Add(90 * time.Second).In(time.FixedZone("CET", 3600)))
	s.Orders.Floor = &signals.Floor{Want: 9, Until: noon.Add(time.Hour), By: "bob"}
	s.Others = &signals.Usage{Instances: 3, Hourly: 0.1, Unknown: "a", Unpriced: "b"}
	var back signals.Snapshot
	if err := trip(s, &back); err != nil {
		t.Fatal(err)
	}
	p, f := back.Orders.Pause, back.Orders.Floor
	if !p.Until.Equal(s.Orders.Pause.Until) || p.By != "ann" || p.Why != "new disks" || *f != *s.Orders.Floor || *back.Others != *s.Others {
		t.Errorf("%+v, %+v, %+v", p, f, back.Others)
	}
}

// A line for each of thousands is read by nobody.
func TestManyDeedsAreToldTogether(t *testing.T) {
	many := func(n int, state fleet.State, change ...func(*fleet.Worker)) (s signals.Snapshot) {
		for i := range n {
			w := in(state, change...)
			w.ID = fleet.ID(fmt.Sprintf("i-%04d", i))
			s.Workers = append(s.Workers, w)
		}
		return s
	}
	p := policy.Plan{Boot: 15 * time.Minute, Silence: 10 * time.Minute, Drain: time.Hour, AtMost: time.Hour, Keep: 2}
	for _, c := range []struct {
		s     signals.Snapshot
		lines int
		last  string
	}{
		{many(1, fleet.Drained, spot), 1, "i-0000 is let go: it says it has drained"},
		{many(2, fleet.Drained, spot), 1, "2 are let go: they say they have drained: i-0000, i-0001"},
		{many(5000, fleet.Drained, spot), 1, "5000 are let go: they say they have drained: i-0000, i-0001, i-0002, i-0003, and 4996 more"},
		{many(1, fleet.Drained), 1, "i-0000 sleeps: it has drained, and up to 2 are kept"},
		{many(3, fleet.Drained), 2, "i-0002 is let go: it says it has drained"},
		{many(2, fleet.Drained), 1, "2 sleep: they have drained, and up to 2 are kept: i-0000, i-0001"},
		{many(4, fleet.Starting, unheard(time.Hour)), 4, "i-0003 is dead on arrival: on its way, listened for in vain for 1h, at most 15m is given"},
		{many(5, fleet.Starting, unheard(time.Hour)), 5, "1 more are dead on arrival: i-0004"},
		{many(900, fleet.Asleep, sleeping(2*time.Hour)), 5, "896 more have slept for too long: i-0004, i-0005, i-0006, i-0007, and 892 more"},
		{many(900, fleet.Draining, draining(2*time.Hour)), 5, "896 more have been draining past the deadline: i-0004, i-0005, i-0006, i-0007, and 892 more"},
		{many(900, fleet.Draining, silent, unheard(2*time.Hour)), 1, "i-0000 is replaced: silent for 2h, the deadline is 10m"}, // one at a time
		{many(900, fleet.Working, silent, unheard(2*time.Hour)), 5, "86 more are replaced: silent for too long: i-0004, i-0005, i-0006, i-0007, and 82 more"},
	} {
		d := plan(p, 0, 9, c.s)
		said := slices.DeleteFunc(d.Reasons, func(r policy.Reason) bool { return r.By != "plan" })
		if len(said) != c.lines || said[len(said)-1].Said != c.last {
			t.Errorf("%d lines, want %d; the last is\n%s\nwant\n%s", len(said), c.lines, said[len(said)-1].Said, c.last)
		}
	}
}

// An order to drain one worker takes it whatever it has in hand; the fleet is made up
// by later ticks, and the worker does not come back.
func TestOrderedDrains(t *testing.T) {
	until := noon.Add(time.Hour)
	drain := func(id fleet.ID) signals.Standing {
		return signals.Standing{Drain: []signals.Named{{ID: id, Until: until, By: "ann", Why: "bad disk"}}}
	}
	by := ", ordered by ann: bad disk"
	for _, c := range []struct {
		name string
		s    signals.Snapshot
		of   fleet.ID
		want int
		does string
		says string
	}{
		{"though all are wanted", of("a", in(fleet.Working, jobs(3)), "b", in(fleet.Working)), "a", 2, "drain [a]", "drain a with 3 in hand" + by},
		{"it is one of those to go", of("a", in(fleet.Working, jobs(3)), "b", in(fleet.Working)), "a", 1, "drain [a]", "drain a with 3"},
		{"others go besides", of("a", in(fleet.Working, jobs(3)), "b", in(fleet.Working), "c", in(fleet.Working, jobs(1))), "a", 1, "drain [a]", "drain 1 of 3, idle ones first: b"}, // b's hour is paid for
		{"it is not heard yet", of("a", in(fleet.Starting)), "a", 1, "", "a is to drain" + by + ": not before it is heard"},
		{"it is silent", of("a", in(fleet.Working, silent)), "a", 1, "", "a is to drain" + by + ": not while it is silent"},
		{"it drains already, and is missed", of("a", in(fleet.Draining, draining(time.Minute))), "a", 1, "launch 1", ""},
		{"it has drained, and is missed", of("a", in(fleet.Drained, draining(time.Minute))), "a", 1, "launch 1, terminate [a drained]", "a is let go"},
		{"it sleeps, and is missed", of("a", in(fleet.Asleep, sleeping(time.Minute))), "a", 1, "launch 1", ""},
		{"it is not there", of("a", in(fleet.Working)), "z", 1, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.s.Fleet, c.s.Now, c.s.Orders = "render", noon, drain(c.of)
			e := policy.Engine{
				Bounds: policy.Bounds{Max: 9}, Policies: []policy.Policy{says{n: c.want}}, Plan: policy.DefaultPlan(),
				Guards: []policy.Guard{policy.Blind{}, policy.Quorum{Share: 0.8}, policy.Release{PerTick: policy.Count(5)}, policy.Billing{}},
			}
			d := e.Decide(c.s)
			var deeds []string
			if d.Launch > 0 {
				deeds = append(deeds, fmt.Sprintf("launch %d", d.Launch))
			}
			if len(d.Drain) > 0 {
				deeds = append(deeds, fmt.Sprint("drain ", d.Drain))
			}
			for _, x := range d.Terminate {
				deeds = append(deeds, fmt.Sprintf("terminate [%s %s]", x.ID, x.Cause))
			}
			deeds = append(deeds, strings.Split(strings.Repeat("?", len(d.Recall)+len(d.Wake)+len(d.Sleep)), "?")[1:]...)
			if got := strings.Join(deeds, ", "); got != c.does || !strings.Contains(fmt.Sprint(d.Reasons), c.says) {
				t.Errorf("does %q, want %q; says %v", got, c.does, d.Reasons)
			}
			c.s.Now = until // it has expired
			if d := e.Decide(c.s); strings.Contains(fmt.Sprint(d.Reasons), "ordered by") {
				t.Errorf("expired: %v", d.Reasons)
			}
		})
	}
}

// Who is held for everybody's sake is held for the operator's orders too.
func TestOrderedDrainsWaitWhileTheFleetIsHeld(t *testing.T) {
	s := of("a", in(fleet.Working), "b", in(fleet.Working))
	s.Fleet, s.Now = "render", noon
	s.Orders = signals.Standing{Drain: []signals.Named{{ID: "a", Until: noon.Add(time.Hour)}}}
	e := policy.Engine{Bounds: policy.Bounds{Max: 9}, Policies: []policy.Policy{says{n: 1, err: fmt.Errorf("x is unknown")}}, Plan: policy.DefaultPlan(), Guards: []policy.Guard{policy.Blind{}}}
	if d := e.Decide(s); todo(d) > 0 {
		t.Errorf("blind, does %q", told(d))
	}
	s.Orders.Pause = &signals.Pause{Until: noon.Add(time.Hour)}
	e.Policies, e.Guards = []policy.Policy{says{n: 1}}, []policy.Guard{policy.Freeze{}}
	if d := e.Decide(s); todo(d) > 0 {
		t.Errorf("paused, does %q", told(d))
	}
}

func TestChangesOfOrdersAreTold(t *testing.T) {
	at := noon.Add(-10 * time.Second)
	s := of("a", in(fleet.Working), "b", in(fleet.Starting, unheard(time.Hour)))
	s.Fleet, s.Now = "render", noon
	s.Orders = signals.Standing{
		Changes: []signals.Change{{At: at, Said: "resumed", By: "ann", Why: "disks are in"}},
		Forget:  []signals.Named{{ID: "b", Until: noon.Add(time.Hour)}},
	}
	e := policy.Engine{Bounds: policy.Bounds{Max: 9}, Policies: []policy.Policy{says{n: 1}}, Plan: policy.DefaultPlan()}
	d := e.Decide(s)
	want := []policy.Reason{
		{By: "orders", Said: "resumed, at 2026-03-01T11:59:50Z, ordered by ann: disks are in"},
		{By: "orders", Said: "1 listed and left out, the operator has them forgotten: b"},
	}
	if !slices.Equal(d.Reasons[1:], want) || todo(d) > 0 || d.Have != 1 {
		t.Errorf("%+v", d)
	}
}
