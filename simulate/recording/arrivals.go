package recording

import (
	"time"

	"skynet/config/strict"
	"skynet/journal"
	"skynet/simulate/scenario"
)

const (
	// reach is how far back a daemon compares depths to tell what has arrived.
	reach = time.Hour
	// hearsay is how long what workers say is kept for a daemon that does not listen:
	// after a longer gap some of what they finished in it is never heard of.
	hearsay = 5 * time.Minute
)

// moment is what a tick knew of one queue.
type moment struct {
	at    time.Duration // since the scenario's start
	came  float64       // since the tick before, or since an earlier one that could count
	known bool
	depth float64 // all that was in the queue
	seen  bool
}

// stretch is arrivals over some time.
type stretch struct {
	steps   []scenario.Step
	unknown time.Duration // of the time it is not known what arrived, or not all
}

// add spreads items over a time.
func (s *stretch) add(from, to time.Duration, items float64) {
	if items > 0 && to > from {
		s.steps = append(s.steps, scenario.Step{At: from, For: to - from, Items: items})
	}
}

// blind is time of which nobody can tell. The queue was deeper after it than
// before: at least so much arrived.
func (s *stretch) blind(a, b moment) {
	if b.at <= a.at {
		return
	}
	s.unknown += b.at - a.at
	if a.seen && b.seen {
		s.add(a.at, b.at, b.depth-a.depth)
	}
}

// counted puts what ticks counted between them. What waited at the first is there
// at once: of that, it is not known when it came.
//
// A count goes back to the last tick before it that could count, but no further
// than the daemon looks. Then it goes back to the first tick within that time which
// saw how deep the queue was. Where what was counted is somebody's file (exact),
// each count is that of its own step.
func counted(list []moment, usual time.Duration, exact bool) (s stretch) {
	if len(list) == 0 {
		return s
	}
	const atOnce = time.Millisecond
	if list[0].seen {
		at := list[0].at.Truncate(time.Second) // a daemon ticks a little after the full second
		s.add(at, at+atOnce, list[0].depth)
	}
	last := 0 // the tick up to which all is told
	for i := 1; i < len(list); i++ {
		m := list[i]
		if !m.known {
			continue
		}
		from := last
		switch {
		case exact:
			from = i - 1
		case m.at-list[last].at > max(reach, 2*usual):
			from = firstSeen(list, last+1, i, m.at-reach)
		}
		s.blind(list[last], list[from])
		s.add(list[from].at, m.at, m.came)
		if gap := m.at - list[from].at; gap > max(hearsay, 3*usual) {
			s.unknown += gap
		}
		last = i
	}
	s.blind(list[last], list[len(list)-1])
	return s
}

// firstSeen is the first tick from a time on that saw the depth, else the one
// before the tick that counts.
func firstSeen(list []moment, from, to int, since time.Duration) int {
	for i := from; i < to; i++ {
		if list[i].seen && list[i].at >= since {
			return i
		}
	}
	return to - 1
}

// names are those of a queue's signals.
type names func(group, leaf string) string

// arrivals puts what arrived in a queue.
func (c *crew) arrivals(q *scenario.Queue, name names) error {
	came, hours, err := c.read(name("queue", "arrived"))
	if err != nil {
		return err
	}
	depth, err := c.depth(name)
	if err != nil {
		return err
	}
	var list []moment
	for _, t := range c.times {
		m := moment{at: t.Sub(c.sc.Start.Time)}
		m.came, m.known = came[t.UnixNano()]
		m.depth, m.seen = depth[t.UnixNano()]
		list = append(list, m)
	}
	s := c.byHour(hours)
	ticked := counted(list, c.usual, c.imported)
	q.Series = scenario.Series{Began: c.sc.Start.Time, Steps: append(s.steps, ticked.steps...)}
	q.Arrivals = &scenario.Arrivals{Scale: 1}
	c.confess(q.Name, s.unknown+ticked.unknown)
	return nil
}

// confess says of how much of the time it is not known what arrived.
func (c *crew) confess(queue string, unknown time.Duration) {
	if len(c.times) > 0 { // the fleet may have begun later than others, or ended earlier
		unknown += max(0, c.sc.End-c.times[len(c.times)-1].Sub(c.sc.Start.Time))
		if len(c.hoursTold) == 0 {
			unknown += max(0, c.times[0].Sub(c.sc.Start.Time)-c.usual)
		}
	}
	if unknown <= 2*c.usual {
		return
	}
	c.note("%s: what arrived in %s of %s is not known, or not all of it (nobody ticked, or a source failed): it is played as if nothing had come then",
		queue, about(unknown), about(c.sc.End))
}

// about is a time as people say it.
func about(d time.Duration) strict.Duration {
	switch {
	case d >= time.Hour:
		d = d.Round(time.Minute)
	case d >= time.Second:
		d = d.Round(time.Second)
	}
	return strict.Duration(d)
}

// byHour puts what is known by the hour alone: spread evenly, as much of it as
// there were ticks.
func (c *crew) byHour(hours []journal.Point) (s stretch) {
	c.hoursTold = hours
	if len(hours) == 0 {
		return s
	}
	end := c.sc.End
	if len(c.times) > 0 {
		end = c.times[0].Sub(c.sc.Start.Time)
	}
	told := time.Duration(0)
	for _, h := range hours {
		from := max(0, h.At.Sub(c.sc.Start.Time))
		to := min(h.At.Sub(c.sc.Start.Time)+time.Hour, end)
		s.add(from, to, h.Mean*float64(h.Count))
		told += min(to-from, time.Duration(h.Count)*c.usual)
	}
	s.unknown = max(0, end-told)
	c.note("until %s it is known by the hour what arrived: it is spread evenly within each; --since leaves that out",
		c.sc.Start.Add(end).Format(time.DateTime)+" UTC")
	return s
}

// depth is all that was in a queue: what waited, what was in hand and what was
// delayed. Few queues can delay.
func (c *crew) depth(name names) (map[int64]float64, error) {
	visible, _, err := c.read(name("queue", "visible"))
	if err != nil {
		return nil, err
	}
	held, _, err := c.read(name("queue", "in_flight"))
	if err != nil {
		return nil, err
	}
	delayed, _, err := c.read(name("queue", "delayed"))
	if err != nil {
		return nil, err
	}
	all := make(map[int64]float64, len(visible))
	for at, n := range visible {
		if in, ok := held[at]; ok {
			all[at] = n + in + delayed[at]
		}
	}
	return all, nil
}
