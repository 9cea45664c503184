package main

import (
	"math"
	"time"
)

// fluid is a world as `skynet decide` knows one: a queue of items as numbers, second
// by second, first in, first out, and workers that boot and are gone. It is far
// faster than package simulate, and told apart from it by nothing that the policies
// compared here look at.
type fluid struct {
	setting
	from    time.Time
	ask     func(w *fluid) (more int, err error) // how many workers more, each tick
	stop    float64                              // what is paid when it is no use going on; 0: never
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

// play goes through a series of items second by second. A play that was stopped is
// told by what it paid.
func (w *fluid) play(perMinute []float64, step time.Duration) (figures, error) {
	w.inHand = make([]float64, seconds)
	every := int(step / time.Second)
	length := len(perMinute) * 60
	for w.second = 0; w.second < length || w.waiting > 0 && w.second < length+86400; w.second++ {
		if w.second%every == 0 {
			if err := w.tick(); err != nil || w.stop > 0 && w.sheet.Paid > w.stop {
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
	if float64(waited) <= w.Wait.Seconds() {
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

func (w *fluid) tick() error {
	w.arrive()
	w.sheet.Ticks++
	more, err := w.ask(w)
	if err != nil {
		return err
	}
	w.arrived, w.done = 0, 0
	for ; more > 0; more-- {
		w.ready = append(w.ready, w.second+int(w.Boot.Seconds()))
		w.sheet.Launches++
	}
	for ; more < 0; more++ {
		w.sheet.Paid += leaves
		if w.running > 0 {
			w.running--
		} else {
			w.ready = w.ready[:len(w.ready)-1]
		}
	}
	return nil
}

func (w *fluid) now() time.Time { return w.from.Add(time.Duration(w.second) * time.Second) }

func (w *fluid) have() int { return w.running + len(w.ready) }

// visible and inFlight are what a queue would count.
func (w *fluid) visible() float64  { return math.Ceil(w.waiting - 1e-6) }
func (w *fluid) inFlight() float64 { return math.Round(w.hands) }

// oldest is how long the oldest item has waited, s.
func (w *fluid) oldest() float64 {
	if w.waiting > 0 {
		return float64(w.second - w.line[w.head].at)
	}
	return 0
}
