package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// says is a policy that always says the same.
type says struct {
	n   int
	err error
}

func (says) Name() string { return "says" }

func (p says) Want(signals.Snapshot) (int, string, error) { return p.n, fmt.Sprint("so ", p.n), p.err }

func TestTheLargestWantWins(t *testing.T) {
	broken, abstains := says{0, errors.New("queue.visible is unknown: 500")}, says{9, fmt.Errorf("calm: %w", policy.ErrAbstain)}
	for _, c := range []struct {
		name      string
		policies  []policy.Policy
		raw, want int // of 3 that there are, 2 to 6 allowed
		blind     bool
	}{
		{"nobody has a policy", nil, 3, 3, false},
		{"one", []policy.Policy{says{n: 4}}, 4, 4, false},
		{"the larger of two", []policy.Policy{says{n: 4}, says{n: 5}}, 5, 5, false},
		{"in either order", []policy.Policy{says{n: 5}, says{n: 4}}, 5, 5, false},
		{"above the maximum", []policy.Policy{says{n: 50}}, 50, 6, false},
		{"below the minimum", []policy.Policy{says{n: 0}}, 0, 2, false},
		{"one abstains", []policy.Policy{says{n: 2}, abstains}, 2, 2, false},
		{"all abstain", []policy.Policy{abstains, abstains}, 3, 3, false},
		{"one cannot tell: no fewer than there are", []policy.Policy{says{n: 0}, broken}, 3, 3, true},
		{"one cannot tell, another wants more", []policy.Policy{says{n: 5}, broken}, 5, 5, true},
		{"one cannot tell all, but that it wants more", []policy.Policy{says{n: 4}, says{5, errors.New("500")}}, 5, 5, true},
		{"one wants fewer than none", []policy.Policy{says{n: -1}}, 3, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := policy.Engine{Bounds: policy.Bounds{Min: 2, Max: 6}, Policies: c.policies, Plan: policy.DefaultPlan()}
			d := e.Decide(signals.Snapshot{Fleet: "render", Now: noon, Workers: crew(3)})
			if d.Raw != c.raw || d.Want != c.want || d.Blind != c.blind || d.Have != 3 {
				t.Errorf("raw %d, want %d, blind %v of have %d: %v", d.Raw, d.Want, d.Blind, d.Have, d.Reasons)
			}
			if d.ID != fleet.DecisionID("render", noon) || len(d.Wants) != len(c.policies) || len(d.Reasons) < len(c.policies) {
				t.Errorf("does not say whose and why: %+v", d)
			}
		})
	}
}

func TestAction(t *testing.T) {
	ids, exits := named(1), []fleet.Exit{{ID: "i-0"}}
	for want, list := range map[string][]policy.Decision{
		"launch": {{Launch: 1}, {Wake: ids}, {Recall: ids}, {Launch: 1, Drain: ids, Sleep: ids, Terminate: exits}},
		"drain":  {{Drain: ids}, {Drain: ids, Sleep: ids, Terminate: exits}},
		"sleep":  {{Sleep: ids}, {Sleep: ids, Terminate: exits}},

		"terminate": {{Terminate: exits}},
		"hold":      {{}, {Want: 3, Blind: true, Reasons: []policy.Reason{{By: "x"}}}},
	} {
		for _, d := range list {
			if got := d.Action(); got != want || d.Idle() != (want == "hold") {
				t.Errorf("%+v is %q, idle %v", d, got, d.Idle())
			}
		}
	}
}

func TestDecisionsThatShareAPastDoNotShareAFuture(t *testing.T) {
	past := policy.Decision{Reasons: make([]policy.Reason, 1, 10)}
	a, b := past.Because("a", "%d", 1), past.Because("b", "%d", 2)
	if a.Reasons[1].By != "a" || b.Reasons[1].By != "b" || len(past.Reasons) != 1 {
		t.Errorf("%v %v", a.Reasons, b.Reasons)
	}
}

// anyDecision draws a decision on i-00 to i-14, sensible or not.
func anyDecision() *rapid.Generator[policy.Decision] {
	ids := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fleet.ID {
		return fleet.ID(fmt.Sprintf("i-%02d", rapid.IntRange(0, 14).Draw(t, "id")))
	}), 0, 6)
	exits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fleet.Exit {
		return fleet.Exit{ID: ids.Filter(func(l []fleet.ID) bool { return len(l) > 0 }).Draw(t, "id")[0], Cause: fleet.Cause(rapid.IntRange(0, 5).Draw(t, "cause"))}
	}), 0, 6)
	return rapid.Custom(func(t *rapid.T) policy.Decision {
		return policy.Decision{
			ID: "of the guard", Have: rapid.Int().Draw(t, "have"), Raw: rapid.Int().Draw(t, "raw"), Want: rapid.Int().Draw(t, "want"),
			Blind: rapid.Bool().Draw(t, "blind"), Launch: rapid.IntRange(-5, 9).Draw(t, "launch"),
			Recall: ids.Draw(t, "recall"), Wake: ids.Draw(t, "wake"), Drain: ids.Draw(t, "drain"),
			Sleep: ids.Draw(t, "sleep"), Terminate: exits.Draw(t, "terminate"),
		}
	})
}

// softer says what of after is more than before did.
func softer(before, after policy.Decision) error {
	var drained []fleet.ID
	for _, x := range before.Terminate {
		if x.Cause == fleet.CauseDrained && !slices.Contains(after.Terminate, x) {
			drained = append(drained, x.ID)
		}
	}
	switch {
	case after.Launch < 0, after.Launch > before.Launch:
		return fmt.Errorf("launches %d instead of %d", after.Launch, before.Launch)
	case !subset(after.Recall, before.Recall), !subset(after.Wake, before.Wake), !subset(after.Drain, before.Drain),
		!subset(after.Terminate, before.Terminate), !subset(after.Sleep, slices.Concat(before.Sleep, drained)):
		return errors.New("somebody is on a list who was not")
	case before.Blind && !after.Blind:
		return errors.New("is not blind any more")
	case after.ID != before.ID, after.Have != before.Have, after.Raw != before.Raw, after.Want != before.Want:
		return errors.New("rewrites what was known")
	}
	return nil
}

// overwriting is a guard that returns anything at all, and scribbles over what
// it was given.
type overwriting struct{ with policy.Decision }

func (overwriting) Name() string { return "hostile" }

func (g overwriting) Soften(_ signals.Snapshot, d policy.Decision) policy.Decision {
	for _, list := range [][]fleet.ID{d.Recall, d.Wake, d.Drain, d.Sleep} {
		for i := range list {
			list[i] = g.with.Drain[i%len(g.with.Drain)]
		}
	}
	for i := range d.Terminate {
		d.Terminate[i] = fleet.Exit{ID: g.with.Drain[0], Cause: fleet.CauseDrained}
	}
	return g.with
}

// Whatever a guard answers, less is done than before, never more.
func TestNoGuardCanMakeUsDoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, s := anyEngine().Draw(t, "engine"), anySnapshot().Draw(t, "snapshot")
		with := anyDecision().Filter(func(d policy.Decision) bool { return len(d.Drain) > 0 }).Draw(t, "answer")
		e.Guards = nil
		before := e.Decide(s)
		honest := policy.LaunchLimit{PerTick: 99, PerHour: 999}
		e.Guards = []policy.Guard{honest, overwriting{with}, honest}
		if err := softer(before, e.Decide(s)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRestrain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := anyDecision().Draw(t, "before"), anyDecision().Draw(t, "after")
		before.Launch = max(0, before.Launch)
		got := policy.Restrain(before, after, "hostile")
		if err := softer(before, got); err != nil {
			t.Fatal(err)
		}
	})
}

// A guard that does less is obeyed to the letter.
func TestAnHonestGuardIsObeyed(t *testing.T) {
	before := everything()
	for _, change := range []func(*policy.Decision){
		func(*policy.Decision) {},
		func(d *policy.Decision) { d.Launch = 1 },
		func(d *policy.Decision) { d.Recall, d.Wake = nil, nil },
		func(d *policy.Decision) { d.Drain, d.Sleep, d.Terminate = nil, nil, nil },
		func(d *policy.Decision) { d.Terminate, d.Sleep = nil, []fleet.ID{"b", "c"} },
		func(d *policy.Decision) { *d = d.Because("mine", "so") },
		func(d *policy.Decision) { d.Blind = true },
	} {
		want := before
		change(&want)
		if err := same(policy.Restrain(before, want, "mine"), want); err != nil {
			t.Error(err)
		}
	}
}

func TestRestrainSaysThatItHadTo(t *testing.T) {
	before := policy.Decision{Launch: 1, Terminate: []fleet.Exit{{ID: "i-1"}, {ID: "i-2", Cause: fleet.CauseSilent}}}
	for _, c := range []struct {
		name  string
		after policy.Decision
		sleep []fleet.ID
		said  bool
	}{
		{"less", policy.Decision{Terminate: before.Terminate[:1]}, nil, false},
		{"sleep instead of the end", policy.Decision{Sleep: []fleet.ID{"i-1"}, Terminate: before.Terminate[1:]}, []fleet.ID{"i-1"}, false},
		{"sleep for one who is not drained", policy.Decision{Sleep: []fleet.ID{"i-2"}, Terminate: before.Terminate[:1]}, nil, true},
		{"sleep and the end", policy.Decision{Sleep: []fleet.ID{"i-1"}, Terminate: before.Terminate}, nil, true},
		{"more launches", policy.Decision{Launch: 2}, nil, true},
		{"somebody else", policy.Decision{Drain: []fleet.ID{"i-9"}}, nil, true},
		{"another cause", policy.Decision{Terminate: []fleet.Exit{{ID: "i-2", Cause: fleet.CauseDrained}}}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := policy.Restrain(before, c.after, "mine")
			said := slices.ContainsFunc(got.Reasons, func(r policy.Reason) bool {
				return r.By == "guards" && strings.HasPrefix(r.Said, "mine asked for more")
			})
			if !slices.Equal(c.sleep, got.Sleep) || said != c.said {
				t.Errorf("said %v, want %v; puts to sleep %v, want %v", said, c.said, got.Sleep, c.sleep)
			}
		})
	}
}

func TestTheEngineRemembersWhatAnyPartOfItNeeds(t *testing.T) {
	for _, c := range []struct {
		e    policy.Engine
		want time.Duration
	}{
		{policy.Engine{}, time.Hour},
		{policy.Engine{Guards: []policy.Guard{policy.Release{After: 90 * time.Minute}}}, 90 * time.Minute},
		{policy.Engine{Guards: []policy.Guard{policy.Release{After: time.Minute}}, Caps: []policy.Cap{policy.Budget{Hourly: 1}}}, time.Hour},
		{policy.Engine{Caps: []policy.Cap{policy.Budget{Daily: 1}}}, 2 * time.Hour},
	} {
		if got := c.e.Window(); got != c.want {
			t.Errorf("%+v looks back %s, want %s", c.e, got, c.want)
		}
	}
}
