package policy_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// using has the first workers use so much of their processors.
func using(cpu ...float64) []fleet.Worker {
	return crew(len(cpu), func(i int, w *fleet.Worker) { w.CPU, w.Memory, w.Jobs, w.Slots = cpu[i], cpu[i]/2, int(cpu[i]/25), 4 })
}

func TestVote(t *testing.T) {
	cpu := policy.Voter{Worker: "cpu", Above: new(80.0), Below: new(20.0)}
	age := policy.Voter{Signal: "age", Above: new(60.0), Below: new(5.0)}
	by := func(voters ...policy.Voter) policy.Vote {
		return policy.Vote{Share: .51, Add: 2, Remove: 1, Calm: 10 * time.Minute, Voters: voters}
	}
	calm := func(workers []fleet.Worker, age float64) signals.Snapshot {
		return lately("age", workers, flat(12, age)...)
	}
	launched := func(s signals.Snapshot, i int) signals.Snapshot {
		s.Recent[i].Deeds.Asked = 1
		return s
	}
	half := by(cpu)
	half.Share = .5
	others := using(90, 90)
	others = append(others,
		fleet.Worker{ID: "silent", State: fleet.Working, Heard: noon, Silent: true}, fleet.Worker{ID: "new", State: fleet.Starting},
		fleet.Worker{ID: "drains", State: fleet.Draining, Heard: noon}, fleet.Worker{ID: "unheard", State: fleet.Working})
	for _, c := range []struct {
		name string
		vote policy.Vote
		s    signals.Snapshot
		want any
		said string
	}{
		// The worked example of RightScale's guide: 51%, up by 2, down by 1.
		{"none votes", by(cpu), calm(using(50, 50, 50), 0), "abstains", "0 of 3 vote to grow, 0 to shrink, it takes more than 51%"},
		{"one of three votes to grow", by(cpu), calm(using(90, 50, 50), 0), "abstains", "1 of 3"},
		{"two of three vote to grow", by(cpu), calm(using(90, 90, 50), 0), 5, "2 of 3 vote to grow, 0 to shrink, more than 51%: 3 +2"},
		{"two of three vote to shrink", by(cpu), calm(using(10, 10, 50), 0), 2, "0 of 3 vote to grow, 2 to shrink, more than 51%: 3 -1"},
		{"at a threshold is not beyond it", by(cpu), calm(using(80, 20, 80), 0), "abstains", "0 of 3 vote to grow, 0 to shrink"},
		{"half is not more than half", half, calm(using(90, 50), 0), "abstains", ""},
		{"grow wins over shrink", func() policy.Vote { v := by(cpu); v.Share = .3; return v }(), calm(using(90, 10), 0), 4, ""},
		{"a signal has one vote", by(cpu, age), calm(using(90, 50), 61), 4, "2 of 3"},
		{"a signal alone", by(age), calm(crew(4), 61), 6, "1 of 1"},
		{"a signal that is unknown", by(cpu, age), calm(using(90, 90, 90), math.NaN()), "blind", "age is unknown"},
		{"memory", by(policy.Voter{Worker: "memory", Above: new(40.0)}), calm(using(90), 0), 3, ""},
		{"utilisation", by(policy.Voter{Worker: "utilisation", Below: new(60.0)}), calm(using(50), 0), 0, ""},
		{"only those who run and are heard vote", by(cpu), calm(others, 0), 7, "2 of 2"},
		{"calm after a change", by(cpu), launched(calm(using(90), 0), 5), "abstains", "calm for 10m: the fleet changed 6m ago"},
		{"calm is over", by(cpu), launched(calm(using(90), 0), 0), 3, ""},
		{"growing does not wait for history", by(cpu), lately("age", using(90), 0), 3, ""},
		{"shrinking does", by(cpu), lately("age", using(10), 0), "abstains", "not as many ticks"},
		{"nobody can vote", by(cpu), measuring(reading{"fleet.running": 0, "fleet.pending": 1}), "abstains", "nobody to vote"},
		{"nobody but a signal", by(cpu, age), measuring(reading{"fleet.running": 0, "fleet.pending": 0, "age": 90}), 2, "1 of 1"},
		{"no list of workers", by(cpu), measuring(reading{"fleet.running": 3, "fleet.pending": 0}), "blind", "cpu of workers is unknown: there is no list of workers"},
		{"no list, but a signal", by(age), measuring(reading{"fleet.running": 3, "fleet.pending": 1, "age": 90}), 6, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := c.vote.Want(c.s)
			if err != nil && !errors.Is(err, policy.ErrAbstain) {
				because += err.Error()
			}
			if got := opinion(n, err); got != c.want || !strings.Contains(because, c.said) {
				t.Errorf("%v, want %v: %s", got, c.want, because)
			}
		})
	}
}
