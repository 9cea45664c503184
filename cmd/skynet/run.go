package main

import (
	"fmt"
	"os"

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

Settings come from the file, then from SKYNET_… variables, then from flags.`,
		Example: "  skynet run --config /etc/skynet/skynet.yaml\n" +
			"  skynet run --config skynet.yaml --dry-run   decide for real, do nothing",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return run(c) },
	}
	c.Flags().String("config", "", "settings file (see config/examples/skynet.yaml)")
	c.Flags().Bool("dry-run", false, "read everything, decide, and do nothing: no launch, no drain, no journal")
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
	if err := d.open(ctx); err != nil {
		return err
	}
	d.log.Info("runs", zap.Int("fleets", len(d.fleets)), zap.Bool("dry_run", d.dry),
		zap.Duration("interval", d.cfg.Interval.Std()), zap.String("state_dir", d.cfg.StateDir), zap.String("version", wire.Version()))
	d.run(ctx)
	d.log.Info("stops; the fleet stays as it is")
	return d.close()
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
