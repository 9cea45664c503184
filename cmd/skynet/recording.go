package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"skynet/config/strict"
	"skynet/journal/sqlite"
	"skynet/simulate/recording"
	"skynet/simulate/scenario"
)

// addRecordingFlags adds what says which recording is played.
func addRecordingFlags(c *cobra.Command) {
	c.Flags().String("recording", "", "journal to play: its file, or the state folder of a daemon, which may be running")
	c.Flags().String("since", "", "play only the last part of the recording: 14d; left out: as far back as single ticks are known")
	c.Flags().String("fleet", "", "fleet of the recording to play, if it has several")
}

// recordingOf opens the recording that the flags name.
func recordingOf(c *cobra.Command) (*sqlite.Reader, recording.Options, error) {
	path, _ := c.Flags().GetString("recording")
	o := recording.Options{Name: nameOf(path)}
	o.Fleet, _ = c.Flags().GetString("fleet")
	if since, _ := c.Flags().GetString("since"); since != "" {
		d, err := strict.ParseDuration(since)
		if err != nil || d <= 0 {
			return nil, o, fmt.Errorf("--since %q is not a length of time; write 14d or 36h: so much of the end of the recording", since)
		}
		o.Since = d.Std()
	}
	j, err := openRecording(path)
	return j, o, err
}

// nameOf is what a recording is called in results: its file without its ending, the
// folder's name for a daemon's own.
func nameOf(path string) string {
	path = filepath.Clean(path)
	if filepath.Base(path) == journalFile {
		path = filepath.Dir(path)
	}
	base := filepath.Base(path)
	if name := base[:len(base)-len(filepath.Ext(base))]; name != "" {
		return name
	}
	return base
}

// journalFile is what the daemon calls its journal.
const journalFile = "journal.db"

func openRecording(path string) (*sqlite.Reader, error) {
	at, err := os.Stat(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("--recording: %w", curable(err))
	}
	if err != nil {
		return nil, fmt.Errorf("--recording: %w: name a journal, or the state folder of a daemon", err)
	}
	if at.IsDir() {
		path = filepath.Join(path, journalFile)
		if err := mayRead(path); err != nil {
			return nil, fmt.Errorf("--recording: %w", err)
		}
	}
	j, err := sqlite.OpenReadOnly(path)
	switch {
	case err != nil && at.Mode().IsRegular() && at.Size() == 0:
		return nil, fmt.Errorf("--recording: %s is empty: name a journal, or the state folder of a daemon", path)
	case err != nil && isTable(path):
		return nil, fmt.Errorf("--recording: %s is no journal: make one of it with skynet import csv --arrivals %s --to recording.db", path, path)
	case err != nil:
		return nil, fmt.Errorf("--recording: %w", err)
	}
	return j, nil
}

// isTable reports whether a file is called as what import reads.
func isTable(path string) bool {
	return slices.Contains([]string{".csv", ".tsv", ".txt"}, filepath.Ext(strings.TrimSuffix(path, ".gz")))
}

// recorded is the scenario of the recording that the flags name.
func recorded(c *cobra.Command) (sc scenario.Scenario, err error) {
	j, o, err := recordingOf(c)
	if err != nil {
		return sc, err
	}
	defer func() { _ = j.Close() }()
	sc, err = recording.Scenario(c.Context(), j, o)
	if errors.Is(err, context.Canceled) {
		return sc, finding{errors.New("stopped")}
	}
	if err != nil {
		return sc, fmt.Errorf("--recording: %w", err)
	}
	if damaged := j.Degraded(); damaged != "" {
		sc.Notes = append(sc.Notes, damaged)
	}
	return sc, nil
}
