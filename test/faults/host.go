package faults

import (
	"context"
	"time"

	"skynet/controller"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/signals"
	"skynet/signals/heartbeats"
)

// fleetName is the fleet of every world.
const fleetName = "render"

// listens is how often heartbeats are read: well within the time after which a
// controller counts as deaf.
const listens = 3 * time.Second

// Host is a machine that a controller runs on.
type Host struct {
	*World
	name    string
	number  uint64
	skew    time.Duration // its clock's, against the world's
	stopped time.Duration // until then its processes stand still
	up      bool
	life    int // starts of its controller
	actors  []*actor
	disk    Disk
	journal *shaky
	acked   map[string]bool

	ears   *heartbeats.Ears
	source *heartbeats.Source
	turn   *turn            // nil: it acts alone
	desk   *desk            // where its operators give orders
	file   *ruling          // the policy file, as it is on disk
	rules  *ruling          // by which its ticks decide
	fresh  *ruling          // taken up by the next tick; nil: rules stay
	adopt  func(*ruling)    // nil: it does not act
	ruled  time.Duration    // since when by its rules
	began  time.Time        // the tick under way, and a second
	stands signals.Standing // the orders as it began
	hears  time.Duration    // since then, as it acts; -1: it does not
	end    time.Duration    // of the call under way
	blind  bool             // the queue's depth was not known to the tick under way
	begun  time.Duration    // when the tick under way began, or the last
}

// Name tells it from others.
func (h *Host) Name() string { return h.name }

// Clock is what its clock says: the world's time, unless somebody has set it.
func (h *Host) Clock() time.Time { return h.Now().Add(h.skew) }

// Journal is the host's, as it is on disk.
func (h *Host) Journal() journal.Journal { return h.journal.Journal }

// Begin has something run on the host that may wait (see World.Wait). It ends with the
// controller's process.
func (h *Host) Begin(name string, do func()) {
	a := &actor{host: h, name: h.name + " " + name, fault: func(said string) { h.breach("nothing panics", "%s", said) }}
	h.actors = append(h.actors, a)
	h.launch(a, do)
}

// start starts the controller's process.
func (h *Host) start() {
	h.up, h.turn, h.actors, h.hears, h.adopt = true, nil, nil, -1, nil
	h.life++
	h.Tell(h.name, "its controller starts")
	h.Begin("controller", func() {
		if err := h.run(); err != nil {
			h.Tell(h.name, "gives up: %v", err)
			h.again()
			h.killActors() // its process ends: nobody renews a lease for it
		}
	})
}

// again has the service start the controller anew.
func (h *Host) again() {
	life := h.life
	h.hears, h.adopt = -1, nil
	h.after(5*time.Second, func() {
		if h.life == life {
			h.start()
		}
	})
}

// run is the life of a controller's process.
func (h *Host) run() error {
	if h.file.refused != nil { // a start looks at it first
		return h.file.refused
	}
	j, err := h.disk.Open()
	if err != nil {
		return err
	}
	h.journal = &shaky{j, h, h.acked}
	h.laws.restarted(h)
	if !h.scene.pair {
		return h.act(h.journal, func(w controller.World) controller.World { return w })
	}
	return h.takeTurns()
}

// act is what the daemon does once it may: it reads what was, hears, and ticks.
func (h *Host) act(j controller.Journal, leased func(controller.World) controller.World) error {
	ctx := context.Background()
	h.ears = heartbeats.New()
	h.source = h.ears.Source(fleetName, []string{h.work.Name()}, h.scene.interval)
	reach, err := h.reach()
	if err != nil {
		return err
	}
	if h.file.refused != nil { // while it stood by
		return h.file.refused
	}
	h.rules, h.fresh, h.ruled = h.file, nil, h.now
	ahead := h.lookAhead()
	world := func(r *ruling) controller.World {
		at := *reach.Roster
		at.Silence = r.silent
		w := leased(controller.World{Cloud: reach.Cloud, Roster: &at, Signals: senses{h}, Orders: h.desk, Forecaster: ahead})
		w.Cloud, w.Roster = timedCloud(w.Cloud, h), timedRoster{w.Roster, h}
		return w
	}
	c := controller.New(controller.Fleet{Name: fleetName, Interval: h.scene.interval, Virtual: true}, world(h.rules), h.rulesOf(h.rules), j)
	h.adopt = func(r *ruling) {
		h.fresh = r
		c.Adopt(world(r), h.rulesOf(r))
	}
	workers, err := c.Resume(ctx, h.Clock())
	if err != nil {
		return err
	}
	h.ears.Prime(workers)
	life := h.life
	h.hears = h.now
	h.every(listens, func() bool { return h.hear(life) })
	for h.turn.holds() {
		if reach.Before != nil {
			reach.Before(h.Clock())
		}
		h.tick(ctx, c)
		h.Wait(h.untilTick())
	}
	return errTurn
}

// hear reads heartbeats.
func (h *Host) hear(life int) (on bool) {
	if h.life != life || !h.up || !h.turn.holds() {
		return false
	}
	if h.now >= h.stopped && !h.Strikes(MailDown, .9) {
		h.ears.Hear(h.Clock(), h.mail.collect(256))
	}
	return true
}

// untilTick is how long until its clock says a multiple of the interval.
func (h *Host) untilTick() time.Duration {
	now := h.Clock()
	return now.Truncate(h.scene.interval).Add(h.scene.interval).Sub(now)
}

func (h *Host) tick(ctx context.Context, c *controller.Controller) {
	h.laws.begins(h)
	r := c.Tick(ctx, h.Clock())
	h.laws.ticked(h, r)
	h.tellTick(r)
}

// reach is how this host reaches the fleet.
func (h *Host) reach() (Reach, error) {
	if h.way != nil {
		return h.way.Reach(h, wire{h.cloud})
	}
	d := direct{h, wire{h.cloud}, map[string]bool{}}
	return Reach{Cloud: d, Roster: &roster.Roster{Registry: d, Ears: h.ears}}, nil
}

// Ears are what this host's controller has heard.
func (h *Host) Ears() *heartbeats.Ears { return h.ears }

// left is how long the call under way may yet take.
func (h *Host) left() time.Duration { return max(time.Millisecond, h.end-h.now) }

// Left is for how long a call that is under way may yet take: what the deadline of its
// context would be, were there no clock but the world's.
func (h *Host) Left() time.Duration { return h.left() }

// mayDie is a place where the controller's process may die.
func (h *Host) mayDie(where string) {
	if h.Strikes(Crashes, .02) {
		h.die(where)
	}
}

// die ends the controller's process at once, and has it start again after a while.
func (h *Host) die(where string) {
	h.Tell(h.name, "its controller dies %s", where)
	h.up = false
	if err := h.disk.Crash(); err != nil {
		h.breach("the journal is never torn", "%v", err)
	}
	away := between(h.Draw(Crashes), time.Second, 10*time.Minute)
	life := h.life
	h.after(away, func() {
		if h.life == life {
			h.start()
		}
	})
	h.killActors()
}

// killActors unwinds all that runs on the host, the one that runs last.
func (h *Host) killActors() {
	self := false
	for _, a := range h.actors {
		if a == h.running {
			self = true
			continue
		}
		h.kill(a)
	}
	if self {
		h.kill(h.running)
	}
}

// stop stops its processes for a while, as SIGSTOP does.
func (h *Host) stop(d time.Duration) {
	h.Tell(h.name, "is stopped for %s", d)
	h.stopped = max(h.stopped, h.now+d)
}

// pass is where its processes may be found stopped.
func (h *Host) pass() {
	if h.Strikes(Stops, .02) {
		h.stop(between(h.Draw(Stops), time.Second, 4*time.Minute))
	}
	if h.stopped > h.now {
		h.Wait(0)
	}
}
