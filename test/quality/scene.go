package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

// scene writes a series under a setting as a scenario of package simulate, as a user
// would write one, and reads it back.
func scene(folder string, a arrivals, s setting) (*scenario.Scenario, error) {
	if err := writeSeries(filepath.Join(folder, a.name+".csv"), a); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, a.name+"."+s.Name+".yaml")
	text := fmt.Sprintf(`name: %s, %s
queues: [{name: items, arrivals: {csv: %s.csv}, seconds: {mean: %ds}}]
fleet: {slots: %d, boot: {mean: %s}, billing: {unit: 1s, minimum: 60s}}
`, a.name, s.Name, a.name, seconds, slots, s.Boot)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	sc, err := scenario.Load(path)
	return &sc, err
}

func writeSeries(path string, a arrivals) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "timestamp,value")
	for i, n := range a.perMinute {
		fmt.Fprintf(w, "%s,%.6f\n", a.from.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), n)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func (s setting) objective() policy.Objective {
	return policy.Objective{Wait: s.Wait, Quantile: quantile}
}

// slo is the default policy file, to be simulated.
func (s setting) slo() (simulate.Policy, error) {
	p, err := s.policy()
	return simulate.Policy{
		Name: "slo", Decider: p.Engine, Signals: p.Signals, Silent: p.Silent, Objective: s.objective(),
	}, err
}
