package policy

import (
	"cmp"
	"fmt"
	"math"

	"skynet/fleet"
	"skynet/signals"
)

// Backlog keeps the number of waiting items per worker at a target.
//
// Source: "Scaling policy based on Amazon SQS", EC2 Auto Scaling user guide:
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
// (backlog per instance = ApproximateNumberOfMessages ÷ instances in service).
// Unlike the guide we also keep enough workers for what is in flight: KEDA
// forgot to, and shrank under its working pods (kedacore/keda#1663).
type Backlog struct {
	As        string  // how it is called in reasons; "": backlog
	PerWorker float64 // items that may wait per worker, > 0
}

// Name is how it is called in reasons.
func (b Backlog) Name() string { return cmp.Or(b.As, "backlog") }

// Want returns visible ÷ PerWorker, rounded up, and no fewer than hold what is
// in flight.
func (b Backlog) Want(s signals.Snapshot) (int, string, error) {
	visible, err := s.Value("queue.visible")
	if err != nil {
		return 0, "", err
	}
	inFlight, err := s.Value("queue.in_flight")
	if err != nil {
		return 0, "", err
	}
	slots := 1.0 // not asked for when nothing is in flight: the first worker has yet to say it
	if inFlight > 0 {
		if slots, err = s.Value("fleet.slots"); err != nil {
			return 0, "", err
		}
	}
	// What draining workers hold is in good hands: it calls for nobody else.
	inFlight = max(0, inFlight-float64(held(s.Workers)))
	waiting, working := ceil(visible/b.PerWorker), ceil(inFlight/max(1, slots))
	said := fmt.Sprintf("%g waiting at %g a worker want %d", visible, b.PerWorker, waiting)
	if inFlight > 0 {
		said += fmt.Sprintf(", %g in flight at %g a worker want %d", inFlight, slots, working)
	}
	return max(waiting, working), said, nil
}

// held counts the items in the hands of draining workers.
func held(ws []fleet.Worker) (n int) {
	for _, w := range ws {
		if w.State == fleet.Draining && !w.Silent {
			n += w.Jobs
		}
	}
	return n
}

// ceil rounds a number of workers up, within what an int and sense can hold.
func ceil(v float64) int { return int(min(math.Ceil(max(0, v)), 1e9)) }
