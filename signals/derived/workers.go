package derived

import (
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// OfWorkers gives the fleet.* signals that follow from the workers alone.
// Slots is what one instance works on at once as configured, used until a
// worker says it itself; 0 if it is not configured.
func OfWorkers(ws []fleet.Worker, slots int, now time.Time) []signals.Signal {
	c := countWorkers(ws)
	known := func(name string, n int) signals.Signal { return signals.Known(name, float64(n), now, 0) }
	return []signals.Signal{
		known("fleet.running", c.running), known("fleet.pending", c.pending),
		known("fleet.draining", c.draining), known("fleet.asleep", c.asleep),
		known("fleet.silent", c.silent), known("fleet.idle", c.idle),
		known("fleet.busy_slots", c.busy),
		slotsSignal(c, slots, now),
		ratio("fleet.utilisation", c.used, c.slots, now, "no worker has said how many slots it has"),
		ratio("fleet.spot_share", c.spot, c.running, now, "no worker is running"),
	}
}

type counts struct {
	running, pending, draining, asleep, silent, idle int
	busy, heard, spot                                int
	used, slots                                      int // of those running that say how many slots they have
}

func countWorkers(ws []fleet.Worker) (c counts) {
	for _, w := range ws {
		c.add(w)
	}
	return c
}

func (c *counts) add(w fleet.Worker) {
	switch w.State {
	case fleet.Starting, fleet.Waking:
		c.pending++
	case fleet.Asleep:
		c.asleep++
	case fleet.Draining, fleet.Drained:
		c.draining++
		c.busy += w.Jobs
	case fleet.Working:
		c.work(w)
	}
	if w.Silent {
		c.silent++
	}
}

func (c *counts) work(w fleet.Worker) {
	c.running++
	c.busy += w.Jobs
	if w.Slots > 0 {
		c.slots += w.Slots
		c.used += min(w.Jobs, w.Slots)
		c.heard++
	}
	if w.Jobs == 0 && !w.Silent {
		c.idle++
	}
	if w.Spot {
		c.spot++
	}
}

// slotsSignal is the mean number of slots of the workers that say it. Workers
// of one fleet are interchangeable, so it is that of each.
func slotsSignal(c counts, configured int, now time.Time) signals.Signal {
	switch {
	case c.heard > 0:
		return signals.Known("fleet.slots", float64(c.slots)/float64(c.heard), now, 0)
	case configured > 0:
		return signals.Known("fleet.slots", float64(configured), now, 0)
	}
	return signals.Missing("fleet.slots", now, "no worker has said how many slots it has, and none are configured")
}

func ratio(name string, part, whole int, now time.Time, why string) signals.Signal {
	if whole == 0 {
		return signals.Missing(name, now, why)
	}
	return signals.Known(name, float64(part)/float64(whole), now, 0)
}
