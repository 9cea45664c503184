package liars

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/queue"
	"skynet/signals"
)

// claim has a worker say something, as a new start of its agent unless said otherwise.
func (c *court) claim(id fleet.ID, change ...func(*fleet.Heartbeat)) queue.Letter {
	c.boots++
	b := fleet.Heartbeat{Worker: id, Fleet: "render", Boot: fmt.Sprint("liar-", c.boots), Seq: 1, At: c.Now.Add(time.Hour), State: fleet.Working, Slots: 1}
	for _, f := range change {
		f(&b)
	}
	return c.letter(b)
}

// ofAll is one claim about every worker each second.
func ofAll(change func(c *court, b *fleet.Heartbeat)) lie {
	return func(c *court) (letters []queue.Letter) {
		for _, id := range c.others("") {
			letters = append(letters, c.claim(id, func(b *fleet.Heartbeat) { change(c, b) }))
		}
		return letters
	}
}

// drain is what a worker is asked to drain for now: a liar may guess it.
func (c *court) drain(id fleet.ID) string {
	for _, m := range c.Machines() {
		if m.ID == id {
			return m.Tags[fleet.TagDrain]
		}
	}
	return ""
}

func drained(c *court, b *fleet.Heartbeat) { b.State, b.Drain = fleet.Drained, c.drain(b.Worker) }

// asked has those that are asked to drain say that they have, and the others work.
func asked(c *court, b *fleet.Heartbeat) {
	if drained(c, b); b.Drain == "" {
		b.State, b.Jobs = fleet.Working, 1
	}
}

func raw(body string) lie {
	return func(c *court) []queue.Letter { return []queue.Letter{{Body: []byte(body), At: c.Now}} }
}

// counts claims items.
func counts(b *fleet.Heartbeat, completed int, seconds float64) {
	w := fleet.Work{Queue: "photos", Completed: completed, BytesIn: 1e15, BytesOut: 1e15}
	for range min(completed, 100) {
		w.Seconds.Add(seconds)
		w.Wait.Add(seconds)
	}
	b.Queues = []fleet.Work{w}
}

// undeceived checks that of all but the liar what they said themselves is believed.
func (c *court) undeceived(liar fleet.ID) {
	c.t.Helper()
	for _, id := range c.others(liar) {
		b, heard, ok := c.ears.Last(id)
		if ok && (b.Boot != "true" || b.Interruption != nil || c.Now.Sub(heard) > beats*time.Second) {
			c.t.Fatalf("%s is believed to have said %+v, %s ago", id, b, c.Now.Sub(heard))
		}
	}
}

// notHeard is a lie that comes by EC2's events, not in a worker's words.
const notHeard = "interruptions that EC2 did not tell of"

// lies are what somebody may say who can post, but not read what the others say.
var lies = map[string]lie{
	"all have drained":                ofAll(drained),
	"all have drained, of no drain":   ofAll(func(_ *court, b *fleet.Heartbeat) { b.State = fleet.Drained }),
	"all have drained, of an unknown": ofAll(func(_ *court, b *fleet.Heartbeat) { b.State, b.Drain = fleet.Drained, "render-x" }),
	"all leave":                       ofAll(func(_ *court, b *fleet.Heartbeat) { b.State = fleet.Leaving }),
	"all are interrupted": ofAll(func(_ *court, b *fleet.Heartbeat) {
		b.Interruption = &fleet.Interruption{Action: "terminate", At: start}
	}),
	"all are at risk":               ofAll(func(_ *court, b *fleet.Heartbeat) { b.AtRisk = true }),
	"all are idle":                  ofAll(func(*court, *fleet.Heartbeat) {}),
	"all are busy for ever":         ofAll(func(_ *court, b *fleet.Heartbeat) { b.Jobs = 1 }),
	"a million slots each":          ofAll(func(_ *court, b *fleet.Heartbeat) { b.Slots = 1_000_000 }),
	"a million jobs each":           ofAll(func(_ *court, b *fleet.Heartbeat) { b.Jobs, b.Slots = 1_000_000, 1_000_000 }),
	"a billion slots":               raw(`{"worker":"i-000","fleet":"render","boot":"x","seq":1,"state":"working","slots":1000000000}`),
	"negative jobs":                 raw(`{"worker":"i-000","fleet":"render","boot":"x","seq":1,"state":"working","jobs":-1}`),
	"NaN":                           raw(`{"worker":"i-000","fleet":"render","boot":"x","seq":1,"state":"working","cpu":NaN}`),
	"processors beyond all numbers": raw(`{"worker":"i-000","fleet":"render","boot":"x","seq":1,"state":"working","cpu":1e308}`),
	"10^12 items done":              raw(`{"worker":"i-000","fleet":"render","boot":"x","seq":1,"state":"working","queues":[{"queue":"photos","completed":1000000000000}]}`),
	"a huge body":                   raw(strings.Repeat("x", 300<<10)),
	"markup and control characters": raw("{\"worker\":\"<script>\\u001b[2J\\n\",\"fleet\":\"render\",\"boot\":\"x\",\"seq\":1,\"state\":\"working\"}"),
	"words of the far future":       ofAll(func(_ *court, b *fleet.Heartbeat) { b.At, b.Jobs = start.AddDate(1000, 0, 0), 1 }),
	"words of the far past":         ofAll(func(_ *court, b *fleet.Heartbeat) { b.At = time.Time{} }),
	"the last of all numbers":       ofAll(func(_ *court, b *fleet.Heartbeat) { b.Boot, b.Seq = "true-not", math.MaxUint64 }),
	"another fleet's workers":       ofAll(func(_ *court, b *fleet.Heartbeat) { b.Fleet = "films" }),
	"workers that do not exist": func(c *court) (letters []queue.Letter) {
		for range min(100, 4000-c.boots) { // more than there is room for: see signals/heartbeats
			letters = append(letters, c.claim(fleet.ID(fmt.Sprintf("i-%08x", c.boots))))
		}
		return letters
	},
	"replays": func() lie {
		var heard []queue.Letter
		return func(c *court) []queue.Letter {
			for _, id := range c.others("") {
				if len(heard) < 100 {
					heard = append(heard, c.claim(id))
				}
			}
			return heard
		}
	}(),
	"a flood of rubbish": func(c *court) (letters []queue.Letter) {
		for range 300 {
			letters = append(letters, queue.Letter{Body: []byte("rubbish"), At: c.Now.Add(-time.Minute)})
		}
		return letters
	},
	notHeard: func(c *court) []queue.Letter {
		for _, id := range c.others("") {
			c.ears.Notice(c.Now, id, fleet.Interruption{Action: "terminate", At: c.Now.Add(2 * time.Minute)})
			c.ears.AtRisk(c.Now, id)
		}
		return nil
	},
}

// TestLies: a million heartbeats or one, none makes the controller pay for more than
// its maximum, launch more than its limits, or let go of a worker with an item in
// hand; and when the lies end it is as if there had been none. Without anybody's
// word on who posted as well as with it.
func TestLies(t *testing.T) {
	for name, lie := range lies {
		for _, vouched := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/vouched=%v", name, vouched), func(t *testing.T) {
				c := open(t, vouched)
				c.minutes(4, 20) // all are at work
				c.lies = lie
				c.minutes(10, 20)
				c.minutes(10, 0) // and would be let go
				if vouched && name != notHeard {
					c.undeceived("")
				}
				c.recovers(45)
			})
		}
	}
}

// TestAWorkerThatWasTakenOver: with its own credentials it speaks for itself, and the
// queue's server says so. The others are as if it had said nothing.
func TestAWorkerThatWasTakenOver(t *testing.T) {
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			c := open(t, true)
			c.minutes(4, 20)
			liar := c.others("")[0]
			c.liar = liar
			c.lies = func(c *court) []queue.Letter {
				letters := lie(c)
				for i := range letters {
					letters[i].From = string(liar)
				}
				return letters
			}
			if name == notHeard {
				return
			}
			for range 15 {
				c.minutes(1, 20)
				c.undeceived(liar)
			}
			c.recovers(45)
		})
	}
}

// TestABusyWorkerIsNotSaidToHaveDrained: many are asked to drain with an hour's item
// in hand each, and a liar who guesses of which drain says that they have. They are
// let go when they are done, not before; the same for a liar who says so once, just
// before a tick.
func TestABusyWorkerIsNotSaidToHaveDrained(t *testing.T) {
	all := ofAll(asked)
	for name, lie := range map[string]lie{
		"every second": all,
		"at ticks": func(c *court) []queue.Letter {
			if c.Now.Second() != 0 {
				return nil
			}
			return all(c)
		},
		"by the same start each time": ofAll(func(c *court, b *fleet.Heartbeat) {
			asked(c, b)
			b.Boot, b.Seq = "liar", uint64(c.boots)
		}),
	} {
		for _, vouched := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/vouched=%v", name, vouched), func(t *testing.T) {
				c := open(t, vouched)
				c.Item = time.Hour
				c.minutes(4, 20)
				c.lies = lie
				c.lower()
				c.minutes(30, 0)
				if n := c.draining(); n < 3 {
					t.Fatalf("%d of %d are asked to drain: nothing was tried\n%s", n, c.Billed(), said(c.last.Decision))
				}
				c.lies = nil
				c.minutes(60, 0)
				if n := c.Billed(); n != 2 || c.Done < 3 {
					t.Errorf("%d are left, %d items are done", n, c.Done)
				}
			})
		}
	}
}

// TestItemsThatWereNeverDone: a worker that claims items and times can have the
// controller want its maximum or next to nothing, for as long as it lies. What it
// measures of itself afterwards outweighs them.
func TestItemsThatWereNeverDone(t *testing.T) {
	for name, seconds := range map[string]float64{"in no time": 1e-6, "in a day each": 86400} {
		t.Run(name, func(t *testing.T) {
			c := open(t, true)
			c.minutes(4, 20)
			liar := c.others("")[0]
			seq := uint64(1000)
			c.lies = func(c *court) []queue.Letter {
				seq++
				l := c.claim(liar, func(b *fleet.Heartbeat) { counts(b, 1_000_000, seconds); b.Boot, b.Seq = "true", seq })
				l.From = string(liar)
				return []queue.Letter{l}
			}
			c.minutes(20, 20)
			c.recovers(120)
		})
	}
}

// TestCountsOfAQueueThatLies: numbers of a queue that jump, are absurd or fail.
func TestCountsOfAQueueThatLies(t *testing.T) {
	known := func(v float64) func(int) signals.Signal {
		return func(int) signals.Signal { return signals.Known("queues.photos.visible", v, start, 24*time.Hour) }
	}
	n := 0
	for name, depth := range map[string]func(int) signals.Signal{
		"none, though there are": known(0),
		"a trillion":             known(1e12),
		"beyond all numbers":     known(math.MaxFloat64),
		"negative":               known(-1e9),
		"infinite":               known(math.Inf(1)),
		"no number":              known(math.NaN()),
		"unknown":                func(int) signals.Signal { return signals.Missing("queues.photos.visible", start, "access denied") },
		"now this, now that": func(waiting int) signals.Signal {
			n++
			return signals.Known("queues.photos.visible", []float64{0, 1e9, float64(waiting)}[n%3], start.Add(time.Duration(n)*time.Minute), time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, false)
			c.minutes(4, 20)
			c.depth = depth
			c.minutes(30, 20)
			c.recovers(60)
		})
	}
}

// TestRandomLies: whatever is said of whomever, in any order, by any number of liars.
func TestRandomLies(t *testing.T) {
	states := []fleet.State{fleet.Working, fleet.Draining, fleet.Drained, fleet.Leaving}
	rapid.Check(t, func(t *rapid.T) {
		c := open(t, rapid.Bool().Draw(t, "vouched"))
		c.lies = func(c *court) (letters []queue.Letter) {
			ids := append(c.others(""), "i-none")
			for range rapid.IntRange(0, 3).Draw(t, "words") {
				id := rapid.SampledFrom(ids).Draw(t, "worker")
				l := c.claim(id, func(b *fleet.Heartbeat) {
					b.State = rapid.SampledFrom(states).Draw(t, "state")
					b.Drain = rapid.SampledFrom([]string{"", "render-x", c.drain(id)}).Draw(t, "drain")
					b.Jobs = rapid.SampledFrom([]int{0, 1, 1_000_000}).Draw(t, "jobs")
					b.Slots = rapid.SampledFrom([]int{0, 1, 1_000_000}).Draw(t, "slots")
					b.At = c.Now.Add(time.Duration(rapid.IntRange(-9999, 9999).Draw(t, "clock")) * time.Second)
					b.Boot = rapid.SampledFrom([]string{"x", "y", b.Boot}).Draw(t, "boot")
					b.Seq = rapid.SampledFrom([]uint64{1, 2, 1000, math.MaxUint64}).Draw(t, "seq")
					if rapid.Bool().Draw(t, "interrupted") {
						b.Interruption = &fleet.Interruption{Action: "stop"}
					}
				})
				letters = append(letters, l)
			}
			return letters
		}
		c.minutes(rapid.IntRange(5, 15).Draw(t, "minutes"), rapid.IntRange(0, 40).Draw(t, "items"))
		c.recovers(60)
	})
}
