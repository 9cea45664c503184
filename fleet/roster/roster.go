// Package roster joins the two things that are known of a worker: what the
// cloud lists, and what the agent on it says. One join serves every cloud, so
// that a worker's state means the same on EC2 and on one machine.
package roster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
)

// Registry is the cloud's list of instances and the tags on them.
type Registry interface {
	Instances(ctx context.Context, fleetName string) ([]fleet.Instance, error)
	Tag(ctx context.Context, ids []fleet.ID, key, value string) (done []fleet.ID, err error)
	Untag(ctx context.Context, ids []fleet.ID, key string) (done []fleet.ID, err error)
}

// Ears hear heartbeats.
type Ears interface {
	// Last is the newest heartbeat of a worker and when we received it.
	Last(id fleet.ID) (beat fleet.Heartbeat, heard time.Time, ok bool)
	// Booted is when it was first heard after its start, or after a long silence
	// such as sleep; zero if that is not known.
	Booted(id fleet.ID) time.Time
	// Listening is the stretch over which we could hear without a break, up to
	// the last time that we did listen.
	Listening() (since, until time.Time)
}

// DefaultSilence is how long a worker may be unheard before it counts as
// silent: Lifeguard's 200 s, 13 heartbeats at the default of one in 15 s.
const DefaultSilence = 200 * time.Second

// Roster knows the workers of every fleet.
type Roster struct {
	Registry Registry
	Ears     Ears
	Silence  time.Duration // unheard for longer: silent; 0: DefaultSilence
}

// Workers lists a fleet's workers. An error means that nothing is known:
// nothing may be inferred from it.
func (r *Roster) Workers(ctx context.Context, fleetName string) ([]fleet.Worker, error) {
	list, err := r.Registry.Instances(ctx, fleetName)
	if err != nil {
		return nil, fmt.Errorf("list the instances of fleet %s: %w", fleetName, err)
	}
	since, until := r.Ears.Listening()
	ear := ear{since: since, until: until, silence: r.Silence}
	if ear.silence <= 0 {
		ear.silence = DefaultSilence
	}
	ws := make([]fleet.Worker, 0, len(list))
	for _, in := range list {
		beat, heard, _ := r.Ears.Last(in.ID)
		ws = append(ws, ear.join(in, beat, heard, r.Ears.Booted(in.ID)))
	}
	fleet.Sort(ws)
	// A list that is read page by page may name an instance on two of them.
	return slices.CompactFunc(ws, func(a, b fleet.Worker) bool { return a.ID == b.ID }), nil
}

// Drain asks workers to drain, by a tag that the agent finds in its instance
// metadata. It returns those that were tagged.
func (r *Roster) Drain(ctx context.Context, ids []fleet.ID, decision string) ([]fleet.ID, error) {
	return r.Registry.Tag(ctx, ids, fleet.TagDrain, decision)
}

// Recall takes the request to drain back. It returns those that were untagged.
func (r *Roster) Recall(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return r.Registry.Untag(ctx, ids, fleet.TagDrain)
}
