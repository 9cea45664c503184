package peer

import (
	"fmt"
	"time"

	"skynet/policy"
	"skynet/signals"
)

// group is an Auto Scaling group as a tick knows it.
type group struct {
	desired int // capacity that was asked for last
	// Instances in service, those that warm up, and those that terminate.
	running, warming, leaving int
	// points are its backlog per instance, one-minute datapoints, the newest first.
	points []float64
}

// spare is how many more datapoints than it compares an alarm looks back for: where
// some are missing, it goes by those that there are. With none for now there is no
// decision.
// Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
const spare = 2

// groupOf reads a group and up to n datapoints.
func groupOf(s signals.Snapshot, b policy.Bounds, n int) (g group, err error) {
	g.desired = desired(s, b)
	for _, v := range []struct {
		name string
		to   *int
	}{{"fleet.running", &g.running}, {"fleet.pending", &g.warming}, {"fleet.draining", &g.leaving}} {
		number, err := s.Value(v.name)
		if err != nil {
			return g, err
		}
		*v.to = ceil(number)
	}
	visible, err := s.Value("queue.visible")
	if err != nil {
		return g, err
	}
	g.points = append(g.points, perInstance(visible, float64(g.running)))
	g.look(s, n)
	return g, nil
}

// look reads datapoints of earlier ticks. Those of a tick that knew too little are
// missing.
func (g *group) look(s signals.Snapshot, n int) {
	ticks := s.Since(s.Now.Add(-time.Duration(n+spare) * time.Minute))
	visible, running := signals.Reader{Name: "queue.visible"}, signals.Reader{Name: "fleet.running"}
	for i := len(ticks) - 1; i >= 0 && len(g.points) < n; i-- {
		v, known := visible.Value(&ticks[i])
		r, counted := running.Value(&ticks[i])
		if known && counted {
			g.points = append(g.points, perInstance(v, r))
		}
	}
}

// perInstance is the metric of EC2's guide, ApproximateNumberOfMessages over the
// instances in service. Without one it would be a division by zero, and no
// datapoint; here it counts as one.
// Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
func perInstance(visible, running float64) float64 { return visible / max(1, running) }

// desired is the capacity that was asked for last; at the start what there is. Who
// is taken back or cannot be launched is still wanted.
func desired(s signals.Snapshot, b policy.Bounds) int {
	if n, told := wanted(s.Recent, b); told {
		return n
	}
	return within(s.Have(), b)
}

// wanted is what the last tick that could tell wanted.
func wanted(ticks []signals.Tick, b policy.Bounds) (n int, told bool) {
	for i := len(ticks) - 1; i >= 0; i-- {
		if !ticks[i].Blind {
			return within(ticks[i].Want, b), true
		}
	}
	return 0, false
}

// all reports whether there are so many datapoints and the newest of them are all
// so.
func (g *group) all(n int, are func(float64) bool) bool {
	if len(g.points) < n {
		return false
	}
	for _, v := range g.points[:n] {
		if !are(v) {
			return false
		}
	}
	return true
}

// atLeastOne are bounds of a group that never goes to zero: without an instance in
// service there is no backlog per instance, and a share of nothing is nothing, so
// neither policy would ever come back.
func atLeastOne(b policy.Bounds) policy.Bounds {
	b.Min = max(b.Min, min(1, b.Max))
	return b
}

// scaleIn lowers what is desired to n. None starts while instances warm up.
// Source: "A scale-in activity can't start while a scale-out activity is in
// progress", https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html
// (also of target tracking).
func (g *group) scaleIn(n int, said string, b policy.Bounds) (int, string, error) {
	if g.warming > 0 {
		return g.desired, fmt.Sprintf("%s; keeps %d while %d warm up", said, g.desired, g.warming), nil
	}
	n = within(min(g.desired, n), b)
	return n, fmt.Sprintf("%s: %d instead of %d", said, n, g.desired), nil
}

// scaleOut raises what is desired to n. Those that warm up are not counted in n, but
// desired they are, so that nothing is bought twice.
// Source: "While scaling out, we do not consider instances that are warming up as
// part of the current capacity of the group",
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
// and the worked example in
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html
func (g *group) scaleOut(n int, said string, b policy.Bounds) (int, string, error) {
	n = within(max(g.desired, n), b)
	return n, fmt.Sprintf("%s: %d instead of %d", said, n, g.desired), nil
}
