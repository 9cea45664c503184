//go:build linux

package local

import (
	"slices"

	"skynet/fleet"
)

// adopt takes over what runs from an earlier controller's time. What was
// intended and is not found was never started: it may be launched when its
// order is sent again. What of ended instances is still there, tend sweeps up.
func (f *Fleet) adopt() error {
	found, err := survey(f.dir, f.boot)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, ms := range found {
		f.claim(id, ms)
	}
	for id, r := range f.records {
		r.said = !r.Ended.IsZero() // by the controller that saw it
		if !r.started() {
			delete(f.records, id)
			f.dirty = true
		}
	}
	return f.save()
}

// claim fills in the process of an instance that was started but not written
// down, or, if the whole file was lost, the instance itself. f.mu is held.
func (f *Fleet) claim(id fleet.ID, ms []marked) {
	r, known := f.records[id]
	if !known {
		r = f.blank(id, ms[0].fleet, ms[0].token, f.templates[ms[0].fleet])
		f.records[id] = r
	}
	if r.started() {
		return
	}
	f.dirty = true
	worker := slices.IndexFunc(ms, func(m marked) bool { return m.leader })
	if worker < 0 { // only its helpers are left
		r.Ended, r.Exit = f.now(), "unknown: it ended while no controller watched"
		return
	}
	r.Process = ms[worker].process
}
