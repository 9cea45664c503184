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
	"skynet/journal/sqlite"
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
	addWhyFlag(c)
	return c
}

func resumeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "resume",
		Short:   "End a pause before it expires",
		Example: "  skynet resume --config skynet.yaml --why \"disks are in\"",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return order(c, func(k desk, fleets []string, why string) ([]string, error) { return k.resume(c.Context(), fleets, why) })
		},
	}
	addWhyFlag(c)
	addStateFlags(c)
	return c
}

func pauseFleet(c *cobra.Command, _ []string) error {
	length, err := lengthFlag(c, longestOrder)
	if err != nil {
		return err
	}
	return order(c, func(k desk, fleets []string, why string) ([]string, error) {
		return k.pause(c.Context(), fleets, length, why)
	})
}

// lengthFlag reads --for.
func lengthFlag(c *cobra.Command, longest time.Duration) (time.Duration, error) {
	text, _ := c.Flags().GetString("for")
	length, err := holdsFor(text, longest)
	if err != nil {
		return 0, fmt.Errorf("--for %w", err)
	}
	return length, nil
}

func addWhyFlag(c *cobra.Command) {
	c.Flags().String("why", "", "why, for those who ask: shown by explain, and in the log")
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

// order gives orders to the fleets that the flags name, and says what has become of
// each when it is done.
func order(c *cobra.Command, give func(k desk, fleets []string, why string) (said []string, err error)) error {
	folder, fleets, err := stateAndFleets(c)
	if err != nil {
		return err
	}
	why, _ := c.Flags().GetString("why")
	said, err := give(desk{folder: folder, by: operator()}, fleets, why)
	for _, l := range said {
		fmt.Fprintln(steady{c.OutOrStdout()}, l)
	}
	return err
}

// addStateFlags adds where a command finds the state folder.
func addStateFlags(c *cobra.Command) {
	c.Flags().String("config", "", "settings file, to find the state folder and the fleets ("+installed+", if it is there)")
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
