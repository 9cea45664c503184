package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
	"skynet/worker/gate"
)

const (
	polls = 5 * time.Second  // how often an agent asks the instance metadata
	beats = 15 * time.Second // how often it says how it is
	// margin is how long news waits for more of it: changes come in twos.
	margin = 100 * time.Millisecond
)

// agent is the worker's program on one machine. Its gate is the real one, which says
// when it may receive and what it says of itself.
type agent struct {
	*World
	on    *machine
	gate  *gate.Gate
	boot  string
	gone  bool
	hands []*hand

	seq    uint64
	works  fleet.Work
	nudged bool
}

// hand is an item that is worked on.
type hand struct {
	*claim
	seat *gate.Seat
}

// newAgent starts one.
func newAgent(w *World, m *machine) *agent {
	a := &agent{World: w, on: m, works: fleet.Work{Queue: w.work.Name()}}
	w.agents++
	a.boot = fmt.Sprintf("boot-%d", w.agents)
	a.gate = gate.New(w.scene.slots, func(s gate.Stance) {
		a.Tell(string(m.ID), "%s, %d in hand%s", s.State, s.Jobs, ofDrain(s.Drain))
		a.nudge()
	})
	a.look()
	a.every(polls, a.alive(a.look))
	a.speak()
	a.every(beats, a.alive(a.speak))
	a.every(time.Minute, a.alive(a.stumble))
	return a
}

func ofDrain(id string) string {
	if id == "" {
		return ""
	}
	return ", for " + id
}

// alive has something done for as long as the agent lives.
func (a *agent) alive(do func()) func() bool {
	return func() bool {
		if a.gone {
			return false
		}
		do()
		return !a.gone
	}
}

// later does something unless the agent has died by then.
func (a *agent) later(d time.Duration, do func()) {
	a.after(d, func() {
		if !a.gone {
			do()
		}
	})
}

// look asks the instance metadata, as the worker does: no answer changes nothing.
func (a *agent) look() {
	if a.Strikes(TagsUnread, .7) {
		return
	}
	a.gate.Ask(a.on.as(a.now - 2*time.Second).Tags[fleet.TagDrain])
	a.gate.Interrupt(a.on.notice)
	a.gate.Admit()
	a.receive()
}

// receive begins as many receives as the gate lets begin, and ends those of before it
// was shut.
func (a *agent) receive() {
	for p, ok := a.gate.Try(); ok; p, ok = a.gate.Try() {
		a.work.lanes = append(a.work.lanes, &lane{a, p})
	}
	a.work.lanes = slices.DeleteFunc(a.work.lanes, func(l *lane) bool {
		if l.of != a || !isClosed(l.pass.Shut) {
			return false
		}
		a.gate.Left(l.pass, false, a.Now())
		return true
	})
	a.work.serve()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// got takes in what a receive has brought.
func (a *agent) got(p gate.Pass, c *claim) {
	if a.gone {
		return // its claim ends by itself
	}
	h := &hand{claim: c, seat: a.gate.Left(p, true, a.Now())}
	a.hands = append(a.hands, h)
	if c.tries > 1 {
		a.works.Redelivered++
	} else {
		a.works.Wait.Add((a.now - c.sent).Seconds())
	}
	a.hold(h)
	a.later(a.lasts(c), func() { a.worked(h) })
}

// lasts is how long an item is worked on. The first try of some hangs.
func (a *agent) lasts(c *claim) time.Duration {
	const hangs = 40 * time.Minute
	if c.tries == 1 && a.chance.of(forItems, 1, c.number).Float64() < .005 {
		return hangs
	}
	return c.takes
}

// hold extends the claim on an item for as long as it is in hand.
func (a *agent) hold(h *hand) {
	a.later(visibility/2, func() {
		if slices.Contains(a.hands, h) {
			_ = a.work.extend(h.claim) // where that fails somebody else gets it too
			a.hold(h)
		}
	})
}

// worked stores what was made of an item, and then takes it out of the queue.
func (a *agent) worked(h *hand) {
	a.works.Seconds.Add(h.takes.Seconds())
	if h.doomed {
		a.works.Failed++
		a.work.fail(h.claim)
		a.finish(h)
		return
	}
	if a.Strikes(AgentCrashes, .01) {
		a.crash("before it stores a result")
		return
	}
	a.work.laws.stored(h.item, mix(h.seed(a.World)))
	if a.Strikes(AgentCrashes, .01) {
		a.crash("between storing a result and saying so")
		return
	}
	a.works.Completed++
	a.settle(h, 1)
}

// seed is what the result is made of: the item's own body.
func (h *hand) seed(w *World) uint64 { return mix(w.seed ^ h.number) }

// settle tells the queue that an item is done, and tries again for as long as it is
// worth it.
func (a *agent) settle(h *hand, try int) {
	a.later(50*time.Millisecond, func() {
		if err := a.work.remove(h.claim); err != nil && try < 5 {
			a.later(time.Second, func() { a.settle(h, try+1) })
			return
		}
		a.finish(h)
	})
}

func (a *agent) finish(h *hand) {
	a.hands = slices.DeleteFunc(a.hands, func(o *hand) bool { return o == h })
	a.gate.Done(h.seat, a.Now())
	a.receive()
}

// nudge has the next heartbeat sent soon.
func (a *agent) nudge() {
	if a.nudged || a.boot == "" {
		return
	}
	a.nudged = true
	a.later(margin, func() {
		a.nudged = false
		a.speak()
	})
}

// speak sends a heartbeat.
func (a *agent) speak() {
	a.seq++
	s := a.gate.Now()
	b := fleet.Heartbeat{
		Worker: a.on.ID, Fleet: fleetName, Boot: a.boot, Seq: a.seq, At: a.Now(), State: s.State, Drain: s.Drain,
		Jobs: s.Jobs, Slots: a.scene.slots, CPU: 50, Memory: 30, Interruption: s.Interruption,
	}
	if !a.works.Empty() {
		b.Queues = []fleet.Work{a.works}
		a.works = fleet.Work{Queue: a.work.Name()}
	}
	body, err := json.Marshal(b)
	if err != nil {
		a.breach("what agents say can be written", "%v", err)
	}
	a.mail.post(a.on, body)
}

// stumble has the agent die now and then.
func (a *agent) stumble() {
	if a.Strikes(AgentCrashes, .05) {
		a.crash("")
	}
}

// crash ends the agent's process. Its service starts another one.
func (a *agent) crash(where string) {
	a.Tell(string(a.on.ID), "its agent dies %s with %d in hand", where, len(a.hands))
	m, life := a.on, a.on.life
	a.die()
	if a.Draw(AgentCrashes).Float64() < .2 {
		a.Tell(string(m.ID), "its service gives up")
		return
	}
	a.after(between(a.Draw(AgentCrashes), 2*time.Second, 40*time.Second), func() {
		if m.life == life && m.billed() {
			m.agent = newAgent(a.World, m)
		}
	})
}

// die ends it: what it holds comes back when its claims end.
func (a *agent) die() {
	a.gone = true
	a.work.lanes = slices.DeleteFunc(a.work.lanes, func(l *lane) bool { return l.of == a })
}

// lives reports whether there is one, and it runs.
func (a *agent) lives() bool { return a != nil && !a.gone }

// busy is how many items it has in hand.
func (a *agent) busy() int { return len(a.hands) }
