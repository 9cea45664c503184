package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/exec"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

// contender is a policy file that is played.
type contender struct {
	simulate.Policy
	bounds policy.Bounds
	asked  *exec.Advisers // programs of its own; nil: none
}

func (c contender) close() error {
	if c.asked == nil {
		return nil
	}
	return c.asked.Close()
}

// contendersFor reads every policy file before anything is played.
func contendersFor(c *cobra.Command, sc *scenario.Scenario) (list []contender, err error) {
	paths, _ := c.Flags().GetStringArray("policy")
	var errs []error
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("policy file: %w", err))
			continue
		}
		p, err := contenderOf(path, data, sc)
		errs, list = append(errs, err), append(list, p)
	}
	return list, errors.Join(errs...)
}

// contenderOf reads a policy file for the queues of a scenario.
func contenderOf(path string, data []byte, sc *scenario.Scenario) (p contender, err error) {
	var names signals.Names
	for _, q := range sc.Queues {
		names.Queues = append(names.Queues, q.Name)
	}
	read, err := file.Parse(path, data, names)
	if err != nil {
		return p, err
	}
	if read.Money != "" && !sc.Priced() {
		return p, fmt.Errorf("%s: %s: the scenario has no prices, so nothing would be bought; add price: 0.17 to its fleet", path, read.Money)
	}
	p.Policy = simulate.Policy{Name: path, Decider: read.Engine, Signals: read.Signals, Silent: read.Silent, Objective: objectiveOf(path, data)}
	p.bounds = read.Engine.Bounds
	if programs := programsOf(read); len(programs) > 0 {
		p.asked = exec.New(programs...)
		p.Advisers = p.asked
	}
	return p, nil
}

// objectiveOf is what a policy file, which has been read without a mistake,
// promises.
func objectiveOf(path string, data []byte) policy.Objective {
	f, _ := strict.Read[file.File](path, data) // without its queues known it finds fault with their names
	o := policy.Objective{Wait: f.Objective.Wait.Std(), Quantile: f.Objective.Quantile, Queues: map[string]time.Duration{}}
	for _, q := range f.Objective.Queues {
		o.Queues[q.Name] = q.Wait.Std()
	}
	return o
}
