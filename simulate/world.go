package simulate

import (
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/simulate/scenario"
)

// world is all there is. Time moves from event to event, and from tick to tick.
type world struct {
	sc     *scenario.Scenario
	start  time.Time
	now    time.Duration // since start
	minute int64         // of the clock, in which now falls
	queues []*queue
	crews  []*crew
	events events
	chance chance
	left   int           // items that have arrived and are not done
	coming time.Duration // when the next one arrives

	billed, peak int // machines, over all fleets
}

func newWorld(sc *scenario.Scenario, p Policy, seed uint64) *world {
	w := &world{sc: sc, start: sc.Start.Time, chance: newChance(seed)}
	for i := range sc.Queues {
		w.queues = append(w.queues, newQueue(&sc.Queues[i], i, sc, seed, p.Objective.For(sc.Queues[i].Name)))
	}
	for i := range sc.Fleets {
		c := newCrew(w, &sc.Fleets[i], i, seed, p)
		w.crews = append(w.crews, c)
		for range c.Start {
			c.founder()
		}
	}
	w.moved(0)
	w.look()
	return w
}

func (w *world) at(d time.Duration) time.Time { return w.start.Add(d) }

// moved takes note of the time.
func (w *world) moved(now time.Duration) {
	w.now = now
	w.minute = (w.start.Unix() + int64(now/time.Second)) / 60
}

// look finds when the next item arrives.
func (w *world) look() {
	w.coming = w.queues[0].arrivals.next.sent
	for _, q := range w.queues[1:] {
		w.coming = min(w.coming, q.arrivals.next.sent)
	}
}

// advance lets time pass until then, or until nothing is left to do and nothing
// more can come.
func (w *world) advance(until time.Duration) (over bool) {
	for {
		at, some := w.events.next()
		arrives := w.coming <= until && (!some || w.coming <= at)
		if w.now >= w.sc.End && w.left == 0 && w.coming > until {
			return true
		}
		switch {
		case arrives:
			w.moved(w.coming)
			w.receive()
		case some && at <= until:
			e := w.events.pop()
			w.moved(at)
			w.happen(e)
		default:
			w.moved(until)
			return w.now >= w.sc.End && w.left == 0
		}
	}
}

// receive takes in what arrives now.
func (w *world) receive() {
	for _, q := range w.queues {
		if q.arrivals.next.sent == w.now {
			w.arrive(q, q.arrivals.next)
			q.arrivals.advance()
		}
	}
	w.look()
}

// arrive puts items into a queue.
func (w *world) arrive(q *queue, b batch) {
	q.arrived += int64(b.n)
	w.left += b.n
	q.waiting.push(b)
	w.serve(q)
}

// serve hands what waits in a queue to idle slots.
func (w *world) serve(q *queue) {
	for q.visible() > 0 {
		o, ok := q.fleet.free.pop()
		if !ok {
			return
		}
		if q.idle {
			q.idle, q.used = false, max(q.used, q.fleet.level)
		}
		item, first := q.take()
		w.begin(o.m, int(o.slot), item, first)
	}
}

func (w *world) happen(e event) {
	m := e.on
	switch {
	case e.what == returned:
		w.comeBack(w.queues[e.slot])
		return
	case e.life != m.life:
		return // it has ended since
	}
	switch e.what {
	case finished:
		w.finish(m, int(e.slot))
	case ready:
		m.phase = up
		w.mind(m)
	case looks:
		w.mind(m)
	case interrupted:
		m.notice = true
		m.crew.notices++
		m.shut()
		w.events.push(event{at: w.now + warning, what: taken, life: m.life, on: m})
	case taken:
		m.crew.end(m)
	case deafened:
		m.crew.deafen(m)
	}
}

// mind has an agent obey its tags.
func (w *world) mind(m *machine) {
	if m.phase != up {
		return
	}
	m.obeys = m.tag
	if m.obeys != "" || m.notice {
		m.shut()
		return
	}
	w.open(m)
}

// faults are those of now.
func (w *world) faults() (f scenario.Faults, boot *scenario.Length) {
	f = w.sc.Faults
	for i := range w.sc.Incidents {
		if n := &w.sc.Incidents[i]; n.Holds(w.now) {
			f.DeadOnArrival, f.LaunchRefused, f.APIErrors = n.Dead, n.Refuse, n.Errors
			boot = n.Boot
		}
	}
	return f, boot
}

// founder is an instance that serves from the start.
func (c *crew) founder() {
	m := c.make("")
	m.ready = 0
	m.phase = up
	c.world.open(m)
}

// make is a machine that is launched now.
func (c *crew) make(order string) *machine {
	m := &machine{
		crew: c, number: uint64(c.made), id: nameOf(c.place, c.made), order: order,
		launched: c.world.now, paid: c.world.now, woken: never, ready: never, slots: make([]slot, c.Slots),
	}
	m.zone, _ = c.roomiest()
	m.kind, m.spot = c.offerOf()
	c.made++
	c.live = append(c.live, m)
	c.byID[m.id] = m
	c.pay(1)
	c.doom(m)
	return m
}

// nameOf is an instance's ID: in order of launch, as wide for each.
func nameOf(place int, n int64) fleet.ID {
	const digits, most = "0123456789", 10_000_000
	if n >= most {
		return fleet.ID(fmt.Sprintf("i-%02d%d", place, n))
	}
	b := []byte("i-000000000")
	for i := len(b) - 1; n > 0 && i > 3; i-- {
		b[i] = digits[n%10]
		n /= 10
	}
	b[2], b[3] = digits[place/10%10], digits[place%10]
	return fleet.ID(b)
}

// doom plans what will happen to it.
func (c *crew) doom(m *machine) {
	w := c.world
	f, _ := w.faults()
	if m.spot && f.InterruptionsPerHour > 0 {
		r := w.chance.of(forInterruptions, uint64(c.place), m.number)
		w.events.push(event{at: w.now + hazard(f.InterruptionsPerHour.Fraction(), r.ExpFloat64()), what: interrupted, life: m.life, on: m})
	}
	c.plan(m, 0)
}

// plan plans when it falls silent next.
func (c *crew) plan(m *machine, after time.Duration) {
	w := c.world
	if p := w.sc.Faults.HeartbeatLoss; p > 0 {
		r := w.chance.of(forLosses, uint64(c.place)<<32|m.number, uint64(w.now+after))
		w.events.push(event{at: w.now + after + hazard(p.Fraction(), r.ExpFloat64()), what: deafened, life: m.life, on: m})
	}
}

// deafen has its heartbeats lost for one to ten minutes, while it works on.
func (c *crew) deafen(m *machine) {
	w := c.world
	length := time.Minute + time.Duration(w.chance.of(forLosses, uint64(c.place)<<32|m.number, uint64(w.now)).Int64N(int64(9*time.Minute)))
	if m.phase == up {
		m.told = m.says(w.now)
		m.deaf = w.now + length
	}
	c.plan(m, length)
}

// pay counts machines that are billed.
func (c *crew) pay(n int) {
	c.billed += n
	c.peak = max(c.peak, c.billed)
	c.world.billed += n
	c.world.peak = max(c.world.peak, c.world.billed)
}

// stop ends the stretch that is billed.
func (c *crew) stop(m *machine) {
	if !m.billed() {
		return
	}
	c.seconds[m.account()] += billedFor(c.world.now-m.paid, c.Billing)
	c.pay(-1)
}

// account is where its time is added up.
func (m *machine) account() int {
	if m.spot {
		return 2*m.kind + 1
	}
	return 2 * m.kind
}

// billedFor is what is paid for a stretch, s: whole units, at least the minimum.
func billedFor(d time.Duration, b scenario.Billing) int64 {
	unit := b.Unit.Std()
	units := (max(d, b.Minimum.Std()) + unit - 1) / unit
	return int64(units * unit / time.Second)
}

// end ends a machine for good.
func (c *crew) end(m *machine) {
	c.stop(m)
	c.world.lose(m)
	m.phase, m.gone = gone, c.world.now
}

// forget drops machines that are no longer listed.
func (c *crew) forget() {
	kept := c.live[:0]
	for _, m := range c.live {
		if m.phase == gone && c.world.now-m.gone > listed {
			delete(c.byID, m.id)
			continue
		}
		kept = append(kept, m)
	}
	clear(c.live[len(kept):])
	c.live = kept
}
