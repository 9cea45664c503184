package file

import (
	"skynet/config/strict"
	"skynet/policy"
)

// schedule wants a fixed number for some time from each start of a cron expression.
type schedule struct {
	named `yaml:",inline"`
	Cron  string          `yaml:"cron" strict:"required" doc:"when it starts, in the file's timezone: minute, hour, day of month, month, day of week, like 0 17 * * SUN"`
	For   strict.Duration `yaml:"for" strict:"required" doc:"how long it is on from each start"`
	Want  int             `yaml:"want" strict:"required,min=1,max=100000" doc:"workers wanted while it is on"`
}

func (s *schedule) build(as string, in within) policy.Policy {
	starts, err := policy.ParseCron(s.Cron)
	if err != nil && in.Given("cron") && in.Sound("cron") {
		in.Bad("cron", s.Cron, "%v", err)
	}
	if in.Given("for") && in.Sound("for") {
		switch longest := strict.Duration(policy.LongestSchedule); {
		case s.For <= 0:
			in.Bad("for", s.For, "is too short; write how long it is on, like 6h")
		case s.For > longest:
			in.Bad("for", s.For, "is too long; write at most %s", longest)
		}
	}
	return policy.Schedule{As: as, Cron: starts, For: s.For.Std(), Zone: in.file.zone, Workers: s.Want}
}
