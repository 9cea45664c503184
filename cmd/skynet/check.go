package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"skynet/config"
	"skynet/policy/file"
	"skynet/signals"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check settings and policy files",
		Long: `Check settings files (skynet.yaml) and policy files. Every mistake is told at
once, with its line, column, key, value and cure. A settings file is checked
together with the policy files that it names. The status is 1 if anything is
wrong, 2 if a file cannot be read.`,
		Example: "  skynet check skynet.yaml\n  skynet check --output json *.policy.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE:    check,
	}
	addOutputFlag(c)
	return c
}

// verdict is what was found of one file.
type verdict struct {
	File string `json:"file"`
	Kind string `json:"kind"` // settings or policy
	OK   bool   `json:"ok"`
	Said string `json:"said,omitempty"`
}

func check(c *cobra.Command, files []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	bad, told := 0, map[string]bool{} // a policy file may be given, and be named by settings
	for _, f := range files {
		list, err := checkFile(f)
		if err != nil {
			return err
		}
		for _, v := range list {
			if told[v.File] {
				continue
			}
			told[v.File] = true
			if !v.OK {
				bad++
			}
			v.print(c.OutOrStdout(), asJSON)
		}
	}
	switch bad {
	case 0:
		return nil
	case 1:
		return finding{errors.New("one file has mistakes")}
	default:
		return finding{fmt.Errorf("%d files have mistakes", bad)}
	}
}

func (v verdict) print(w io.Writer, asJSON bool) {
	switch {
	case asJSON:
		_ = json.NewEncoder(w).Encode(v)
	case v.OK:
		fmt.Fprintf(w, "%s: ok (%s)\n", v.File, v.Kind)
	default:
		fmt.Fprintln(w, v.Said)
	}
}

// settingsKey is a key that only a settings file has at its top.
var settingsKey = regexp.MustCompile(`(?m)^(fleets|queues|state_dir|heartbeats|interval|listen|journal)\s*:`)

func checkFile(path string) ([]verdict, error) {
	path = filepath.Clean(path)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	if !settingsKey.Match(data) {
		return []verdict{checkPolicy(path, signals.Names{Open: true})}, nil
	}
	cfg, err := config.Load(path, nil)
	list := []verdict{judged(path, "settings", err)}
	for _, p := range policiesOf(cfg, path) {
		list = append(list, checkPolicy(p.path, p.names))
	}
	return list, nil
}

// loadSettings reads settings for a run, and the policy files that they name,
// so that all mistakes come at once, and before anything is touched.
func loadSettings(path string, flags *pflag.FlagSet) (config.Config, error) {
	cfg, err := config.Load(path, flags)
	errs := []error{err}
	for _, p := range policiesOf(cfg, path) {
		_, err := file.Load(p.path, p.names)
		errs = append(errs, err)
	}
	return cfg, errors.Join(errs...)
}

// policyOf is a policy file that settings name, and the signals that the policies
// in it may speak of.
type policyOf struct {
	path  string
	names signals.Names
}

// policiesOf are the policy files that settings name, as far as they exist.
func policiesOf(cfg config.Config, path string) (files []policyOf) {
	for _, f := range cfg.Fleets {
		p := f.Policy
		if !filepath.IsAbs(p) {
			p = filepath.Join(filepath.Dir(path), p)
		}
		if _, err := os.Stat(p); err == nil && f.Policy != "" {
			files = append(files, policyOf{p, namesOf(cfg, f)})
		}
	}
	return files
}

// namesOf are the signals that a fleet's policies may speak of.
func namesOf(cfg config.Config, f config.Fleet) signals.Names {
	n := signals.Names{Queues: f.Queues}
	for _, s := range cfg.Signals {
		n.User = append(n.User, s.Name)
	}
	return n
}

func checkPolicy(path string, names signals.Names) verdict {
	_, err := file.Load(path, names)
	return judged(path, "policy", err)
}

func judged(path, kind string, err error) verdict {
	v := verdict{File: path, Kind: kind, OK: err == nil}
	if err != nil {
		v.Said = err.Error()
	}
	return v
}
