// Package liars tries what somebody can do to the controller who may post heartbeats:
// a worker that was taken over, or whoever else has the right to. The ears, the
// roster, the policy and the controller are the real ones; instances, items and
// time are a world's.
package liars

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/queue"
	"skynet/signals"
	"skynet/signals/heartbeats"
	"skynet/test/world"
)

const (
	// most is the policy's maximum, and hourly how many it may launch in an hour.
	most, hourly = 6, 24
	rules        = "objective: {wait: 2m}\nbounds: {max: 6}\npriors: {boot: 30s, seconds: 10s}\ndeadlines: {boot: 5m}\n"
	every        = time.Minute
	beats        = 15 // s from heartbeat to heartbeat
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fataler is a test, or one try of a property.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// lie is what a liar does in one second. The letters it returns are posted before
// those of the true workers.
type lie func(c *court) []queue.Letter

// court is a world in which some lie.
type court struct {
	t fataler
	*world.World
	ears    *heartbeats.Ears
	source  *heartbeats.Source
	vouched bool // the queue's server says which instance posted what
	lies    lie
	depth   func(true int) signals.Signal // what the queue says is waiting; nil: the truth
	liar    fleet.ID                      // a worker that lies of itself may lose its item
	boots   int                           // counts the liar's starts

	controller *controller.Controller
	seq        map[fleet.ID]uint64
	counted    map[fleet.ID]int
	launched   []time.Time // one entry an instance
	sent       int
	last       controller.Report
}

func open(t fataler, vouched bool) *court {
	t.Helper()
	p, err := file.Parse("render.policy.yaml", []byte(rules), signals.Names{Open: true})
	if err != nil {
		t.Fatalf("%v", err)
	}
	c := &court{t: t, World: world.New(start), ears: heartbeats.New(), vouched: vouched, seq: map[fleet.ID]uint64{}, counted: map[fleet.ID]int{}}
	c.source = c.ears.Source("render", []string{"photos"}, every)
	c.Before = c.count
	c.controller = controller.New(controller.Fleet{Name: "render", Interval: every}, c.world(p), c.rules(p), journal.NewMemory(2*time.Hour))
	if _, err := c.controller.Resume(context.Background(), c.Now); err != nil {
		t.Fatalf("%v", err)
	}
	return c
}

func (c *court) world(p file.Policy) controller.World {
	return controller.World{Cloud: c, Roster: &roster.Roster{Registry: c.World, Ears: c.ears, Silence: p.Silent}, Signals: c}
}

func (c *court) rules(p file.Policy) controller.Rules {
	s := p.Signals
	s.Queues, s.Slots, s.Interval = []string{"photos"}, 1, every
	return controller.Rules{Decider: p.Engine, Signals: s}
}

// lower has the operator lower the maximum to two.
func (c *court) lower() {
	p, err := file.Parse("render.policy.yaml", []byte(strings.Replace(rules, "max: 6", "max: 2", 1)), signals.Names{Open: true})
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	c.controller.Adopt(c.world(p), c.rules(p))
}

// draining counts those that are asked to drain.
func (c *court) draining() (n int) {
	for _, m := range c.Machines() {
		if m.Tags[fleet.TagDrain] != "" {
			n++
		}
	}
	return n
}

// count has launches counted.
func (c *court) count(call string) error {
	if call != "launch" {
		return nil
	}
	var n int
	if _, err := fmt.Sscanf(c.Calls[len(c.Calls)-1], "launch %d", &n); err != nil {
		return err
	}
	for range n {
		c.launched = append(c.launched, c.Now)
	}
	return nil
}

// Collect gives what the queue says, and what the ears heard.
func (c *court) Collect(ctx context.Context, now time.Time) []signals.Signal {
	list := c.World.Collect(ctx, now)
	if c.depth != nil {
		list[0] = c.depth(c.Waiting)
	}
	return append(list, c.source.Read(ctx, now)...)
}

// minutes lets time pass with so many new items a minute.
func (c *court) minutes(n, items int) {
	c.t.Helper()
	for range n {
		c.Waiting, c.sent = c.Waiting+items, c.sent+items
		for second := range 60 {
			c.Advance(time.Second)
			c.second(second)
		}
		c.tick()
	}
}

// second carries the mail of one second.
func (c *court) second(n int) {
	var letters []queue.Letter
	if c.lies != nil {
		letters = c.lies(c)
	}
	for _, m := range c.Machines() {
		if n%beats == m.Order%beats {
			letters = append(letters, c.truth(m.ID)...)
		}
	}
	c.ears.Hear(c.Now, letters)
}

// truth is what a worker says of itself.
func (c *court) truth(id fleet.ID) []queue.Letter {
	b, heard, ok := c.Last(id)
	if !ok || heard.Before(c.Now) {
		return nil
	}
	c.seq[id]++
	b.Fleet, b.Boot, b.Seq, b.At = "render", "true", c.seq[id], c.Now
	l := c.letter(b)
	if c.vouched {
		l.From = string(id)
	}
	return []queue.Letter{l}
}

// letter is a heartbeat as it is posted, by nobody that the server knows.
func (c *court) letter(b fleet.Heartbeat) queue.Letter {
	body, err := json.Marshal(b)
	if err != nil {
		c.t.Fatalf("%v", err)
	}
	return queue.Letter{Body: body, At: c.Now}
}

// tick has the controller tick, and checks what must hold whatever was said.
func (c *court) tick() {
	c.t.Helper()
	before := len(c.launched)
	c.last = c.controller.Tick(context.Background(), c.Now)
	d := c.last.Decision
	if n := c.Billed(); n > most {
		c.t.Fatalf("%s: %d instances are paid for, at most %d may be\n%s", c.Now, n, most, said(d))
	}
	if n := len(c.launched) - before; n > most {
		c.t.Fatalf("%s: %d launched in a tick, at most %d may be\n%s", c.Now, n, most, said(d))
	}
	within := 0
	for _, at := range c.launched {
		if c.Now.Sub(at) < time.Hour {
			within++
		}
	}
	if within > hourly {
		c.t.Fatalf("%s: %d launched within an hour, at most %d may be\n%s", c.Now, within, hourly, said(d))
	}
	k := slices.DeleteFunc(slices.Clone(c.KilledBusy()), func(id fleet.ID) bool { return id == c.liar })
	if len(k) > 0 {
		c.t.Fatalf("%s: %v was let go with an item in hand\n%s", c.Now, k, said(d))
	}
}

func said(d policy.Decision) string {
	var b strings.Builder
	for _, w := range d.Wants {
		fmt.Fprintf(&b, "%s wants %d: %s\n", w.Policy, w.Want, w.Because)
	}
	for _, r := range d.Reasons {
		fmt.Fprintf(&b, "%s: %s\n", r.By, r.Said)
	}
	return b.String()
}

// recovers checks that when the lies end everything is done and everybody let go,
// within that many minutes.
func (c *court) recovers(within int) {
	c.t.Helper()
	c.lies, c.depth = nil, nil
	for range within {
		c.minutes(1, 0)
		if c.Done == c.sent && c.Billed() == 0 {
			return
		}
	}
	c.t.Fatalf("%d minutes after the last lie %d of %d items are done and %d instances are left\n%s", within, c.Done, c.sent, c.Billed(), said(c.last.Decision))
}

// others are the workers but for one.
func (c *court) others(but fleet.ID) (ids []fleet.ID) {
	for _, m := range c.Machines() {
		if m.ID != but {
			ids = append(ids, m.ID)
		}
	}
	return ids
}
