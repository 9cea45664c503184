package faults

import (
	"container/heap"
	"fmt"
	"iter"
	"runtime/debug"
	"time"
)

// schedule is time itself: one thing happens after the other, by time and then in the
// order in which they were asked for. What runs real code that waits (a controller, who
// holds a lease) is a coroutine: it is handed the thread, runs until the world makes it
// wait, and hands it back. No goroutine ever runs beside another.
type schedule struct {
	now     time.Duration // since the world began
	queue   events
	number  uint64 // events so far
	running *actor // nil: an event of the world's own
	over    bool
}

// event is something that will happen.
type event struct {
	at     time.Duration
	number uint64
	do     func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].number < e[j].number
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(v any)   { *e = append(*e, v.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	v := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return v
}

// after has something happen in a while.
func (s *schedule) after(d time.Duration, do func()) {
	s.number++
	heap.Push(&s.queue, event{s.now + max(0, d), s.number, do})
}

// every has something happen again and again, until it returns false.
func (s *schedule) every(d time.Duration, do func() (on bool)) {
	s.after(d, func() {
		if do() {
			s.every(d, do)
		}
	})
}

// step lets the next thing happen; false when nothing is left before the end.
func (s *schedule) step(end time.Duration) bool {
	if s.over || len(s.queue) == 0 || s.queue[0].at > end {
		return false
	}
	e := heap.Pop(&s.queue).(event)
	s.now = e.at
	e.do()
	return true
}

// actor runs on a host and may be made to wait.
type actor struct {
	host  *Host
	name  string
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	gone  bool
	fault func(said string) // told of a panic of the code that it runs
}

// crashed unwinds an actor whose host has died.
type crashed struct{}

// launch starts an actor at once, or as soon as its host runs.
func (s *schedule) launch(a *actor, do func()) {
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		defer a.unwound()
		do()
	})
	s.after(0, func() { s.resume(a) })
}

// unwound takes in why an actor ended, if it did not return.
func (a *actor) unwound() {
	a.gone = true
	if p := recover(); p != nil {
		if _, ok := p.(crashed); !ok {
			a.fault(fmt.Sprintf("%s panics: %v\n%s", a.name, p, debug.Stack()))
		}
	}
}

// resume lets an actor run until it waits. One whose machine is stopped runs when that
// is woken.
func (s *schedule) resume(a *actor) {
	if a.gone {
		return
	}
	if left := a.host.stopped - s.now; left > 0 {
		s.after(left, func() { s.resume(a) })
		return
	}
	before := s.running
	s.running = a
	if _, on := a.next(); !on {
		a.gone = true
	}
	s.running = before
}

// wait has the actor that runs wait.
func (s *schedule) wait(d time.Duration) {
	a := s.running
	if a == nil {
		panic("the world's own events do not wait")
	}
	if a.gone {
		panic(crashed{}) // a deferred call of one that is unwound
	}
	s.after(d, func() { s.resume(a) })
	if !a.yield(struct{}{}) {
		a.gone = true
		panic(crashed{})
	}
}

// kill unwinds an actor. The one that runs unwinds itself.
func (s *schedule) kill(a *actor) {
	if a.gone {
		return
	}
	if a == s.running {
		a.gone = true
		panic(crashed{})
	}
	before := s.running
	s.running = a
	a.stop()
	a.gone = true
	s.running = before
}
