package controller

import (
	"context"
	"fmt"
	"time"

	"skynet/fleet"
)

// Lease says whether this controller is the one that acts, of several that stand by.
type Lease interface {
	// Guard bounds a call by the end of the lease, and refuses it where less than
	// need is left.
	Guard(ctx context.Context, need time.Duration) (context.Context, context.CancelFunc, error)
}

// Leased is the world of a controller that acts only while it holds a lease: no call
// that changes something begins unless the lease lasts longer than the call may, and
// none outlives it. Reading needs no lease.
func Leased(w World, l Lease) World {
	c := leasedCloud{w.Cloud, l}
	w.Cloud, w.Roster = c, leasedRoster{w.Roster, l}
	if d, drafts := c.Cloud.(Drafter); drafts {
		w.Cloud = struct {
			leasedCloud
			Drafter
		}{c, d}
	}
	return w
}

// under makes a call while the lease is held, for as long as ctx allows.
func under[T any](ctx context.Context, l Lease, call func(context.Context) (T, error)) (none T, err error) {
	need := CallTimeout
	if end, bounded := ctx.Deadline(); bounded {
		need = min(need, time.Until(end))
	}
	ctx, cancel, err := l.Guard(ctx, need)
	if err != nil {
		return none, fmt.Errorf("%w: nothing was sent: %w", fleet.ErrFenced, err)
	}
	defer cancel()
	return call(ctx)
}

type leasedCloud struct {
	Cloud
	lease Lease
}

func (c leasedCloud) Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	return under(ctx, c.lease, func(ctx context.Context) ([]fleet.ID, error) { return c.Cloud.Launch(ctx, o) })
}

func (c leasedCloud) Wake(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return under(ctx, c.lease, func(ctx context.Context) ([]fleet.ID, error) { return c.Cloud.Wake(ctx, ids) })
}

func (c leasedCloud) Sleep(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return under(ctx, c.lease, func(ctx context.Context) ([]fleet.ID, error) { return c.Cloud.Sleep(ctx, ids) })
}

func (c leasedCloud) Terminate(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return under(ctx, c.lease, func(ctx context.Context) ([]fleet.ID, error) { return c.Cloud.Terminate(ctx, ids) })
}

type leasedRoster struct {
	Roster
	lease Lease
}

func (r leasedRoster) Drain(ctx context.Context, ids []fleet.ID, decision string) ([]fleet.ID, error) {
	return under(ctx, r.lease, func(ctx context.Context) ([]fleet.ID, error) { return r.Roster.Drain(ctx, ids, decision) })
}

func (r leasedRoster) Recall(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return under(ctx, r.lease, func(ctx context.Context) ([]fleet.ID, error) { return r.Roster.Recall(ctx, ids) })
}
