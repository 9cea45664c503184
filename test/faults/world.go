package faults

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// began is when every world begins, by an honest clock: a Monday, early in the morning.
var began = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// World is all there is: time, machines, a queue, hosts with controllers, the weather,
// the laws, and what has happened.
type World struct {
	schedule
	seed    uint64
	weather Weather
	scene   scene
	chance  *chance
	drawn   [kinds]uint64
	log     log

	cloud   *cloud
	work    *works
	mail    *mail
	store   *store
	hosts   []*Host
	laws    laws
	way     Way
	agents  int           // that ever started
	newest  *ruling       // the last policy file that was valid
	files   int           // that there ever were
	mute    int           // machines without an agent when the last fault was over
	backlog time.Duration // how long what waits after the last item takes as many as may be billed
}

// Now is the time by an honest clock.
func (w *World) Now() time.Time { return began.Add(w.now) }

// Wait has what runs on a host wait, while the world goes on: who calls it must run
// under Host.Begin. When its process dies it never returns.
func (w *World) Wait(d time.Duration) { w.wait(d) }

// Draw gives the next numbers of a purpose.
func (w *World) Draw(k Kind) *rand.Rand {
	w.drawn[k]++
	return w.chance.of(k, 1, w.drawn[k])
}

// Blows is how strong a fault is now, 0 to 1.
func (w *World) Blows(k Kind) float64 { return w.weather.at(k, w.now) }

// Strikes draws whether a fault happens now, whose probability at its strongest is p.
func (w *World) Strikes(k Kind, p float64) bool {
	strength := w.Blows(k)
	return strength > 0 && w.Draw(k).Float64() < strength*p
}

// Tell writes a line of the story: who did what, and why.
func (w *World) Tell(who, format string, args ...any) {
	w.log.tell(w.now, who, format, args)
}

// breach notes that a law was broken. The first ends the world.
func (w *World) breach(law, format string, args ...any) {
	if w.log.breach != nil {
		return
	}
	w.log.breach = &Breach{Law: law, Said: fmt.Sprintf(format, args...), At: w.now, Line: len(w.log.lines)}
	w.Tell("the laws", "broken: %s: %s", law, w.log.breach.Said)
	w.over = true
}
