package policy

import (
	"cmp"
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// Target keeps a signal at a target by EC2 Auto Scaling's rules for target
// tracking: out in proportion and at once, in slowly. The signal must fall as the
// fleet grows: a mean over the workers, not a sum.
//
// Sources: "scales out proportionally to the metric as fast as it can, but scales in
// more gradually",
// https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html,
// and https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
// (it removes nobody until the metric is, usually, more than a tenth below the
// target). That the alarm below wants fifteen points a minute apart is told by
// https://cloudandclear.uk/aws-auto-scaling-assumptions-production/.
type Target struct {
	As     string // how it is called in reasons; "": target
	Signal string
	Target float64 // above 0
}

const (
	// lowFor is how long the signal must have been low before anybody is let go.
	lowFor = 15 * time.Minute
	// lowShare of the target is low.
	lowShare = 0.9
)

// Name is how it is called in reasons.
func (p Target) Name() string { return cmp.Or(p.As, "target") }

// Window is how long the signal must have been low.
func (Target) Window() time.Duration { return lowFor }

// Want returns running × value ÷ target, rounded up, when the signal is above the
// target; the same by the largest value of the last 15 minutes when it was low
// throughout; and what there is in between.
func (p Target) Want(s signals.Snapshot) (int, string, error) {
	running, have, err := headcount(s)
	if err != nil {
		return 0, "", err
	}
	if running == 0 {
		return 0, "nobody runs for whom " + p.Signal + " could be measured", ErrAbstain
	}
	v, err := s.Value(p.Signal)
	if err != nil {
		return 0, "", err
	}
	said := fmt.Sprintf("%s is %.4g, the target %.4g", p.Signal, v, p.Target)
	if v > p.Target {
		n := ceil(float64(running) * (v / p.Target))
		said += fmt.Sprintf(": %d × %.4g ÷ %.4g want %d", running, v, p.Target, n)
		if n < have {
			said += fmt.Sprintf(", keeps the %d that there are", have)
		}
		return max(n, have), said, nil
	}
	most, why := p.low(s, v)
	if why != "" {
		return have, fmt.Sprintf("%s: keeps %d, %s", said, have, why), nil
	}
	// With the last one gone nothing would be measured, and nobody ever wanted.
	n := min(max(1, ceil(float64(running)*(most/p.Target))), have)
	return n, fmt.Sprintf("%s, and it was at most %.4g for %s: %d × %.4g ÷ %.4g want %d", said, most, span(lowFor), running, most, p.Target, n), nil
}

// low is the largest value of the last 15 minutes, or why nobody is let go. Those
// who have just come or gone are not in what was measured yet.
func (p Target) low(s signals.Snapshot, v float64) (most float64, why string) {
	limit := lowShare * p.Target
	if v >= limit {
		return 0, fmt.Sprintf("not below %.4g", limit)
	}
	if why = unsettled(s, lowFor); why != "" {
		return 0, why
	}
	h := heldFor(s, p.Signal, lowFor, func(v float64) bool { return v < limit })
	if h.why != "" {
		return 0, fmt.Sprintf("not below %.4g for %s yet: %s", limit, span(lowFor), h.why)
	}
	return h.most, ""
}

// headcount is how many workers run, and how many there are with those on their
// way. Without a list of workers it goes by the fleet's signals.
func headcount(s signals.Snapshot) (running, have int, err error) {
	if len(s.Workers) > 0 {
		for i := range s.Workers {
			if s.Workers[i].State == fleet.Working {
				running++
			}
		}
		return running, s.Have(), nil
	}
	up, err := atLeastZero(&s, "fleet.running")
	if err != nil {
		return 0, 0, err
	}
	coming, err := atLeastZero(&s, "fleet.pending")
	if err != nil {
		return 0, 0, err
	}
	return ceil(up), ceil(up) + ceil(coming), nil
}
