package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/dashboard/notify"
)

// targets are whom the settings name.
func targets(cfg config.Config) (list []notify.Target) {
	for _, n := range cfg.Notify {
		t := notify.Target{Name: n.Name, On: n.On}
		if n.Webhook != "" {
			t.To = notify.NewWebhook(n.Webhook, n.TokenFile)
		} else {
			t.To = notify.Command{Args: n.Command}
		}
		list = append(list, t)
	}
	return list
}

// watchOfPeople judges when there is something to tell.
func watchOfPeople(cfg config.Config, file string) notify.Watch {
	return notify.Watch{Interval: cfg.Interval.Std(), Controller: thisMachine(), More: func(fleet, occasion string) string {
		command := fmt.Sprintf("skynet explain --config %s --fleet %s", file, fleet)
		if occasion != "pause" {
			command += " --all --last 3" // why, though perhaps nothing was done
		}
		return command
	}}
}

func thisMachine() string {
	name, err := os.Hostname()
	return cmp.Or(name, fmt.Sprint("unknown: ", err))
}

// settingsFile is the whole path of a command's settings.
func settingsFile(c *cobra.Command) string {
	path, _ := c.Flags().GetString("config")
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return whole
}

func notifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "notify [NAME…]",
		Short: "Try the notifications of the settings",
		Long: `Send a message to each of those whom notify in the settings names, or to the named
alone, to try them. Each has one try; what came of it is said.

The status is 0 if all were delivered, 1 if one was not.`,
		Example: "  skynet notify --config skynet.yaml         to all of them\n" +
			"  skynet notify --config skynet.yaml chat    to the one of that name",
		RunE: tryNotify,
	}
	c.Flags().String("config", "", "settings file (see config/examples/skynet.yaml)")
	_ = c.MarkFlagFilename("config", "yaml", "yml")
	addOutputFlag(c)
	return c
}

func tryNotify(c *cobra.Command, names []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	path, _ := c.Flags().GetString("config")
	if path == "" {
		return errors.New("--config is missing: give the settings file, such as --config skynet.yaml")
	}
	cfg, err := loadSettings(path, c.Flags())
	if err != nil {
		return err
	}
	list, err := targetsNamed(targets(cfg), names)
	if err != nil {
		return err
	}
	tries := tryAll(c.Context(), list, settingsFile(c))
	if err := printTries(c.OutOrStdout(), tries, asJSON); err != nil {
		return err
	}
	if i := slices.IndexFunc(tries, func(t try) bool { return t.Failed != "" }); i >= 0 {
		return finding{fmt.Errorf("%s was not reached", tries[i].Name)}
	}
	return nil
}

// targetsNamed are the targets of these names; none are all.
func targetsNamed(all []notify.Target, names []string) (list []notify.Target, err error) {
	if len(all) == 0 {
		return nil, errors.New("the settings name nobody; add notify: [{name: chat, webhook: \"https://…\"}]")
	}
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(t notify.Target) bool { return t.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("notify has no %q in the settings", name)
		}
		list = append(list, all[i])
	}
	return list, nil
}

// try is what came of a message.
type try struct {
	Name   string  `json:"name"`
	Took   float64 `json:"took"` // s
	Failed string  `json:"failed,omitempty"`
}

// tryAll sends a message to all at once.
func tryAll(ctx context.Context, list []notify.Target, file string) []try {
	now := time.Now().UTC().Truncate(time.Second)
	m := notify.Message{
		Text: "SkyNet: this is a try of its notifications. All is well.", Occasion: "test", State: notify.Begins, Since: now, At: now,
		Said: "this is a try of its notifications", More: "skynet status --config " + file, Controller: thisMachine(),
	}
	body, _ := json.Marshal(m)
	tries := make([]try, len(list))
	var all sync.WaitGroup
	for i, t := range list {
		all.Go(func() {
			begun := time.Now()
			err := t.To.Send(ctx, body)
			tries[i] = try{Name: t.Name, Took: time.Since(begun).Seconds()}
			if err != nil {
				tries[i].Failed = err.Error()
			}
		})
	}
	all.Wait()
	return tries
}

func printTries(out io.Writer, tries []try, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(tries)
	}
	for _, t := range tries {
		said := fmt.Sprintf("delivered within %.1fs", t.Took)
		if t.Failed != "" {
			said = "not delivered: " + t.Failed
		}
		fmt.Fprintf(out, "%-12s %s\n", t.Name, oneLine(said))
	}
	return nil
}
