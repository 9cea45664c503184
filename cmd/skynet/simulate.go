package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"skynet/config/strict"
	"skynet/journal/sqlite"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/exec"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

func simulateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "simulate --scenario FILE --policy FILE...",
		Short: "Play policies against recorded load in virtual time",
		Long: `Play policies against a scenario (recorded load, machines, prices, faults) in
virtual time, and tell how long items waited and what it cost. The controller, the
policies and the guards are the daemon's own. All policies meet the same arrivals,
and the same seed gives the same figures. See docs/simulate.md.

With --journal, every tick is written to a new file, as the daemon does.`,
		Example: `  skynet simulate --scenario config/examples/week.scenario.yaml --policy config/examples/render.policy.yaml
  skynet simulate --scenario config/examples/week.scenario.yaml --policy a.policy.yaml --policy b.policy.yaml --output json`,
		Args: cobra.NoArgs,
		RunE: runSimulations,
	}
	c.Flags().String("scenario", "", "scenario file")
	c.Flags().StringArray("policy", nil, "policy file; give it again to compare several")
	c.Flags().Uint32("seed", 0, "another seed than the scenario's")
	c.Flags().String("journal", "", "SQLite file to be made, for every tick of a single policy")
	addOutputFlag(c)
	return c
}

// simulated is what is printed.
type simulated struct {
	Scenario string            `json:"scenario"`
	Seed     uint64            `json:"seed"`
	Results  []simulate.Result `json:"results"`
}

func runSimulations(c *cobra.Command, _ []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	sc, err := scenarioOf(c)
	if err != nil {
		return err
	}
	policies, end, err := policiesFor(c, sc)
	if err != nil {
		return err
	}
	defer func() { _ = end() }()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a few megabytes are made anew at every tick: memory stays small all the same
	}
	for _, n := range sc.Notes {
		fmt.Fprintln(c.ErrOrStderr(), "skynet: note:", n)
	}
	out := simulated{Scenario: sc.Name, Seed: uint64(sc.Seed)}
	for _, p := range policies {
		r, err := simulateOne(c, &sc, p)
		if err != nil {
			return err
		}
		out.Results = append(out.Results, r)
	}
	if asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(out)
	}
	out.print(c.OutOrStdout())
	return nil
}

func scenarioOf(c *cobra.Command) (scenario.Scenario, error) {
	path, _ := c.Flags().GetString("scenario")
	if path == "" {
		return scenario.Scenario{}, errors.New("--scenario is missing: name the scenario file to play")
	}
	sc, err := scenario.Load(path)
	if c.Flags().Changed("seed") {
		seed, _ := c.Flags().GetUint32("seed")
		sc.Seed = int(seed)
	}
	return sc, err
}

// policiesFor reads every policy file before anything is played.
func policiesFor(c *cobra.Command, sc scenario.Scenario) (list []simulate.Policy, end func() error, err error) {
	paths, _ := c.Flags().GetStringArray("policy")
	journal, _ := c.Flags().GetString("journal")
	switch {
	case len(paths) == 0:
		return nil, nil, errors.New("--policy is missing: name at least one policy file to play")
	case journal != "" && len(paths) > 1:
		return nil, nil, errors.New("--journal holds the ticks of one policy: give a single --policy")
	}
	var asked []*exec.Advisers
	end = func() error {
		var errs []error
		for _, a := range asked {
			errs = append(errs, a.Close())
		}
		return errors.Join(errs...)
	}
	var errs []error
	for _, path := range paths {
		p, advisers, err := policyFor(path, sc)
		errs, list = append(errs, err), append(list, p)
		if advisers != nil {
			asked = append(asked, advisers)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return list, end, nil
}

// policyFor reads a policy file for the queues of a scenario.
func policyFor(path string, sc scenario.Scenario) (p simulate.Policy, asked *exec.Advisers, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return p, nil, fmt.Errorf("policy file: %w", err)
	}
	var names signals.Names
	for _, q := range sc.Queues {
		names.Queues = append(names.Queues, q.Name)
	}
	read, err := file.Parse(path, data, names)
	if err != nil {
		return p, nil, err
	}
	if read.Money != "" && !sc.Priced() {
		return p, nil, fmt.Errorf("%s: %s: the scenario has no prices, so nothing would be bought; add price: 0.17 to its fleet", path, read.Money)
	}
	p = simulate.Policy{Name: path, Decider: read.Engine, Signals: read.Signals, Silent: read.Silent, Objective: objectiveOf(path, data)}
	if programs := programsOf(read); len(programs) > 0 {
		asked = exec.New(programs...)
		p.Advisers = asked
	}
	return p, asked, nil
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

func simulateOne(c *cobra.Command, sc *scenario.Scenario, p simulate.Policy) (r simulate.Result, err error) {
	var o simulate.Options
	if path, _ := c.Flags().GetString("journal"); path != "" {
		if _, err := os.Stat(path); err == nil {
			return r, fmt.Errorf("--journal %s exists already: name a file that can be made", path)
		}
		j, err := sqlite.Open(path, sqlite.Options{Reserve: -1})
		if err != nil {
			return r, fmt.Errorf("--journal: %w", err)
		}
		defer func() { _ = j.Close() }()
		o.Journal = j
	}
	said := false
	if f, ok := c.ErrOrStderr().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Progress = func(share float64) {
			said = true
			fmt.Fprintf(f, "\r%s: %.0f%%", p.Name, 100*share)
		}
	}
	r, err = simulate.Run(c.Context(), sc, p, o)
	if said {
		fmt.Fprint(c.ErrOrStderr(), "\r\x1b[K")
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("stopped")
	}
	if err != nil {
		return r, finding{err}
	}
	return r, nil
}

// print writes a table: a line for each figure, a column for each policy.
func (s simulated) print(out io.Writer) {
	fmt.Fprintf(out, "scenario %s, seed %d\n\n", s.Scenario, s.Seed)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	var columns []column
	for _, r := range s.Results {
		columns = append(columns, column{short(r.Policy), r.Figures, r.Ticks})
		for _, f := range r.Fleets {
			columns = append(columns, column{f.Fleet, f.Figures, r.Ticks})
		}
	}
	const across = 4 // columns that fit into a hundred characters
	for i := 0; i < len(columns); i += across {
		some := columns[i:min(i+across, len(columns))]
		for _, l := range figures {
			fmt.Fprint(w, l.name+"\t")
			for _, c := range some {
				fmt.Fprint(w, l.of(c)+"\t")
			}
			fmt.Fprintln(w)
		}
		_ = w.Flush()
		if i+across < len(columns) {
			fmt.Fprintln(out)
		}
	}
}

// short is a policy's name without its folder and what every policy file ends in,
// cut where it would not fit.
func short(path string) string {
	const most = 18
	name := filepath.Base(path)
	for _, end := range []string{".yaml", ".yml", ".policy"} {
		name = strings.TrimSuffix(name, end)
	}
	if r := []rune(name); len(r) > most {
		name = string(r[:most-1]) + "…"
	}
	return name
}

type column struct {
	name string
	simulate.Figures
	ticks int
}

// figures are the lines of the table.
var figures = []struct {
	name string
	of   func(column) string
}{
	{"", func(c column) string { return c.name }},
	{"items", func(c column) string { return thousands(float64(c.Items)) }},
	{"within objective", func(c column) string {
		return orDash(c.WithinObjective, func(v float64) string { return fmt.Sprintf("%.3f%%", 100*v) })
	}},
	{"wait p50", func(c column) string { return c.wait(func(w simulate.Wait) float64 { return w.P50 }) }},
	{"wait p95", func(c column) string { return c.wait(func(w simulate.Wait) float64 { return w.P95 }) }},
	{"wait p99", func(c column) string { return c.wait(func(w simulate.Wait) float64 { return w.P99 }) }},
	{"wait max", func(c column) string { return c.wait(func(w simulate.Wait) float64 { return w.Max }) }},
	{"instance hours", func(c column) string { return fmt.Sprintf("%.2f", float64(c.InstanceSeconds)/3600) }},
	{"work hours", func(c column) string { return fmt.Sprintf("%.2f", c.WorkSeconds/3600) }},
	{"efficiency", func(c column) string {
		return orDash(c.Efficiency, func(v float64) string { return fmt.Sprintf("%.1f%%", 100*v) })
	}},
	{"cost", func(c column) string { return orDash(c.Cost, func(v float64) string { return fmt.Sprintf("%.2f", v) }) }},
	{"launches", func(c column) string { return thousands(float64(c.Launches)) }},
	{"wakes", func(c column) string { return thousands(float64(c.Wakes)) }},
	{"sleeps", func(c column) string { return thousands(float64(c.Sleeps)) }},
	{"terminations", func(c column) string { return thousands(float64(c.Terminations)) }},
	{"interruptions", func(c column) string { return thousands(float64(c.Interruptions)) }},
	{"peak instances", func(c column) string { return thousands(float64(c.Peak)) }},
	{"ticks", func(c column) string { return thousands(float64(c.ticks)) }},
}

func (c column) wait(of func(simulate.Wait) float64) string {
	if c.Wait == nil {
		return "-"
	}
	d := time.Duration(of(*c.Wait) * float64(time.Second))
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute).String()
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func orDash(v *float64, said func(float64) string) string {
	if v == nil {
		return "-"
	}
	return said(*v)
}
