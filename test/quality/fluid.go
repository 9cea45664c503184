package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"skynet/decide"
	"skynet/signals/line"
)

// fluid is a world as `skynet decide` knows one: a queue of items as numbers, second
// by second, first in, first out, and workers that boot and are gone. It is
// some forty times as fast as package simulate, and told apart from it by nothing
// that the policies compared here look at.
type fluid struct {
	setting
	second  int
	line    []lot // what waits
	head    int
	waiting float64
	inHand  []float64 // by second, of those that are being worked on
	hands   float64
	ready   []int // seconds at which those on their way serve
	running int
	arrived float64 // since the last tick
	done    float64
	sheet   figures
}

// lot is what arrived within a second.
type lot struct {
	at    int
	items float64
}

// figures are what came of a run.
type figures struct {
	Items, Within, Paid float64
	Launches            int
	Ticks               int
	Waits               []float64 // items by whole seconds of waiting
}

func (f figures) within() float64 { return f.Within / f.Items }

const (
	slots   = 4
	seconds = 4
)

// play drives a session through a series of items by second.
func (s setting) play(session *decide.Session, perMinute []float64, step time.Duration) (figures, error) {
	w := fluid{setting: s, inHand: make([]float64, seconds)}
	every := int(step / time.Second)
	length := len(perMinute) * 60
	for w.second = 0; w.second < length || w.waiting > 0 && w.second < length+86400; w.second++ {
		if w.second%every == 0 {
			if err := w.tick(session); err != nil {
				return w.sheet, err
			}
		}
		items := 0.0
		if w.second < length {
			items = perMinute[w.second/60] / 60
		}
		w.pass(items)
	}
	for _, l := range w.line[w.head:] {
		w.start(l.items, w.second-l.at)
	}
	return w.sheet, nil
}

// pass lets a second pass.
func (w *fluid) pass(items float64) {
	w.arrive()
	if items > 0 {
		w.line = append(w.line, lot{w.second, items})
		w.waiting += items
		w.arrived += items
		w.sheet.Items += items
	}
	w.sheet.Paid += float64(w.running + len(w.ready))
	place := w.second % seconds
	w.done += w.inHand[place]
	w.hands -= w.inHand[place]
	free := math.Max(0, float64(w.running*slots)-w.hands)
	began := math.Min(free, w.waiting)
	w.inHand[place] = began
	w.hands += began
	w.waiting -= began
	for began > 1e-9 {
		l := &w.line[w.head]
		n := math.Min(began, l.items)
		w.start(n, w.second-l.at)
		if l.items, began = l.items-n, began-n; l.items <= 1e-9 {
			w.waiting = math.Max(0, w.waiting-l.items)
			w.head++
		}
		if w.head == len(w.line) {
			w.line, w.head, w.waiting = w.line[:0], 0, 0
			break
		}
	}
}

func (w *fluid) start(items float64, waited int) {
	if float64(waited) <= w.wait.Seconds() {
		w.sheet.Within += items
	}
	for len(w.sheet.Waits) <= waited {
		w.sheet.Waits = append(w.sheet.Waits, 0)
	}
	w.sheet.Waits[waited] += items
}

// arrive has those serve that have booted.
func (w *fluid) arrive() {
	for len(w.ready) > 0 && w.ready[0] <= w.second {
		w.ready = w.ready[1:]
		w.running++
	}
}

// leaves is how long one that is let go is paid for meanwhile: it drains, and is
// ended by the next tick.
const leaves = 60

func (w *fluid) tick(session *decide.Session) error {
	w.arrive()
	w.sheet.Ticks++
	oldest := 0.0
	if w.waiting > 0 {
		oldest = float64(w.second - w.line[w.head].at)
	}
	v := func(x float64) *float64 { return &x }
	in := line.In{Time: w.from.Add(time.Duration(w.second) * time.Second), Signals: map[string]*float64{
		"queue.visible": v(math.Ceil(w.waiting - 1e-6)), "queue.in_flight": v(math.Round(w.hands)), "queue.arrived": v(math.Round(w.arrived)),
		"queue.completed": v(math.Round(w.done)), "queue.oldest_age": v(oldest), "work.seconds_mean": v(seconds),
		"fleet.running": v(float64(w.running)), "fleet.pending": v(float64(len(w.ready))), "fleet.slots": v(slots), "fleet.boot_seconds": v(w.boot.Seconds()),
	}}
	w.arrived, w.done = 0, 0
	out, _, err := session.Decide(context.Background(), in)
	if err != nil {
		return err
	}
	if w.watch != nil {
		w.watch(in, out)
	}
	if out.Want == nil {
		return fmt.Errorf("at %s: %v", in.Time, out.Reasons)
	}
	for n := *out.Want - *out.Have; n > 0; n-- {
		w.ready = append(w.ready, w.second+int(w.boot.Seconds()))
		w.sheet.Launches++
	}
	for n := *out.Have - *out.Want; n > 0; n-- {
		w.sheet.Paid += leaves
		if w.running > 0 {
			w.running--
		} else {
			w.ready = w.ready[:len(w.ready)-1]
		}
	}
	return nil
}
