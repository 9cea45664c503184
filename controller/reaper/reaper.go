// Package reaper ends instances of ours that nobody looks after: those of a fleet that
// was in the settings once, whose workers nobody hears any more. What is an orphan
// package fleet/ec2 judges; here it is written down, and done.
package reaper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"skynet/config/strict"
	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// atOnce is how many orphans end in one look: were all the evidence wrong, there is
// time to see it.
const atOnce = 5

// Orphans lists instances of fleets that are not in the settings.
type Orphans interface {
	Orphans(ctx context.Context) ([]fleet.Instance, error)
}

// Cloud ends instances.
type Cloud interface {
	Terminate(ctx context.Context, ids []fleet.ID) (done []fleet.ID, err error)
}

// Ears have heard workers, or not.
type Ears interface {
	Last(id fleet.ID) (beat fleet.Heartbeat, heard time.Time, ok bool)
	Listening() (since, until time.Time)
}

// Past knows which fleets have been ours.
type Past interface {
	Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]journal.Record, error)
}

// Journal takes down what is done.
type Journal interface {
	Write(ctx context.Context, r journal.Record) error
	Settle(ctx context.Context, o journal.Outcome) error
}

// Reaper ends orphans.
type Reaper struct {
	Orphans Orphans
	Cloud   Cloud // nil: nothing is ended, a dry run
	Ears    Ears
	Past    Past
	Journal Journal
	Fleets  []string      // of the settings
	After   time.Duration // unheard for so long

	// Forgotten reports that an instance is no business of ours; nil: all are.
	Forgotten func(i fleet.Instance, now time.Time) bool
	// Spares and Ends are told of who is left alone, and of who is about to end; nil:
	// nobody is told.
	Spares func(ec2.Spared)
	Ends   func(fleetName string, ids []fleet.ID, because string)
}

// Look looks for orphans once, and ends some.
func (r Reaper) Look(ctx context.Context, now time.Time) error {
	list, err := r.Orphans.Orphans(ctx)
	list = slices.DeleteFunc(list, func(i fleet.Instance) bool { return r.Forgotten != nil && r.Forgotten(i, now) })
	if err != nil || len(list) == 0 {
		return err
	}
	e, err := r.evidence(ctx, list)
	if err != nil {
		return err
	}
	exits, spared := ec2.Reap(list, e, now, atOnce)
	for _, s := range spared {
		if r.Spares != nil {
			r.Spares(s)
		}
	}
	byFleet, errs := map[string][]fleet.Exit{}, []error(nil)
	for _, x := range exits {
		name := list[slices.IndexFunc(list, func(i fleet.Instance) bool { return i.ID == x.ID })].Tags[fleet.TagFleet]
		byFleet[name] = append(byFleet[name], x)
	}
	for _, name := range slices.Sorted(maps.Keys(byFleet)) {
		errs = append(errs, r.LetGo(ctx, name, byFleet[name], now))
	}
	return errors.Join(errs...)
}

// evidence is what is known of orphans besides EC2's list.
func (r Reaper) evidence(ctx context.Context, list []fleet.Instance) (ec2.Evidence, error) {
	e := ec2.Evidence{Fleets: r.Fleets, Heard: map[fleet.ID]time.Time{}, After: r.After}
	e.Since, e.Until = r.Ears.Listening()
	for _, i := range list {
		if _, heard, ok := r.Ears.Last(i.ID); ok {
			e.Heard[i.ID] = heard
		}
		name := i.Tags[fleet.TagFleet]
		if slices.Contains(e.Journal, name) {
			continue
		}
		records, err := r.Past.Records(ctx, name, time.Time{}, 1)
		if err != nil {
			return e, fmt.Errorf("look for fleet %s in the journal: %w", name, err)
		}
		if len(records) > 0 {
			e.Journal = append(e.Journal, name)
		}
	}
	return e, nil
}

// LetGo writes down what is about to be done, and does it. The record is not a tick:
// if the fleet comes back, it must not remember that nothing was wanted.
func (r Reaper) LetGo(ctx context.Context, fleetName string, exits []fleet.Exit, now time.Time) error {
	now = now.Round(0).UTC()
	id := fleet.DecisionID(fleetName, now)
	because := fmt.Sprintf("fleet %s is not in the settings, and none of these was heard in %s", fleetName, strict.Duration(r.After))
	i := journal.Intent{ID: id + "/" + string(journal.Terminate), Fleet: fleetName, Decision: id, At: now, Kind: journal.Terminate, Exits: exits}
	err := r.Journal.Write(ctx, journal.Record{
		Snapshot: signals.Snapshot{Fleet: fleetName, Now: now}, Intents: []journal.Intent{i},
		Decision: policy.Decision{ID: id, Fleet: fleetName, Failed: "no tick: orphans are let go", Terminate: exits, Reasons: []policy.Reason{{By: "reaper", Said: because}}},
	})
	if err != nil || r.Cloud == nil {
		return err
	}
	ids := make([]fleet.ID, len(exits))
	for n, x := range exits {
		ids[n] = x.ID
	}
	if r.Ends != nil {
		r.Ends(fleetName, ids, because)
	}
	done, failed := r.Cloud.Terminate(ctx, ids)
	o := journal.Outcome{Intent: i.ID, At: now, Done: done}
	if failed != nil {
		o.Failed = failed.Error()
	}
	return errors.Join(failed, r.Journal.Settle(ctx, o))
}
