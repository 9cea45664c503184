package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"skynet/signals"
)

// said explains a call in one sentence with the numbers.
func (c call) said(quantile float64) string {
	var b strings.Builder
	c.sayWaiting(&b, quantile)
	if c.late {
		c.sayLate(&b)
	}
	if p := c.pace; p.arrivals > 0 {
		fmt.Fprintf(&b, "; %.3g items/s keep %.3g slots at work", p.arrivals, p.load)
		if p.workers > 0 {
			fmt.Fprintf(&b, ", %.0f slots or %d workers keep pace", p.slots, p.workers)
		} else {
			b.WriteString(", too few to stand by for")
		}
	}
	if n := c.holding(); n > max(c.waiting, c.pace.workers) {
		fmt.Fprintf(&b, "; %.0f slots at work hold %d", c.supply.busy, n)
	}
	return b.String()
}

func (c call) sayWaiting(b *strings.Builder, quantile float64) {
	busiest := c.busiest()
	if len(busiest) == 0 {
		b.WriteString("nothing waits")
		return
	}
	for i, d := range take(busiest, few-1) {
		if i > 0 {
			b.WriteString(" + ")
		}
		if d.queue != "" {
			b.WriteString(d.queue + " ")
		}
		fmt.Fprintf(b, "%.0f items × %s s", d.items, strconv.FormatFloat(d.seconds, 'g', 4, 64))
	}
	if more := len(busiest) - (few - 1); more > 0 {
		fmt.Fprintf(b, " and %d more queues", more)
	}
	if c.supply.slots < mostItems {
		fmt.Fprintf(b, ", %g slots each", c.supply.slots)
	}
	fmt.Fprintf(b, ": %s start %s with %d", shareSaid(busiest, quantile), withinSaid(busiest), c.waiting)
}

// busiest are the queues in which items wait, that with the most work first.
func (c call) busiest() (list []*demand) {
	for i := range c.demands {
		if d := &c.demands[i]; d.items > 0 {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b *demand) int { return -cmp.Compare(a.items*a.seconds, b.items*b.seconds) })
	return list
}

func shareSaid(list []*demand, quantile float64) string {
	if slices.ContainsFunc(list, func(d *demand) bool { return d.misses > 0 }) {
		return fmt.Sprintf("%.4g%%", 100*quantile)
	}
	return "all"
}

func withinSaid(list []*demand) string {
	if slices.ContainsFunc(list, func(d *demand) bool { return d.wait != list[0].wait }) {
		return "in time"
	}
	return "within " + span(signals.Seconds(list[0].wait))
}

// sayLate tells what even new workers cannot start in time.
func (c call) sayLate(b *strings.Builder) {
	late, out := 0.0, 0.0
	for i := range c.demands {
		for _, d := range c.demands[i].batches {
			switch {
			case d.by < 0:
				late += d.items
			case d.by < c.supply.boot:
				out += d.items
			}
		}
	}
	if more := c.waiting - c.supply.have; more > 0 {
		fmt.Fprintf(b, ", %d of them new", more)
	}
	var parts []string
	if late > 0 {
		parts = append(parts, fmt.Sprintf("%.0f are late", late))
	}
	if out > 0 {
		parts = append(parts, fmt.Sprintf("%.0f are due before a boot of %s", out, span(signals.Seconds(c.supply.boot))))
	}
	if len(parts) > 0 {
		b.WriteString(" (" + strings.Join(parts, ", ") + ": they start within the wait from a boot on)")
	}
}

func keptSaid(n int, for_ time.Duration) string {
	return fmt.Sprintf("; keeps %d, called for within the last boot time (%s)", n, span(for_))
}
