package ec2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"skynet/fleet"
)

var errUnchecked = fmt.Errorf("%w: account and region were not found to be those of the settings yet", fleet.ErrDenied)

// sighting is what we must know of an instance to act on it.
type sighting struct {
	at         time.Time
	fleet      string
	spot       bool
	hibernates bool // was launched with hibernation enabled

	token, typ, zone string // of our own launches, as long as they are not listed
}

// unlisted is how long at most we vouch for what we launched and EC2 does not list.
const unlisted = 15 * time.Minute

// known remembers which instances carry our tag: nothing is done to any other. It
// also remembers when we woke and stopped them, since EC2's own word lags behind.
type known struct {
	mu       sync.Mutex
	listed   map[string]map[fleet.ID]sighting // as last listed, by fleet
	launched map[fleet.ID]sighting            // by us, whether listed or not
	woken    map[fleet.ID]time.Time
	stopped  map[fleet.ID]time.Time
}

func newKnown() *known {
	return &known{
		listed: map[string]map[fleet.ID]sighting{}, launched: map[fleet.ID]sighting{},
		woken: map[fleet.ID]time.Time{}, stopped: map[fleet.ID]time.Time{},
	}
}

// list takes a whole list of a fleet for what carries our tag now: a tag that
// somebody took off an instance takes the instance out of our hands.
func (k *known) list(fleetName string, all map[fleet.ID]sighting, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range k.listed[fleetName] {
		if _, there := all[id]; !there {
			delete(k.woken, id)
			delete(k.stopped, id)
		}
	}
	k.listed[fleetName] = all
	for id, s := range k.launched {
		if _, there := all[id]; there || now.Sub(s.at) > unlisted {
			delete(k.launched, id)
		}
	}
}

// add takes note of single ones that were seen with our tag.
func (k *known) add(fleetName string, some map[fleet.ID]sighting) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.listed[fleetName] == nil {
		k.listed[fleetName] = map[fleet.ID]sighting{}
	}
	for id, s := range some {
		k.listed[fleetName][id] = s
	}
}

func (k *known) launch(all map[fleet.ID]sighting) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.Copy(k.launched, all)
}

// awaited are launches of ours that no list has named yet, as instances that start.
func (k *known) awaited(fleetName, controller string) (list []fleet.Instance) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, s := range k.launched {
		if s.fleet != fleetName && fleetName != "" {
			continue
		}
		list = append(list, fleet.Instance{
			ID: id, Phase: fleet.PhasePending, Type: s.typ, Zone: s.zone, Spot: s.spot, Launched: s.at.UTC(),
			Tags: map[string]string{fleet.TagController: controller, fleet.TagFleet: s.fleet, fleet.TagIntent: s.token},
		})
	}
	slices.SortFunc(list, func(a, b fleet.Instance) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list
}

// ended forgets launches that were let go before a list has named them.
func (k *known) ended(ids []fleet.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		delete(k.launched, id)
	}
}

func (k *known) sight(id fleet.ID) (sighting, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.launched[id]; ok {
		return s, true
	}
	for _, of := range k.listed {
		if s, ok := of[id]; ok {
			return s, true
		}
	}
	return sighting{}, false
}

// note remembers deeds of ours by the time they were done.
func (k *known) note(in map[fleet.ID]time.Time, ids []fleet.ID, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		in[id] = at
	}
}

func (k *known) times(id fleet.ID) (woken, stopped time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.woken[id], k.stopped[id]
}

// ours are those of ids that carry our tag, and an error for each of the others. One
// that has not been seen is looked for first.
func (f *Fleet) ours(ctx context.Context, what string, ids []fleet.ID) (mine []fleet.ID, err error) {
	if err := f.mayAct(); err != nil {
		return nil, fmt.Errorf("%s %d: %w", what, len(ids), err)
	}
	var unseen []fleet.ID
	for _, id := range ids {
		if _, ok := f.known.sight(id); !ok {
			unseen = append(unseen, id)
		}
	}
	looked := f.lookFor(ctx, unseen)
	var errs []error
	for _, id := range ids {
		switch _, ok := f.known.sight(id); {
		case ok:
			mine = append(mine, id)
		case looked != nil:
			errs = append(errs, fmt.Errorf("%s %s: not seen with our tag, and %w", what, id, looked))
		default:
			errs = append(errs, fmt.Errorf("%s %s: %w: it is not listed with our tag %s=%s, so it is not touched", what, id, fleet.ErrDenied, fleet.TagController, f.o.Controller))
		}
	}
	return mine, errors.Join(errs...)
}

// lookFor lists single instances. They are asked for by a filter: an ID that does not
// exist is no error then.
func (f *Fleet) lookFor(ctx context.Context, ids []fleet.ID) error {
	for some := range slices.Chunk(ids, batchSize) {
		list, err := f.describe(ctx, filter("instance-id", texts(some)...))
		if err != nil {
			return fmt.Errorf("look for %d instances: %w", len(some), err)
		}
		for _, in := range list {
			f.known.add(in.Tags[fleet.TagFleet], map[fleet.ID]sighting{in.ID: in.sighting})
		}
	}
	return nil
}

func texts(ids []fleet.ID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return list
}

func named(ids []string) []fleet.ID {
	list := make([]fleet.ID, len(ids))
	for i, id := range ids {
		list[i] = fleet.ID(id)
	}
	return list
}
