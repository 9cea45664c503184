package file_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
)

// The types of policy as they are written, least and in full.
func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		text string
		want policy.Policy
	}{
		{"{type: slo}", policy.SLO{As: "slo", Objective: policy.Objective{Wait: 2 * time.Minute, Quantile: .99, Queues: map[string]time.Duration{"videos": 30 * time.Minute}}}},
		{"{type: target, signal: fleet.cpu_mean, target: 70}", policy.Target{As: "target", Signal: "fleet.cpu_mean", Target: 70}},
		{"{type: step, signal: queue.visible, above: 1000}", policy.Step{As: "step", Signal: "queue.visible", Above: new(1000.0), For: 5 * time.Minute, Add: 1, Remove: 1}},
		{"{type: step, name: slow, signal: queue.visible, above: 1000, for: 10m, add: 2, below: 0, remove: 3}",
			policy.Step{As: "slow", Signal: "queue.visible", Above: new(1000.0), Below: new(0.0), For: 10 * time.Minute, Add: 2, Remove: 3}},
		{"{type: step, signal: queue.visible, below: 0.5, for: 0s}", policy.Step{As: "step", Signal: "queue.visible", Below: new(.5), Add: 1, Remove: 1}},
		{"{type: vote, voters: [{worker: cpu, above: 80}]}",
			policy.Vote{As: "vote", Share: .51, Add: 1, Remove: 1, Calm: 15 * time.Minute, Voters: []policy.Voter{{Worker: "cpu", Above: new(80.0)}}}},
		{"{type: vote, share: 30%, add: 2, remove: 3, calm: 0s, voters: [{signal: queues.videos.oldest_age, above: 60, below: 5}, {worker: utilisation, below: 20}]}",
			policy.Vote{As: "vote", Share: .3, Add: 2, Remove: 3, Voters: []policy.Voter{{Signal: "queues.videos.oldest_age", Above: new(60.0), Below: new(5.0)}, {Worker: "utilisation", Below: new(20.0)}}}},
	} {
		p, err := file.Parse("render.policy.yaml", []byte("objective: {wait: 2m, quantile: 0.99, queues: [{name: videos, wait: 30m}]}\nbounds: {max: 9}\npolicies: ["+c.text+"]\n"), signals.Names{Queues: []string{"videos"}})
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff([]policy.Policy{c.want}, p.Engine.Policies); diff != "" {
			t.Errorf("%s: %s", c.text, diff)
		}
	}
}

// What a policy looks back on is kept for it.
func TestWindowsOfPolicies(t *testing.T) {
	p, err := file.Parse("render.policy.yaml", []byte("bounds: {max: 9}\npolicies: [{type: step, signal: queue.visible, above: 1, for: 3h}]\n"), signals.Names{Open: true})
	if err != nil || p.Engine.Window() != 3*time.Hour {
		t.Errorf("looks back %s, %v", p.Engine.Window(), err)
	}
}
