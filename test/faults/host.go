package faults

import (
	"time"

	"skynet/controller"
	"skynet/signals/heartbeats"
)

// Host is a machine that a controller runs on.
type Host struct {
	*World
	name    string
	number  uint64
	skew    time.Duration // its clock's, against the world's
	stopped time.Duration // until then its processes stand still
	life    int           // starts of its controller
	actors  []*actor
	disk    Disk

	controller *controller.Controller
	ears       *heartbeats.Ears
	hearing    bool
	turn       *turn // nil: it acts alone
	call       *call // under way, of the tick
}

// Name tells it from others.
func (h *Host) Name() string { return h.name }

// Clock is what its clock says: the world's time, unless somebody has set it.
func (h *Host) Clock() time.Time { return h.Now().Add(h.skew) }

// Go has something run on the host that may wait (see World.Wait). It ends with the
// controller's process.
func (h *Host) Go(name string, do func()) {
	a := &actor{host: h, name: h.name + " " + name, fault: func(said string) { h.breach("nothing panics", "%s", said) }}
	h.actors = append(h.actors, a)
	h.launch(a, do)
}
