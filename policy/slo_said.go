package policy

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"skynet/signals"
)

// words is a sentence that grows. A reason is made on each tick and mostly not
// read: package fmt would take a third of the policy's time for it.
type words []byte

func (w *words) say(texts ...string) {
	for _, t := range texts {
		*w = append(*w, t...)
	}
}

// count adds a number as a whole one.
func (w *words) count(v float64) { *w = strconv.AppendFloat(*w, v, 'f', 0, 64) }

// number adds a number to so many digits, without exponent where people would not
// write one.
func (w *words) number(v float64, digits int) {
	if whole := math.Round(v); whole >= 100 && whole < 1e9 {
		w.count(whole)
		return
	}
	*w = strconv.AppendFloat(*w, v, 'g', digits, 64)
}

// several adds a count of things.
func (w *words) several(n float64, thing string) {
	w.count(n)
	w.say(" ", plural(n, thing))
}

// plural is the word for n things.
func plural(n float64, thing string) string {
	if n == 1 {
		return thing
	}
	return thing + "s"
}

// said explains a call in one sentence with the numbers.
func (c *call) said(quantile float64) words {
	w := make(words, 0, 200)
	c.sayWaiting(&w, quantile)
	if more := c.waiting - c.supply.have; c.late && more > 0 {
		w.say(", ", strconv.Itoa(more), " of them new")
	}
	if c.pace.arrivals > 0 || c.pace.workers > 0 {
		c.pace.say(&w)
	}
	if n := c.holding(); n > max(c.waiting, c.pace.workers) {
		w.say("; ")
		w.count(c.supply.busy)
		w.say(" slots at work hold ", strconv.Itoa(n))
	}
	return w
}

func (c *call) sayWaiting(w *words, quantile float64) {
	busiest := c.busiest()
	if len(busiest) == 0 {
		w.say("nothing waits")
		if c.late {
			w.say("; for what is to come ", strconv.Itoa(c.waiting))
		}
		return
	}
	for i, d := range take(busiest, few-1) {
		if i > 0 {
			w.say(" + ")
		}
		if d.queue != "" {
			w.say(d.queue, " ")
		}
		w.several(d.items, "item")
		w.say(" × ")
		w.number(d.seconds, 3)
		w.say(" s")
	}
	if more := len(busiest) - (few - 1); more > 0 {
		w.say(" and ", strconv.Itoa(more), " more queues")
	}
	if c.supply.slots < mostItems {
		w.say(", ")
		w.number(c.supply.slots, 3)
		w.say(plural(c.supply.slots, " slot"), " each")
	}
	w.say(": ")
	if late, out := c.hopeless(); late+out > 0 {
		c.sayLate(w, busiest, late, out)
	} else {
		sayShare(w, busiest, quantile)
		sayWithin(w, busiest)
	}
	w.say(" with ", strconv.Itoa(c.waiting))
}

// busiest are the queues in which items wait, that with the most work first.
func (c *call) busiest() []*demand {
	list := make([]*demand, 0, len(c.demands))
	for i := range c.demands {
		if d := &c.demands[i]; d.items > 0 {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b *demand) int { return -cmp.Compare(a.items*a.seconds, b.items*b.seconds) })
	return list
}

func sayShare(w *words, list []*demand, quantile float64) {
	for _, d := range list {
		if d.misses > 0 {
			w.number(100*quantile, 4)
			w.say("% start ")
			return
		}
	}
	w.say("all start ")
}

func sayWithin(w *words, list []*demand) {
	for _, d := range list {
		if d.wait != list[0].wait {
			w.say("in time")
			return
		}
	}
	w.say("within ", span(signals.Seconds(list[0].wait)))
}

// hopeless are the items that are late already, and those that are due before a
// new worker could be there, where one is needed.
func (c *call) hopeless() (late, out float64) {
	for i := range c.demands {
		for _, d := range c.demands[i].batches {
			switch {
			case d.coming:
			case d.by < 0:
				late += d.items
			case c.late && d.by < c.supply.boot:
				out += d.items
			}
		}
	}
	return late, out
}

// sayLate tells how many cannot start in time, and when they will.
func (c *call) sayLate(w *words, list []*demand, late, out float64) {
	if late > 0 {
		w.several(late, "item")
		w.say(" late already")
	}
	if out > 0 {
		if late > 0 {
			w.say(" and ")
		}
		w.several(out, "item")
		w.say(" due before a boot of ", span(signals.Seconds(c.supply.boot)))
	}
	if !c.late {
		w.say(" start at once")
		return
	}
	w.say(" start ")
	sayWithin(w, list)
	w.say(" of a boot")
}

func (p pace) say(w *words) {
	if p.arrivals > 0 {
		w.say("; ")
		w.number(p.arrivals, 3)
		w.say(" items/s keep ")
		w.number(p.load, 3)
		w.say(" slots at work")
		if p.workers == 0 {
			w.say(", nobody has to stand by for them")
			return
		}
	}
	if p.expected > 0 {
		w.say("; up to ")
		w.number(p.expected, 3)
		w.say(" items/s are to be expected")
	}
	w.say(", ")
	w.several(p.slots, "slot")
	w.say(" or ")
	w.several(float64(p.workers), "worker")
	w.say(" keep pace")
}

func sayStays(w *words, n int, length time.Duration) {
	w.say("; keeps ", strconv.Itoa(n), ", which what waits and comes keeps at work for ", span(length))
}

func sayLost(w *words, n, lost int) {
	w.say("; keeps ", strconv.Itoa(n), ": ", strconv.Itoa(lost), " on their way should have come long ago")
}
