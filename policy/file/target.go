package file

import "skynet/policy"

// target: EC2 Auto Scaling's target tracking.
type target struct {
	named  `yaml:",inline"`
	Signal string  `yaml:"signal" strict:"required" doc:"the signal that is kept at the target; it must fall as the fleet grows, such as fleet.cpu_mean"`
	Target float64 `yaml:"target" strict:"required,above=0" doc:"above it the fleet grows in proportion; below nine tenths of it for 15 minutes it shrinks"`
}

func (t *target) build(as string, in within) policy.Policy {
	in.signal("signal", t.Signal)
	return policy.Target{As: as, Signal: t.Signal, Target: t.Target}
}
