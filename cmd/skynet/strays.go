package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"skynet/config"
	"skynet/fleet"
)

// stray are the living workers of a fleet that is not in the settings: removed
// from them, or renamed. They work on, nobody scales them, and they are in no maximum.
// Nobody lets them go but the reaper, on EC2, once they are silent.
type stray struct {
	fleet  string
	ids    []fleet.ID
	pids   []int
	asleep bool // some are
}

// strays finds them among all instances, in the order of their fleets' names.
func strays(fleets []config.Fleet, list []fleet.Instance, pid func(fleet.ID) int) (found []stray) {
	for _, i := range list {
		name := i.Tags[fleet.TagFleet]
		if i.Phase == fleet.PhaseTerminated || i.Phase == fleet.PhaseShuttingDown ||
			slices.ContainsFunc(fleets, func(f config.Fleet) bool { return f.Name == name }) {
			continue
		}
		at, known := slices.BinarySearchFunc(found, name, func(s stray, name string) int { return cmp.Compare(s.fleet, name) })
		if !known {
			found = slices.Insert(found, at, stray{fleet: name})
		}
		s := &found[at]
		s.ids = append(s.ids, i.ID)
		s.asleep = s.asleep || i.Phase == fleet.PhaseStopped || i.Phase == fleet.PhaseStopping
		if n := pid(i.ID); n > 0 {
			s.pids = append(s.pids, n)
		}
	}
	return found
}

// cure is what an operator can do about them.
func (s stray) cure() string {
	return fmt.Sprintf("put fleet %s back into the settings (with bounds.min 0 it goes home when its queues are empty), or end its workers, which finish the items that they hold or give them back: %s", s.fleet, s.end())
}

// end is how to end them.
func (s stray) end() string {
	if len(s.pids) == 0 {
		return "aws ec2 terminate-instances --instance-ids " + strings.Trim(fmt.Sprint(s.ids), "[]")
	}
	numbers := strings.Trim(fmt.Sprint(s.pids), "[]")
	end := "kill " + numbers
	if s.asleep {
		end += "; kill -CONT " + numbers // one that sleeps hears SIGTERM when it goes on
	}
	return end
}

// warnOfStrays warns at each start.
func (d *daemon) warnOfStrays(ctx context.Context) error {
	if d.local != nil {
		if err := d.warnOf(ctx, d.local, d.local.PID, "nobody lets them go"); err != nil {
			return err
		}
	}
	if d.ec2 != nil {
		return d.warnOf(ctx, d.ec2, func(fleet.ID) int { return 0 }, reaped(d.cfg.AWS.Orphans.Std()))
	}
	return nil
}

// reaped is what becomes of strays on EC2.
func reaped(after time.Duration) string {
	if after == 0 {
		return "nobody lets them go (aws.orphans is 0s)"
	}
	return fmt.Sprintf("nobody lets them go before they were not heard for %s (aws.orphans)", after)
}

func (d *daemon) warnOf(ctx context.Context, on ground, pid func(fleet.ID) int, end string) error {
	list, err := on.Instances(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range strays(d.cfg.Fleets, list, pid) {
		d.log.Warn("workers of a fleet that is not in the settings: they work on, "+end+", and no maximum counts them",
			zap.String(keyFleet, s.fleet), zap.Int("workers", len(s.ids)), zap.Any("instances", s.ids), zap.Ints("pids", s.pids), zap.String("cure", s.cure()))
	}
	return nil
}
