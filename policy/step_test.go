package policy_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/policy"
	"skynet/signals"
)

func TestStep(t *testing.T) {
	both := policy.Step{Signal: "depth", Above: new(1000.0), Below: new(100.0), For: 10 * time.Minute, Add: 3, Remove: 2}
	onlyUp, onlyDown, atOnce := both, both, both
	onlyUp.Below, onlyDown.Above, atOnce.For = nil, nil, 0
	since := func(s signals.Snapshot, i int, d signals.Deeds) signals.Snapshot {
		s.Recent[i].Deeds = d
		return s
	}
	had := func(s signals.Snapshot, before int, had int) signals.Snapshot {
		for i := range before {
			s.Recent[i].Have = had
		}
		return s
	}
	of := func(values ...float64) signals.Snapshot { return lately("depth", crew(5), values...) }
	for _, c := range []struct {
		name string
		step policy.Step
		s    signals.Snapshot
		want any
		said string
	}{
		{"above for long enough", both, of(flat(11, 1001)...), 8, "depth is 1001, above 1000 for 10m: 5 +3"},
		{"not long enough", both, of(flat(10, 1001)...), "abstains", "above 1000, but not for 10m yet: there are not as many ticks"},
		{"at the threshold", both, of(flat(11, 1000)...), "abstains", "depth is 1000, from 100 to 1000"},
		{"above, but not throughout", both, of(append(flat(12, 1001), 1000, 2000)...), "abstains", "it was 1000 1m ago"},
		{"below in between counts too", both, of(append(flat(12, 1001), 50, 2000)...), "abstains", "it was 50 1m ago"},
		{"above, but unknown for a while", both, of(append(flat(12, 1001), math.NaN(), 2000)...), "abstains", "it was unknown 1m ago"},
		{"above again for long enough", both, of(append([]float64{50}, flat(11, 1001)...)...), 8, ""},
		{"below for long enough", both, of(flat(11, 99)...), 3, "depth is 99, below 100 for 10m: 5 -2"},
		{"no fewer than none", both, lately("depth", crew(1), flat(11, 0)...), 0, "1 -2"},
		{"unknown", both, of(append(flat(11, 1001), math.NaN())...), "blind", "depth is unknown"},
		{"never removes", onlyUp, of(flat(11, 0)...), "abstains", "depth is 0, not above 1000"},
		{"never adds", onlyDown, of(flat(11, 5000)...), "abstains", "depth is 5000, not below 100"},
		{"at once", atOnce, of(1001), 8, "above 1000: 5 +3"},
		{"asked for some lately", both, since(of(flat(12, 1001)...), 2, signals.Deeds{Asked: 3}), "abstains", "changed 9m ago: 3 were asked for"},
		{"asked for some before", both, since(of(flat(12, 1001)...), 1, signals.Deeds{Asked: 3}), 8, ""},
		{"drained some lately", both, since(of(flat(12, 99)...), 4, signals.Deeds{Drained: named(2)}), "abstains", "2 asked to drain"},
		{"recalled some lately", both, since(of(flat(12, 99)...), 4, signals.Deeds{Recalled: named(2)}), "abstains", "2 recalled"},
		{"somebody else has changed the fleet", both, had(of(flat(12, 1001)...), 5, 4), "abstains", "changed less than 7m ago: there were 4"},
		{"somebody else has changed it before", both, had(of(flat(12, 1001)...), 2, 4), 8, ""},
		{"it has just changed", both, had(of(flat(12, 1001)...), 11, 4), "abstains", "changed less than 1m ago"},
		{"without a list of workers", atOnce, measuring(reading{"depth": 2000, "fleet.running": 2, "fleet.pending": 1}), 6, ""},
		{"without any workers known", atOnce, measuring(reading{"depth": 2000}), "blind", "fleet.running is unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := c.step.Want(c.s)
			if err != nil && !errors.Is(err, policy.ErrAbstain) {
				because += err.Error()
			}
			if got := opinion(n, err); got != c.want || !strings.Contains(because, c.said) {
				t.Errorf("%v, want %v: %s", got, c.want, because)
			}
		})
	}
}

// A threshold that stays crossed adds one step each ten minutes, not each tick.
func TestStepTakesOneStepATime(t *testing.T) {
	p := policy.Step{Signal: "depth", Above: new(1000.0), For: 10 * time.Minute, Add: 1}
	e := policy.Engine{Bounds: policy.Bounds{Max: 50}, Policies: []policy.Policy{p}, Plan: policy.DefaultPlan()}
	var recent []signals.Tick
	var grown []int
	have := 1
	for minute := range 60 {
		now := noon.Add(time.Duration(minute) * time.Minute)
		s := signals.Snapshot{Now: now, Workers: crew(have), Recent: recent, Signals: []signals.Signal{signals.Known("depth", 5000, now, time.Minute)}}
		d := e.Decide(s)
		if d.Launch > 0 {
			grown = append(grown, minute)
			have += d.Launch
		}
		recent = append(recent, policy.Remember(s, d, signals.Deeds{Asked: d.Launch}))
	}
	if len(grown) != 5 || grown[0] != 10 || have != 6 {
		t.Errorf("grew at %v to %d", grown, have)
	}
}

// Neither a step nor a vote nor a target ever wants fewer than none.
func TestNoPolicyWantsFewerThanNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot().Draw(t, "snapshot").Freeze()
		threshold := func(label string) *float64 { return new(float64(rapid.IntRange(-10, 60).Draw(t, label))) }
		most := time.Duration(rapid.IntRange(0, 10).Draw(t, "for")) * time.Minute
		add, remove := rapid.IntRange(1, 9).Draw(t, "add"), rapid.IntRange(1, 9).Draw(t, "remove")
		for _, p := range []policy.Policy{
			policy.Step{Signal: "queue.visible", Above: threshold("above"), Below: threshold("below"), For: most, Add: add, Remove: remove},
			policy.Target{Signal: "queue.visible", Target: float64(rapid.IntRange(1, 60).Draw(t, "target"))},
			policy.Vote{Share: .3, Add: add, Remove: remove, Calm: most, Voters: []policy.Voter{{Signal: "queue.visible", Above: threshold("above"), Below: threshold("below")}, {Worker: "utilisation", Below: threshold("low")}}},
			within(time.Minute, .9),
		} {
			n, because, err := p.Want(s)
			if n < 0 || because == "" && err == nil {
				t.Fatalf("%s wants %d because %q (%v)", p.Name(), n, because, err)
			}
		}
	})
}
