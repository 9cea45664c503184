package aws

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestMotoAdopt: a controller that is killed as its workers work finds them again
// by their tags, and buys nothing.
func TestMotoAdopt(t *testing.T) {
	s := newSite(t, plan{policy: between(2, 2)})
	d := s.daemon()
	were := s.awaitAgents(2)
	d.Kill()
	s.send(4)
	s.daemon()
	s.awaitTicks(3)
	s.awaitResults()
	if now := slices.Sorted(maps.Keys(s.alive())); !slices.Equal(were, now) || s.bought() != 1 {
		t.Errorf("instances %v when the controller was killed, then %v; bought %d times", were, now, s.bought())
	}
}

// TestMotoKilledBetweenTheCallAndTheAnswer: what was bought is found by the tag of
// its intent. moto would buy again under the same token; so would EC2, had it
// forgotten the token by then.
func TestMotoKilledBetweenTheCallAndTheAnswer(t *testing.T) {
	s := newSite(t, plan{policy: between(2, 6)})
	answered := make(chan struct{})
	answer := make(chan struct{})
	s.wire.before("ec2:CreateFleet", func() { close(answered); <-answer })
	d := s.daemon()
	wait(t, "a launch", answered)
	d.Kill()
	close(answer)
	were := slices.Sorted(maps.Keys(s.alive()))
	d = s.daemon()
	s.awaitTicks(3)
	now := slices.Sorted(maps.Keys(s.alive()))
	if len(were) != 2 || !slices.Equal(were, now) || s.bought() != 1 {
		t.Errorf("%v were bought, and there are %v; bought %d times", were, now, s.bought())
	}
	s.stop(d)
}

// TestMotoInterruption: EC2 takes Spot instances back. Whether the agent hears of it
// first, or the controller by EventBridge, another is bought before it is gone.
func TestMotoInterruption(t *testing.T) {
	for _, c := range []struct {
		name string
		tell func(s *site, id string)
		said string
	}{
		{"told to the agent", func(s *site, id string) { s.hv.interrupt(id) }, "draining"},
		{"told by EventBridge", func(s *site, id string) { s.post("events", interruption(id)) }, "EC2 takes an instance back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, plan{policy: between(1, 3), spot: "{share: 100%, base_on_demand: 0}", aws: fmt.Sprintf(", events: %q", queueURL("events"))})
			d := s.daemon()
			first := s.awaitAgents(1)[0]
			if l := s.alive()[first].InstanceLifecycle; l != "spot" {
				t.Fatalf("%s is %q", first, l)
			}
			// moto asks the same for each type: https://github.com/getmoto/moto, spot_instances.py.
			await(t, "the Spot price", func() error { return s.signal("cost.spot_price", 0.00001) })
			await(t, "the fleet's cost", func() error { return s.signal("cost.per_hour", 0.00001) })
			c.tell(s, first)
			both := s.awaitAgents(2)
			s.takeBack(first)
			await(t, "one agent", func() error {
				if now := s.hv.agents(); len(now) != 1 || now[0] == first {
					return fmt.Errorf("agents of %v", now)
				}
				return nil
			})
			s.send(1)
			s.awaitResults()
			if n := s.bought(); n != 2 {
				t.Errorf("bought %d times, agents were %v", n, both)
			}
			s.stop(d)
		})
	}
}

// interruption is a notice as EventBridge writes it.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
func interruption(id string) string {
	return fmt.Sprintf(`{"version": "0", "id": "12345678-1234-1234-1234-123456789012", "detail-type": "EC2 Spot Instance Interruption Warning",
"source": "aws.ec2", "account": "123456789012", "time": %q, "region": "eu-west-1",
"resources": ["arn:aws:ec2:eu-west-1a:instance/%s"], "detail": {"instance-id": %q, "instance-action": "terminate"}}`, rfc3339(), id, id)
}
