package derived

import (
	"math"

	"skynet/fleet"
	"skynet/signals"
)

// workers puts the fleet.* signals that follow from the workers alone. Where the
// workers are not known, few of them can be told.
func (v *view) workers() {
	v.crew = crewOf(v.Workers)
	if v.counted() {
		v.put(v.crew.signals(v)...)
		return
	}
	for _, name := range []string{
		"fleet.running", "fleet.pending", "fleet.draining", "fleet.asleep", "fleet.silent", "fleet.idle", "fleet.busy_slots", "fleet.spot_share",
	} {
		v.put(signals.Missing(name, v.Now, notGiven))
	}
	v.put(v.slots(), v.utilisation())
}

const notGiven = "not given, and no workers are"

// counted reports whether it is known who the workers are.
func (v *view) counted() bool { return v.Workers != nil || !v.set.Final }

func (c crew) signals(v *view) []signals.Signal {
	known := func(name string, n int) signals.Signal { return signals.Known(name, float64(n), v.Now, 0) }
	return []signals.Signal{
		known("fleet.running", c.running), known("fleet.pending", c.pending),
		known("fleet.draining", c.draining), known("fleet.asleep", c.asleep),
		known("fleet.silent", c.silent), known("fleet.idle", c.idle),
		known("fleet.busy_slots", c.busy),
		v.slots(),
		v.ratio("fleet.utilisation", c.used, c.slots, "no worker has said how many slots it has"),
		v.ratio("fleet.spot_share", c.spot, c.running, "no worker is running"),
	}
}

// crew counts workers.
type crew struct {
	running, pending, draining, asleep, silent, idle int
	busy, heard, spot                                int
	used, slots                                      int  // of those running that say how many slots they have
	alive                                            int  // running, and heard
	inHand                                           int  // items that living workers hold
	reports                                          bool // somebody sends heartbeats
}

func crewOf(ws []fleet.Worker) (c crew) {
	for i := range ws {
		c.add(&ws[i])
	}
	return c
}

func (c *crew) add(w *fleet.Worker) {
	c.reports = c.reports || !w.Heard.IsZero()
	switch w.State {
	case fleet.Starting, fleet.Waking:
		c.pending++
	case fleet.Asleep:
		c.asleep++
	case fleet.Draining, fleet.Drained:
		c.draining++
		c.hold(w)
	case fleet.Working:
		c.hold(w)
		c.work(w)
	}
	if w.Silent {
		c.silent++
	}
}

func (c *crew) hold(w *fleet.Worker) {
	c.busy += w.Jobs
	if !w.Silent {
		c.inHand += w.Jobs
	}
}

func (c *crew) work(w *fleet.Worker) {
	c.running++
	if w.Slots > 0 {
		c.slots += w.Slots
		c.used += min(w.Jobs, w.Slots)
		c.heard++
	}
	if !w.Silent {
		c.alive++
	}
	if w.Jobs == 0 && !w.Silent {
		c.idle++
	}
	if w.Spot {
		c.spot++
	}
}

// slots is the mean number of slots of the workers that say it. Workers of one
// fleet are interchangeable, so it is that of each.
func (v *view) slots() signals.Signal {
	const name = "fleet.slots"
	switch {
	case v.crew.heard > 0:
		return signals.Known(name, float64(v.crew.slots)/float64(v.crew.heard), v.Now, 0)
	case v.set.Slots > 0:
		return signals.Known(name, float64(v.set.Slots), v.Now, 0)
	}
	one := signals.Known(name, 1, v.Now, 0)
	one.Note = assumed + "no worker has said how many slots it has, and none are configured"
	return one
}

// utilisation is computed from numbers that were given.
func (v *view) utilisation() signals.Signal {
	const name = "fleet.utilisation"
	busy, err := v.value("fleet.busy_slots")
	if err != nil {
		return signals.Missing(name, v.Now, err.Error())
	}
	all, err := v.serving()
	switch {
	case err != nil:
		return signals.Missing(name, v.Now, err.Error())
	case all == 0:
		return signals.Missing(name, v.Now, "no worker is running")
	}
	return signals.Known(name, math.Min(1, busy/all), v.Now, 0)
}

func (v *view) ratio(name string, part, whole int, why string) signals.Signal {
	if whole == 0 {
		return signals.Missing(name, v.Now, why)
	}
	return signals.Known(name, float64(part)/float64(whole), v.Now, 0)
}
