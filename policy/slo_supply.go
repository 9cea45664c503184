package policy

import (
	"math"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// supply is who can start items, and from when on.
type supply struct {
	slots float64 // items that a worker works on at once
	busy  float64 // slots at work of running workers
	held  float64 // items in the hands of living workers, draining ones among them
	boot  float64 // s
	// surest is how long a boot takes that is slower than nearly all, s.
	surest float64
	have   int // running and on their way
	lost   int // of those on their way, the ones that should have come a boot time ago

	// waves are workers that can start their first item at the same time, in the
	// order in which they are kept, recalled, woken and bought.
	waves [wavesMost]wave
	count int
}

type wave struct {
	workers int
	after   float64 // s from now
	slots   float64 // of each worker
}

const (
	// parts is how many parts of a boot time tell workers on their way apart.
	parts     = 8
	wavesMost = 2*parts + 5
	// soon is the least time, s, until a worker on its way can start an item.
	soon = 5.0
	// unlimited stands for as many new workers as may be wanted.
	unlimited = 1e9
)

// supplyOf counts who serves and who could. Without a list of workers it goes by
// the fleet's signals.
func supplyOf(s *signals.Snapshot, inFlight float64, missing *unknowns) supply {
	u := supply{slots: mostItems} // unknown: the fewest workers that it can be
	if v, err := s.Value("fleet.slots"); err != nil {
		missing.add(err)
	} else {
		u.slots = min(max(v, 1), 1e6)
	}
	boot, err := atLeastZero(s, "fleet.boot_seconds")
	missing.add(err)
	u.boot = min(boot, mostSeconds)
	slow, _ := atLeastZero(s, "fleet.boot_p95") // unknown: as others
	u.surest = max(u.boot, min(slow, mostSeconds))
	wake, err := atLeastZero(s, "fleet.wake_seconds")
	if err != nil {
		wake = u.boot // nobody may be asleep
	}
	crew := crewOf(s, u.boot, wake)
	if len(s.Workers) == 0 {
		crew = crewBySignals(s, &u, inFlight, missing)
	}
	u.muster(crew, min(wake, mostSeconds))
	return u
}

// crew is how many workers stand where.
type crew struct {
	running, recall, asleep int
	pending                 [2*parts + 1]int // by the parts of a boot time that they still need
	lost                    int              // of those, the ones that should have come as long ago as they take
	busy, held, recallJobs  float64
}

// crewOf counts workers. Silent ones are capacity until they are replaced, but what
// they have in hand is not in good hands.
func crewOf(s *signals.Snapshot, boot, wake float64) (c crew) {
	for i := range s.Workers {
		w := &s.Workers[i]
		switch w.State {
		case fleet.Working:
			c.running++
			if !w.Silent {
				c.busy += float64(w.Jobs)
				c.held += float64(w.Jobs)
			}
		case fleet.Starting:
			c.await(boot, s.Now.Sub(w.Launched).Seconds(), boot)
		case fleet.Waking:
			c.await(wake, s.Now.Sub(since(w)).Seconds(), boot)
		case fleet.Draining, fleet.Drained:
			if !w.Silent {
				c.held += float64(w.Jobs)
			}
			if w.Drain != "" && !w.Interrupted && !w.Silent {
				c.recall++
				c.recallJobs += float64(w.Jobs)
			}
		case fleet.Asleep:
			c.asleep++
		}
	}
	return c
}

// await counts a worker on its way.
func (c *crew) await(takes, passed, boot float64) {
	c.pending[partOf(takes, passed, boot)]++
	if passed > 2*max(takes, soon) {
		c.lost++
	}
}

// partOf is how many parts of a boot time a worker still needs. One that is
// overdue is expected after as long again: it may never come, and the longer it is
// overdue the likelier is that.
func partOf(takes, passed, boot float64) int {
	left := max(takes-passed, passed-takes, soon)
	if boot <= 0 {
		return 1
	}
	return int(min(math.Ceil(left/boot*parts), 2*parts))
}

// crewBySignals goes by the counts that others made. Those on their way are half
// way there. In flight is in the hands of those who serve, as far as they can
// hold it. Where it is not known how many they are they may be any number: then
// the fewest will do.
func crewBySignals(s *signals.Snapshot, u *supply, inFlight float64, missing *unknowns) (c crew) {
	count := func(name string) int {
		v, err := atLeastZero(s, name)
		if err != nil {
			missing.add(err)
			return unlimited
		}
		return int(min(v, unlimited))
	}
	c.running = count("fleet.running")
	c.pending[parts/2] = count("fleet.pending")
	if asleep, err := atLeastZero(s, "fleet.asleep"); err == nil {
		c.asleep = int(min(asleep, unlimited))
	}
	c.busy = min(inFlight, float64(c.running)*u.slots)
	if busy, err := atLeastZero(s, "fleet.busy_slots"); err == nil {
		c.busy = min(busy, mostItems)
	}
	c.held = c.busy
	return c
}

// muster puts a crew in order of who starts items when.
func (u *supply) muster(c crew, wake float64) {
	u.held, u.have, u.lost = c.held, c.running, c.lost
	u.busy = min(c.busy, float64(c.running)*u.slots)
	u.add(c.running, 0, u.slots)
	for i, n := range c.pending {
		u.add(n, u.boot*float64(i)/parts, u.slots)
		u.have += n
	}
	if c.recall > 0 {
		u.add(c.recall, soon, max(0, u.slots-c.recallJobs/float64(c.recall)))
	}
	u.add(c.asleep, wake, u.slots)
	u.add(unlimited, u.boot, u.slots)
}

func (u *supply) add(workers int, after, slots float64) {
	if workers > 0 {
		u.waves[u.count] = wave{workers, after, slots}
		u.count++
	}
}

// there are the waves of those who run or are on their way.
func (u *supply) there() []wave {
	n := 0
	for i := range u.waves[:u.count] {
		if n >= u.have {
			return u.waves[:i]
		}
		n += u.waves[i].workers
	}
	return u.waves[:0]
}

// span writes a time as people do: 2m, not 2m0s.
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	if n := len(text); n > 2 && text[n-2:] == "0s" && text[n-3] == 'm' {
		text = text[:n-2]
	}
	if n := len(text); n > 2 && text[n-2:] == "0m" && text[n-3] == 'h' {
		text = text[:n-2]
	}
	return text
}
