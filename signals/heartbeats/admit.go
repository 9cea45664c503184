package heartbeats

import (
	"errors"
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/queue"
)

// ErrForged says that somebody posts heartbeats in the name of a worker.
var ErrForged = errors.New("heartbeats in the name of others are refused")

// remind is how often of forgeries is complained.
const remind = 10 * time.Minute

// refused counts the letters that were not taken in.
type refused struct {
	unreadable, forged, strangers int

	last     string // who forged what, "" if that was told
	reminded time.Time
}

// admit reads a letter that may be a worker's. The queue's server vouches for the
// sender of some, and those speak for nobody else; once it has vouched for a worker,
// nobody speaks for that one without it.
//
// Where no server vouches for anybody (NATS), whoever may post may claim anything:
// what the roster, the guards and the deadlines make of it is bounded all the same.
func (e *Ears) admit(l queue.Letter) (fleet.Heartbeat, bool) {
	beat, err := Parse(l.Body)
	if err != nil {
		e.refused.unreadable++
		return beat, false
	}
	if l.From != "" && l.From != string(beat.Worker) || l.From == "" && e.last[beat.Worker].proven {
		e.refused.forged++
		e.refused.last = fmt.Sprintf("one in the name of %s came from %s", beat.Worker, orNobody(l.From))
		return beat, false
	}
	if !e.room(beat.Worker) {
		e.refused.strangers++
		return beat, false
	}
	return beat, true
}

func orNobody(from string) string {
	if from == "" {
		return "no instance"
	}
	return from
}

// room reports whether a worker is known or one more can be. Those that the cloud
// lists drive strangers out: else whoever posts under 20,000 names would keep every
// new worker from being heard.
func (e *Ears) room(id fleet.ID) bool {
	if _, known := e.last[id]; known || len(e.last) < mostWorkers {
		return true
	}
	if _, ours := e.listed[id]; !ours {
		return false
	}
	for other := range e.last {
		if _, ours := e.listed[other]; !ours {
			delete(e.last, other)
			return true
		}
	}
	return false
}

// forgery is what is to be complained of, nil if that was done lately.
func (e *Ears) forgery(now time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refused.last == "" || now.Sub(e.refused.reminded) < remind {
		return nil
	}
	err := fmt.Errorf("%w: %d so far; %s", ErrForged, e.refused.forged, e.refused.last)
	e.refused.last, e.refused.reminded = "", now
	return err
}

// Refused is how many letters were not taken in: they were no heartbeats of
// ours, not the worker's own, or of workers beyond those that are kept.
func (e *Ears) Refused() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.refused.unreadable + e.refused.forged + e.refused.strangers
}

// Refusals is the same by cause: unreadable, forged, strangers.
func (e *Ears) Refusals() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return map[string]int{"unreadable": e.refused.unreadable, "forged": e.refused.forged, "strangers": e.refused.strangers}
}
