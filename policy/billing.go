package policy

import (
	"fmt"
	"math"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// lastMinutes is how near the end of a paid hour a worker may be asked to leave:
// time for a tick to ask it, one to hear that it is empty, and one to let it go.
const lastMinutes = 5 * time.Minute

// Billing is for instances that are paid for by the hour: a worker is asked to
// drain in the last minutes of an hour that is paid for anyhow, or as much
// earlier as what it has in hand takes.
//
// It prevents paying twice for the same capacity: an instance that is let go ten
// minutes after it was bought, and bought again ten minutes later, costs two
// hours. Dedicated Instances and Linux distributions with an hourly charge of
// their own are billed so; what EC2 bills by the second needs no such guard:
// https://aws.amazon.com/about-aws/whats-new/2017/10/announcing-amazon-ec2-per-second-billing/
type Billing struct{}

// Name is "billing".
func (Billing) Name() string { return "billing" }

// Soften spares those whose paid hour has some time to go.
func (Billing) Soften(s signals.Snapshot, d Decision) Decision {
	return chosen(s, d, func(d Decision) Decision { return untilPaid(s, d) })
}

func untilPaid(s signals.Snapshot, d Decision) Decision {
	n := len(d.Drain)
	if n == 0 {
		return d
	}
	window := max(lastMinutes, 2*s.Step()) // else ticks that are far apart would always miss it
	each, err := s.Value("work.seconds_mean")
	if err != nil {
		each = 0
	}
	d.Drain = spare(s, d.Drain, func(w *fleet.Worker) bool {
		return hourLeft(w, s.Now) > window+inHand(w, each)
	})
	if len(d.Drain) == n {
		return d
	}
	return d.Because("billing", "drain %d instead of %d: the others have more than %s left of an hour that is paid for%s",
		len(d.Drain), n, span(window), whatIsInHand(each))
}

func whatIsInHand(each float64) string {
	if each <= 0 {
		return ""
	}
	return fmt.Sprintf(", beyond what they have in hand at %.3g s an item", each)
}

// inHand is how long a worker's items take at most about, at so many seconds
// each: it works on as many at once as it has slots.
func inHand(w *fleet.Worker, each float64) time.Duration {
	rounds := math.Ceil(float64(w.Jobs) / float64(max(1, w.Slots)))
	return time.Duration(min(max(0, rounds*each), hour.Seconds()) * float64(time.Second))
}

// hourLeft is what is left of the hour that is paid for, above 0. An hour begins
// with each launch and each wake. Of one whose beginning is not known nothing is
// left: there is no hour to save.
func hourLeft(w *fleet.Worker, now time.Time) time.Duration {
	began := since(w)
	if began.IsZero() {
		return 0
	}
	return hour - max(0, now.Sub(began))%hour
}
