package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
)

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the controller",
		Long: `Run the controller until it is told to stop. Stopping it never touches the
fleet: workers go on, and the next start adopts them.

A dry run decides on the real world and does nothing to the fleet: no launch,
wake, drain, sleep or termination, no journal, no settings for workers. It does
have the state folder to itself, so it cannot run beside a live controller; it
opens the queues with the settings, making what is missing; it takes heartbeats
off their queue, for it must hear the workers to decide; and it adopts the
workers that are there, serves their metadata, and brings terminations to their
end that were ordered before. On AWS it has no client that could write to EC2, and
leaves the lease and the queue of EC2's events to a controller that acts.

Of several controllers with the same lease in S3 one acts. The others stand by,
follow what it does, and one of them goes on where it left off: at once when it is
stopped, a minute and a half after it was last heard of when it dies. One that is
cut off, or that was paused and comes back, does nothing and stands by again.

Settings come from the file, then from SKYNET_… variables, then from flags.

The status is 0 after SIGTERM or Ctrl-C, 1 if it could not end in good order, 2 if
it could not start.`,
		Example: "  skynet run --config /etc/skynet/skynet.yaml\n" +
			"  skynet run --config skynet.yaml --dry-run   decide for real, do nothing",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c) },
	}
	c.Flags().String("config", "", "settings file (see config/examples/skynet.yaml)")
	c.Flags().Bool("dry-run", false, "decide, and do nothing to the fleet: no launch, no drain, no journal; see above for what it touches")
	config.AddFlags[config.Config](c.Flags())
	addLogFlags(c)
	_ = c.MarkFlagFilename("config", "yaml", "yml")
	return c
}

func run(c *cobra.Command) error {
	d, err := daemonOf(c)
	if err != nil {
		return err
	}
	ctx := c.Context()
	// From before the first to after the last moment: a SIGHUP that nobody listens
	// for would end the process.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	d.supervisor = superviseBy(d.log, d.cfg.Interval.Std())
	defer context.AfterFunc(ctx, d.supervisor.stops)()
	if d.cfg.Example {
		return waitForSettings(c, d)
	}
	if d.lookout, err = openLookout(ctx, d.cfg, settingsFile(c), d.log, d.dry); err != nil {
		return err
	}
	defer d.lookout.close()
	return d.served(ctx, func() error { return d.serve(ctx, runs(ctx)) })
}

// waitForSettings does nothing but say what is to be done: settings that came with a
// package must not run a fleet that nobody asked for, and a service that fails again
// and again explains nothing.
func waitForSettings(c *cobra.Command, d *daemon) error {
	path, _ := c.Flags().GetString("config")
	said := fmt.Sprintf("does nothing: %s is an example; make it yours, remove the line example: true, and start again", path)
	d.log.Warn(said)
	d.supervisor.rests(said)
	<-c.Context().Done()
	return nil
}

// runs is a daemon's turn.
func runs(ctx context.Context) func(*daemon) {
	return func(d *daemon) {
		d.supervisor.acts(d.fleetNames(), fmt.Sprintf("runs, a tick every %s: %s", d.cfg.Interval, strings.Join(d.fleetNames(), ", ")))
		d.log.Info("runs", zap.Int("fleets", len(d.fleets)), zap.Bool("dry_run", d.dry),
			zap.Duration("interval", d.cfg.Interval.Std()), zap.String("state_dir", d.cfg.StateDir), zap.String("version", wire.Version()))
		d.run(d.during(ctx))
		if ctx.Err() != nil {
			d.supervisor.stops()
		}
		d.log.Info("stops; the fleet stays as it is")
	}
}

// daemonOf reads settings and flags into a daemon that is not open yet.
func daemonOf(c *cobra.Command) (*daemon, error) {
	path, _ := c.Flags().GetString("config")
	if path == "" {
		return nil, fmt.Errorf("--config is missing: give the settings file, such as --config skynet.yaml")
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	cfg, err := loadSettings(path, c.Flags())
	if err != nil {
		return nil, err
	}
	log, err := newLog(c)
	if err != nil {
		return nil, err
	}
	dry, _ := c.Flags().GetBool("dry-run")
	return &daemon{cfg: cfg, log: log, dry: dry}, nil
}
