package faults

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"skynet/fleet"
)

const (
	// mostUnlisted is how long a launch may be missing from lists, mostStale how old
	// what they say of an instance may be: less than the two minutes for which a
	// controller counts a launch that it does not see, and than a tick less the longest
	// call. Amazon names no bound, see
	// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
	mostUnlisted = 100 * time.Second
	mostStale    = 25 * time.Second
	// deadListed is how long lists show a terminated instance.
	deadListed = 20 * time.Minute
	// warned is how long before a Spot interruption the notice comes:
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
	warned = 2 * time.Minute
)

// machine is one instance.
type machine struct {
	fleet.Instance
	number uint64
	past   []view        // as it was, oldest first
	listed time.Duration // lists show it from then on
	life   int           // changes of whether it runs: what was planned before is void
	gone   time.Duration // when it was terminated
	agent  *agent

	notice  *fleet.Interruption
	handled time.Duration // when somebody changed its drain tag by hand, or -1
	asked   time.Duration // when the drain tag was set that it has
	started time.Duration // when it was launched or woken
	byHand  bool          // somebody else started it
	heard   time.Duration // when its newest heartbeat of this life arrived, or -1
	pause   spell         // the last minute or more in which it was not heard
	said    time.Duration // when that was posted, or -1
	first   time.Duration // when the first of this life was read, or -1
	named   time.Duration // when a tick knew first that it is to drain by an operator's order, or -1
	left    time.Duration // when a tick knew last that it is forgotten by an operator's order, or -1
	word    time.Duration // when any heartbeat arrived, of whatever life
}

// view is an instance as it was until then.
type view struct {
	until time.Duration
	fleet.Instance
}

// cloud has all machines that there ever were.
type cloud struct {
	*World
	all     []*machine
	byID    map[fleet.ID]*machine
	answers map[string]answer // by token
	buckets map[string]*bucket
}

// answer is what a launch came to, for when it is asked again.
type answer struct {
	bought []*machine
	err    error
}

func newCloud(w *World) *cloud {
	return &cloud{World: w, byID: map[fleet.ID]*machine{}, answers: map[string]answer{}, buckets: map[string]*bucket{}}
}

// billed reports whether it is paid for.
func (m *machine) billed() bool {
	return m.Phase == fleet.PhasePending || m.Phase == fleet.PhaseRunning
}

// live are those that are paid for, in order of their launch.
func (c *cloud) live() (list []*machine) {
	for _, m := range c.all {
		if m.billed() {
			list = append(list, m)
		}
	}
	return list
}

// change changes what lists say of a machine, which they may learn later.
func (c *cloud) change(m *machine, f func()) {
	for len(m.past) > 0 && m.past[0].until < c.now-2*time.Minute {
		m.past = m.past[1:]
	}
	m.past = append(m.past, view{c.now, m.Instance})
	m.Tags = maps.Clone(m.Tags)
	f()
}

// as is an instance as it was then.
func (m *machine) as(then time.Duration) fleet.Instance {
	for _, v := range m.past {
		if v.until > then {
			return v.Instance
		}
	}
	return m.Instance
}

// full reports whether a zone has no capacity now.
func (c *cloud) full(zone string) bool {
	strength := c.Blows(NoRoom)
	if strength == 0 {
		return false
	}
	const window = 10 * time.Minute
	return c.chance.of(NoRoom, hash(zone), uint64(c.now/window)).Float64() < .8*strength
}

// buy launches what a request asks for, once for each token.
func (c *cloud) buy(p Purchase) answer {
	if a, known := c.answers[p.Token]; known {
		return a
	}
	var a answer
	for range p.Count {
		if o, room := c.offer(p.Offers); room {
			a.bought = append(a.bought, c.make(o, p))
		}
	}
	if n := p.Count - len(a.bought); n > 0 {
		a.err = fmt.Errorf("%d of %d were refused: %w", n, p.Count, fleet.ErrNoCapacity)
	}
	c.answers[p.Token] = a
	c.laws.bought(p, a.bought)
	return a
}

// offer is the first that has room, of those that are named or any.
func (c *cloud) offer(offers []Offer) (Offer, bool) {
	if len(offers) == 0 {
		n := len(c.all)
		for i := range 3 {
			offers = append(offers, Offer{"c7i.xlarge", string(rune('a' + (n+i)%3))})
		}
	}
	for _, o := range offers {
		if !c.full(o.Zone) {
			return o, true
		}
	}
	return Offer{}, false
}

func (c *cloud) make(o Offer, p Purchase) *machine {
	n := uint64(len(c.all))
	m := &machine{
		Instance: fleet.Instance{
			ID: fleet.ID(fmt.Sprintf("i-%04d", n)), Phase: fleet.PhasePending, Type: o.Type, Zone: o.Zone,
			Spot: p.Spot || len(p.Offers) == 0 && c.chance.of(forPlaces, 1, n).Float64() < c.scene.spot, Launched: c.Now(), Tags: maps.Clone(p.Tags),
		},
		number: n, handled: -1, heard: -1, first: -1, named: -1, left: -1,
	}
	r := c.chance.of(ListsLag, 2, n)
	if s := c.Blows(ListsLag); s > 0 {
		m.listed = c.now + between(r, 0, time.Duration(s*float64(mostUnlisted)))
	}
	c.all = append(c.all, m)
	c.byID[m.ID] = m
	c.boot(m)
	return m
}

// boot starts a machine, and its agent after a while, if ever.
func (c *cloud) boot(m *machine) {
	m.life++
	m.started, m.heard, m.said, m.first, m.pause = c.now, -1, -1, -1, spell{}
	life := m.life
	r := c.chance.of(forBoots, m.number, uint64(life))
	up, boots := between(r, 2*time.Second, 15*time.Second), between(r, c.scene.boot/2, c.scene.boot*3/2)
	if s := c.Blows(SlowBoots); s > 0 && r.Float64() < .5*s {
		boots += between(r, time.Minute, 20*time.Minute)
	}
	dead := r.Float64() < .5*c.Blows(DeadOnArrival)
	c.after(up, func() {
		if m.life == life && m.Phase == fleet.PhasePending {
			c.change(m, func() { m.Phase = fleet.PhaseRunning })
		}
	})
	if dead {
		c.Tell("cloud", "%s will never be heard of", m.ID)
		return
	}
	c.after(max(boots, up), func() {
		if m.life == life && m.billed() {
			m.agent = newAgent(c.World, m)
		}
	})
}

// end terminates a machine: what it holds comes back to the queue when its claim ends.
func (c *cloud) end(m *machine) {
	if m.Phase == fleet.PhaseTerminated || m.Phase == fleet.PhaseShuttingDown {
		return
	}
	c.halt(m)
	m.gone = c.now
	c.change(m, func() { m.Phase, m.Stopped = fleet.PhaseShuttingDown, time.Time{} })
	c.after(c.lingers(), func() { c.change(m, func() { m.Phase = fleet.PhaseTerminated }) })
}

// sleep stops a machine.
func (c *cloud) sleep(m *machine) {
	if !m.billed() {
		return
	}
	c.halt(m)
	life := m.life
	c.change(m, func() { m.Phase = fleet.PhaseStopping })
	c.after(c.lingers(), func() {
		if m.life == life && m.Phase == fleet.PhaseStopping {
			c.change(m, func() { m.Phase, m.Stopped = fleet.PhaseStopped, c.Now() })
		}
	})
}

// wakeUp starts a machine that sleeps; false if it does not.
func (c *cloud) wakeUp(m *machine) bool {
	switch {
	case m.billed():
		return true
	case m.Phase != fleet.PhaseStopped || c.full(m.Zone):
		return false
	}
	c.change(m, func() { m.Phase, m.Woken, m.Stopped = fleet.PhasePending, c.Now(), time.Time{} })
	c.boot(m)
	c.laws.billed()
	return true
}

// halt ends what runs on a machine.
func (c *cloud) halt(m *machine) {
	m.life++
	m.notice = nil
	if m.agent != nil {
		m.agent.die()
		m.agent = nil
	}
}

// lingers is how long a machine is on its way out.
func (c *cloud) lingers() time.Duration {
	r := c.Draw(forPlaces)
	if s := c.Blows(StuckStopping); s > 0 && c.Draw(StuckStopping).Float64() < s {
		return between(r, time.Minute, 25*time.Minute)
	}
	return between(r, time.Second, 20*time.Second)
}

// list is what lists show now.
func (c *cloud) list(want func(fleet.Instance) bool) (shown []fleet.Instance) {
	then := c.now
	if s := c.Blows(ListsLag); s > 0 {
		then -= between(c.Draw(ListsLag), 0, time.Duration(s*float64(mostStale)))
	}
	for _, m := range c.all {
		switch {
		case c.now < m.listed, m.gone > 0 && c.now-m.gone > deadListed && m.Phase == fleet.PhaseTerminated:
			continue
		}
		if in := m.as(then); want(in) {
			in.Tags = maps.Clone(in.Tags)
			shown = append(shown, in)
		}
	}
	return shown
}

// find gives the machines of those names. One that is not there, or is too fresh to be
// visible, fails the whole request, as in EC2.
func (c *cloud) find(ids []fleet.ID) (list []*machine, err error) {
	for _, id := range ids {
		m := c.byID[id]
		if m == nil || c.now < m.listed && c.Strikes(ListsLag, .5) {
			return nil, fmt.Errorf("%s: %w", id, ErrNotFound)
		}
		list = append(list, m)
	}
	return list, nil
}

// hears notes that a heartbeat has been read.
func (m *machine) hears(l letter, now time.Duration) {
	if last := max(m.heard, m.started); now-last > time.Minute {
		m.pause = spell{last, now}
	}
	if m.heard, m.said = l.arrived, l.posted; m.first < 0 {
		m.first = now
	}
}

// unheard is for how long it has not been heard, to the knowledge of a tick that began
// then: what came while its call was on the way could not keep it.
func (m *machine) unheard(now, began time.Duration) time.Duration {
	length := now - max(m.heard, m.started)
	if m.pause.to > began {
		length = max(length, began-m.pause.from)
	}
	return length
}

// impaired reports whether its status checks failed at any time since then.
func (m *machine) impaired(since time.Duration) bool {
	return m.Impaired || slices.ContainsFunc(m.past, func(v view) bool { return v.Impaired && v.until > since })
}

// interrupt gives a Spot instance notice.
func (c *cloud) interrupt(m *machine) {
	life := m.life
	m.notice = &fleet.Interruption{Action: "terminate", At: c.Now().Add(warned)}
	c.Tell("cloud", "%s has two minutes left: a Spot interruption", m.ID)
	c.after(warned, func() {
		if m.life == life {
			c.end(m)
		}
	})
}
