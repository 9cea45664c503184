package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"skynet/config"
	"skynet/controller"
	"skynet/fleet/ec2"
	"skynet/fleet/local"
	"skynet/fleet/roster"
)

// ground is where a fleet's workers run: it launches and ends them, lists them,
// and holds the tags by which they are asked to drain.
type ground interface {
	controller.Cloud
	roster.Registry
}

var (
	_ ground = (*local.Fleet)(nil)
	_ ground = (*ec2.Fleet)(nil)
)

// openGrounds opens every ground that a fleet needs.
func (d *daemon) openGrounds(ctx context.Context) error {
	d.grounds = map[string]ground{}
	for _, open := range []func(context.Context) error{d.openLocal, d.openEC2} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	for _, f := range d.cfg.Fleets {
		if f.EC2 != nil {
			d.grounds[f.Name] = market{d.ec2}
		} else {
			d.grounds[f.Name] = d.local
		}
	}
	return nil
}

// openLocal opens the folder of this machine's workers, where a fleet runs here
// or an earlier run has left one: workers may be in it that read their metadata
// from us.
func (d *daemon) openLocal(context.Context) error {
	folder := filepath.Join(d.cfg.StateDir, "local")
	_, err := os.Stat(folder)
	if err != nil && !slices.ContainsFunc(d.cfg.Fleets, func(f config.Fleet) bool { return f.Local != nil }) {
		return nil
	}
	templates, err := d.templates()
	if err != nil {
		return err
	}
	d.local, err = local.Open(folder, local.Options{
		Templates: templates, Logs: filepath.Join(d.cfg.StateDir, "logs"), Log: slogTo(d.log),
	})
	if err != nil {
		return err
	}
	d.onClose(d.local.Close)
	return nil
}
