package main

import (
	"context"
	"time"

	"go.uber.org/zap"

	"skynet/controller"
	"skynet/controller/reaper"
	"skynet/fleet"
	"skynet/fleet/ec2"
)

const (
	// reapEvery is how often is looked at most; reapLooks how many looks there are
	// until an orphan is old enough.
	reapEvery = 10 * time.Minute
	reapLooks = 6
)

// reap ends instances of ours that nobody looks after, until ctx ends. A dry run only
// looks.
func (d *daemon) reap(ctx context.Context) {
	if d.ec2 == nil || d.cfg.AWS.Orphans == 0 {
		return
	}
	cloud := d.fenced(controller.World{Cloud: d.ec2}).Cloud
	for {
		rest(ctx, min(reapEvery, d.cfg.AWS.Orphans.Std()/reapLooks))
		if ctx.Err() != nil {
			return
		}
		if err := d.reapOnce(context.WithoutCancel(ctx), cloud, time.Now()); err != nil {
			d.log.Warn("cannot end instances that nobody looks after", zap.Error(err))
		}
	}
}

func (d *daemon) reapOnce(ctx context.Context, cloud controller.Cloud, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, controller.CallTimeout)
	defer cancel()
	return d.reaper(cloud).Look(ctx, now)
}

func (d *daemon) reaper(cloud reaper.Cloud) reaper.Reaper {
	r := reaper.Reaper{
		Orphans: d.ec2, Cloud: cloud, Ears: d.ears, Past: d.journal, Journal: d.ticks(), Fleets: d.fleetNames(),
		After: d.cfg.AWS.Orphans.Std(), Forgotten: d.forgotten,
		Spares: func(s ec2.Spared) {
			d.log.Debug("spares an instance that nobody looks after", zap.String("instance", string(s.ID)), zap.String("because", s.Why))
		},
		Ends: func(fleetName string, ids []fleet.ID, because string) {
			d.log.Warn("ends instances that nobody looks after", zap.String(keyFleet, fleetName), zap.Any("instances", ids), zap.String("because", because))
		},
	}
	if d.dry {
		r.Cloud = nil
	}
	return r
}

// forgotten reports that the operator has said that an instance is no business of
// ours, though its fleet has gone from the settings since.
func (d *daemon) forgotten(i fleet.Instance, now time.Time) bool {
	_, yes := d.orders.Standing(i.Tags[fleet.TagFleet], now).Forgets(i.ID, now)
	return yes
}
