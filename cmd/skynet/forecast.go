package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/config/strict"
	"skynet/journal/sqlite"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/forecast"
)

func forecastCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "forecast (--config FILE | --recording JOURNAL)",
		Short: "Draw what is expected to arrive in the coming hours",
		Long: `Draw what is expected to arrive in each queue in the coming hours, from what the
journal knows of it: the middle (p50: as likely more as less) and how much more it may
be (p90: not more, nine times in ten; p99: not more, 99 times in 100). Beside it: what
that rests on, how wrong such forecasts were lately, and where more came than expected.

A fleet of several queues has a forecast of its own, of all its queues together.

--at tells what would have been forecast at an earlier time, from what was known then:
so you can judge it by your own history. Times are local: 15:04 is today's,
"2026-03-01 17:00" any day's; 10m is ten minutes ago.

It reads the journal and disturbs nothing; a daemon may be running. See
docs/forecasting.md.`,
		Example: `  skynet forecast --config skynet.yaml
  skynet forecast --config skynet.yaml --queue photos --at "2026-03-01 17:00" --hours 6
  skynet forecast --recording week.db --policy render.policy.yaml --output json`,
		Args: cobra.NoArgs,
		RunE: showForecasts,
	}
	f := c.Flags()
	f.String("config", "", "settings file: its journal, queues and policy files")
	f.String("recording", "", "instead: a journal's file, or the state folder of a daemon")
	f.String("policy", "", "of a recording: policy file with its timezone and holidays (UTC, none)")
	f.String("fleet", "", "fleet to look at, if there are several")
	f.StringSlice("queue", nil, "only these queues")
	f.Int("hours", 24, "how far to look ahead, at most 168")
	f.String("step", "", "what one row stands for: 15m, 1h (as long as suits --hours)")
	f.String("at", "", "as if it were then: 17:05, \"2026-03-01 17:05\", RFC 3339, or 10m for ten minutes ago")
	addOutputFlag(c)
	return c
}

func showForecasts(c *cobra.Command, _ []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	o, err := outlookOf(c)
	if err != nil {
		return err
	}
	defer func() { _ = o.journal.Close() }()
	got, err := o.look(c.Context(), progressOf(c.ErrOrStderr()))
	if errors.Is(err, context.Canceled) {
		return finding{errors.New("stopped")}
	}
	if err != nil {
		return err
	}
	if damaged := o.journal.Degraded(); damaged != "" {
		fmt.Fprintln(c.ErrOrStderr(), "skynet: note:", damaged)
	}
	if asJSON {
		return got.encode(c.OutOrStdout())
	}
	page{to: c.OutOrStdout(), width: widthOf(c.OutOrStdout())}.print(got)
	return nil
}

// outlook is what is to be forecast.
type outlook struct {
	journal *sqlite.Reader
	fleet   string
	queues  []string // of the fleet
	only    []string // that are asked for; none: all of them, and the fleet's own
	set     forecast.Settings
	now     time.Time
	ends    string // why nothing is known right before now
	hours   int
	step    time.Duration
}

// outlookOf reads the flags and opens the journal.
func outlookOf(c *cobra.Command) (*outlook, error) {
	given := c.Flags().Changed
	switch {
	case given("config") == given("recording"):
		return nil, errors.New("name where the history is: either --config, a settings file, or --recording, a journal")
	case given("policy") && given("config"):
		return nil, errors.New("--policy is about a recording: the settings name the policy file of each fleet")
	}
	o := &outlook{}
	if err := o.reach(c); err != nil {
		return nil, err
	}
	open := o.recorded
	if given("config") {
		open = o.running
	}
	err := open(c)
	if err == nil {
		err = o.choose(c)
	}
	if err != nil && o.journal != nil {
		_ = o.journal.Close()
	}
	return o, err
}

// choose takes the queues that are asked for.
func (o *outlook) choose(c *cobra.Command) error {
	o.set.Queues = o.queues
	o.only, _ = c.Flags().GetStringSlice("queue")
	for _, q := range o.only {
		if !slices.Contains(o.queues, q) {
			return fmt.Errorf("--queue %q: the queues of fleet %s are %s", q, o.fleet, strings.Join(o.queues, ", "))
		}
	}
	return nil
}

// reach is how far to look, in which steps.
func (o *outlook) reach(c *cobra.Command) error {
	o.hours, _ = c.Flags().GetInt("hours")
	if o.hours < 1 || o.hours > 168 {
		return fmt.Errorf("--hours %d is out of range; write 1 to 168: a week", o.hours)
	}
	ahead := time.Duration(o.hours) * time.Hour
	const rows = 28 // that fit on a screen
	for _, o.step = range []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour} {
		if ahead/o.step <= rows {
			break
		}
	}
	text, _ := c.Flags().GetString("step")
	if text == "" {
		return nil
	}
	d, err := strict.ParseDuration(text)
	if o.step = d.Std(); err != nil || o.step < time.Minute || o.step > min(ahead, 24*time.Hour) || o.step%time.Minute != 0 {
		return fmt.Errorf("--step %q is not a step of %d hours; write whole minutes, such as 15m or 1h", text, o.hours)
	}
	return nil
}

// moment is when it is: now, unless the flags say otherwise.
func (o *outlook) moment(c *cobra.Command, now time.Time) error {
	o.now = now
	text, _ := c.Flags().GetString("at")
	if text == "" {
		return nil
	}
	at, _, err := momentOf(text, time.Now())
	if err == nil && at.After(time.Now()) {
		err = fmt.Errorf("--at %s lies in the future: a forecast begins with what is known", text)
	}
	o.now = at
	return err
}

// running is the outlook of a daemon's fleet.
func (o *outlook) running(c *cobra.Command) error {
	path, _ := c.Flags().GetString("config")
	cfg, err := config.Load(path, nil)
	if err != nil {
		return err
	}
	name, _ := c.Flags().GetString("fleet")
	f, err := fleetNamed(cfg, name)
	if err != nil {
		return err
	}
	o.fleet, o.queues = f.Name, f.Queues
	if o.set, err = calendarOf(f.Policy, namesOf(cfg, f)); err != nil {
		return err
	}
	if o.journal, err = openRecording(cfg.StateDir); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "--recording: "))
	}
	o.ends = "the journal has no later tick that knew"
	return o.moment(c, time.Now())
}

// fleetNamed is the fleet of that name, or the only one.
func fleetNamed(cfg config.Config, name string) (config.Fleet, error) {
	var names []string
	for _, f := range cfg.Fleets {
		if f.Name == name || name == "" && len(cfg.Fleets) == 1 {
			return f, nil
		}
		names = append(names, f.Name)
	}
	if name == "" {
		return config.Fleet{}, fmt.Errorf("there are several fleets: choose one with --fleet: %s", strings.Join(names, ", "))
	}
	return config.Fleet{}, fmt.Errorf("--fleet %q: the fleets are %s", name, strings.Join(names, ", "))
}

// recorded is the outlook of a recording's fleet.
func (o *outlook) recorded(c *cobra.Command) (err error) {
	path, _ := c.Flags().GetString("recording")
	if o.journal, err = openRecording(path); err != nil {
		return err
	}
	ctx := c.Context()
	if o.fleet, err = o.whichFleet(c); err != nil {
		return fmt.Errorf("--recording: %w", err)
	}
	ticks, err := o.journal.Times(ctx, o.fleet, time.Unix(0, 0), forever)
	if err != nil {
		return err
	}
	if len(ticks) == 0 {
		return fmt.Errorf("--recording: fleet %s has no tick that is known by the minute", o.fleet)
	}
	if err := o.moment(c, ticks[len(ticks)-1]); err != nil {
		return err
	}
	if o.now.Before(ticks[0]) {
		return fmt.Errorf("--at: the recording begins later, at %s", localTime(ticks[0]))
	}
	names, err := o.namesThen(ctx)
	if err != nil {
		return err
	}
	o.queues, o.ends = names.Queues, "the recording ends"
	if len(o.queues) == 0 {
		o.queues = []string{""}
	}
	if path, _ := c.Flags().GetString("policy"); path != "" {
		o.set, err = calendarOf(path, names)
	}
	return err
}

func (o *outlook) whichFleet(c *cobra.Command) (string, error) {
	name, _ := c.Flags().GetString("fleet")
	if name == "" {
		return onlyFleet(c.Context(), o.journal)
	}
	names, err := o.journal.Fleets(c.Context())
	if err == nil && !slices.Contains(names, name) {
		err = fmt.Errorf("it has no fleet %q; it has %s", name, strings.Join(names, ", "))
	}
	return name, err
}

// namesThen are the queues and the user's signals as of now, or else of the first
// tick after it that is known whole.
func (o *outlook) namesThen(ctx context.Context) (n signals.Names, err error) {
	list, err := o.journal.Between(ctx, o.fleet, time.Unix(0, 0), o.now, 1)
	if err == nil && len(list) == 0 {
		list, err = o.journal.Between(ctx, o.fleet, o.now, forever, 1)
	}
	for _, r := range list {
		n.Queues = r.Snapshot.Queues
		for _, s := range r.Snapshot.Signals {
			if _, ours := signals.KindOf(s.Name); !ours {
				n.User = append(n.User, s.Name)
			}
		}
	}
	return n, err
}

// calendarOf is what a policy file says of weeks and days.
func calendarOf(path string, names signals.Names) (set forecast.Settings, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return set, fmt.Errorf("policy file: %w", err)
	}
	p, err := file.Parse(path, data, names)
	return forecast.Settings{Zone: p.Signals.Zone, Holidays: p.Signals.Holidays}, err
}
