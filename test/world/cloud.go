package world

import (
	"context"
	"fmt"
	"time"

	"skynet/fleet"
)

// Launch starts machines, once per token.
func (w *World) Launch(_ context.Context, o fleet.Order) ([]fleet.ID, error) {
	if err := w.before("launch", o.Count); err != nil {
		return nil, err
	}
	ids, sent := w.tokens[o.Token]
	if !sent {
		for range o.Count {
			ids = append(ids, w.start(o))
		}
		w.tokens[o.Token] = ids
	}
	if err := w.after("launch"); err != nil {
		return nil, err
	}
	return ids, nil
}

func (w *World) start(o fleet.Order) fleet.ID {
	id := fleet.ID(fmt.Sprintf("i-%03d", len(w.machines)))
	w.machines[id] = &Machine{
		Instance: fleet.Instance{
			ID: id, Phase: fleet.PhasePending, Launched: w.Now,
			Tags: map[string]string{fleet.TagFleet: o.Fleet, fleet.TagIntent: o.Token},
		},
		Order: len(w.machines), boots: w.Now.Add(w.Boot), Dud: w.DOA,
	}
	return id
}

// each does f to every machine named, unless the call is made to fail.
func (w *World) each(call string, ids []fleet.ID, f func(*Machine)) ([]fleet.ID, error) {
	if err := w.before(call, ids); err != nil {
		return nil, err
	}
	for _, id := range ids {
		m, ok := w.machines[id]
		if !ok {
			return nil, fmt.Errorf("%s %s: %w", call, id, errNone)
		}
		f(m)
	}
	if err := w.after(call); err != nil {
		return nil, err
	}
	return ids, nil
}

// Wake starts machines that sleep.
func (w *World) Wake(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return w.each("wake", ids, func(m *Machine) {
		m.Phase, m.Woken, m.Stopped = fleet.PhaseRunning, w.Now, time.Time{}
	})
}

// Sleep stops machines.
func (w *World) Sleep(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return w.each("sleep", ids, func(m *Machine) {
		w.blame(m)
		m.Phase, m.Stopped = fleet.PhaseStopped, w.Now
	})
}

// Terminate ends machines.
func (w *World) Terminate(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return w.each("terminate", ids, func(m *Machine) {
		w.blame(m)
		w.Kill(m.ID)
	})
}

func (w *World) blame(m *Machine) {
	if !m.until.IsZero() {
		w.busyKill = append(w.busyKill, m.ID)
	}
}

// Tag sets a tag.
func (w *World) Tag(_ context.Context, ids []fleet.ID, key, value string) ([]fleet.ID, error) {
	return w.each("tag", ids, func(m *Machine) { m.Tags[key] = value })
}

// Untag takes a tag away.
func (w *World) Untag(_ context.Context, ids []fleet.ID, key string) ([]fleet.ID, error) {
	return w.each("untag", ids, func(m *Machine) { delete(m.Tags, key) })
}

// Instances lists machines of a fleet, fresh launches not for a while.
func (w *World) Instances(_ context.Context, fleetName string) (list []fleet.Instance, err error) {
	if w.Before != nil {
		if err := w.Before("list"); err != nil {
			return nil, err
		}
	}
	for _, m := range w.all() { // a cloud lists the dead for a while
		if m.Tags[fleet.TagFleet] == fleetName && w.Now.Sub(m.Launched) >= w.Unlisted {
			list = append(list, m.Instance)
		}
	}
	return list, nil
}
