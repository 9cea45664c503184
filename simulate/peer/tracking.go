package peer

import (
	"fmt"
	"slices"
	"time"

	"skynet/policy"
	"skynet/signals"
)

// tracking is EC2 Auto Scaling's target tracking on the backlog per instance, with
// one-minute datapoints. Its two alarms act each minute for as long as they last.
//
// Sources: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
// (out in proportion, rounded up; in more gradually, rounded in favour of capacity),
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
// (the metric), https://repost.aws/knowledge-center/autoscaling-policy-cloudwatch-alarm
// (an action each minute). How many datapoints the alarms compare is not in AWS's
// guide: three and fifteen are told by
// https://cloudandclear.uk/aws-auto-scaling-assumptions-production/, and stand in
// the alarms that EC2 makes. Nor is how gradual "more gradually" is: here the
// largest of the fifteen datapoints counts.
type tracking struct {
	target settings
	bounds policy.Bounds
}

const (
	highPoints = 3  // above the target: scale out
	lowPoints  = 15 // below lowShare of it: scale in
	// lowShare: "usually more than 10% lower" than the target, in the guide's words.
	lowShare = .9
)

// Name is "target-tracking".
func (tracking) Name() string { return TargetTracking }

// Window is how far back its alarms look.
func (tracking) Window() time.Duration { return (lowPoints + spare) * time.Minute }

// Want is the desired capacity.
func (p tracking) Want(s signals.Snapshot) (int, string, error) {
	g, err := groupOf(s, p.bounds, lowPoints)
	if err != nil {
		return g.desired, "", err
	}
	target, err := p.target.of(s.Fleet)
	if err != nil {
		return g.desired, "", err
	}
	metric, low := g.points[0], lowShare*target
	said := fmt.Sprintf("%.4g wait per instance with %d in service, the target is %.4g", metric, g.running, target)
	switch {
	case g.all(highPoints, func(v float64) bool { return v > target }):
		return g.scaleOut(ceil(float64(max(1, g.running))*(metric/target)), fmt.Sprintf("%s, above it for %d minutes", said, highPoints), p.bounds)
	case g.all(lowPoints, func(v float64) bool { return v < low }):
		// Those that terminate count as capacity: they are not taken off twice.
		n := ceil(float64(g.running+g.leaving) * (slices.Max(g.points[:lowPoints]) / target))
		return g.scaleIn(n, fmt.Sprintf("%s, below %.4g for %d minutes", said, low, lowPoints), p.bounds)
	}
	return g.desired, fmt.Sprintf("%s: keeps %d", said, g.desired), nil
}
