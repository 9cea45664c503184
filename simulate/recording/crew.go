package recording

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
	"skynet/fleet"
	"skynet/journal"
	"skynet/signals"
	"skynet/simulate/scenario"
)

// crew is one fleet of a recording.
type crew struct {
	*plot
	name     string
	times    []time.Time // of its ticks
	usual    time.Duration
	looks    []journal.Record // some of its ticks, whole
	imported bool

	hoursTold []journal.Point
}

// fleet adds one fleet and its queues.
func (p *plot) fleet(name string) (err error) {
	c := &crew{plot: p, name: name}
	if c.times, err = p.Times(p.ctx, name, p.from, p.to.Add(1)); err != nil {
		return err
	}
	if p.sc.Start.IsZero() {
		p.begin(p.from)
	}
	if len(c.times) == 0 {
		p.note("fleet %s: has no tick in the time that is played and is left out", name)
		return nil
	}
	c.usual = usualStep(c.times)
	if err := c.look(); err != nil {
		return err
	}
	f := scenario.Fleet{Name: name}
	f.Defaults()
	f.Billing.Defaults()
	if err := c.machines(&f); err != nil {
		return err
	}
	if err := c.queues(&f); err != nil {
		return err
	}
	p.sc.Fleets = append(p.sc.Fleets, f)
	return nil
}

// looks is how many ticks are read whole: to read all of them takes long.
const looks = 64

// look reads some ticks whole, evenly over the time.
func (c *crew) look() error {
	first, last := c.times[0], c.times[len(c.times)-1]
	for i := range looks {
		from := first.Add(last.Sub(first) / looks * time.Duration(i))
		to := first.Add(last.Sub(first)/looks*time.Duration(i+1) - 1)
		if i == looks-1 {
			to = last
		}
		list, err := c.Between(c.ctx, c.name, from, to, 1)
		if err != nil {
			return err
		}
		c.looks = append(c.looks, list...)
	}
	c.imported = slices.ContainsFunc(c.looks, Imported)
	return nil
}

// read is what single ticks knew of a signal, by their times, and, where that is
// known no more, hours.
func (c *crew) read(name string) (ticks map[int64]float64, hours []journal.Point, err error) {
	points, err := c.Series(c.ctx, c.name, name, c.from, c.to.Add(1), 1)
	ticks = make(map[int64]float64, len(points))
	for _, pt := range points {
		if pt.At.Before(c.times[0]) {
			hours = append(hours, pt)
		} else {
			ticks[pt.At.UnixNano()] = pt.Mean
		}
	}
	return ticks, hours, err
}

// over sums a signal up over all of the time; false if it was never known.
func (c *crew) over(name string) (journal.Point, bool, error) {
	span := c.to.Add(1).Sub(c.from)
	points, err := c.Series(c.ctx, c.name, name, c.from, c.to.Add(1), span)
	if err != nil || len(points) == 0 {
		return journal.Point{}, false, err
	}
	return points[0], true, nil
}

// queues adds the queues that the fleet served.
func (c *crew) queues(f *scenario.Fleet) error {
	var list []string
	for _, r := range c.looks {
		list = append(list, r.Snapshot.Queues...)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) == 0 {
		return c.queue(f, c.name, func(group, leaf string) string { return group + "." + leaf })
	}
	for _, q := range list {
		if err := c.queue(f, q, func(_, leaf string) string { return "queues." + q + "." + leaf }); err != nil {
			return err
		}
	}
	return nil
}

func (c *crew) queue(f *scenario.Fleet, queue string, name names) error {
	q := scenario.Queue{Name: queue}
	q.Defaults()
	if err := c.arrivals(&q, name); err != nil {
		return err
	}
	if err := c.lengths(&q, name); err != nil {
		return err
	}
	f.Queues = append(f.Queues, queue)
	f.Serves = append(f.Serves, len(c.sc.Queues))
	c.sc.Queues = append(c.sc.Queues, q)
	return nil
}

// machines says what the fleet's machines are like.
func (c *crew) machines(f *scenario.Fleet) error {
	for _, part := range []func(*scenario.Fleet) error{c.slots, c.boots, c.start, c.kinds, c.price, c.faults} {
		if err := part(f); err != nil {
			return err
		}
	}
	return nil
}

func (c *crew) slots(f *scenario.Fleet) error {
	p, known, err := c.over("fleet.slots")
	if err != nil {
		return err
	}
	n := int(p.Last + .5)
	if !known || n < 1 || p.Last > 10_000 {
		c.note("assumed: %s: 1 slot a machine, none is recorded", c.name)
		return nil
	}
	f.Slots = n
	if p.Mean != p.Last {
		c.note("%s: %d slots a machine, as at the end; they were %.4g on average", c.name, n, p.Mean)
	}
	return nil
}

// boots takes boots and wakes from those that were seen.
func (c *crew) boots(f *scenario.Fleet) error {
	var boots, wakes []float64
	for _, r := range c.looks {
		boots, wakes = unseen(boots, r.Snapshot.Boots), unseen(wakes, r.Snapshot.Wakes)
	}
	for _, k := range []struct {
		to   *scenario.Length
		what string
		seen []float64
	}{{&f.Boot, "boot", boots}, {&f.Wake, "wake", wakes}} {
		if l, ok := fitted(k.seen); ok {
			*k.to = l
		} else {
			c.note("assumed: %s: a machine takes %s to %s, no %s is recorded", c.name, strict.Duration(k.to.Average()), k.what, k.what)
		}
	}
	return nil
}

// start is who serves at the beginning: also those that were on their way.
func (c *crew) start(f *scenario.Fleet) error {
	for _, name := range []string{"fleet.running", "fleet.pending"} {
		points, err := c.Series(c.ctx, c.name, name, c.from, c.times[0].Add(c.usual/2), 24*time.Hour*365*10)
		if err != nil {
			return err
		}
		if len(points) > 0 {
			f.Start += int(min(max(0, points[0].Last), 100_000))
		}
	}
	return nil
}

// kinds names the type and the zones that were seen. What a mixed fleet was bought
// as is not known, so the type that was seen most stands for all.
func (c *crew) kinds(f *scenario.Fleet) error {
	types, zones, spot, all := map[string]int{}, map[string]bool{}, 0, 0
	for _, r := range c.looks {
		for i := range r.Snapshot.Workers {
			w := &r.Snapshot.Workers[i]
			if w.State == fleet.Leaving {
				continue
			}
			all++
			if w.Spot {
				spot++
			}
			if w.Type != "" {
				types[w.Type]++
			}
			if w.Zone != "" {
				zones[w.Zone] = true
			}
		}
	}
	if most := commonest(types); most != "" {
		f.Types = []scenario.Type{{Name: most}}
		if len(types) > 1 {
			c.note("%s: its machines were of %d types: played as if all were %s, at what one cost on average", c.name, len(types), most)
		}
	}
	for _, z := range sorted(zones) {
		f.Zones = append(f.Zones, scenario.Zone{Name: z})
	}
	if spot > 0 {
		c.note("%s: %.0f%% of its machines were Spot: played without interruptions, at the price that the settings had for their type",
			c.name, 100*float64(spot)/float64(all))
	}
	return nil
}

func commonest(n map[string]int) (name string) {
	for k, v := range n {
		if name == "" || v > n[name] || v == n[name] && k < name {
			name = k
		}
	}
	return name
}

func sorted(set map[string]bool) (list []string) {
	for k := range set {
		list = append(list, k)
	}
	slices.SortFunc(list, strings.Compare)
	return list
}

// faults says what went wrong then, and does not here.
func (c *crew) faults(*scenario.Fleet) error {
	var seen []string
	for _, k := range []struct{ name, what string }{
		{"fleet.launch_failures", "refused launches"},
		{"fleet.dead_on_arrival", "machines that never came"},
		{"fleet.interruptions", "Spot interruptions"},
	} {
		p, _, err := c.over(k.name)
		if err != nil {
			return err
		}
		if p.Max > 0 {
			seen = append(seen, fmt.Sprintf("%s (up to %.4g an hour)", k.what, p.Max))
		}
	}
	if asleep, _, err := c.over("fleet.asleep"); err != nil {
		return err
	} else if len(c.looks) > 0 && asleep.Max > 0 && sleeping(c.looks[0].Snapshot) > 0 {
		c.note("%s: machines that slept when it began are not there here: they are launched instead of woken", c.name)
	}
	if len(seen) > 0 {
		c.note("%s: %s are not replayed", c.name, strings.Join(seen, ", "))
	}
	return nil
}

func sleeping(s signals.Snapshot) (n int) {
	for i := range s.Workers {
		if s.Workers[i].State == fleet.Asleep {
			n++
		}
	}
	return n
}
