package peer

import (
	"fmt"
	"math"
	"time"

	"skynet/policy"
	"skynet/signals"
)

// stepping is EC2 Auto Scaling's step scaling on the backlog per instance, with the
// user guide's example of PercentChangeInCapacity around a threshold:
//
//	threshold × 0.6    0.8          1.2    1.4
//	   −30%      | −10% | unchanged  | +10% | +30%
//
// (the example has a threshold of 50 and steps at 30, 40, 60 and 70). Its alarms
// compare "two consecutive evaluation periods of two minutes", as the guide's do.
//
// Source: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-simple-step.html
type stepping struct {
	threshold settings
	bounds    policy.Bounds
}

const (
	stepPeriods = 2
	stepMinutes = 2 // a period
)

// Name is "step".
func (stepping) Name() string { return Step }

// Window is how far back its alarms look.
func (stepping) Window() time.Duration { return (stepPeriods*stepMinutes + spare) * time.Minute }

// Want is the desired capacity.
func (p stepping) Want(s signals.Snapshot) (int, string, error) {
	g, err := groupOf(s, p.bounds, stepPeriods*stepMinutes)
	if err != nil {
		return g.desired, "", err
	}
	threshold, err := p.threshold.of(s.Fleet)
	if err != nil {
		return g.desired, "", err
	}
	g.points = means(g.points, stepMinutes)
	if len(g.points) < stepPeriods {
		return g.desired, fmt.Sprintf("there are too few datapoints yet: keeps %d", g.desired), nil
	}
	said := fmt.Sprintf("%.4g wait per instance with %d in service, the threshold is %.4g", g.points[0], g.running, threshold)
	switch percent := percentOf(g.points[0], threshold); {
	case percent > 0 && g.all(stepPeriods, func(v float64) bool { return percentOf(v, threshold) > 0 }):
		return g.scaleOut(g.running+change(g.running, percent), fmt.Sprintf("%s, %+d%%", said, percent), p.bounds)
	case percent < 0 && g.all(stepPeriods, func(v float64) bool { return percentOf(v, threshold) < 0 }):
		// Those that terminate count as capacity: they are not taken off twice.
		n := g.running + g.leaving
		return g.scaleIn(n+change(n, percent), fmt.Sprintf("%s, %+d%%", said, percent), p.bounds)
	}
	return g.desired, fmt.Sprintf("%s: keeps %d", said, g.desired), nil
}

// means are the averages of so many datapoints each.
func means(points []float64, of int) (list []float64) {
	for ; len(points) >= of; points = points[of:] {
		sum := 0.0
		for _, v := range points[:of] {
			sum += v
		}
		list = append(list, sum/float64(of))
	}
	return list
}

// percentOf is the step that a value falls into. Above the threshold the lower edge
// of a step belongs to it, below the threshold the upper edge.
func percentOf(v, threshold float64) int {
	far, near := .4*threshold, .2*threshold
	switch {
	case v >= threshold+far:
		return 30
	case v >= threshold+near:
		return 10
	case v <= threshold-far:
		return -30
	case v <= threshold-near:
		return -10
	}
	return 0
}

// change is a percentage of a capacity, in whole instances: towards zero beyond one,
// and one below it.
func change(capacity, percent int) int {
	v := float64(capacity*percent) / 100
	switch {
	case v > 0:
		return int(max(1, math.Floor(v)))
	case v < 0:
		return int(min(-1, math.Ceil(v)))
	}
	return 0
}
