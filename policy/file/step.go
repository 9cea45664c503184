package file

import (
	"time"

	"skynet/config/strict"
	"skynet/policy"
)

// step: thresholds held for a time.
type step struct {
	named  `yaml:",inline"`
	Signal string           `yaml:"signal" strict:"required" doc:"the signal that is watched"`
	Above  *float64         `yaml:"above" doc:"add workers when the signal has been above this; never if left out"`
	Below  *float64         `yaml:"below" doc:"remove workers when the signal has been below this; never if left out"`
	For    *strict.Duration `yaml:"for" doc:"how long the signal must have been beyond a threshold, and the fleet unchanged; 5m if left out"`
	Add    int              `yaml:"add" strict:"min=1" doc:"how many workers are added; 1 if left out"`
	Remove int              `yaml:"remove" strict:"min=1" doc:"how many workers are removed; 1 if left out"`
}

func (s *step) build(as string, in within) policy.Policy {
	in.signal("signal", s.Signal)
	in.thresholds(s.Above, s.Below)
	in.without("add", "above", s.Above == nil)
	in.without("remove", "below", s.Below == nil)
	held := 5 * time.Minute
	if s.For != nil {
		held = s.For.Std()
	}
	return policy.Step{
		As: as, Signal: s.Signal, Above: s.Above, Below: s.Below, For: held,
		Add: orElse(s.Add, 1), Remove: orElse(s.Remove, 1),
	}
}

// thresholds wants at least one, and room between two.
func (in within) thresholds(above, below *float64) {
	if !in.Sound("above", "below") {
		return
	}
	switch {
	case above == nil && below == nil:
		in.Bad("", nil, "has no threshold; give above, below or both")
	case above != nil && below != nil && *above <= *below:
		in.Bad("above", *above, "must be more than below (%g); between them nothing is done", *below)
	}
}

// without reports a key that means nothing without another.
func (in within) without(key, other string, missing bool) {
	if missing && in.Given(key) && in.Sound(other) {
		in.Bad(key, nil, "does nothing without %s; give %s too, or leave it out", other, other)
	}
}
