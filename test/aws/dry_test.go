package aws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestMotoDryRun: it sees the fleet, decides to launch, drain and let go, and no call
// that changes anything leaves the process, but that heartbeats are taken off their
// queue: it must hear the workers to decide.
func TestMotoDryRun(t *testing.T) {
	s := newSite(t, plan{policy: between(2, 2)})
	d := s.daemon()
	were := s.awaitAgents(2)
	s.stop(d)
	for _, c := range []struct{ name, policy, says string }{
		{"more", between(3, 3), "launch 1"},
		{"fewer", between(0, 3), "drain 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.write("render.policy.yaml", c.policy)
			before := s.wire.snapshot()
			d := s.daemon("--dry-run")
			s.awaitSaid(d, c.says)
			s.stop(d)
			for action, n := range s.wire.snapshot() {
				if n > before[action] && !reads(action) {
					t.Errorf("%s left the process", action)
				}
			}
		})
	}
	if now := slices.Sorted(maps.Keys(s.alive())); !slices.Equal(were, now) {
		t.Errorf("instances %v, then %v", were, now)
	}
}

// heartbeatsTaken is how they are taken off their queue, and the last given back.
var heartbeatsTaken = []string{"sqs:ReceiveMessage", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"}

// reads reports whether an action leaves everything as it is, heartbeats aside.
func reads(action string) bool {
	_, verb, _ := strings.Cut(action, ":")
	return strings.HasPrefix(verb, "Describe") || strings.HasPrefix(verb, "Get") || slices.Contains(heartbeatsTaken, action)
}

// TestMotoReap: the fleet was renamed in the settings, and its workers are heard no
// more. They end; those that speak, and those that are not ours, do not.
func TestMotoReap(t *testing.T) {
	s := newSite(t, plan{fleet: "old", template: "old", policy: between(2, 2)})
	s.makeTemplate("old", "old", enabled)
	d := s.daemon()
	old := s.awaitAgents(2)
	s.stop(d)
	strangers := []string{
		s.run(nil),
		s.run(map[string]string{"skynet:controller": "another", "skynet:fleet": "old", "skynet:intent": "sky-1"}),
		s.run(map[string]string{"skynet:controller": "skynet", "skynet:fleet": "theirs", "skynet:intent": "sky-1"}),
	}
	s.hv.crash(old[0])
	s.configure(plan{aws: ", orphans: 10s"})
	d = s.daemon()
	await(t, "the silent one to end", func() error {
		if _, alive := s.alive()[old[0]]; alive {
			return fmt.Errorf("it lives")
		}
		return nil
	})
	for _, id := range append(strangers, old[1]) {
		if _, alive := s.alive()[id]; !alive {
			t.Errorf("%s was ended: %v", id, strangers)
		}
	}
	for _, text := range []string{"workers of a fleet that is not in the settings", "ends instances that nobody looks after", "fleet old is not in the settings"} {
		s.awaitSaid(d, text)
	}
	s.stop(d)
}
