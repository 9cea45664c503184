package ec2_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/fleet/ec2"
)

func TestOrphansAreListed(t *testing.T) {
	s := newStub()
	s.put(2)
	lost := s.put(2, func(m *machine) { m.Tags[fleet.TagFleet] = "old" })
	bare := s.put(1, func(m *machine) { delete(m.Tags, fleet.TagFleet) })
	s.put(1, func(m *machine) { m.Tags[fleet.TagFleet], m.State = "old", "terminated" })
	s.put(1, func(m *machine) { m.Tags[fleet.TagFleet], m.Tags[fleet.TagController] = "old", "another" })
	f := s.fleet(t)
	list, err := f.Orphans(ctx)
	var ids []fleet.ID
	for _, i := range list {
		ids = append(ids, i.ID)
	}
	if err != nil || !same(ids, append(lost, bare...)) {
		t.Errorf("%v, %v", ids, err)
	}
	if done, err := f.Terminate(ctx, lost); err != nil || !same(done, lost) {
		t.Errorf("%v, %v", done, err)
	}
}

// orphan is one with everything against it; changes speak for it.
func orphan(n int, change ...func(*fleet.Instance)) fleet.Instance {
	i := fleet.Instance{ID: fleet.ID(fmt.Sprintf("i-%d", n)), Phase: fleet.PhaseRunning, Launched: noon.Add(-5 * time.Hour), Tags: map[string]string{
		fleet.TagController: "skynet", fleet.TagFleet: "old", fleet.TagIntent: "sky-1"}}
	for _, c := range change {
		c(&i)
	}
	return i
}

func against() ec2.Evidence {
	return ec2.Evidence{Fleets: []string{"render"}, Journal: []string{"old", "render"}, Since: noon.Add(-time.Hour), Until: noon, Heard: map[fleet.ID]time.Time{}}
}

// Whatever speaks for an orphan spares it.
func TestReapNeedsAllTheEvidence(t *testing.T) {
	for _, c := range []struct {
		name  string
		who   func(*fleet.Instance)
		known func(*ec2.Evidence)
		why   string // "" if it is let go
	}{
		{name: "all against it"},
		{name: "no intent", who: func(i *fleet.Instance) { delete(i.Tags, fleet.TagIntent) }, why: "all the tags"},
		{name: "no controller", who: func(i *fleet.Instance) { delete(i.Tags, fleet.TagController) }, why: "all the tags"},
		{name: "no fleet", who: func(i *fleet.Instance) { delete(i.Tags, fleet.TagFleet) }, why: "all the tags"},
		{name: "a fleet of the settings", who: func(i *fleet.Instance) { i.Tags[fleet.TagFleet] = "render" }, why: "looks after it"},
		{name: "a fleet that was never ours", who: func(i *fleet.Instance) { i.Tags[fleet.TagFleet] = "theirs" }, why: "another controller"},
		{name: "ending", who: func(i *fleet.Instance) { i.Phase = fleet.PhaseShuttingDown }, why: "ending"},
		{name: "young", who: func(i *fleet.Instance) { i.Launched = noon.Add(-time.Hour) }, why: "started less than"},
		{name: "woken", who: func(i *fleet.Instance) { i.Woken = noon.Add(-time.Hour) }, why: "started less than"},
		{name: "of unknown age", who: func(i *fleet.Instance) { i.Launched = time.Time{} }, why: "started less than"},
		{name: "heard", known: func(e *ec2.Evidence) { e.Heard["i-1"] = noon.Add(-time.Hour) }, why: "was heard 1h0m0s ago"},
		{name: "heard before we were deaf", known: func(e *ec2.Evidence) { e.Heard["i-1"] = noon.Add(-time.Hour - 1) }},
		{name: "we just began to listen", known: func(e *ec2.Evidence) { e.Since = noon.Add(-30*time.Minute + 1) }, why: "not listened"},
		{name: "we listened long enough", known: func(e *ec2.Evidence) { e.Since = noon.Add(-30 * time.Minute) }},
		{name: "we are deaf", known: func(e *ec2.Evidence) { e.Until = noon.Add(-2*time.Minute - 1) }, why: "not listened"},
		{name: "we never listened", known: func(e *ec2.Evidence) { e.Since, e.Until = time.Time{}, time.Time{} }, why: "not listened"},
		{name: "asleep", who: func(i *fleet.Instance) { i.Phase, i.Stopped = fleet.PhaseStopped, noon.Add(-24*time.Hour) }, why: "slept"},
		{name: "asleep for days", who: func(i *fleet.Instance) { i.Phase, i.Stopped = fleet.PhaseStopped, noon.Add(-24*time.Hour-1) }},
		{name: "asleep since nobody knows when", who: func(i *fleet.Instance) { i.Phase = fleet.PhaseStopped }, why: "nobody knows"},
	} {
		e, i := against(), orphan(1)
		if c.who != nil {
			c.who(&i)
		}
		if c.known != nil {
			c.known(&e)
		}
		exits, spared := ec2.Reap([]fleet.Instance{i}, e, noon, 5)
		switch {
		case c.why == "" && (len(exits) != 1 || exits[0] != fleet.Exit{ID: "i-1", Cause: fleet.CauseOrphan} || len(spared) != 0):
			t.Errorf("%s: %v, %v", c.name, exits, spared)
		case c.why != "" && (len(exits) != 0 || len(spared) != 1 || !strings.Contains(spared[0].Why, c.why)):
			t.Errorf("%s: %v, %v, want %q", c.name, exits, spared, c.why)
		}
	}
}

// The oldest go first, within the budget; everybody is either let go or spared with a
// reason, in whatever order they are listed.
func TestReapHasABudget(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var list []fleet.Instance
		for n := range rapid.IntRange(0, 8).Draw(r, "orphans") {
			age := time.Duration(rapid.IntRange(0, 9).Draw(r, "hours")) * time.Hour
			list = append(list, orphan(n, func(i *fleet.Instance) { i.Launched = noon.Add(-age) }))
		}
		budget := rapid.IntRange(-1, 4).Draw(r, "budget")
		exits, spared := ec2.Reap(list, against(), noon, budget)
		other, _ := ec2.Reap(rapid.Permutation(list).Draw(r, "order"), against(), noon, budget)
		if len(exits) > max(0, budget) || len(exits)+len(spared) != len(list) || !slices.Equal(exits, other) {
			r.Fatalf("%v and %v of %d, budget %d; in another order %v", exits, spared, len(list), budget, other)
		}
		for _, s := range spared {
			if s.Why == "" {
				r.Fatalf("%s is spared without a reason", s.ID)
			}
		}
	})
}
