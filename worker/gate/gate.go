// Package gate decides when an agent may receive an item, gives slots to what it
// received, and says how the agent stands: at work, draining, drained, leaving. It
// reads no clock and does nothing itself, so that a simulated agent takes, drains
// and speaks by the very same rules as a real one.
package gate

import (
	"context"
	"slices"
	"sync"
	"time"

	"skynet/fleet"
)

// Stance is what the agent says of itself.
type Stance struct {
	State        fleet.State // Working, Draining, Drained or Leaving
	Drain        string      // ID of the drain asked for, "" if none
	Jobs         int         // items in slots
	Interruption *fleet.Interruption
	Stopping     bool
}

// same reports whether two stances need no word between them: the number of
// jobs alone is no news.
func (s Stance) same(o Stance) bool {
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
	// LanesPerSlot is how many items may be in hand for each slot.
	LanesPerSlot = 1 + linePerSlot + storedPerSlot
)

// Gate lets lanes receive, or not, and gives slots to what they received. It counts
// items in hand and receives under way under one lock, so that "drained" is true
// when it is said: an item that is just arriving is counted as a receive until it
// is counted as in hand.
//
// There is a receive for each free slot. While all slots are taken, one more may be
// under way if a slot is expected to become free soon for what it brings, which
// waits in line: short items are fetched two for each slot, since to fetch one may
// take longer than to work on one.
type Gate struct {
	mu           sync.Mutex
	unsure       bool   // whether a drain stands is not known yet
	drain        string // ID of the drain asked for, "" if none
	interruption *fleet.Interruption
	stopping     bool
	renewing     bool // another program goes on in our place: no more items, and no word of it
	leaving      bool

	slots     int
	soon      func(inLine int) time.Duration
	receiving int
	early     int     // of these: ahead of a free slot
	line      []*Seat // items in hand that wait for a slot
	working   int     // items that have one
	storing   int     // items that are only being stored, and have none

	shut    chan struct{} // closed while no lane may receive
	moved   chan struct{} // closed, and replaced, when anything has changed
	said    Stance
	changed func(Stance)
}

// New returns a gate that is shut until Admit: a drain may stand that
// nobody has told us of.
// changed is called with the gate locked, when what the agent would say is news.
func New(slots int, changed func(Stance)) *Gate {
	g := &Gate{unsure: true, slots: slots, shut: make(chan struct{}), moved: make(chan struct{}), changed: changed}
	close(g.shut)
	g.said = g.stance()
	return g
}

// Ahead lets receives begin ahead of a free slot: soon is how long until one more
// item may be fetched, where so many are in line already. Call it before Enter.
func (g *Gate) Ahead(soon func(inLine int) time.Duration) { g.soon = soon }

func (g *Gate) open() bool { return !g.unsure && !g.renewing && !g.told() }

// told reports whether we were told to take no more items.
func (g *Gate) told() bool { return g.drain != "" || g.interruption != nil || g.stopping }

// Pass lets one receive begin.
type Pass struct {
	Shut  <-chan struct{} // closed when that receive must end
	Early bool            // no slot is free yet
}

// Enter waits until a receive may begin, and counts it. False: the agent stops, no
// receive was counted.
func (g *Gate) Enter(ctx context.Context) (p Pass, ok bool) {
	for ctx.Err() == nil {
		g.mu.Lock()
		if g.stopping || g.renewing {
			g.mu.Unlock()
			return Pass{}, false
		}
		p, wait, ok := g.admits()
		moved := g.moved
		g.mu.Unlock()
		if ok {
			return p, true
		}
		g.await(ctx, moved, wait)
	}
	return Pass{}, false
}

// Try counts a receive if one may begin at once.
func (g *Gate) Try() (p Pass, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping || g.renewing {
		return Pass{}, false
	}
	p, _, ok = g.admits()
	return p, ok
}

// await waits until something has changed, or for a while if that is not 0.
func (g *Gate) await(ctx context.Context, moved <-chan struct{}, wait time.Duration) {
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
func (g *Gate) admits() (p Pass, wait time.Duration, ok bool) {
	taken := g.receiving + len(g.line) + g.working
	switch {
	case !g.open():
		return Pass{}, 0, false
	case taken < g.slots:
	case g.soon == nil || g.early > 0 || len(g.line) >= linePerSlot*g.slots || g.working == 0:
		return Pass{}, 0, false
	default:
		if wait := g.soon(len(g.line)); wait > 0 {
			return Pass{}, wait, false
		}
		p.Early = true
		g.early++
	}
	g.receiving++
	p.Shut = g.shut
	return p, 0, true
}

// Seat is an item's place: in line, then in a slot, then among those being stored.
type Seat struct {
	ready   bool          // has all that it needs
	granted chan struct{} // closed when it has a slot
	since   time.Time     // when it got it
	place   *int          // what it is counted in, nil while it is in line
}

// Granted is closed when the item has its slot.
func (s *Seat) Granted() <-chan struct{} { return s.granted }

// Since is when the item got its slot, once it has.
func (s *Seat) Since() time.Time { return s.since }

// Left ends a receive. With an item it is a seat in the same instant, in a slot if
// one is free now; without one there is none.
func (g *Gate) Left(p Pass, item bool, now time.Time) (s *Seat) {
	g.update(func() {
		g.receiving--
		if p.Early {
			g.early--
		}
		if item {
			s = &Seat{granted: make(chan struct{})}
			g.line = append(g.line, s)
			g.fill(now)
		}
	})
	return s
}

// Prepared says that an item has all that it needs: those that have go before those
// that have not.
func (g *Gate) Prepared(s *Seat) { g.update(func() { s.ready = true }) }

// Worked gives the slot of an item free while it is stored, if not too many are
// being stored already: else storing is what holds the slots up, and shows.
func (g *Gate) Worked(s *Seat, now time.Time) (freed bool) {
	g.update(func() {
		if s.place == &g.working && g.storing < storedPerSlot*g.slots {
			g.working--
			g.storing++
			s.place, freed = &g.storing, true
			g.fill(now)
		}
	})
	return freed
}

// Done gives an item's place up.
func (g *Gate) Done(s *Seat, now time.Time) {
	g.update(func() {
		if s.place != nil {
			*s.place--
			g.fill(now)
			return
		}
		g.line = slices.DeleteFunc(g.line, func(o *Seat) bool { return o == s })
	})
}

// fill gives free slots to those in line, the ones that are ready first.
func (g *Gate) fill(now time.Time) {
	for g.working < g.slots && len(g.line) > 0 {
		i := max(0, slices.IndexFunc(g.line, func(s *Seat) bool { return s.ready }))
		s := g.line[i]
		g.line = slices.Delete(g.line, i, i+1)
		s.place, s.since = &g.working, now
		g.working++
		close(s.granted)
	}
}

// Look has those who wait at the gate look again: when a slot becomes free may be
// known now.
func (g *Gate) Look() { g.update(func() {}) }

// Admit lets lanes receive from now on, unless told otherwise.
func (g *Gate) Admit() { g.update(func() { g.unsure = false }) }

// Ask sets the drain asked for; "" is a recall.
func (g *Gate) Ask(drain string) { g.update(func() { g.drain = drain }) }

// Interrupt sets the cloud's notice; nil when there is none, or none any more
// (an instance that wakes from hibernation has none).
func (g *Gate) Interrupt(n *fleet.Interruption) { g.update(func() { g.interruption = n }) }

// Stop shuts the gate for good.
func (g *Gate) Stop() { g.update(func() { g.stopping = true }) }

// Renew shuts the gate for good without saying so: who goes on in our place is back
// within seconds, and a worker that said it was leaving would be replaced.
func (g *Gate) Renew() { g.update(func() { g.renewing = true }) }

// Leave has the agent say that it leaves, whatever is still in hand.
func (g *Gate) Leave() { g.update(func() { g.stopping, g.leaving = true, true }) }

// update changes what the gate knows, opens or shuts it accordingly, and
// passes on what is news.
func (g *Gate) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.open()
	f()
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

// Now is the stance of this moment.
func (g *Gate) Now() Stance {
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
func (g *Gate) stance() Stance {
	s := Stance{State: fleet.Working, Drain: g.drain, Jobs: min(g.slots, g.working+g.storing), Interruption: g.interruption, Stopping: g.stopping}
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
