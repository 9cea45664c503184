package policy_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"skynet/policy"
	"skynet/signals"
)

// queue is a snapshot with these signals; one that is NaN is unknown.
func queue(visible, inFlight, slots float64) signals.Snapshot {
	s := signals.Snapshot{Fleet: "render", Now: noon}
	for name, v := range map[string]float64{"queue.visible": visible, "queue.in_flight": inFlight, "fleet.slots": slots} {
		s.Signals = append(s.Signals, signals.Known(name, v, noon, time.Minute))
	}
	return s.Freeze()
}

func TestBacklog(t *testing.T) {
	unknown := math.NaN()
	for _, c := range []struct {
		name                     string
		perWorker                float64
		visible, inFlight, slots float64
		want                     int
		err                      string
	}{
		{"nothing to do", 10, 0, 0, 1, 0, ""},
		{"one item needs one worker", 10, 1, 0, 1, 1, ""},
		{"exactly full", 10, 20, 0, 1, 2, ""},
		{"rounded up", 10, 21, 0, 1, 3, ""},
		{"what is in flight keeps its workers", 10, 0, 8, 4, 2, ""}, // kedacore/keda#1663
		{"rounded up too", 10, 0, 9, 4, 3, ""},
		{"the larger of both", 10, 15, 8, 4, 2, ""},
		{"less than one item a worker", .5, 3, 0, 1, 6, ""},
		{"slots below one count as one", 10, 0, 3, .5, 3, ""},
		{"slots of zero count as one", 10, 0, 3, 0, 3, ""},
		{"more than makes sense", 1e-300, 5, 0, 1, 1e9, ""},
		{"visible unknown", 10, unknown, 0, 1, 0, "queue.visible is unknown"},
		{"in flight unknown", 10, 5, unknown, 1, 0, "queue.in_flight is unknown"},
		{"slots unknown", 10, 5, 1, unknown, 0, "fleet.slots is unknown"},
		// Were it blind without slots, a fleet of none would never get its first worker.
		{"slots unknown, nothing in flight", 10, 25, 0, unknown, 3, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := policy.Backlog{PerWorker: c.perWorker}.Want(queue(c.visible, c.inFlight, c.slots))
			if n != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("wants %d (%s), %v; want %d, %q", n, because, err, c.want, c.err)
			}
		})
	}
}

// The worked example of the EC2 Auto Scaling user guide: 1,500 messages, 10
// instances, 0.1 s an item and 10 s of acceptable latency make a target of 100 a
// worker, and five more instances.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html
func TestBacklogOfTheUserGuide(t *testing.T) {
	const latency, seconds = 10, .1
	e := policy.Engine{
		Bounds:   policy.Bounds{Max: 100},
		Policies: []policy.Policy{policy.Backlog{PerWorker: latency / seconds}},
		Plan:     policy.DefaultPlan(),
	}
	s := queue(1500, 10, 1)
	s.Workers = crew(10)
	d := e.Decide(s)
	if d.Want != 15 || d.Launch != 5 || d.Action() != "launch" {
		t.Errorf("wants %d and launches %d, want 15 and 5", d.Want, d.Launch)
	}
	if said := d.Reasons[0].Said; said != "1500 waiting at 100 a worker want 15, 10 in flight at 1 a worker want 10" {
		t.Errorf("because %q", said)
	}
}

func TestTheFirstWorkerOfAFleetOfNone(t *testing.T) {
	e := policy.Engine{Bounds: policy.Bounds{Max: 9}, Policies: []policy.Policy{policy.Backlog{PerWorker: 10}}, Plan: policy.DefaultPlan()}
	if d := e.Decide(queue(25, 0, math.NaN())); d.Launch != 3 || d.Blind {
		t.Errorf("launches %d, blind %v: %v", d.Launch, d.Blind, d.Reasons)
	}
}
