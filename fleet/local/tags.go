//go:build linux

package local

import (
	"context"
	"fmt"
	"time"

	"skynet/fleet"
)

// Tag sets a tag, which the worker reads from its metadata.
func (f *Fleet) Tag(ctx context.Context, ids []fleet.ID, key, value string) ([]fleet.ID, error) {
	if err := fleet.CheckTag(key, value); err != nil {
		return nil, fmt.Errorf("tag %d instances: %w: %w", len(ids), fleet.ErrDenied, err)
	}
	return f.each(ctx, "tag", ids, func(r *record) error {
		old, set := r.Tags[key]
		if !set && len(r.Tags) >= fleet.MostTags {
			return fmt.Errorf("%w: %d tags at most", fleet.ErrLimit, fleet.MostTags)
		}
		if !set || old != value {
			r.Tags[key], f.dirty = value, true
		}
		return nil
	})
}

// Untag removes a tag. One that is not set is done.
func (f *Fleet) Untag(ctx context.Context, ids []fleet.ID, key string) ([]fleet.ID, error) {
	return f.each(ctx, "untag", ids, func(r *record) error {
		if _, set := r.Tags[key]; set {
			delete(r.Tags, key)
			f.dirty = true
		}
		return nil
	})
}

// notice is an interruption notice, as the metadata tells it.
type notice struct {
	Action string `json:"action"`
	Time   string `json:"time"`
}

// Interrupt gives an instance notice that it will be taken back, as EC2 does
// with Spot instances. It is only a notice: whoever gives it also acts, at at.
func (f *Fleet) Interrupt(id fleet.ID, action string, at time.Time) error {
	switch action {
	case "terminate", "stop", "hibernate":
	default:
		return fmt.Errorf("interrupt %s: action %q is none of terminate, stop, hibernate", id, action)
	}
	n := &notice{Action: action, Time: at.UTC().Format("2006-01-02T15:04:05Z")}
	_, err := f.each(context.Background(), "interrupt", []fleet.ID{id}, func(r *record) error {
		if _, err := f.living(r); err != nil {
			return err
		}
		r.Notice, f.dirty = n, true
		return nil
	})
	return err
}

// PID is the number of the process that an instance is, for an operator who has
// to deal with it by hand; 0 if there is none.
func (f *Fleet) PID(id fleet.ID) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, known := f.records[id]
	if !known || f.observe(r) == fleet.PhaseTerminated {
		return 0
	}
	return r.Process.PID
}

// Ending is how an instance ended.
type Ending struct {
	At   time.Time
	Exit string // "exit status 3", "signal: killed", or why it is not known
	Said string // the last lines of its log
}

// Ending says how an instance ended, for an operator who asks why.
func (f *Fleet) Ending(id fleet.ID) (Ending, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, known := f.records[id]
	switch {
	case !known:
		return Ending{}, fmt.Errorf("ending of %s: %w", id, ErrNotFound)
	case f.observe(r) != fleet.PhaseTerminated:
		return Ending{}, fmt.Errorf("ending of %s: %w: it has not ended", id, ErrState)
	}
	said, err := f.logs.tail(r)
	if err != nil {
		said = "(" + err.Error() + ")"
	}
	return Ending{At: r.Ended, Exit: r.Exit, Said: said}, nil
}
