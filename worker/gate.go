package worker

import (
	"context"
	"sync"

	"skynet/fleet"
)

// stance is what the agent says of itself.
type stance struct {
	State        fleet.State
	Drain        string
	Jobs         int
	Interruption *fleet.Interruption
	Stopping     bool
}

// same reports whether two stances need no word between them: the number of
// jobs alone is no news.
func (s stance) same(o stance) bool {
	return s.State == o.State && s.Drain == o.Drain && s.Stopping == o.Stopping && alike(s.Interruption, o.Interruption)
}

func alike(a, b *fleet.Interruption) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Action == b.Action && a.At.Equal(b.At)
}

// gate lets slots receive, or not. It counts items in hand and receives under
// way under one lock, so that "drained" is true when it is said: an item that
// is just arriving is counted as a receive until it is counted as a job.
type gate struct {
	mu           sync.Mutex
	unsure       bool   // whether a drain stands is not known yet
	drain        string // ID of the drain asked for, "" if none
	interruption *fleet.Interruption
	stopping     bool
	leaving      bool
	jobs         int
	receiving    int
	shut         chan struct{} // closed while no slot may receive
	opened       chan struct{} // closed while they may, and for ever once stopping
	said         stance
	changed      func(stance)
}

// newGate returns a gate that is shut until admit: a drain may stand that
// nobody has told us of.
func newGate(changed func(stance)) *gate {
	g := &gate{unsure: true, shut: make(chan struct{}), opened: make(chan struct{}), changed: changed}
	close(g.shut)
	g.said = g.stance()
	return g
}

func (g *gate) open() bool { return !g.unsure && !g.told() }

// told reports whether we were told to take no more items.
func (g *gate) told() bool { return g.drain != "" || g.interruption != nil || g.stopping }

// enter waits until the gate is open and counts the receive that follows. The
// channel it returns is closed when that receive must end. False: the agent
// stops, no receive was counted.
func (g *gate) enter(ctx context.Context) (shut <-chan struct{}, ok bool) {
	for ctx.Err() == nil {
		g.mu.Lock()
		if g.stopping {
			g.mu.Unlock()
			return nil, false
		}
		if g.open() {
			g.receiving++
			shut = g.shut
			g.mu.Unlock()
			return shut, true
		}
		opened := g.opened
		g.mu.Unlock()
		select {
		case <-opened:
		case <-ctx.Done():
		}
	}
	return nil, false
}

// left ends a receive; with an item it becomes a job in the same instant.
func (g *gate) left(item bool) {
	g.update(func() {
		g.receiving--
		if item {
			g.jobs++
		}
	})
}

// done ends a job.
func (g *gate) done() { g.update(func() { g.jobs-- }) }

// admit lets slots receive from now on, unless told otherwise.
func (g *gate) admit() { g.update(func() { g.unsure = false }) }

// ask sets the drain asked for; "" is a recall.
func (g *gate) ask(drain string) { g.update(func() { g.drain = drain }) }

// interrupt sets the cloud's notice; nil when there is none, or none any more
// (an instance that wakes from hibernation has none).
func (g *gate) interrupt(n *fleet.Interruption) { g.update(func() { g.interruption = n }) }

// stop shuts the gate for good.
func (g *gate) stop() { g.update(func() { g.stopping = true }) }

// leave has the agent say that it leaves, whatever is still in hand.
func (g *gate) leave() { g.update(func() { g.stopping, g.leaving = true, true }) }

// update changes what the gate knows, opens or shuts it accordingly, and
// passes on what is news.
func (g *gate) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.open()
	f()
	switch {
	case was && !g.open():
		close(g.shut)
		g.opened = make(chan struct{})
	case !was && g.open():
		g.shut = make(chan struct{})
		close(g.opened)
	}
	if g.stopping {
		g.release()
	}
	if now := g.stance(); !now.same(g.said) {
		g.said = now
		g.changed(now)
	}
}

// release lets the slots that wait see that the agent stops.
func (g *gate) release() {
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

// now is the stance of this moment.
func (g *gate) now() stance {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stance()
}

// stance is what is said. An agent that waits to be admitted is alive and was
// not told to go: working, with nothing in hand. To say "drained" unasked would
// have it replaced for the seconds that this takes, and to say nothing would let
// its time to boot run out.
func (g *gate) stance() stance {
	s := stance{State: fleet.Working, Drain: g.drain, Jobs: g.jobs, Interruption: g.interruption, Stopping: g.stopping}
	switch {
	case !g.told():
	case g.leaving:
		s.State = fleet.Leaving
	case g.jobs+g.receiving > 0:
		s.State = fleet.Draining
	default:
		s.State = fleet.Drained
	}
	return s
}
