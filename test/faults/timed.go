package faults

import (
	"context"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/queues"
)

// senses are the daemon's sources, one after the other.
type senses struct{ *Host }

func (s senses) Collect(ctx context.Context, now time.Time) []signals.Signal {
	s.Wait(20 * time.Millisecond)
	list := queues.New(s.work, s.scene.interval).Read(ctx, now)
	if s.Strikes(SignalsAbsurd, .2) {
		for i := range list {
			list[i] = signals.Known(list[i].Name, absurd(s.Draw(SignalsAbsurd).IntN(3)), now, s.scene.interval)
		}
		s.blind = list[0].Unknown != ""
	}
	return append(list, s.source.Read(ctx, now)...)
}

// timed gives every call the time that the controller gives it.
type timedCloudOnly struct {
	controller.Cloud
	h *Host
}

func timedCloud(c controller.Cloud, h *Host) controller.Cloud {
	t := timedCloudOnly{c, h}
	if d, drafts := c.(controller.Drafter); drafts {
		return struct {
			timedCloudOnly
			controller.Drafter
		}{t, d}
	}
	return t
}

func (h *Host) starts() { h.end = h.now + controller.CallTimeout }

func (t timedCloudOnly) Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	t.h.starts()
	return t.Cloud.Launch(ctx, o)
}

func (t timedCloudOnly) Wake(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	t.h.starts()
	return t.Cloud.Wake(ctx, ids)
}

func (t timedCloudOnly) Sleep(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	t.h.starts()
	return t.Cloud.Sleep(ctx, ids)
}

func (t timedCloudOnly) Terminate(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	t.h.starts()
	return t.Cloud.Terminate(ctx, ids)
}

type timedRoster struct {
	controller.Roster
	h *Host
}

func (t timedRoster) Workers(ctx context.Context, fleetName string) ([]fleet.Worker, error) {
	const longestRead = 20 * time.Second
	t.h.end = t.h.now + longestRead
	return t.Roster.Workers(ctx, fleetName)
}

func (t timedRoster) Drain(ctx context.Context, ids []fleet.ID, decision string) ([]fleet.ID, error) {
	t.h.starts()
	return t.Roster.Drain(ctx, ids, decision)
}

func (t timedRoster) Recall(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	t.h.starts()
	return t.Roster.Recall(ctx, ids)
}
