package file

import "skynet/policy"

// slo: the fewest workers that keep the objective.
type slo struct {
	named `yaml:",inline"`
}

func (*slo) build(as string, in within) policy.Policy {
	return policy.SLO{As: as, Objective: in.file.objective()}
}
