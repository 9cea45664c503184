package simulate

import (
	"context"
	"time"

	"skynet/signals"
)

// Collect gives what the daemon's sources do, whole: each queue's depth, and what
// the agents report.
func (c *crew) Collect(_ context.Context, _ time.Time) []signals.Signal {
	s := sheet{now: c.world.at(c.world.now), good: c.interval, list: make([]signals.Signal, 0, 16*len(c.queues)+8)}
	seconds, wait := c.merged()
	c.processors(&s)
	for _, q := range c.queues {
		c.tell(&s, q)
	}
	s.quantiles("work.", seconds, wait)
	return s.list
}

// sheet is signals that are written down at one moment.
type sheet struct {
	now  time.Time
	good time.Duration
	list []signals.Signal
}

func (s *sheet) know(name string, v float64) {
	s.list = append(s.list, signals.Known(name, v, s.now, s.good))
}

func (s *sheet) miss(name, why string) {
	s.list = append(s.list, signals.Missing(name, s.now, why))
}

// tell gives what is known of one queue, nearly in order of names: who sorts it
// later has little to do.
func (c *crew) tell(s *sheet, q *queue) {
	prefix := "queues." + q.Name + "."
	s.know(prefix+"completed", float64(q.completed))
	s.know(prefix+"dead", 0)
	s.know(prefix+"delayed", 0)
	s.know(prefix+"failed", 0)
	s.know(prefix+"in_flight", float64(q.inHand+len(q.lost)))
	s.know(prefix+"oldest_age", q.oldest(c.world.now).Seconds())
	s.know(prefix+"redelivered", float64(q.redelivered))
	q.completed, q.redelivered = 0, 0
	if mean, ok := q.mean(c.world.now); ok {
		s.know(prefix+"seconds_mean", mean)
	} else {
		s.miss(prefix+"seconds_mean", "no worker has finished an item of it yet")
	}
	s.know(prefix+"visible", float64(q.visible()))
	s.quantiles(prefix, q.seconds.until(c.world.minute), q.wait.until(c.world.minute))
}

// merged is the times of all queues together.
func (c *crew) merged() (seconds, wait *histogram) {
	n := c.world.minute
	if len(c.queues) == 1 {
		return c.queues[0].seconds.until(n), c.queues[0].wait.until(n)
	}
	seconds, wait = &histogram{fine: coarse}, &histogram{fine: coarse}
	for _, q := range c.queues {
		seconds.merge(q.seconds.until(n), 1)
		wait.merge(q.wait.until(n), 1)
	}
	return seconds, wait
}

func (s *sheet) quantiles(prefix string, seconds, wait *histogram) {
	for _, k := range []struct {
		leaf string
		of   *histogram
		q    float64
	}{
		{"seconds_p50", seconds, .5}, {"seconds_p95", seconds, .95},
		{"wait_p50", wait, .5}, {"wait_p95", wait, .95}, {"wait_p99", wait, .99},
	} {
		if v, ok := k.of.quantile(k.q); ok {
			s.know(prefix+k.leaf, v.Seconds())
		} else {
			s.miss(prefix+k.leaf, "no item was worked on lately")
		}
	}
}

// processors gives processor use as slots at work: nothing else is known of it.
func (c *crew) processors(s *sheet) {
	with, heard, sum := make([]int, c.Slots+1), 0, 0
	for _, m := range c.live {
		if m.heard(c.world.now) {
			jobs := m.says(c.world.now).jobs
			with[jobs]++
			heard++
			sum += jobs
		}
	}
	if heard == 0 {
		s.miss("fleet.cpu_mean", "no worker has been heard lately")
		s.miss("fleet.cpu_p95", "no worker has been heard lately")
		return
	}
	rank, seen, p95 := (heard*95+99)/100, 0, 0
	for jobs, n := range with {
		if seen += n; seen >= rank {
			p95 = jobs
			break
		}
	}
	share := 100 / float64(c.Slots)
	s.know("fleet.cpu_mean", share*float64(sum)/float64(heard))
	s.know("fleet.cpu_p95", share*float64(p95))
}
