package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/journal"
	"skynet/journal/sqlite"
)

func addOutputFlag(c *cobra.Command) {
	c.Flags().String("output", "text", "text, or json for programs")
}

func wantsJSON(c *cobra.Command) (bool, error) {
	switch o, _ := c.Flags().GetString("output"); o {
	case "text":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, fmt.Errorf("--output %q: write text or json", o)
	}
}

// addJournalFlags adds where a command finds the journal.
func addJournalFlags(c *cobra.Command) {
	c.Flags().String("config", "", "settings file, to find the state folder and the fleet's name")
	c.Flags().String("state-dir", "", "state folder, instead of the one in the settings")
	c.Flags().String("fleet", "", "fleet to look at, if there are several")
}

// past reads the last n ticks of the fleet that the flags name, newest last.
func past(c *cobra.Command, n int) ([]journal.Record, error) {
	folder, fleetName, err := whereAndWho(c)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "journal.db")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("no journal at %s: has skynet run with this state_dir? give --config or --state-dir", path)
	}
	r, err := sqlite.OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	if fleetName == "" {
		if fleetName, err = onlyFleet(c.Context(), r); err != nil {
			return nil, err
		}
	}
	list, err := r.Records(c.Context(), fleetName, time.Time{}, n)
	damaged := r.Degraded()
	if damaged != "" {
		fmt.Fprintf(c.ErrOrStderr(), "skynet: note: the journal at %s: %s\n", path, damaged)
	}
	if err == nil && len(list) == 0 && damaged != "" {
		return nil, fmt.Errorf("of the last ticks of fleet %q none can be read", fleetName)
	}
	if err == nil && len(list) == 0 {
		return nil, fmt.Errorf("the journal at %s has no tick of fleet %q yet; the first comes at the next full interval", path, fleetName)
	}
	return list, err
}

func whereAndWho(c *cobra.Command) (folder, fleetName string, err error) {
	fleetName, _ = c.Flags().GetString("fleet")
	folder, _ = c.Flags().GetString("state-dir")
	path, _ := c.Flags().GetString("config")
	if path == "" && folder == "" {
		var cfg config.Config
		cfg.Defaults()
		return cfg.StateDir, fleetName, nil
	}
	if path == "" {
		return folder, fleetName, nil
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		return "", "", err
	}
	if folder == "" {
		folder = cfg.StateDir
	}
	if fleetName == "" && len(cfg.Fleets) == 1 {
		fleetName = cfg.Fleets[0].Name
	}
	return folder, fleetName, nil
}

// onlyFleet is the one fleet of a journal.
func onlyFleet(ctx context.Context, r *sqlite.Reader) (string, error) {
	names, err := r.Fleets(ctx)
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", fmt.Errorf("the journal is empty: the first tick comes at the next full interval")
	case len(names) > 1:
		return "", fmt.Errorf("the journal has several fleets: choose one with --fleet %v", names)
	}
	return names[0], nil
}
