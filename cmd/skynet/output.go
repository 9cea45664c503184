package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
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
	c.Flags().String("config", "", "settings file, to find the state folder and the fleet's name ("+installed+", if it is there)")
	c.Flags().String("state-dir", "", "state folder, instead of the one in the settings; or a journal's file, as simulate writes it")
	c.Flags().String("fleet", "", "fleet to look at, if there are several")
}

// history is a journal that a command looks into, and the fleet that it is about.
type history struct {
	*sqlite.Reader
	path  string
	fleet string
	warn  io.Writer
}

// openHistory opens the journal that the flags name.
func openHistory(c *cobra.Command) (*history, error) {
	folder, fleetName, err := whereAndWho(c)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, journalFile)
	if at, err := os.Stat(folder); err == nil && at.Mode().IsRegular() {
		path = folder // of a simulation
	}
	if err := mayRead(path); err != nil {
		return nil, err
	}
	r, err := sqlite.OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	if fleetName == "" {
		if fleetName, err = onlyFleet(c.Context(), r); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return &history{Reader: r, path: path, fleet: fleetName, warn: c.ErrOrStderr()}, nil
}

// mayRead says why a journal cannot be read, nil if it can.
func mayRead(path string) error {
	f, err := os.Open(path)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, fs.ErrPermission):
		return curable(err)
	}
	return fmt.Errorf("no journal at %s: has skynet run with this state_dir? give --config or --state-dir", path)
}

// curable tells whoever may not look into the state folder what helps: it is closed to
// all but the user of the service.
func curable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: use sudo -u and the user that skynet runs as", err)
	}
	return err
}

// between reads ticks, oldest first, of more than limit the newest. None at all
// is an error that says so.
func (h *history) between(ctx context.Context, from, to time.Time, limit int) ([]journal.Record, error) {
	list, err := h.Between(ctx, h.fleet, from, to, limit)
	damaged := h.Degraded()
	if damaged != "" {
		fmt.Fprintf(h.warn, "skynet: note: the journal at %s: %s\n", h.path, damaged)
	}
	switch {
	case err != nil || len(list) > 0:
		return list, err
	case damaged != "":
		return nil, fmt.Errorf("of these ticks of fleet %q none can be read", h.fleet)
	case from.IsZero():
		return nil, fmt.Errorf("the journal at %s has no tick of fleet %q yet; the first comes at the next full interval", h.path, h.fleet)
	}
	return nil, fmt.Errorf("the journal at %s has no tick of fleet %q between %s and %s", h.path, h.fleet, localTime(from), localTime(to))
}

func localTime(t time.Time) string { return t.Local().Format(time.DateTime) }

// forever is later than any tick.
var forever = time.Unix(0, math.MaxInt64)

// past reads the last n ticks of the fleet that the flags name, newest last.
func past(c *cobra.Command, n int) ([]journal.Record, error) {
	h, err := openHistory(c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.Close() }()
	return h.between(c.Context(), time.Time{}, forever, n)
}

// installed are the settings of a package: what a command is about that names none.
const installed = "/etc/skynet/skynet.yaml"

// orInstalled has a command without --config and --state-dir be about these settings,
// if they are there.
func orInstalled(c *cobra.Command, path string) {
	named, _ := c.Flags().GetString("config")
	folder, _ := c.Flags().GetString("state-dir")
	if named != "" || folder != "" {
		return
	}
	if _, err := os.Stat(path); err == nil {
		_ = c.Flags().Set("config", path)
	}
}

func whereAndWho(c *cobra.Command) (folder, fleetName string, err error) {
	orInstalled(c, installed)
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
