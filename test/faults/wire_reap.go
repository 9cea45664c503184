package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"skynet/controller"
	"skynet/controller/reaper"
	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
	"skynet/test/ec2wire"
)

// lawOrphans is about machines of a fleet that has left the settings.
const lawOrphans = "a machine that nobody looks after ends within 45 minutes of calm, and none that is heard, or that may be another's, does"

// What a reaper is told, and how often it looks.
const (
	orphanAfter = 30 * time.Minute
	reapEvery   = 5 * time.Minute
	oldFleet    = "old" // was in the settings once
)

// orphan is a machine of a fleet that is not in the settings. It is in no list of the
// world's own: it works on nothing.
type orphan struct {
	*ec2wire.Instance
	speaks bool // is heard
	ours   bool // of a fleet that was ours, with all the tags
	number uint64
	mouth  *machine // knows when it was heard
}

// abandon leaves machines of other fleets in the account.
func (d *wired) abandon(w *World) {
	put := func(fleetName string, speaks, ours bool) {
		n := len(d.orphans)
		i := &ec2wire.Instance{
			ID: fmt.Sprintf("i-old%d", n), Type: "c7i.xlarge", Zone: wiredRegion + "a", Subnet: "subnet-a", State: "running",
			Born: began.Add(-2 * time.Hour), Started: began.Add(-2 * time.Hour),
			Tags: map[string]string{fleet.TagController: wiredName, fleet.TagFleet: fleetName, fleet.TagIntent: "sky-old"},
		}
		d.orphans = append(d.orphans, &orphan{Instance: i, speaks: speaks, ours: ours})
	}
	put(oldFleet, false, true)
	put(oldFleet, true, true)
	put("theirs", false, false)
	put(oldFleet, false, false)
	put(oldFleet, false, true)
	delete(d.orphans[3].Tags, fleet.TagIntent)
	for _, o := range d.orphans {
		if o.mouth = (&machine{Instance: fleet.Instance{ID: fleet.ID(o.ID)}}); o.speaks {
			w.every(beats, func() bool { w.mail.post(o.mouth, o.beat(w)); return true })
		}
	}
	w.after(w.scene.calm+45*time.Minute, func() { d.reaped(w) })
}

// beat is what the agent of an orphan says.
func (o *orphan) beat(w *World) []byte {
	o.number++
	body, err := json.Marshal(fleet.Heartbeat{
		Worker: fleet.ID(o.ID), Fleet: oldFleet, Boot: "boot-" + o.ID, Seq: o.number, At: w.Now(), State: fleet.Working, Slots: 1,
	})
	if err != nil {
		w.breach("what agents say can be written", "%v", err)
	}
	return body
}

// reaped looks whether those are gone that nobody looks after. Two hosts in turns have
// no reaper here.
func (d *wired) reaped(w *World) {
	for _, o := range d.orphans {
		if o.ours && !o.speaks && o.State == "running" && !w.scene.pair {
			w.breach(lawOrphans, "%s of fleet %s still runs", o.ID, o.Tags[fleet.TagFleet])
		}
	}
}

// endOrphans terminates orphans, as one request.
func (b backend) endOrphans(names []string) ([]ec2wire.Change, error) {
	b.covered(names)
	var done []fleet.ID
	err := b.cloud.request("terminate", func() error {
		for _, o := range b.orphans {
			if !slices.Contains(names, o.ID) {
				continue
			}
			b.Tell("cloud", "%s is terminated", o.ID)
			if o.speaks && b.now-o.mouth.word < orphanAfter-time.Minute || !o.ours {
				b.breach(lawOrphans, "%s of fleet %q, heard: %t", o.ID, o.Tags[fleet.TagFleet], o.speaks)
			}
			o.State = "terminated"
			done = append(done, fleet.ID(o.ID))
		}
		return nil
	})
	if isErr(err, ErrLost) || isErr(err, ErrLate) {
		done = nil
	}
	return changed(done, "shutting-down", refused(err))
}

// covered looks whether all are in an intent of the sender's journal.
func (b backend) covered(names []string) {
	open, err := b.Journal().Unsettled(context.Background(), oldFleet)
	if err != nil {
		b.breach(lawTorn, "the intents of %s cannot be read: %v", b.name, err)
	}
	for _, id := range names {
		if !slices.ContainsFunc(open, func(i journal.Intent) bool {
			return slices.Contains(i.Exits, fleet.Exit{ID: fleet.ID(id), Cause: fleet.CauseOrphan})
		}) {
			b.breach(lawIntent, "%s terminates the orphan %s, which no intent names", b.name, id)
		}
	}
}

// reaping has the daemon's own reaper look now and then.
type reaping struct {
	*Host
	fleet *ec2.Fleet
	next  time.Duration
}

func (r *reaping) look(now time.Time) {
	if r.scene.pair || r.now < r.next {
		return
	}
	r.next, r.end = r.now+reapEvery, r.now+controller.CallTimeout
	own := reaper.Reaper{
		Orphans: r.fleet, Cloud: r.fleet, Ears: r.ears, Past: r.Journal(), Journal: r.Journal(), Fleets: []string{fleetName}, After: orphanAfter,
	}
	if err := own.Look(context.Background(), now); err != nil {
		r.Tell(r.name, "cannot end instances that nobody looks after: %v", err)
	}
}

// history has the journal know that the fleet of the orphans was ours.
func history(j journal.Journal) error {
	then := began.Add(-24 * time.Hour)
	return j.Write(context.Background(), journal.Record{
		Snapshot: signals.Snapshot{Fleet: oldFleet, Now: then},
		Decision: policy.Decision{ID: fleet.DecisionID(oldFleet, then), Fleet: oldFleet},
	})
}
