package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/decide"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/derived"
	"skynet/signals/exec"
	"skynet/signals/line"
)

func decideCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "decide --policy FILE",
		Short: "Decide about snapshots given line by line, without a cloud",
		Long: `Decide without a cloud: one JSON snapshot a line on standard input, one JSON
decision a line on standard output, written before the next line is read. History
builds up from line to line as it does in the daemon, and the daemon's own code
decides. Any simulator can drive it.

A signal that is null, or absent and not to be derived from the others and from
the lines so far, is unknown. Without a list of workers (objects as in the
journal), guards about single workers and the quorum do not apply. Time must
advance. A bad line stops the run with an error that names it, status 2.

With --config, the settings say which queues, prices and signals of your own
there are, and the fleet's policy file is used unless --policy names another.`,
		Example: `  printf '%s\n' 'bounds: {max: 20}' 'policies: [{type: backlog, per_worker: 10}]' > /tmp/try.policy.yaml
  echo '{"time":"2026-03-01T17:00:00Z","signals":{"queue.visible":120,"queue.in_flight":8,"fleet.running":6,"fleet.pending":1,"fleet.slots":4}}' |
    skynet decide --policy /tmp/try.policy.yaml`,
		Args: cobra.NoArgs,
		RunE: decideLines,
	}
	c.Flags().String("policy", "", "policy file")
	c.Flags().String("fleet", "", "name of the fleet, or which of the settings' fleets")
	c.Flags().String("config", "", "settings file, to know queues, prices and signals of your own")
	return c
}

func decideLines(c *cobra.Command, _ []string) (err error) {
	s, end, err := openSession(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	for q := range questions(c.Context(), c.InOrStdin()) {
		if q.err != nil {
			return q.err
		}
		out, _, err := s.Decide(c.Context(), q.in)
		if err != nil {
			return fmt.Errorf("line %d: %w", q.number, err)
		}
		text, err := out.Encode()
		if err != nil {
			return fmt.Errorf("line %d: %w", q.number, err)
		}
		if _, err := c.OutOrStdout().Write(text); err != nil {
			return finding{fmt.Errorf("write the decision: %w", err)}
		}
	}
	if c.Context().Err() != nil {
		return finding{errors.New("stopped")}
	}
	return nil
}

// numbered is one line of the input, or why it cannot be read.
type numbered struct {
	number int
	in     line.In
	err    error
}

// questions gives the lines until the last one, the first bad one, or until ctx
// ends: a terminal that is read cannot be interrupted.
func questions(ctx context.Context, from io.Reader) func(yield func(numbered) bool) {
	lines := make(chan numbered)
	go func() {
		defer close(lines)
		for r := line.NewReader(from); ; {
			in, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			select {
			case lines <- numbered{r.Line(), in, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func(yield func(numbered) bool) {
		for {
			select {
			case q, ok := <-lines:
				if !ok || !yield(q) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// openSession reads the files that the flags name.
func openSession(c *cobra.Command) (s *decide.Session, end func() error, err error) {
	path, _ := c.Flags().GetString("policy")
	name, _ := c.Flags().GetString("fleet")
	settings, _ := c.Flags().GetString("config")
	if path == "" && settings == "" {
		return nil, nil, errors.New("--policy is missing: name the policy file to decide by")
	}
	names, set, named := signals.Names{Open: true}, derived.Settings{}, path
	if settings != "" {
		cfg, f, err := fleetOf(settings, name)
		if err != nil {
			return nil, nil, err
		}
		name, names, set = f.Name, namesOf(cfg, f), settingsOf(f)
		if named == "" {
			named = f.Policy
		}
	}
	p, err := file.Load(named, names)
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		name = "fleet"
	}
	s = decide.New(p, name)
	s.Names, s.Settings.Queues, s.Settings.Slots, s.Settings.Prices = names, set.Queues, set.Slots, set.Prices
	advisers := exec.New(programsOf(p)...)
	s.Advisers = advisers
	return s, advisers.Close, nil
}

// fleetOf is one fleet of settings: the one that is named, or the only one.
func fleetOf(path, name string) (config.Config, config.Fleet, error) {
	cfg, err := config.Load(path, nil)
	if err != nil {
		return cfg, config.Fleet{}, err
	}
	if name == "" && len(cfg.Fleets) > 1 {
		return cfg, config.Fleet{}, fmt.Errorf("%s has several fleets: choose one with --fleet", path)
	}
	for _, f := range cfg.Fleets {
		if name == "" || f.Name == name {
			return cfg, f, nil
		}
	}
	return cfg, config.Fleet{}, fmt.Errorf("%s has no fleet %q", path, name)
}

// settingsOf is what settings say of a fleet that signals depend on.
func settingsOf(f config.Fleet) derived.Settings {
	set := derived.Settings{Queues: f.Queues}
	if f.Local != nil {
		set.Slots = f.Local.Slots
	}
	if f.EC2 != nil {
		set.Slots = f.EC2.Slots
	}
	for _, p := range f.Prices {
		set.Prices = append(set.Prices, derived.Price{Type: p.Type, Hourly: p.Hourly})
	}
	return set
}
