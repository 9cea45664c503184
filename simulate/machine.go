package simulate

import (
	"time"

	"skynet/fleet"
)

// machine is one instance and the agent on it.
type machine struct {
	crew   *crew
	id     fleet.ID
	number uint64
	kind   int // which of the fleet's types
	zone   int // which of its zones
	spot   bool
	order  string

	phase    phase
	launched time.Duration
	woken    time.Duration // never: before the start
	ready    time.Duration // when the agent starts; never: it does not
	paid     time.Duration // when the stretch that is billed now began
	asleep   time.Duration // since when
	gone     time.Duration // since when

	tag     string // the drain that it is asked for
	tagged  time.Time
	obeys   string // the drain that its agent has seen
	notice  bool   // of its interruption
	deaf    time.Duration
	told    word // what it said before it fell silent
	life    uint32
	offer   uint32 // of its idle slots
	takes   bool   // it receives items
	busy    int
	slots   []slot
	wakings uint64
}

type phase uint8

const (
	booting phase = iota // or waking
	up
	asleep
	gone
)

const never = time.Duration(-1)

// slot is what one slot works on.
type slot struct {
	queue *queue // nil: idle
	key   uint64
	sent  time.Duration
	takes time.Duration
}

// word is what a heartbeat says.
type word struct {
	at    time.Duration
	jobs  int
	obeys string
	gone  bool // it has been told of its interruption
}

const (
	// beat is the agent's default from heartbeat to heartbeat, poll from look to
	// look at its tags (see config.Worker).
	beat = 15 * time.Second
	poll = 5 * time.Second
	// warning is how long before it takes one back EC2 says so:
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
	warning = 2 * time.Minute
	// listed is how long an instance that is gone is still listed.
	listed = time.Minute
)

// billed reports whether it is paid for.
func (m *machine) billed() bool { return m.phase == booting || m.phase == up }

// says is its last word at now.
func (m *machine) says(now time.Duration) word {
	if now < m.deaf {
		return m.told
	}
	return word{
		at:   m.ready + max(0, now-m.ready).Truncate(beat),
		jobs: m.busy, obeys: m.obeys, gone: m.notice,
	}
}

// heard reports whether it has spoken since its launch or wake.
func (m *machine) heard(now time.Duration) bool { return m.phase == up && m.ready <= now }

// worker is how the tick sees it: as package roster joins what the cloud lists
// and what the agent says.
func (m *machine) worker(now time.Duration) fleet.Worker {
	c := m.crew
	at := c.world.at
	w := fleet.Worker{
		ID: m.id, Order: m.order, Type: c.typeName(m.kind), Zone: c.zoneName(m.zone), Spot: m.spot,
		Launched: at(m.launched), Drain: m.tag, DrainingSince: m.tagged,
	}
	begun := m.launched
	if m.woken != never {
		begun, w.Woken = m.woken, at(m.woken)
	}
	if m.phase == asleep {
		w.AsleepSince = at(m.asleep)
	}
	said, heard := word{}, m.heard(now)
	if heard {
		said = m.says(now)
		w.Heard, w.Booted, w.Jobs, w.Slots = at(said.at), at(m.ready), said.jobs, c.Slots
		w.CPU = 100 * float64(said.jobs) / float64(c.Slots)
		w.Interrupted = said.gone
		begun = said.at
	}
	w.State = m.state(said, heard)
	if w.State.Billed() {
		w.Unheard = now - begun
		w.Silent = heard && w.Unheard > c.silence
	}
	return w
}

func (m *machine) state(said word, heard bool) fleet.State {
	switch {
	case m.phase == gone:
		return fleet.Leaving
	case m.phase == asleep:
		return fleet.Asleep
	case m.tag != "" && heard && said.obeys == m.tag && said.jobs == 0:
		return fleet.Drained
	case m.tag != "" || said.gone:
		return fleet.Draining
	case heard:
		return fleet.Working
	case m.woken != never:
		return fleet.Waking
	}
	return fleet.Starting
}

// begin has a slot work on an item.
func (w *world) begin(m *machine, at int, item slot, first bool) {
	q := item.queue
	if first {
		q.begin(w.now-item.sent, w.minute)
	}
	item.takes = w.length(q, item.key, item.sent)
	m.slots[at] = item
	m.busy++
	q.inHand++
	q.used += float64(item.takes) / q.Weight
	m.crew.level = max(m.crew.level, q.used)
	w.events.push(event{at: w.now + item.takes, what: finished, slot: int32(at), life: m.life, on: m})
}

// length is how long an item takes: as its job did, or as it is drawn.
func (w *world) length(q *queue, key uint64, sent time.Duration) time.Duration {
	if number := key & (1<<keyBits - 1); key>>keyBits == uint64(q.place) && q.Jobs != nil {
		return q.Trace.Jobs[number].Took
	}
	return q.takes(w.chance.of(forItems, uint64(q.place), key), sent)
}

// finish ends the work on an item, and looks for the next.
func (w *world) finish(m *machine, at int) {
	s := &m.slots[at]
	q, took, key := s.queue, s.takes, s.key
	*s = slot{}
	m.busy--
	q.inHand--
	q.finish(took, w.minute)
	w.left--
	if q.Next >= 0 {
		w.arrive(w.queues[q.Next], batch{sent: w.now, key: key, n: 1})
	}
	w.fill(m, at)
}

// fill gives an idle slot something to do, or remembers that it has nothing.
func (w *world) fill(m *machine, at int) {
	if !m.takes {
		return
	}
	if q := m.crew.choose(); q != nil {
		item, first := q.take()
		w.begin(m, at, item, first)
		return
	}
	m.crew.free.push(offer{m, int32(at), m.offer})
}

// open has a machine receive items.
func (w *world) open(m *machine) {
	if m.takes {
		return
	}
	m.takes = true
	m.offer++
	for i := range m.slots {
		if m.slots[i].queue == nil {
			w.fill(m, i)
		}
	}
}

// shut has it receive no more.
func (m *machine) shut() {
	m.takes = false
	m.offer++
}

// lose ends its agent. What it had in hand comes back when its time is up.
func (w *world) lose(m *machine) {
	m.shut()
	m.life++
	for i := range m.slots {
		s := &m.slots[i]
		if q := s.queue; q != nil {
			q.inHand--
			q.lost = append(q.lost, lost{s.key, s.sent})
			w.events.push(event{at: w.now + q.Visibility.Std(), what: returned, slot: int32(q.place)})
		}
		*s = slot{}
	}
	m.busy = 0
}

// comeBack makes the item that was lost first visible again: all of a queue are
// invisible for as long.
func (w *world) comeBack(q *queue) {
	l := q.lost[0]
	q.lost = q.lost[1:]
	if len(q.lost) == 0 {
		q.lost = nil
	}
	q.again.push(batch{sent: l.sent, key: l.key, n: 1})
	w.serve(q)
}
