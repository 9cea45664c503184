package main

import (
	"fmt"

	"skynet/simulate/scenario"
)

// hopeless notes where a policy may never have as many slots as what arrives keeps
// at work on the mean: the queue only grows, which is more often a scale or an item's
// length given wrongly than a question worth hours.
func hopeless(sc *scenario.Scenario, list []contender) (notes []string) {
	work := workOf(sc)
	for _, p := range list {
		for _, f := range sc.Fleets {
			needed := 0.0
			for _, q := range f.Serves {
				needed += work[q] / sc.End.Seconds()
			}
			if most := p.bounds.Max * f.Slots; needed > float64(most) {
				notes = append(notes, fmt.Sprintf("%s: what arrives keeps %s slots of fleet %s at work on the mean, but %d instances of %d slots have %s: the queue grows to the end. Lower the arrivals' scale, or raise bounds.max",
					short(p.Name), thousands(needed), f.Name, p.bounds.Max, f.Slots, thousands(float64(most))))
			}
		}
	}
	return notes
}

// workOf is how many slot-seconds the items of each queue take, those that other
// queues feed to it among them.
func workOf(sc *scenario.Scenario) []float64 {
	work := make([]float64, len(sc.Queues))
	for i := range sc.Queues {
		own := &sc.Queues[i]
		items := 0.0
		for _, s := range own.Series.Steps {
			if s.At >= sc.End {
				break
			}
			n := s.Items * own.Arrivals.Scale
			work[i] += n * own.LengthAt(s.At).Average().Seconds()
			items += n
		}
		for _, j := range own.Trace.Jobs {
			if j.At < sc.End {
				work[i] += j.Took.Seconds()
				items++
			}
		}
		for at := own.Next; at >= 0; at = sc.Queues[at].Next {
			work[at] += items * sc.Queues[at].LengthAt(0).Average().Seconds()
		}
	}
	return work
}
