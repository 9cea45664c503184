package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/dashboard"
	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/signals"
)

func statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Say on one screen how the fleets are",
		Long: `Say on one screen how each fleet is: whether waits are as promised, workers by state,
what it costs, the operator's orders, the last tick, and what is wrong. It looks into
the state folder, and works whether skynet runs or not.

The status is 0 if nothing is wrong, 1 if something is, 2 if it cannot be told. A pause,
a floor and items in a dead-letter queue are told of and are not wrong.`,
		Example: "  skynet status --config /etc/skynet/skynet.yaml\n" +
			"  skynet status --config skynet.yaml --watch\n" +
			"  skynet status --state-dir /var/lib/skynet --output json | jq '.fleets[].wrong'",
		Args: cobra.NoArgs,
		RunE: runStatus,
	}
	addStateFlags(c)
	addOutputFlag(c)
	c.Flags().Bool("watch", false, "look again every two seconds, until Ctrl-C")
	c.Flags().Bool("workers", false, "list all workers, however many there are")
	return c
}

// watchEvery is how often --watch looks again.
const watchEvery = 2 * time.Second

func runStatus(c *cobra.Command, _ []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	l, err := lookerOf(c)
	if err != nil {
		return err
	}
	watch, _ := c.Flags().GetBool("watch")
	s, err := l.show(c, asJSON, watch)
	for watch && err == nil && c.Context().Err() == nil {
		if rest(c.Context(), watchEvery); c.Context().Err() == nil {
			s, err = l.show(c, asJSON, watch)
		}
	}
	if err != nil || watch || s.Healthy {
		return err
	}
	return finding{errors.New(s.verdict())}
}

// show looks, and prints what there is to see.
func (l looker) show(c *cobra.Command, asJSON, watch bool) (stand, error) {
	s, err := l.look(c.Context(), time.Now())
	if err != nil {
		return s, err
	}
	if watch && !asJSON {
		clearScreen(c.OutOrStdout())
	}
	return s, s.print(c, asJSON)
}

// clearScreen makes room on a terminal. Elsewhere one look follows the other.
func clearScreen(out io.Writer) {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(out, "\x1b[H\x1b[2J")
	} else {
		fmt.Fprintln(out)
	}
}

// stand is how all fleets are. Its JSON is that of the API's status, with what is
// wrong.
type stand struct {
	Healthy  bool         `json:"healthy"`
	Version  string       `json:"version"` // of this command
	Now      time.Time    `json:"now"`
	Interval *float64     `json:"interval"` // s; null: not known without the settings
	Fleets   []fleetStand `json:"fleets"`
}

// fleetStand is how one fleet is.
type fleetStand struct {
	dashboard.Fleet
	Drain  []signals.Named `json:"drain"`  // workers that the operator wants to be rid of
	Forget []signals.Named `json:"forget"` // instances that the operator has had forgotten
	Wrong  []string        `json:"wrong"`
}

// looker looks into a state folder.
type looker struct {
	folder   string
	interval time.Duration // 0: not known
	fleets   []*loop       // with their settings, as far as they are known
}

// lookerOf finds the folder and the fleets that the flags name.
func lookerOf(c *cobra.Command) (l looker, err error) {
	orInstalled(c, installed)
	path, _ := c.Flags().GetString("config")
	if path == "" {
		return l.withoutSettings(c)
	}
	folder, fleets, err := stateAndFleets(c)
	if err != nil {
		return l, err
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		return l, err
	}
	l.folder, l.interval = folder, cfg.Interval.Std()
	d := &daemon{cfg: cfg}
	for _, f := range cfg.Fleets {
		if slices.Contains(fleets, f.Name) {
			l.fleets = append(l.fleets, &loop{daemon: d, fleet: f})
		}
	}
	return l, nil
}

// withoutSettings takes the fleets from the journal.
func (l looker) withoutSettings(c *cobra.Command) (looker, error) {
	folder, name, err := whereAndWho(c)
	if err != nil {
		return l, err
	}
	r, err := openJournalIn(folder)
	if err != nil {
		return l, err
	}
	defer func() { _ = r.Close() }()
	names, err := r.Fleets(c.Context())
	switch {
	case err != nil:
		return l, err
	case name != "" && !slices.Contains(names, name):
		return l, fmt.Errorf("--fleet %s: the journal in %s has no such fleet, only %s", name, folder, orNone(few(names)))
	case len(names) == 0:
		return l, fmt.Errorf("the journal in %s is empty: the first tick comes at the next full interval", folder)
	}
	l.folder = folder
	for _, n := range names {
		if name == "" || n == name {
			l.fleets = append(l.fleets, &loop{fleet: config.Fleet{Name: n}})
		}
	}
	return l, nil
}

func openJournalIn(folder string) (*sqlite.Reader, error) {
	path := filepath.Join(folder, journalFile)
	if err := mayRead(path); err != nil {
		return nil, err
	}
	return sqlite.OpenReadOnly(path)
}

func (l looker) look(ctx context.Context, now time.Time) (stand, error) {
	s := stand{Healthy: true, Version: wire.Version(), Now: now.UTC(), Fleets: []fleetStand{}}
	if l.interval > 0 {
		s.Interval = new(l.interval.Seconds())
	}
	orders, err := readOrders(ordersFile(l.folder))
	if err != nil {
		return s, err
	}
	var r *sqlite.Reader
	if r, err = openJournalIn(l.folder); err != nil {
		if l.interval == 0 || errors.Is(err, fs.ErrPermission) {
			return s, err
		}
		r = nil // it has not run yet, which is told of each fleet
	} else {
		defer func() { _ = r.Close() }()
	}
	for _, f := range l.fleets {
		one, err := l.fleet(ctx, r, f, orders[f.fleet.Name].In(now), now)
		if err != nil {
			return s, err
		}
		s.Healthy = s.Healthy && len(one.Wrong) == 0
		s.Fleets = append(s.Fleets, one)
	}
	return s, nil
}

// fleet is a fleet as its last tick knew it.
func (l looker) fleet(ctx context.Context, r *sqlite.Reader, f *loop, orders signals.Standing, now time.Time) (one fleetStand, err error) {
	v := fleetView{fleet: f.fleet, orders: orders, beats: unheard}
	var list []journal.Record
	if r != nil {
		if list, err = lastHour(ctx, r, f.fleet.Name); err != nil {
			return one, err
		}
		v.remember(list)
		v.report.Snapshot.Recent = ticksBefore(list)
		if f.daemon == nil {
			v.fleet.Queues = v.report.Snapshot.Queues
		}
	}
	one.Drain, one.Forget, one.Wrong = listOf(orders.Drain), listOf(orders.Forget), []string{}
	if f.daemon != nil {
		var refused string
		if v.rules, refused = f.decides(list); refused != "" {
			one.Wrong = append(one.Wrong, refused)
		}
	}
	one.Fleet = v.show()
	one.Wrong = append(one.Wrong, l.wrong(&v, one.Fleet, now)...)
	if r != nil && r.Short() != "" {
		one.Wrong = append(one.Wrong, "make room: "+r.Short())
	}
	return one, nil
}

// lastHour are a fleet's last ticks: the breaker looks so far back.
func lastHour(ctx context.Context, r *sqlite.Reader, fleetName string) ([]journal.Record, error) {
	last, err := r.Records(ctx, fleetName, time.Time{}, 1)
	if err != nil || len(last) == 0 {
		return last, err
	}
	return r.Records(ctx, fleetName, last[0].Snapshot.Now.Add(-time.Hour), mostLooked)
}

// mostLooked bounds them, where ticks are a second apart.
const mostLooked = 400

func ticksBefore(list []journal.Record) (ticks []signals.Tick) {
	for _, r := range list[:max(0, len(list)-1)] {
		if r.Decision.Failed == "" {
			ticks = append(ticks, r.Tick())
		}
	}
	return ticks
}

// unheard: what workers have said is known to the daemon alone.
func unheard(fleet.ID) (b fleet.Heartbeat, at time.Time, ok bool) { return b, at, false }

// listOf is a list that is never null in JSON.
func listOf(list []signals.Named) []signals.Named {
	if list == nil {
		return []signals.Named{}
	}
	return list
}

func (s stand) print(c *cobra.Command, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetEscapeHTML(false)
		return enc.Encode(s)
	}
	all, _ := c.Flags().GetBool("workers")
	for i, f := range s.Fleets {
		if i > 0 {
			fmt.Fprintln(c.OutOrStdout())
		}
		f.print(steady{c.OutOrStdout()}, s.Now, all)
	}
	return nil
}

// verdict sums up what is wrong.
func (s stand) verdict() string {
	n := 0
	for _, f := range s.Fleets {
		n += len(f.Wrong)
	}
	if n == 1 {
		return "one thing is wrong"
	}
	return fmt.Sprintf("%d things are wrong", n)
}
