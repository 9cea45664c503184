package faults

import (
	"fmt"
	"slices"
	"time"

	"skynet/fleet"
)

// direct is the cloud's API behind the weather: a request waits, fails, takes effect.
type wire struct{ *cloud }

var _ Machines = wire{}

// bucket is a token bucket, by which EC2 throttles each kind of request:
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
type bucket struct {
	tokens float64
	at     time.Duration
}

// take reports whether one more request is let through.
func (b *bucket) take(now time.Duration, burst, perSecond float64) bool {
	b.tokens = min(burst, b.tokens+perSecond*(now-b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// throttled reports whether a request is turned away.
func (c *cloud) throttled(name string) bool {
	b := c.buckets[name]
	if b == nil {
		b = &bucket{tokens: 100}
		c.buckets[name] = b
	}
	burst, refill := 100., 5.
	if s := c.Blows(Throttled); s > 0 {
		burst, refill = 2, .02/s
	}
	return !b.take(c.now, burst, refill)
}

// request carries a request there and its answer back. It is the caller's process
// that may die or be stopped on the way; what was sent takes effect all the same.
func (c *cloud) request(name string, do func() error) (err error) {
	h := c.running.host
	h.mayDie("before " + name)
	if c.throttled(name) {
		c.Wait(50 * time.Millisecond)
		c.Tell("cloud", "throttles %s", name)
		return fmt.Errorf("%s: %w", name, fleet.ErrThrottled)
	}
	takes, left := c.latency(), h.left()
	if c.Strikes(Unreached, .4) {
		c.Wait(min(takes, left))
		c.Tell("cloud", "is not reached by %s", name)
		return fmt.Errorf("%s: %w", name, ErrUnreached)
	}
	arrives := takes <= left || c.Draw(CallsLate).Float64() < .7
	if arrives {
		c.after(min(takes/2, left-time.Millisecond), func() { err = do() })
	}
	lost := c.Strikes(AnswersLost, .4)
	c.Wait(min(takes, left))
	h.mayDie("after " + name)
	switch {
	case takes > left:
		c.Tell("cloud", "does not answer %s in time (it took effect: %v)", name, arrives)
		return fmt.Errorf("%s: %w", name, ErrLate)
	case lost:
		c.Tell("cloud", "answer to %s is lost", name)
		return fmt.Errorf("%s: %w", name, ErrLost)
	}
	return err
}

func (c *cloud) latency() time.Duration {
	if c.Strikes(CallsLate, .5) {
		return between(c.Draw(CallsLate), time.Second, 50*time.Second)
	}
	return between(c.Draw(forLatency), 40*time.Millisecond, 400*time.Millisecond)
}

func (c wire) Launch(p Purchase) (list []fleet.Instance, err error) {
	d := c.laws.sends("launch", c.running.host, nil, p.Tags[fleet.TagIntent])
	err = c.request("launch", func() error {
		c.laws.lands(d)
		a := c.buy(p)
		for _, m := range a.bought {
			list = append(list, m.Instance)
		}
		return a.err
	})
	if failed(err) {
		return nil, err
	}
	return list, err
}

// failed reports an error that tells nothing of what was done.
func failed(err error) bool {
	return err != nil && !slices.ContainsFunc([]error{fleet.ErrNoCapacity}, func(e error) bool { return isErr(err, e) })
}

func (c wire) List(want func(fleet.Instance) bool) (list []fleet.Instance, err error) {
	cut := c.Strikes(ListsFail, .4)
	err = c.request("list", func() error {
		list = c.list(want)
		if cut {
			list = list[:len(list)/2]
			return fmt.Errorf("the next page of a list: %w", ErrUnreached)
		}
		return nil
	})
	return list, err
}

// each does something to machines; done are those that it was done to.
func (c wire) each(kind string, ids []fleet.ID, do func(*deed, *machine) bool) (done []fleet.ID, err error) {
	d := c.laws.sends(kind, c.running.host, ids, "")
	err = c.request(kind, func() error {
		list, err := c.find(ids)
		if err != nil {
			return err
		}
		c.laws.lands(d)
		for _, m := range list {
			if do(d, m) {
				done = append(done, m.ID)
			}
		}
		if len(done) < len(ids) {
			return fmt.Errorf("%s: %d of %d are not in a state for it", kind, len(ids)-len(done), len(ids))
		}
		return nil
	})
	if isErr(err, ErrLost) || isErr(err, ErrLate) {
		return nil, err
	}
	return done, err
}

func (c wire) Start(ids []fleet.ID) ([]fleet.ID, error) {
	return c.each("wake", ids, func(_ *deed, m *machine) bool { return c.wakeUp(m) })
}

func (c wire) Stop(ids []fleet.ID) ([]fleet.ID, error) {
	return c.each("sleep", ids, func(d *deed, m *machine) bool {
		c.laws.letsGo(d, m)
		c.sleep(m)
		return true
	})
}

func (c wire) Terminate(ids []fleet.ID) ([]fleet.ID, error) {
	return c.each("terminate", ids, func(d *deed, m *machine) bool {
		c.laws.letsGo(d, m)
		c.end(m)
		return true
	})
}

func (c wire) Tag(ids []fleet.ID, key, value string) ([]fleet.ID, error) {
	kind := "tag"
	if key == fleet.TagDrain {
		kind = "drain"
	}
	return c.each(kind, ids, func(_ *deed, m *machine) bool {
		c.tag(m, key, value)
		return true
	})
}

func (c wire) Untag(ids []fleet.ID, key string) ([]fleet.ID, error) {
	kind := "untag"
	if key == fleet.TagDrain {
		kind = "recall"
	}
	return c.each(kind, ids, func(_ *deed, m *machine) bool {
		c.tag(m, key, "")
		return true
	})
}

// tag sets a tag, or takes it away.
func (c *cloud) tag(m *machine, key, value string) {
	if key == fleet.TagDrain && value != m.Tags[key] {
		m.asked = c.now
	}
	c.change(m, func() {
		if value == "" {
			delete(m.Tags, key)
			return
		}
		m.Tags[key] = value
	})
}
