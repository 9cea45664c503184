package simulate

import (
	"time"

	"skynet/fleet"
	"skynet/simulate/scenario"
)

// crew is one fleet: its machines, and what they cost.
type crew struct {
	*scenario.Fleet
	world   *world
	place   int
	queues  []*queue
	level   float64 // use per weight of the queue served last
	silence time.Duration

	interval time.Duration // from tick to tick
	live     []*machine    // in order of their launch; also those gone that are still listed
	byID     map[fleet.ID]*machine
	tokens   map[string][]fleet.ID
	sent     []sent // those tokens, in order of time
	free     offers
	made     int64  // machines, those at the start among them
	attempts uint64 // instances asked for
	calls    uint64
	lists    uint64
	listing  chance // of its own: the roster is read beside the signals
	workers  []fleet.Worker

	billed, peak                                   int
	seconds                                        []int64 // paid for, by type: on demand, as Spot
	launches, wakes, sleeps, terminations, notices int64
	busyKills                                      int64
}

func newCrew(w *world, f *scenario.Fleet, place int, seed uint64, p Policy) *crew {
	c := &crew{
		Fleet: f, world: w, place: place, silence: p.silence(), interval: p.interval(w.sc), listing: newChance(seed),
		byID: map[fleet.ID]*machine{}, tokens: map[string][]fleet.ID{},
		seconds: make([]int64, 2*max(1, len(f.Types))),
	}
	for _, i := range f.Serves {
		w.queues[i].fleet = c
		c.queues = append(c.queues, w.queues[i])
	}
	return c
}

// sent is when a token was seen first.
type sent struct {
	at    time.Duration
	token string
}

// once notes what a token brought. After so long nobody sends one again.
func (c *crew) once(token string, ids []fleet.ID) {
	const known = time.Hour
	now := c.world.now
	for len(c.sent) > 0 && now-c.sent[0].at > known {
		delete(c.tokens, c.sent[0].token)
		c.sent = c.sent[1:]
	}
	c.tokens[token], c.sent = ids, append(c.sent, sent{now, token})
}

func (c *crew) typeName(i int) string {
	if len(c.Types) == 0 {
		return ""
	}
	return c.Types[i].Name
}

func (c *crew) zoneName(i int) string {
	if len(c.Zones) == 0 {
		return ""
	}
	return c.Zones[i].Name
}

// choose is the queue to be served next: of those in which something waits the
// one that has used the least slot time for its weight. One that had nothing
// waiting begins where the others are.
func (c *crew) choose() *queue {
	if len(c.queues) == 1 {
		if q := c.queues[0]; q.visible() > 0 {
			return q
		}
		return nil
	}
	var best *queue
	for _, q := range c.queues {
		if q.visible() == 0 {
			q.idle = true
			continue
		}
		if q.idle {
			q.idle, q.used = false, max(q.used, c.level)
		}
		if best == nil || q.used < best.used {
			best = q
		}
	}
	return best
}

// offer is an idle slot.
type offer struct {
	m    *machine
	slot int32
	turn uint32
}

// offers are idle slots, the longest idle first: of agents that poll, the one that
// has waited longest is answered.
type offers struct {
	list []offer
	head int
}

func (o *offers) push(v offer) {
	if o.head > 1024 && o.head > len(o.list)/2 {
		n := copy(o.list, o.list[o.head:])
		clear(o.list[n:])
		o.list, o.head = o.list[:n], 0
	}
	o.list = append(o.list, v)
}

// pop is an idle slot of a machine that still receives items.
func (o *offers) pop() (offer, bool) {
	for o.head < len(o.list) {
		v := o.list[o.head]
		o.head++
		if v.m.offer == v.turn {
			return v, true
		}
	}
	o.list, o.head = o.list[:0], 0
	return offer{}, false
}
