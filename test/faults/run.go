// Package faults plays the controller in a hostile world: one that lies, fails and
// lags as AWS does, in virtual time and all from one seed, while every law of the
// product is looked at with every call.
//
//	seed ─► scene (policy, load, machines) ─► weather (which faults, how strong, when)
//	                                             │
//	    hosts: controller, journal, lease ─► calls ─► machines: gate, items, heartbeats
//	                                          │
//	                                        laws ─► the first breach ends the world
//
// What runs in it is real: the controller, its policies and guards by way of a policy
// file, roster, heartbeats, journal, lease and handover, and the gate by which a worker
// takes items and drains. What is made up: time, the cloud, the queue, the store of the
// lease, and who works on items.
//
// A seed says everything: the same seed goes the same way, to the byte of its story.
package faults

import (
	"fmt"
	"time"

	"skynet/fleet"
)

// Options are how a seed is played.
type Options struct {
	Length  time.Duration // of the time in which something happens; 0: two hours
	Weather func(w Weather) Weather
	Wire    bool // by fleet/ec2 and EC2's protocol, with SQLite on disk
}

// Result is what became of a seed.
type Result struct {
	Seed    uint64
	Weather Weather
	Policy  string
	Breach  *Breach // nil: every law was kept
	Sum     uint64  // the same for two runs that went the same
	Items   int
	Ticks   int
	Bought  int
	Lasted  time.Duration // in the world's time
	log     log
}

// Run plays a seed.
func Run(seed uint64, o Options) (Result, error) {
	if o.Length <= 0 {
		o.Length = 2 * time.Hour
	}
	w, err := newWorld(seed, o)
	if err != nil {
		return Result{}, fmt.Errorf("seed %d: %w", seed, err)
	}
	w.play()
	return Result{
		Seed: seed, Weather: w.weather, Policy: w.policies(), Breach: w.log.breach, Sum: w.log.sum(),
		Items: len(w.work.items), Ticks: w.laws.ticks, Bought: len(w.cloud.all), Lasted: w.now, log: w.log,
	}, nil
}

func newWorld(seed uint64, o Options) (*World, error) {
	w := &World{seed: seed, chance: newChance(seed)}
	var err error
	if w.scene, err = drawScene(w.chance, o.Length); err != nil {
		return nil, err
	}
	w.newest = w.scene.policy
	w.weather = drawWeather(w.chance, w.scene.calm)
	if !o.Wire {
		w.weather = w.weather.Without(EC2Errors, EC2Cut, EC2Protected)
	}
	if o.Weather != nil {
		w.weather = o.Weather(w.weather)
	}
	w.cloud, w.work = newCloud(w), &works{World: w}
	w.mail, w.store = &mail{World: w}, &store{notes: map[string][]byte{}}
	w.laws = newLaws(w)
	if o.Wire {
		wired, err := newWired(w)
		if err != nil {
			return nil, err
		}
		w.way = wired
	}
	hosts := 1
	if w.scene.pair {
		hosts = 2
	}
	for n := range hosts {
		if err := w.addHost(n); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *World) addHost(n int) (err error) {
	h := &Host{World: w, name: "host-" + string(rune('a'+n)), number: uint64(n), acked: map[string]bool{}}
	h.disk, h.desk, h.file = newMemory(), &desk{Host: h, back: map[string]bool{}}, w.newest
	if w.way != nil {
		if h.disk, err = w.way.Disk(h); err != nil {
			return err
		}
	}
	w.hosts = append(w.hosts, h)
	return nil
}

// settles is how long after the last item all must be well, besides the time that what
// waits then takes as many as may be billed and half as long again, at least half the
// length of the seed: more may have arrived than the maximum can do. And an hour more
// for each agent that was dead for good when the last fault was over.
const settles = 3 * time.Hour

// settled is by when all must be well.
func (w *World) settled() time.Duration {
	return w.scene.quiet + max(w.scene.length/2, w.backlog*3/2) + settles + time.Duration(w.mute)*time.Hour
}

// owe finds how long what is not done takes as many as may be billed.
func (w *World) owe() {
	var all time.Duration
	for _, i := range w.work.items {
		if !i.done && !i.dead {
			all += i.takes
		}
	}
	w.backlog = all / time.Duration(max(1, w.newest.most()*w.scene.slots))
}

// count counts the machines without an agent.
func (w *World) count() {
	for _, m := range w.cloud.live() {
		if !m.agent.lives() {
			w.mute++
		}
	}
}

// play lets time pass until all is well after the end, or a law is broken.
func (w *World) play() {
	for i, h := range w.hosts {
		w.after(time.Duration(i)*7*time.Second, h.start)
	}
	w.every(time.Minute, func() bool { w.work.note(); w.blow(); w.laws.leaks(); w.laws.named(); return true })
	w.work.note()
	w.every(10*time.Second, w.arrive)
	w.after(w.scene.calm, func() { w.count(); w.agree() })
	w.after(w.scene.quiet, w.owe)
	for w.step(w.scene.length) {
	}
	for !w.over && !w.well() && w.now < w.settled() {
		for end := w.now + time.Minute; w.step(end); {
		}
	}
	if !w.over && !w.well() {
		w.breach(lawConverges, "%s", w.unwell())
	}
	w.end()
}

// end lets go of all that still runs.
func (w *World) end() {
	w.over = true
	for _, h := range w.hosts {
		if w.log.breach == nil && h.journal != nil {
			w.laws.restarted(h)
		}
		for _, a := range h.actors {
			w.kill(a)
		}
		if err := h.disk.Close(); err != nil && w.log.breach == nil {
			w.breach(lawTorn, "%v", err)
		}
	}
}

// well reports whether all is as calm would leave it.
func (w *World) well() bool { return w.unwell() == "" }

// unwell says what is not as calm would leave it.
func (w *World) unwell() string {
	if n := len(w.work.items) - w.work.settled; n > 0 {
		return fmt.Sprintf("%d of %d items are not done", n, len(w.work.items))
	}
	want, serving := w.resting(), 0
	for _, m := range w.cloud.live() {
		if !m.agent.lives() || m.Tags[fleet.TagDrain] != "" {
			return fmt.Sprintf("%s is billed and does not serve", m.ID)
		}
		serving++
	}
	if serving != want {
		return fmt.Sprintf("%d machines serve, calm would leave %d", serving, want)
	}
	return ""
}

// resting is how many machines the policy wants where nothing waits.
func (w *World) resting() int {
	return w.newest.atRest(w.Now())
}
