package faults

import (
	"time"

	"skynet/fleet"
)

// mostStepped is how far in all a clock is set wrong.
const mostStepped = 4 * time.Minute

// blow does each minute what nobody calls for.
func (w *World) blow() {
	for _, m := range w.cloud.live() {
		w.blowOn(m)
	}
	if w.Strikes(HandStarts, .05) {
		m := w.cloud.make(Offer{"c7i.xlarge", "a"}, Purchase{Tags: map[string]string{fleet.TagFleet: fleetName}})
		m.byHand = true
		w.Tell("somebody", "starts %s with the fleet's tag", m.ID)
	}
	for _, h := range w.hosts {
		w.blowAt(h)
	}
}

// blowOn befalls a machine.
func (w *World) blowOn(m *machine) {
	if m.Spot && m.notice == nil && w.Strikes(Spot, .1) {
		w.cloud.interrupt(m)
	}
	if w.Strikes(HandKills, .03) {
		w.Tell("somebody", "terminates %s", m.ID)
		w.cloud.end(m)
		return
	}
	if w.Strikes(HandTags, .05) {
		w.handle(m)
	}
	switch {
	case w.Strikes(Impaired, .05):
		w.cloud.change(m, func() { m.Instance.Impaired = true })
	case m.Instance.Impaired && w.Blows(Impaired) == 0:
		w.cloud.change(m, func() { m.Instance.Impaired = false })
	}
}

// handle sets or clears a drain tag by hand.
func (w *World) handle(m *machine) {
	value := ""
	if m.Tags[fleet.TagDrain] == "" {
		value = "by-hand"
	}
	w.Tell("somebody", "sets the drain tag of %s to %q", m.ID, value)
	m.handled = w.now
	w.cloud.tag(m, fleet.TagDrain, value)
}

// blowAt befalls a host.
func (w *World) blowAt(h *Host) {
	if w.Strikes(Orders, .25) {
		h.desk.orders(w.Draw(Orders))
	}
	if w.Strikes(Reloads, .1) {
		h.edit(w.Draw(Reloads))
	}
	if w.Strikes(Crashes, .01) && h.up {
		h.die("for no reason")
	}
	if w.Strikes(Stops, .05) && h.now >= h.stopped {
		h.stop(between(w.Draw(Stops), time.Second, 4*time.Minute))
	}
	switch {
	case w.Strikes(ClockSteps, .1):
		h.skew = between(w.Draw(ClockSteps), -mostStepped/2, mostStepped/2)
		w.Tell(h.name, "its clock is set %s wrong", h.skew)
	case w.Blows(ClockSteps) == 0 && h.skew != 0:
		h.skew = 0
		w.Tell(h.name, "its clock is right again")
	}
}
