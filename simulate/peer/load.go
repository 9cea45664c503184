package peer

import (
	"time"

	"skynet/policy"
	"skynet/simulate/scenario"
)

// load is what a scenario asks of one fleet on average.
type load struct {
	slots float64
	busy  float64 // instances that the work keeps busy, were it spread evenly
	// acceptable is the backlog per instance of EC2's guide: the acceptable latency
	// over the average time that a message takes (its example: 10 s ÷ 0.1 s = 100
	// messages), times the messages that an instance works on at once. Of several
	// queues the shortest latency counts, and the average over their items. Below one
	// it counts as one.
	// Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
	acceptable float64
}

func loadOf(sc *scenario.Scenario, f *scenario.Fleet, o policy.Objective) load {
	count := counts(sc)
	var items, work, each float64
	wait := time.Duration(-1)
	for _, i := range f.Serves {
		q := &sc.Queues[i]
		mean := seconds(sc, q)
		items, work, each = items+count[i], work+count[i]*mean, each+mean/float64(len(f.Serves))
		if w := o.For(q.Name); wait < 0 || w < wait {
			wait = w
		}
	}
	if items > 0 {
		each = work / items
	}
	const least = .001 // s: shorter items are no work
	l := load{slots: float64(max(1, f.Slots))}
	l.busy = work / max(1, sc.End.Seconds()) / l.slots
	l.acceptable = min(max(1, wait.Seconds()/max(least, each)*l.slots), most)
	return l
}

// counts is how many items come to each queue, with those that others feed to it.
func counts(sc *scenario.Scenario) []float64 {
	own := make([]float64, len(sc.Queues))
	for i := range sc.Queues {
		own[i] = arrivals(sc, &sc.Queues[i])
	}
	all := own
	for range sc.Queues { // no chain is longer
		next := append([]float64(nil), own...)
		for i := range sc.Queues {
			if to := sc.Queues[i].Next; to >= 0 && to < len(next) {
				next[to] += all[i]
			}
		}
		all = next
	}
	return all
}

func arrivals(sc *scenario.Scenario, q *scenario.Queue) (n float64) {
	for _, s := range q.Series.Steps {
		if s.At < sc.End {
			n += s.Items * q.Arrivals.Scale
		}
	}
	for _, j := range q.Trace.Jobs {
		if j.At < sc.End {
			n++
		}
	}
	return n
}

// seconds is how long an item of a queue takes on average, s.
func seconds(sc *scenario.Scenario, q *scenario.Queue) float64 {
	var sum time.Duration
	n := 0
	for _, j := range q.Trace.Jobs {
		if j.At < sc.End {
			sum, n = sum+j.Took, n+1
		}
	}
	switch {
	case n > 0:
		return sum.Seconds() / float64(n)
	case q.Seconds != nil:
		return q.Seconds.Average().Seconds()
	}
	return 0
}
