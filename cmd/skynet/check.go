package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"skynet/config"
	"skynet/config/strict"
	"skynet/decide/suite"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/worker/recipe"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check settings, policy and recipes files",
		Long: `Check settings files (skynet.yaml), policy files, files of policy tests and recipes
files. Every mistake is told at once, with its line, column, key, value and cure. A settings
file is checked together with the policy files that it names: then it is known
which queues and signals there are. Of good settings it also says how many calls
a month the daemon will make to other systems, and what they cost. The status is
1 if anything is wrong, 2 if a file cannot be read.`,
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
	Kind string `json:"kind"` // settings, policy, tests or recipes
	OK   bool   `json:"ok"`
	Said string `json:"said,omitempty"`

	Problems []strict.Problem `json:"problems,omitempty"` // the same one by one, for editors

	Warnings []string `json:"warnings,omitempty"` // what is no mistake, and seldom meant

	Calls []calls `json:"calls,omitempty"` // what a daemon with these settings asks of others

	settings *config.Config
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
			if told[v.File+"\n"+v.Said] { // fleets may share a file, and each may find it wrong
				continue
			}
			told[v.File+"\n"+v.Said] = true
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
		for _, odd := range v.Warnings {
			fmt.Fprintf(w, "%s: warning: %s\n", v.File, odd)
		}
		if v.settings != nil {
			printCalls(w, *v.settings)
		}
	default:
		fmt.Fprintln(w, v.Said)
	}
}

// settingsKey is a key that only a settings file has at its top, testsKey one of
// a file of policy tests, recipesKey one of a recipes file.
var (
	recipesKey  = regexp.MustCompile(`(?m)^recipes\s*:`)
	settingsKey = regexp.MustCompile(`(?m)^(fleets|queues|state_dir|heartbeats|interval|listen|journal|limits|lease)\s*:`)
	testsKey    = regexp.MustCompile(`(?m)^tests\s*:`)
)

func checkFile(path string) ([]verdict, error) {
	path = filepath.Clean(path)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	switch {
	case testsKey.Match(data):
		return []verdict{judged(path, "tests", checkTests(path))}, nil
	case recipesKey.Match(data):
		return []verdict{judged(path, "recipes", checkRecipes(path))}, nil
	case !settingsKey.Match(data):
		return []verdict{judged(path, "policy", policyOf{path: path, names: signals.Names{Open: true}}.check())}, nil
	}
	return checkSettings(path), nil
}

// checkSettings checks the policy files first: what the daemon asks of others is
// told last, when all is well.
func checkSettings(path string) (list []verdict) {
	cfg, err := config.Load(path, nil)
	for _, p := range policiesOf(cfg) {
		list = append(list, judged(p.path, "policy", p.check()))
	}
	list = append(list, checkRecipesOf(cfg)...)
	v := judged(path, "settings", err)
	if v.OK {
		v.Calls, v.Warnings, v.settings = callsOf(cfg), oddities(cfg), &cfg
	}
	return append(list, v)
}

// checkRecipes reads a recipes file as workers will.
func checkRecipes(path string) error {
	_, err := recipe.Load(path)
	return err
}

// checkRecipesOf checks the recipes files that settings name, as far as they exist.
func checkRecipesOf(cfg config.Config) (list []verdict) {
	for _, f := range cfg.Fleets {
		if f.Local == nil || f.Local.Recipes == "" {
			continue
		}
		if _, err := os.Stat(f.Local.Recipes); err == nil {
			list = append(list, judged(f.Local.Recipes, "recipes", checkRecipes(f.Local.Recipes)))
		}
	}
	return list
}

// loadSettings reads settings for a run, and the policy files that they name,
// so that all mistakes come at once, and before anything is touched.
func loadSettings(path string, flags *pflag.FlagSet) (config.Config, error) {
	cfg, err := config.Load(path, flags)
	errs, said := []error{err}, map[string]bool{}
	for _, v := range checkRecipesOf(cfg) {
		if !v.OK && !said[v.Said] {
			said[v.Said] = true
			errs = append(errs, errors.New(v.Said))
		}
	}
	for _, p := range policiesOf(cfg) {
		if err := p.check(); err != nil && !said[err.Error()] {
			said[err.Error()] = true
			errs = append(errs, err)
		}
	}
	return cfg, errors.Join(errs...)
}

// policyOf is a policy file that settings name, and the fleet that it is for.
type policyOf struct {
	path  string
	fleet config.Fleet
	names signals.Names
}

// check reads the file as the fleet's loop will.
func (p policyOf) check() error {
	read, err := file.Load(p.path, p.names)
	if err != nil {
		return err
	}
	errs := []error{runnable(p.path, read)}
	if p.fleet.Name != "" {
		p.fleet.Policy = p.path
		errs = append(errs, priced(read, p.fleet))
	}
	return errors.Join(errs...)
}

// runnable wants the programs that a policy file asks to be there.
func runnable(path string, p file.Policy) error {
	var errs []error
	for _, q := range p.Programs {
		if _, err := exec.LookPath(q.Command[0]); err != nil {
			errs = append(errs, fmt.Errorf("%s: policy %s: command: %w; correct the path, or make it executable", path, q.Policy, err))
		}
	}
	return errors.Join(errs...)
}

// checkTests reads a file of tests and the policy file that it is about.
func checkTests(path string) error {
	f, err := suite.Load(path)
	if err != nil {
		return err
	}
	p, err := file.Load(f.Policy, signals.Names{Open: true})
	if err != nil {
		return fmt.Errorf("%s: policy: %w", path, err)
	}
	if err := f.Know(p.Engine.Policies); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// policiesOf are the policy files that settings name, as far as they exist.
func policiesOf(cfg config.Config) (files []policyOf) {
	for _, f := range cfg.Fleets {
		if _, err := os.Stat(f.Policy); err == nil && f.Policy != "" {
			files = append(files, policyOf{f.Policy, f, namesOf(cfg, f)})
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

func judged(path, kind string, err error) verdict {
	v := verdict{File: path, Kind: kind, OK: err == nil}
	if err != nil {
		v.Said, v.Problems = err.Error(), problemsOf(err)
	}
	return v
}

// problemsOf are the single problems of a file. Those that were found beyond it
// (money without prices, a program that is not there) have no place in it.
func problemsOf(err error) []strict.Problem {
	if found, ok := errors.AsType[*strict.Error](err); ok {
		return found.Problems
	}
	var list []strict.Problem
	for text := range strings.SplitSeq(err.Error(), "\n") {
		list = append(list, strict.Problem{Said: text})
	}
	return list
}
