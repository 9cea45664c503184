package worker

import (
	"context"
	"slices"
	"sync"
	"time"

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

const (
	linePerSlot   = 2 // items that may wait in line for each slot
	storedPerSlot = 3 // items that may be stored at once for each slot: a store's answer may take longer than the work
	// lanesPerSlot is how many items may be in hand for each slot.
	lanesPerSlot = 1 + linePerSlot + storedPerSlot
)

// gate lets lanes receive, or not, and gives slots to what they received. It counts
// items in hand and receives under way under one lock, so that "drained" is true
// when it is said: an item that is just arriving is counted as a receive until it
// is counted as in hand.
//
// There is a receive for each free slot. While all slots are taken, one more may be
// under way if a slot is expected to become free soon for what it brings, which
// waits in line: short items are fetched two for each slot, since to fetch one may
// take longer than to work on one.
type gate struct {
	mu           sync.Mutex
	unsure       bool   // whether a drain stands is not known yet
	drain        string // ID of the drain asked for, "" if none
	interruption *fleet.Interruption
	stopping     bool
	renewing     bool // another program goes on in our place: no more items, and no word of it
	leaving      bool

	slots     int
	soon      func(inLine int) time.Duration // how long until one more item may be fetched ahead of a free slot; nil: never
	receiving int
	early     int     // of these: ahead of a free slot
	line      []*seat // items in hand that wait for a slot
	working   int     // items that have one
	storing   int     // items that are only being stored, and have none

	shut    chan struct{} // closed while no lane may receive
	moved   chan struct{} // closed, and replaced, when anything has changed
	said    stance
	changed func(stance)
}

// newGate returns a gate that is shut until admit: a drain may stand that
// nobody has told us of.
func newGate(slots int, changed func(stance)) *gate {
	g := &gate{unsure: true, slots: slots, shut: make(chan struct{}), moved: make(chan struct{}), changed: changed}
	close(g.shut)
	g.said = g.stance()
	return g
}

func (g *gate) open() bool { return !g.unsure && !g.renewing && !g.told() }

// told reports whether we were told to take no more items.
func (g *gate) told() bool { return g.drain != "" || g.interruption != nil || g.stopping }

// pass lets one receive begin.
type pass struct {
	shut  <-chan struct{} // closed when that receive must end
	early bool            // no slot is free yet
}

// enter waits until a receive may begin, and counts it. False: the agent stops, no
// receive was counted.
func (g *gate) enter(ctx context.Context) (p pass, ok bool) {
	for ctx.Err() == nil {
		g.mu.Lock()
		if g.stopping || g.renewing {
			g.mu.Unlock()
			return pass{}, false
		}
		p, wait, ok := g.admits()
		moved := g.moved
		g.mu.Unlock()
		if ok {
			return p, true
		}
		g.await(ctx, moved, wait)
	}
	return pass{}, false
}

// await waits until something has changed, or for a while if that is not 0.
func (g *gate) await(ctx context.Context, moved <-chan struct{}, wait time.Duration) {
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	select {
	case <-moved:
	case <-ctx.Done():
	}
}

// admits counts a receive, if one may begin. wait is how long until one may without
// anything having changed, 0 if that is not to be expected.
func (g *gate) admits() (p pass, wait time.Duration, ok bool) {
	taken := g.receiving + len(g.line) + g.working
	switch {
	case !g.open():
		return pass{}, 0, false
	case taken < g.slots:
	case g.soon == nil || g.early > 0 || len(g.line) >= linePerSlot*g.slots || g.working == 0:
		return pass{}, 0, false
	default:
		if wait := g.soon(len(g.line)); wait > 0 {
			return pass{}, wait, false
		}
		p.early = true
		g.early++
	}
	g.receiving++
	p.shut = g.shut
	return p, 0, true
}

// seat is an item's place: in line, then in a slot, then among those being stored.
type seat struct {
	ready   bool          // has all that it needs
	granted chan struct{} // closed when it has a slot
	since   time.Time     // when it got it
	place   *int          // what it is counted in, nil while it is in line
}

// left ends a receive. With an item it is a seat in the same instant, in a slot if
// one is free.
func (g *gate) left(p pass, item bool) (s *seat) {
	g.update(func() {
		g.receiving--
		if p.early {
			g.early--
		}
		if item {
			s = &seat{granted: make(chan struct{})}
			g.line = append(g.line, s)
		}
	})
	return s
}

// prepared says that an item has all that it needs: those that have go before those
// that have not.
func (g *gate) prepared(s *seat) { g.update(func() { s.ready = true }) }

// worked gives the slot of an item free while it is stored, if not too many are
// being stored already: else storing is what holds the slots up, and shows.
func (g *gate) worked(s *seat) (freed bool) {
	g.update(func() {
		if s.place == &g.working && g.storing < storedPerSlot*g.slots {
			g.working--
			g.storing++
			s.place, freed = &g.storing, true
		}
	})
	return freed
}

// done gives an item's place up.
func (g *gate) done(s *seat) {
	g.update(func() {
		if s.place != nil {
			*s.place--
			return
		}
		g.line = slices.DeleteFunc(g.line, func(o *seat) bool { return o == s })
	})
}

// fill gives free slots to those in line, the ones that are ready first.
func (g *gate) fill() {
	for g.working < g.slots && len(g.line) > 0 {
		i := max(0, slices.IndexFunc(g.line, func(s *seat) bool { return s.ready }))
		s := g.line[i]
		g.line = slices.Delete(g.line, i, i+1)
		s.place, s.since = &g.working, time.Now()
		g.working++
		close(s.granted)
	}
}

// admit lets lanes receive from now on, unless told otherwise.
func (g *gate) admit() { g.update(func() { g.unsure = false }) }

// ask sets the drain asked for; "" is a recall.
func (g *gate) ask(drain string) { g.update(func() { g.drain = drain }) }

// interrupt sets the cloud's notice; nil when there is none, or none any more
// (an instance that wakes from hibernation has none).
func (g *gate) interrupt(n *fleet.Interruption) { g.update(func() { g.interruption = n }) }

// stop shuts the gate for good.
func (g *gate) stop() { g.update(func() { g.stopping = true }) }

// renew shuts the gate for good without saying so: who goes on in our place is back
// within seconds, and a worker that said it was leaving would be replaced.
func (g *gate) renew() { g.update(func() { g.renewing = true }) }

// leave has the agent say that it leaves, whatever is still in hand.
func (g *gate) leave() { g.update(func() { g.stopping, g.leaving = true, true }) }

// update changes what the gate knows, opens or shuts it accordingly, and
// passes on what is news.
func (g *gate) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.open()
	f()
	g.fill()
	switch {
	case was && !g.open():
		close(g.shut)
	case !was && g.open():
		g.shut = make(chan struct{})
	}
	close(g.moved)
	g.moved = make(chan struct{})
	if now := g.stance(); !now.same(g.said) {
		g.said = now
		g.changed(now)
	}
}

// now is the stance of this moment.
func (g *gate) now() stance {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stance()
}

// stance is what is said. Jobs are items in slots; where slots are free, also items
// that are only being stored. What waits in line is no job: for the controller it
// waits as it did in the queue.
//
// An agent that waits to be admitted is alive and was
// not told to go: working, with nothing in hand. To say "drained" unasked would
// have it replaced for the seconds that this takes, and to say nothing would let
// its time to boot run out.
func (g *gate) stance() stance {
	s := stance{State: fleet.Working, Drain: g.drain, Jobs: min(g.slots, g.working+g.storing), Interruption: g.interruption, Stopping: g.stopping}
	switch {
	case !g.told():
	case g.leaving:
		s.State = fleet.Leaving
	case g.receiving+len(g.line)+g.working+g.storing > 0:
		s.State = fleet.Draining
	default:
		s.State = fleet.Drained
	}
	return s
}
