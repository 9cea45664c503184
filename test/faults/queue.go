package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"skynet/queue"
	"skynet/worker/gate"
)

// item is one item of work. What is made of it follows from its name alone.
type item struct {
	number  uint64
	content uint64 // a hash of its body
	takes   time.Duration
	sent    time.Duration
	tries   int
	claims  int // deliveries whose claim has not ended
	waiting bool
	doomed  bool // every try fails
	result  uint64
	made    bool // its result was stored
	done    bool // deleted
	dead    bool // given up
}

// claim is one delivery of an item: good until it ends.
type claim struct {
	*item
	until time.Duration
	ended bool
}

// works is the queue of work, as SQS keeps one: what is claimed comes back when its
// claim ends, and now and then is delivered twice.
type works struct {
	*World
	items   []*item
	waits   []*item
	lanes   []*lane
	inHand  int
	settled int // done or given up
	depths  []depth
}

// lane is a receive that is under way.
type lane struct {
	of   *agent
	pass gate.Pass
}

// depth is what the queue held at a time.
type depth struct {
	at      time.Duration
	visible int
	held    int
	oldest  time.Duration
}

const (
	visibility = 3 * time.Minute
	mostTries  = 4
)

var _ queue.Gauge = (*works)(nil)

// send puts an item into the queue.
func (q *works) send() {
	n := uint64(len(q.items))
	r := q.chance.of(forItems, 0, n)
	i := &item{number: n, content: mix(q.seed ^ n), sent: q.now, takes: between(r, q.scene.item/4, q.scene.item*2), doomed: r.Float64() < .01}
	q.items = append(q.items, i)
	q.put(i)
	q.serve()
}

func (q *works) put(i *item) {
	if i.done || i.dead || i.waiting {
		return
	}
	i.waiting = true
	q.waits = append(q.waits, i)
}

// serve hands what waits to receives that are under way.
func (q *works) serve() {
	for len(q.waits) > 0 && len(q.lanes) > 0 {
		i, l := q.waits[0], q.lanes[0]
		q.waits, q.lanes = q.waits[1:], q.lanes[1:]
		i.waiting = false
		if i.done || i.dead {
			q.lanes = slices.Insert(q.lanes, 0, l)
			continue
		}
		q.deliver(i, l)
		if q.Strikes(QueueDoubles, .2) && len(q.lanes) > 0 {
			l := q.lanes[0]
			q.lanes = q.lanes[1:]
			q.deliver(i, l)
		}
	}
}

// deliver sends an item on its way to an agent, which may be gone when it arrives.
func (q *works) deliver(i *item, l *lane) {
	i.tries++
	i.claims++
	q.inHand++
	c := &claim{item: i, until: q.now + visibility}
	q.after(visibility, func() { q.lapse(c) })
	q.after(between(q.Draw(forLatency), 5*time.Millisecond, 80*time.Millisecond), func() { l.of.got(l.pass, c) })
}

// lapse ends a claim whose time is over, and has the item wait again.
func (q *works) lapse(c *claim) {
	switch {
	case c.ended:
	case c.until > q.now:
		q.after(c.until-q.now, func() { q.lapse(c) })
	default:
		q.release(c)
		q.again(c.item)
	}
}

func (q *works) release(c *claim) {
	c.ended = true
	c.claims--
	q.inHand--
}

// again has an item wait for its next try, or gives it up after the last.
func (q *works) again(i *item) {
	switch {
	case i.done || i.dead || i.claims > 0:
	case i.tries >= mostTries && i.doomed:
		i.dead = true
		q.settled++
	default:
		q.put(i)
		q.serve()
	}
}

var errHung = errors.New("connection reset by the queue")

// extend keeps an item with who holds it.
func (q *works) extend(c *claim) error {
	if q.Strikes(QueueFails, .5) {
		return errHung
	}
	if c.ended {
		return queue.ErrGone
	}
	c.until = q.now + visibility
	return nil
}

// remove takes an item out of the queue for good.
func (q *works) remove(c *claim) error {
	if q.Strikes(QueueFails, .3) {
		return errHung
	}
	if !c.done {
		c.done = true
		q.settled++
		q.laws.removed(c.item)
	}
	if !c.ended {
		q.release(c)
	}
	if q.Strikes(QueueFails, .2) {
		return errHung
	}
	return nil
}

// fail gives an item back after a failed try.
func (q *works) fail(c *claim) {
	if !c.ended {
		q.release(c)
		q.after(10*time.Second, func() { q.again(c.item) })
	}
}

// depth is what the queue holds now.
func (q *works) depth() depth {
	d := depth{at: q.now, held: q.inHand}
	for _, i := range q.waits {
		if !i.done && !i.dead {
			d.visible++
			d.oldest = max(d.oldest, q.now-i.sent)
		}
	}
	return d
}

// note remembers what the queue holds, for who is told of it later.
func (q *works) note() { q.depths = append(q.depths, q.depth()) }

// Name implements queue.Gauge.
func (q *works) Name() string { return "photos" }

// Depth implements queue.Gauge, as well as the weather lets it.
func (q *works) Depth(context.Context) (queue.Depth, error) {
	d := q.depth()
	h := q.running.host
	h.blind = true
	switch {
	case q.Strikes(SignalsLost, .7):
		return queue.Depth{}, fmt.Errorf("depth of photos: %w", errHung)
	case q.Strikes(SignalsAbsurd, .3):
		d.visible = -1 - q.Draw(SignalsAbsurd).IntN(1000)
		return queue.Depth{Visible: d.visible, InFlight: d.held}, nil
	}
	h.blind = false
	if q.Strikes(SignalsAbsurd, .3) {
		d.visible = 1e12
	}
	if q.Strikes(SignalsStale, .7) {
		d = q.depths[max(0, len(q.depths)-10)]
	}
	return queue.Depth{Visible: d.visible, InFlight: d.held, OldestAge: d.oldest, OldestKnown: true}, nil
}
