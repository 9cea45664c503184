package controller

import (
	"context"

	"skynet/fleet"
)

// ReadOnly is the world of a dry run: it reads what the real one reads, and
// nothing that it does reaches the cloud. It is another implementation rather
// than a flag, because the flags of others were forgotten in one place or
// another (nomad-autoscaler PR#845, sokar#98).
func ReadOnly(w World) World {
	w.Cloud, w.Roster = withoutDeeds(w.Cloud), reader{w.Roster}
	return w
}

// withoutDeeds leaves of a cloud what changes nothing: a dry run shows the requests
// that would have been sent.
func withoutDeeds(real Cloud) Cloud {
	if d, drafts := real.(Drafter); drafts {
		return struct {
			noCloud
			Drafter
		}{Drafter: d}
	}
	return noCloud{}
}

// noCloud refuses everything: it does not even hold the real one.
type noCloud struct{}

func (noCloud) Launch(context.Context, fleet.Order) ([]fleet.ID, error) {
	return nil, fleet.ErrReadOnly
}
func (noCloud) Wake(context.Context, []fleet.ID) ([]fleet.ID, error)  { return nil, fleet.ErrReadOnly }
func (noCloud) Sleep(context.Context, []fleet.ID) ([]fleet.ID, error) { return nil, fleet.ErrReadOnly }
func (noCloud) Terminate(context.Context, []fleet.ID) ([]fleet.ID, error) {
	return nil, fleet.ErrReadOnly
}

// reader lists workers and passes no request on.
type reader struct{ roster Roster }

func (r reader) Workers(ctx context.Context, fleetName string) ([]fleet.Worker, error) {
	return r.roster.Workers(ctx, fleetName)
}

func (reader) Drain(context.Context, []fleet.ID, string) ([]fleet.ID, error) {
	return nil, fleet.ErrReadOnly
}

func (reader) Recall(context.Context, []fleet.ID) ([]fleet.ID, error) { return nil, fleet.ErrReadOnly }
