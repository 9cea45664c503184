package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/config/strict"
	"skynet/journal/sqlite"
	"skynet/signals"
)

func pauseCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pause",
		Short: "Have a fleet left alone for a while",
		Long: `Have a fleet left alone: nothing is launched, drained or let go until the pause
expires or is ended by skynet resume. The controller goes on to look, decide and
say what it would do. The next tick obeys; a restart keeps the pause.`,
		Example: "  skynet pause --config skynet.yaml --for 30m --why \"kernel update by hand\"\n" +
			"  skynet pause --state-dir /var/lib/skynet --fleet render --for 2h",
		Args: cobra.NoArgs,
		RunE: pauseFleet,
	}
	addStateFlags(c)
	c.Flags().String("for", "", "how long: 30m, 2h, 1d; at most 30d")
	c.Flags().String("why", "", "why, for those who ask: shown by explain")
	return c
}

func resumeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "resume",
		Short:   "End a pause before it expires",
		Example: "  skynet resume --config skynet.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return order(c, func(s *signals.Standing) (string, error) {
				if inForce(*s, time.Now()).Pause == nil {
					return "was not paused", nil
				}
				s.Pause = nil
				return "goes on with the next tick", nil
			})
		},
	}
	addStateFlags(c)
	return c
}

func pauseFleet(c *cobra.Command, _ []string) error {
	text, _ := c.Flags().GetString("for")
	length, err := strict.ParseDuration(text)
	const longest = 30 * 24 * time.Hour
	switch {
	case text == "":
		return fmt.Errorf("--for is missing: a pause has an end, such as --for 30m")
	case err != nil:
		return fmt.Errorf("--for: %q %w", text, err)
	case length <= 0 || length.Std() > longest:
		return fmt.Errorf("--for %s: write more than 0s and at most 30d", text)
	}
	why, _ := c.Flags().GetString("why")
	until := time.Now().Add(length.Std()).UTC().Truncate(time.Second)
	return order(c, func(s *signals.Standing) (string, error) {
		s.Pause = &signals.Pause{Until: until, By: operator(), Why: why}
		return "is paused until " + until.Local().Format(time.DateTime), nil
	})
}

// operator is who runs this command, as far as the system tells.
func operator() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// order changes a fleet's standing orders and says what has become of it.
func order(c *cobra.Command, change func(*signals.Standing) (said string, err error)) error {
	folder, fleets, err := stateAndFleets(c)
	if err != nil {
		return err
	}
	var lines []string
	err = changeOrders(c.Context(), ordersFile(folder), func(all map[string]signals.Standing) error {
		for _, name := range fleets {
			s := all[name]
			said, err := change(&s)
			if err != nil {
				return err
			}
			all[name] = s
			lines = append(lines, fmt.Sprintf("fleet %s %s", name, said))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, l := range lines { // not before it is done
		fmt.Fprintln(c.OutOrStdout(), l)
	}
	return nil
}

// addStateFlags adds where a command finds the state folder.
func addStateFlags(c *cobra.Command) {
	c.Flags().String("config", "", "settings file, to find the state folder and the fleets")
	c.Flags().String("state-dir", "", "state folder, instead of the one in the settings")
	c.Flags().String("fleet", "", "fleet; all of the settings file if left out")
}

// stateAndFleets are the state folder and the fleets that the flags name.
func stateAndFleets(c *cobra.Command) (folder string, fleets []string, err error) {
	folder, fleetName, err := whereAndWho(c)
	if err != nil {
		return "", nil, err
	}
	if _, err := os.Stat(folder); err != nil {
		return "", nil, fmt.Errorf("state folder: %w; give --config or --state-dir", err)
	}
	path, _ := c.Flags().GetString("config")
	if path == "" {
		if fleetName == "" {
			return "", nil, fmt.Errorf("--fleet is missing: say which, or give --config for all of them")
		}
		return folder, []string{fleetName}, inJournal(c.Context(), folder, fleetName)
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		return "", nil, err
	}
	for _, f := range cfg.Fleets {
		fleets = append(fleets, f.Name)
	}
	if fleetName == "" {
		return folder, fleets, nil
	}
	if !slices.Contains(fleets, fleetName) {
		return "", nil, fmt.Errorf("--fleet %s: %s has no such fleet, only %s", fleetName, path, strings.Join(fleets, ", "))
	}
	return folder, []string{fleetName}, nil
}

// inJournal refuses a fleet that the journal has never seen: a slip of the hand
// must not pass for a pause. Without a journal nobody can tell.
func inJournal(ctx context.Context, folder, fleetName string) error {
	r, err := sqlite.OpenReadOnly(filepath.Join(folder, "journal.db"))
	if err != nil {
		return nil
	}
	defer func() { _ = r.Close() }()
	names, err := r.Fleets(ctx)
	if err != nil || len(names) == 0 || slices.Contains(names, fleetName) {
		return nil
	}
	return fmt.Errorf("--fleet %s: the journal in %s has no such fleet, only %s", fleetName, folder, strings.Join(names, ", "))
}
