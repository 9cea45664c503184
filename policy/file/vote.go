package file

import (
	"fmt"
	"time"

	"skynet/config/strict"
	"skynet/policy"
)

// vote: workers and signals vote to grow or to shrink.
type vote struct {
	named  `yaml:",inline"`
	Share  *strict.Percent  `yaml:"share" doc:"more than this of all votes must agree; 51% if left out"`
	Add    int              `yaml:"add" strict:"min=1" doc:"how many workers are added; 1 if left out"`
	Remove int              `yaml:"remove" strict:"min=1" doc:"how many workers are removed; 1 if left out"`
	Calm   *strict.Duration `yaml:"calm" doc:"for how long after a change of the fleet it has no opinion; 15m if left out"`
	Voters []voter          `yaml:"voters" strict:"required" doc:"who votes"`
}

// voter is a signal with one vote, or a measurement with a vote of each worker.
type voter struct {
	Signal string   `yaml:"signal" doc:"a signal, which has one vote"`
	Worker string   `yaml:"worker" strict:"enum=cpu|memory|utilisation" doc:"what is measured of each worker that runs, in per cent; each has one vote"`
	Above  *float64 `yaml:"above" doc:"above this it votes to grow; never if left out"`
	Below  *float64 `yaml:"below" doc:"below this it votes to shrink; never if left out"`
}

func (v *vote) build(as string, in within) policy.Policy {
	share, calm := 0.51, 15*time.Minute
	if v.Share != nil {
		share = v.Share.Fraction()
		if share >= 1 && in.Sound("share") {
			in.Bad("share", *v.Share, "is too much, no more than all can agree; write at most 99%%")
		}
	}
	if v.Calm != nil {
		calm = v.Calm.Std()
	}
	if len(v.Voters) == 0 && in.Given("voters") && in.Sound("voters") {
		in.Bad("voters", nil, "is empty; give at least one, such as {worker: cpu, above: 80, below: 20}")
	}
	p := policy.Vote{As: as, Share: share, Add: orElse(v.Add, 1), Remove: orElse(v.Remove, 1), Calm: calm}
	for i, who := range v.Voters {
		p.Voters = append(p.Voters, who.build(within{in.At(fmt.Sprintf("voters[%d]", i)), in.file}))
	}
	return p
}

func (v voter) build(in within) policy.Voter {
	if in.Sound("signal", "worker") && (v.Signal == "") == (v.Worker == "") {
		in.Bad("", nil, "must be either a signal or a worker; write signal: queue.oldest_age, say, or worker: cpu")
	}
	in.signal("signal", v.Signal)
	in.thresholds(v.Above, v.Below)
	return policy.Voter{Signal: v.Signal, Worker: v.Worker, Above: v.Above, Below: v.Below}
}
