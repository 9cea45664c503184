package signals

import (
	"fmt"
	"slices"
	"time"
)

// Batch is a part of what waits: items of which none has waited longer than
// Oldest.
type Batch struct {
	Items  float64
	Oldest time.Duration
}

// Waiting is the age profile of what waits in a queue, the oldest first: a queue
// hands out what came first, so what waits are the last arrivals. They are found by
// walking back through history. What came before history is as old as
// queue.oldest_age says, or at least as old as history reaches. A queue "" means
// the group names, queue.visible and so on.
//
// If it is not known how much waits, there is no batch. If no arrivals are known,
// all is one batch of the oldest age, 0 where that is unknown, beside the error
// that says so.
func (s Snapshot) Waiting(queue string) ([]Batch, error) {
	visible, err := s.Value(nameFor("queue.visible", queue))
	if err != nil {
		return nil, err
	}
	limit, bounded := s.oldest(queue)
	arrivals := s.arrivals(nameFor("queue.arrived", queue), visible)
	if len(arrivals) == 0 && visible > 0 {
		return []Batch{{visible, limit}}, fmt.Errorf("%s is unknown in every tick: when the waiting items came cannot be told", nameFor("queue.arrived", queue))
	}
	return profile(arrivals, visible, s.reach(), limit, bounded), nil
}

// remembered is how far back history must go before the age of what came before it
// may be told as "at least so old".
const remembered = time.Hour

// OldestWaiting is how old the oldest waiting item of a queue is, from arrivals less
// completions in order. If it came before history, so far as that reaches is given
// as the least that its age can be; an error, if history is shorter than an hour.
func (s Snapshot) OldestWaiting(queue string) (age time.Duration, atLeast bool, err error) {
	visible, err := s.Value(nameFor("queue.visible", queue))
	if err != nil || visible <= 0 {
		return 0, false, err
	}
	name := nameFor("queue.arrived", queue)
	arrivals, came := s.arrivals(name, visible), 0.0
	for _, a := range arrivals {
		came, age = came+a.Items, max(age, a.Oldest)
	}
	switch {
	case len(arrivals) == 0:
		return 0, false, fmt.Errorf("%s is unknown in every tick", name)
	case came >= visible:
		return age, false, nil
	case s.reach() < remembered:
		return 0, false, fmt.Errorf("%.0f items wait, %.0f have arrived in the %s that are remembered", visible, came, s.reach())
	}
	return max(age, s.reach()), true, nil
}

// nameFor is a signal of the catalogue's for one queue; queue "" means the group's.
func nameFor(name, queue string) string {
	if queue == "" {
		return name
	}
	return OfQueue(name, queue)
}

// oldest is the age of the oldest item as far as it is known. An old measurement
// has grown older since.
func (s Snapshot) oldest(queue string) (time.Duration, bool) {
	sig, _ := Find(s.Signals, nameFor("queue.oldest_age", queue))
	age, err := sig.Check(s.Now)
	if err != nil {
		return 0, false
	}
	return Seconds(age) + max(0, s.Now.Sub(sig.At)), true
}

// arrivals walks back from now until it has found as many as wait, the newest
// first. A tick that does not know its count lends its time to the next one.
func (s Snapshot) arrivals(name string, enough float64) (list []Batch) {
	found, open := 0.0, false
	add := func(n float64) {
		if n >= 0 {
			list, found, open = append(list, Batch{Items: n}), found+n, true
		}
	}
	if n, err := s.Value(name); err == nil {
		add(n)
	}
	read, ticks := Reader{Name: name}, s.unbroken()
	for i := len(ticks) - 1; i >= 0; i-- {
		t := &ticks[i]
		n, known := read.Value(t)
		if open {
			list[len(list)-1].Oldest = max(0, s.Now.Sub(t.At))
		}
		if known || i == 0 {
			open = false
			if found >= enough {
				break
			}
		}
		if known {
			add(n)
		}
	}
	if open { // the first tick's own count
		list[len(list)-1].Oldest = s.beforeFirst(len(ticks))
	}
	return list
}

// beforeFirst is how long ago the tick before the first unbroken one was, about a
// step if there was none.
func (s Snapshot) beforeFirst(unbroken int) time.Duration {
	if n := len(s.Recent) - unbroken; n > 0 {
		return max(0, s.Now.Sub(s.Recent[n-1].At))
	}
	return s.reach() + s.Step()
}

// reach is how far back history goes without a break.
func (s Snapshot) reach() time.Duration {
	ticks := s.unbroken()
	if len(ticks) == 0 {
		return 0
	}
	return max(0, s.Now.Sub(ticks[0].At))
}

// unbroken are the ticks since the last long break: what arrived during a night in
// which nobody looked may be as old as the night or a second. Ticks that are
// usually further apart than an hour do not break it.
func (s Snapshot) unbroken() []Tick {
	const enough = 4 // ticks from which their usual distance can be told
	last := s.Now
	for i := len(s.Recent) - 1; i >= 0; i-- {
		at := s.Recent[i].At
		if gap := last.Sub(at); gap > remembered && (len(s.Recent) < enough || gap > 3*s.Step()) {
			return s.Recent[i+1:]
		}
		last = at
	}
	return s.Recent
}

// profile takes the last arrivals, as many as wait. None is older than the limit.
func profile(arrivals []Batch, visible float64, reach, limit time.Duration, bounded bool) (list []Batch) {
	add := func(items float64, age time.Duration) {
		if bounded {
			age = min(age, limit)
		}
		list = append(list, Batch{items, age})
	}
	left, age := visible, time.Duration(0)
	for _, a := range arrivals {
		age = max(age, a.Oldest) // also where a clock was set back
		if n := min(a.Items, left); n > 0 {
			add(n, age)
			left -= n
		}
	}
	if left > 0 {
		age = max(age, reach)
		if bounded {
			age = limit
		}
		add(left, age)
	}
	slices.Reverse(list)
	return list
}

// Seconds is a number of seconds as a duration, as far as that reaches: never
// below 0, at most a year.
func Seconds(s float64) time.Duration {
	const most = 365 * 24 * time.Hour
	switch {
	case !(s > 0):
		return 0
	case s >= most.Seconds():
		return most
	}
	return time.Duration(s * float64(time.Second))
}
