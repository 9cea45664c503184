package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/simulate/scenario"
)

var (
	_ controller.Cloud   = (*crew)(nil)
	_ controller.Roster  = (*crew)(nil)
	_ controller.Signals = (*crew)(nil)
)

// errLost is a call whose answer was lost: what it asked for was done.
var errLost = errors.New("connection reset: the answer is lost")

// hazard is when something happens that happens within an hour with a
// probability of p, from a draw of the exponential distribution.
func hazard(p, draw float64) time.Duration {
	const most = 1000 * 24 * time.Hour
	if p >= 1 {
		p = 1 - 1e-9
	}
	hours := draw / -math.Log1p(-p)
	if !(hours < most.Hours()) {
		return most
	}
	return time.Duration(hours * float64(time.Hour)).Round(time.Millisecond)
}

// call draws whether a call fails: it is refused and nothing is done, or it is
// done and the answer is lost.
func (c *crew) call() (refused, lost error) {
	f, _ := c.world.faults()
	c.calls++
	return fails(c.world.chance, forCalls, uint64(c.place), c.calls, f)
}

func fails(from chance, purpose, place, number uint64, f scenario.Faults) (refused, lost error) {
	p := f.APIErrors.Fraction()
	if p == 0 {
		return nil, nil
	}
	switch u := from.of(purpose, place, number).Float64(); {
	case u < p/2:
		return fleet.ErrThrottled, nil
	case u < p:
		return nil, errLost
	}
	return nil, nil
}

// Launch starts instances, once for each token.
func (c *crew) Launch(_ context.Context, o fleet.Order) ([]fleet.ID, error) {
	refused, lost := c.call()
	if refused != nil {
		return nil, fmt.Errorf("launch %d: %w", o.Count, refused)
	}
	ids := c.tokens[o.Token]
	if _, sent := c.tokens[o.Token]; !sent {
		for range o.Count {
			if m := c.launch(o.Token); m != nil {
				ids = append(ids, m.id)
			}
		}
		c.once(o.Token, ids)
	}
	switch {
	case lost != nil:
		return nil, fmt.Errorf("launch %d: %w", o.Count, lost)
	case len(ids) < o.Count:
		return ids, fmt.Errorf("launch %d: %d were refused: %w", o.Count, o.Count-len(ids), fleet.ErrNoCapacity)
	}
	return ids, nil
}

// launch starts one; nil if the cloud has no room.
func (c *crew) launch(token string) *machine {
	w := c.world
	f, boot := w.faults()
	c.attempts++
	place := uint64(c.place)
	if _, room := c.roomiest(); !room || w.chance.of(forRefusals, place, c.attempts).Float64() < f.LaunchRefused.Fraction() {
		return nil
	}
	m := c.make(token)
	c.launches++
	if w.chance.of(forDeaths, place, m.number).Float64() < f.DeadOnArrival.Fraction() {
		return m
	}
	if boot == nil {
		boot = &c.Boot
	}
	c.start(m, boot.Draw(w.chance.of(forBoots, place, m.number)))
	return m
}

// start has its agent start after so long.
func (c *crew) start(m *machine, after time.Duration) {
	m.ready = c.world.now + after
	c.world.events.push(event{at: m.ready, what: ready, life: m.life, on: m})
}

// roomiest is the zone with the fewest of ours that has room; false if none has.
func (c *crew) roomiest() (zone int, room bool) {
	if len(c.Zones) == 0 {
		return 0, true
	}
	in := make([]int, len(c.Zones))
	for _, m := range c.live {
		if m.billed() {
			in[m.zone]++
		}
	}
	for i := range c.Zones {
		if !c.out(i) && (!room || in[i] < in[zone]) {
			zone, room = i, true
		}
	}
	return zone, room
}

// out reports whether a zone has run out.
func (c *crew) out(zone int) bool {
	if len(c.Zones) == 0 {
		return false
	}
	for _, o := range c.Zones[zone].Out {
		if o.Holds(c.world.now) {
			return true
		}
	}
	return false
}

// offerOf is what the next one is bought as: the cheapest type, as Spot where the
// fleet wants that.
func (c *crew) offerOf() (kind int, spot bool) {
	spot = c.wantsSpot()
	best := math.Inf(1)
	for i := range c.Types {
		if p, offered := c.price(i, spot); offered && p < best {
			kind, best = i, p
		}
	}
	return kind, spot
}

// wantsSpot keeps to the share of Spot above the base.
func (c *crew) wantsSpot() bool {
	offered := false
	for _, t := range c.Types {
		offered = offered || t.Spot != nil
	}
	if !offered || c.Spot == nil {
		return offered
	}
	all, spot := 0, 0
	for _, m := range c.live {
		if m.phase != gone {
			all++
			if m.spot {
				spot++
			}
		}
	}
	above := float64(all+1-c.Spot.BaseOnDemand) * c.Spot.Share.Fraction()
	return float64(spot+1) <= above+1e-9
}

// price is what an hour of a type costs; false if it is not offered so.
func (c *crew) price(kind int, spot bool) (float64, bool) {
	if kind >= len(c.Types) {
		if c.Price == nil {
			return 0, false
		}
		return *c.Price, !spot
	}
	t := c.Types[kind]
	switch {
	case spot && t.Spot != nil:
		return *t.Spot, true
	case spot:
		return 0, false
	case t.Price != nil:
		return *t.Price, true
	case c.Price != nil:
		return *c.Price, true
	}
	return 0, true // none has a price: the first will do
}

// each does something to every machine named, unless the call fails.
func (c *crew) each(what string, ids []fleet.ID, do func(*machine) error) (done []fleet.ID, err error) {
	refused, lost := c.call()
	if refused != nil {
		return nil, fmt.Errorf("%s %d: %w", what, len(ids), refused)
	}
	for _, id := range ids {
		m, ok := c.byID[id]
		if !ok || m.phase == gone {
			err = errors.Join(err, fmt.Errorf("%s %s: it does not exist", what, id))
			continue
		}
		if failed := do(m); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s %s: %w", what, id, failed))
			continue
		}
		done = append(done, id)
	}
	if lost != nil {
		return nil, fmt.Errorf("%s %d: %w", what, len(ids), lost)
	}
	return done, err
}

// Wake starts instances that sleep.
func (c *crew) Wake(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return c.each("wake", ids, func(m *machine) error {
		w := c.world
		f, _ := w.faults()
		c.attempts++
		switch {
		case m.phase != asleep:
			return errors.New("it does not sleep")
		case c.out(m.zone), w.chance.of(forRefusals, uint64(c.place), c.attempts).Float64() < f.LaunchRefused.Fraction():
			return fleet.ErrNoCapacity
		}
		m.phase, m.woken, m.paid, m.obeys = booting, w.now, w.now, ""
		m.deaf, m.notice = 0, false // its agent is another
		c.wakes++
		m.wakings++
		c.pay(1)
		c.doom(m)
		c.start(m, c.waking(m))
		return nil
	})
}

// waking draws how long a wake takes.
func (c *crew) waking(m *machine) time.Duration {
	return c.Fleet.Wake.Draw(c.world.chance.of(forWakes, uint64(c.place)<<32|m.number, m.wakings))
}

// Sleep stops instances.
func (c *crew) Sleep(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return c.each("sleep", ids, func(m *machine) error {
		if !m.billed() {
			return errors.New("it does not run")
		}
		c.blame(m)
		c.stop(m)
		c.world.lose(m)
		m.phase, m.asleep = asleep, c.world.now
		c.sleeps++
		return nil
	})
}

// Terminate ends instances.
func (c *crew) Terminate(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return c.each("terminate", ids, func(m *machine) error {
		c.blame(m)
		c.end(m)
		c.terminations++
		return nil
	})
}

// blame notes who is ended with an item in hand.
func (c *crew) blame(m *machine) {
	if m.busy > 0 {
		c.busyKills++
	}
}

// Drain tags instances; their agents see it at their next look.
func (c *crew) Drain(_ context.Context, ids []fleet.ID, decision string) ([]fleet.ID, error) {
	return c.each("drain", ids, func(m *machine) error {
		m.tag = decision
		m.tagged, _ = fleet.DecisionTime(decision)
		c.glance(m)
		return nil
	})
}

// Recall takes the tag away.
func (c *crew) Recall(_ context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return c.each("recall", ids, func(m *machine) error {
		m.tag, m.tagged = "", time.Time{}
		c.glance(m)
		return nil
	})
}

// glance plans the next look at its tags.
func (c *crew) glance(m *machine) {
	if m.phase != up {
		return // it looks when it starts
	}
	w := c.world
	next := m.ready + ((w.now-m.ready)/poll+1)*poll
	w.events.push(event{at: next, what: looks, life: m.life, on: m})
}

// Workers lists the fleet's machines.
func (c *crew) Workers(context.Context, string) ([]fleet.Worker, error) {
	f, _ := c.world.faults()
	c.lists++
	if refused, lost := fails(c.listing, forLists, uint64(c.place), c.lists, f); refused != nil || lost != nil {
		return nil, errors.Join(errors.New("list the instances"), refused, lost)
	}
	c.workers = c.workers[:0]
	for _, m := range c.live {
		if m.phase != gone || c.world.now-m.gone <= listed {
			c.workers = append(c.workers, m.worker(c.world.now))
		}
	}
	return c.workers, nil
}
