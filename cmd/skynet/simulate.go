package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"skynet/policy"
	"skynet/simulate"
	"skynet/simulate/scenario"
)

func simulateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "simulate (--scenario FILE | --recording JOURNAL) --policy FILE...",
		Short: "Play policies against recorded load in virtual time",
		Long: `Play policies against a scenario (recorded load, machines, prices, faults) or
against what a daemon has recorded, in virtual time, and tell how long items waited
and what it cost. The controller, the policies and the guards are the daemon's own.
All policies meet the same arrivals, and the same seed gives the same figures.

--against plays others beside them, with the objective and bounds of the first
policy: target-tracking, step, keda, static and clairvoyant, which knows every
arrival. A peer's target is a parameter (keda=20), or its best in hindsight
(keda=tuned; tuned alone in the list tunes all that have no other).

--sweep plays one policy file with many settings, and draws what no other setting
beats in both cost and wait.

--replay decides each recorded tick again and lists what is decided otherwise.
What follows from other decisions is not played: that is what simulate does
without it.

See docs/simulate.md.`,
		Example: `  skynet simulate --scenario config/examples/week.scenario.yaml --policy config/examples/render.policy.yaml
  skynet simulate --scenario config/examples/week.scenario.yaml --policy config/examples/render.policy.yaml \
      --against target-tracking,keda=tuned,clairvoyant --report week.html
  skynet simulate --recording /var/lib/skynet --since 14d --policy new.policy.yaml
  skynet simulate --recording /var/lib/skynet --replay --policy new.policy.yaml
  skynet simulate --scenario config/examples/week.scenario.yaml --policy config/examples/render.policy.yaml \
      --sweep objective.wait=1m,2m,5m --sweep bounds.max=20,40`,
		Args: cobra.NoArgs,
		RunE: runSimulations,
	}
	c.Flags().String("scenario", "", "scenario file")
	addRecordingFlags(c)
	c.Flags().StringArray("policy", nil, "policy file; give it again to compare several")
	c.Flags().StringSlice("against", nil, "peers: target-tracking, step, keda, static, clairvoyant; each also with =SETTING or =tuned")
	c.Flags().StringArray("sweep", nil, "KEY=VALUE,VALUE... of the policy file, such as objective.wait=1m,5m; give it again for a grid")
	c.Flags().Bool("replay", false, "decide each recorded tick again instead of playing what follows")
	c.Flags().Uint32("seed", 0, "another seed than the scenario's")
	c.Flags().String("report", "", "HTML file to be written: figures, charts and decisions, which opens without a network")
	c.Flags().String("journal", "", "SQLite file to be made, for every tick of a single policy")
	addOutputFlag(c)
	return c
}

// simulated is what is printed.
type simulated struct {
	Scenario string            `json:"scenario"`
	Seed     uint64            `json:"seed"`
	Results  []simulate.Result `json:"results"`

	promised []policy.Objective // by each of them; none of a sweep
}

func runSimulations(c *cobra.Command, _ []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	if err := fitTogether(c); err != nil {
		return err
	}
	if again, _ := c.Flags().GetBool("replay"); again {
		paths, _ := c.Flags().GetStringArray("policy")
		return replay(c, paths[0], asJSON)
	}
	sc, err := loadOf(c)
	if err != nil {
		return err
	}
	for _, n := range sc.Notes {
		fmt.Fprintln(c.ErrOrStderr(), "skynet: note:", n)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a few megabytes are made anew at every tick: memory stays small all the same
	}
	m := meterFor(c)
	defer m.clear()
	played, err := playAll(c, &sc, m)
	if errors.Is(err, context.Canceled) {
		return finding{errors.New("stopped")}
	}
	if err != nil {
		return err
	}
	m.clear()
	if err := writeReport(c, &sc, played); err != nil {
		return finding{err}
	}
	if asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(played.simulated)
	}
	return played.print(c.OutOrStdout())
}

// fitTogether refuses flags that contradict each other.
func fitTogether(c *cobra.Command) error {
	given := c.Flags().Changed
	paths, _ := c.Flags().GetStringArray("policy")
	against, _ := c.Flags().GetStringSlice("against")
	switch {
	case given("scenario") == given("recording"):
		return errors.New("name what to play: either --scenario, a scenario file, or --recording, a journal")
	case len(paths) == 0:
		return errors.New("--policy is missing: name at least one policy file to play")
	case given("against") && len(against) == 0:
		return errors.New("--against is empty: name what to compare with, such as target-tracking,keda,clairvoyant")
	case !given("recording") && (given("since") || given("replay") || given("fleet")):
		return errors.New("--since, --fleet and --replay are about a recording: add --recording")
	case given("replay") && len(paths) > 1:
		return errors.New("--replay compares with one policy: give a single --policy")
	case given("replay") && (given("against") || given("sweep") || given("report") || given("journal") || given("seed")):
		return errors.New("--replay plays nothing, so --against, --sweep, --report, --journal and --seed have no meaning with it: leave out one or the other")
	case given("sweep") && (len(paths) > 1 || given("against") || given("journal")):
		return errors.New("--sweep plays one policy file with many settings: give a single --policy, and neither --against nor --journal")
	case given("journal") && (len(paths) > 1 || given("against")):
		return errors.New("--journal holds the ticks of one policy: give a single --policy, and no --against")
	}
	return written(c)
}

// written refuses files that could not be written, before hours are played for
// them.
func written(c *cobra.Command) error {
	if path, _ := c.Flags().GetString("journal"); c.Flags().Changed("journal") {
		if err := creatable("--journal", path); err != nil {
			return err
		}
	}
	if path, _ := c.Flags().GetString("report"); c.Flags().Changed("report") {
		return reportable(path)
	}
	return nil
}

// creatable reports whether a journal can be made at path, where nothing may be yet.
func creatable(flag, path string) error {
	if path == "" {
		return fmt.Errorf("%s is empty: name a file that can be made, such as recording.db", flag)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s %s exists already: name a file that can be made", flag, path)
	}
	if at, err := os.Stat(filepath.Dir(path)); err != nil || !at.IsDir() {
		return fmt.Errorf("%s %s: its folder does not exist: create it", flag, path)
	}
	return nil
}

// loadOf is the scenario that the flags name, with their seed.
func loadOf(c *cobra.Command) (sc scenario.Scenario, err error) {
	if c.Flags().Changed("recording") {
		sc, err = recorded(c)
	} else {
		path, _ := c.Flags().GetString("scenario")
		sc, err = scenario.Load(path)
	}
	if c.Flags().Changed("seed") {
		seed, _ := c.Flags().GetUint32("seed")
		sc.Seed = int(seed)
	}
	return sc, err
}
