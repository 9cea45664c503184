package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

const (
	// reapAtOnce is how many orphans end in one look: were all the evidence wrong,
	// there is time to see it.
	reapAtOnce = 5
	// reapEvery is how often is looked at most; reapLooks how many looks there are
	// until an orphan is old enough.
	reapEvery = 10 * time.Minute
	reapLooks = 6
)

// reap ends instances of ours that nobody looks after, until ctx ends: those of a
// fleet that was in the settings once, whose workers nobody hears any more. A dry
// run only looks.
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
	list, err := d.ec2.Orphans(ctx)
	list = slices.DeleteFunc(list, func(i fleet.Instance) bool { return d.forgotten(i, now) })
	if err != nil || len(list) == 0 {
		return err
	}
	e, err := d.evidence(ctx, list)
	if err != nil {
		return err
	}
	exits, spared := ec2.Reap(list, e, now, reapAtOnce)
	for _, s := range spared {
		d.log.Debug("spares an instance that nobody looks after", zap.String("instance", string(s.ID)), zap.String("because", s.Why))
	}
	byFleet, errs := map[string][]fleet.Exit{}, []error(nil)
	for _, x := range exits {
		name := list[slices.IndexFunc(list, func(i fleet.Instance) bool { return i.ID == x.ID })].Tags[fleet.TagFleet]
		byFleet[name] = append(byFleet[name], x)
	}
	for name, exits := range byFleet {
		errs = append(errs, d.letGo(ctx, cloud, name, exits, now))
	}
	return errors.Join(errs...)
}

// forgotten reports that the operator has said that an instance is no business of
// ours, though its fleet has gone from the settings since.
func (d *daemon) forgotten(i fleet.Instance, now time.Time) bool {
	_, yes := d.orders.Standing(i.Tags[fleet.TagFleet], now).Forgets(i.ID, now)
	return yes
}

// evidence is what is known of orphans besides EC2's list.
func (d *daemon) evidence(ctx context.Context, list []fleet.Instance) (ec2.Evidence, error) {
	e := ec2.Evidence{Fleets: d.fleetNames(), Heard: map[fleet.ID]time.Time{}, After: d.cfg.AWS.Orphans.Std()}
	e.Since, e.Until = d.ears.Listening()
	for _, i := range list {
		if _, heard, ok := d.ears.Last(i.ID); ok {
			e.Heard[i.ID] = heard
		}
		name := i.Tags[fleet.TagFleet]
		if slices.Contains(e.Journal, name) {
			continue
		}
		records, err := d.journal.Records(ctx, name, time.Time{}, 1)
		if err != nil {
			return e, fmt.Errorf("look for fleet %s in the journal: %w", name, err)
		}
		if len(records) > 0 {
			e.Journal = append(e.Journal, name)
		}
	}
	return e, nil
}

// letGo writes down what is about to be done, and does it. The record is not a tick:
// if the fleet comes back, it must not remember that nothing was wanted.
func (d *daemon) letGo(ctx context.Context, cloud controller.Cloud, fleetName string, exits []fleet.Exit, now time.Time) error {
	now = now.Round(0).UTC()
	id := fleet.DecisionID(fleetName, now)
	because := fmt.Sprintf("fleet %s is not in the settings, and none of these was heard in %s", fleetName, d.cfg.AWS.Orphans)
	i := journal.Intent{ID: id + "/" + string(journal.Terminate), Fleet: fleetName, Decision: id, At: now, Kind: journal.Terminate, Exits: exits}
	err := d.ticks().Write(ctx, journal.Record{
		Snapshot: signals.Snapshot{Fleet: fleetName, Now: now}, Intents: []journal.Intent{i},
		Decision: policy.Decision{ID: id, Fleet: fleetName, Failed: "no tick: orphans are let go", Terminate: exits, Reasons: []policy.Reason{{By: "reaper", Said: because}}},
	})
	if err != nil || d.dry {
		return err
	}
	ids := make([]fleet.ID, len(exits))
	for n, x := range exits {
		ids[n] = x.ID
	}
	d.log.Warn("ends instances that nobody looks after", zap.String(keyFleet, fleetName), zap.Any("instances", ids), zap.String("because", because))
	done, failed := cloud.Terminate(ctx, ids)
	o := journal.Outcome{Intent: i.ID, At: now, Done: done}
	if failed != nil {
		o.Failed = failed.Error()
	}
	return errors.Join(failed, d.ticks().Settle(ctx, o))
}
