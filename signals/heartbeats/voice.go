package heartbeats

import (
	"time"

	"skynet/fleet"
)

const (
	// slept is the silence after which a worker counts as begun anew: it was woken,
	// which the agent itself does not notice. Its longest interval is a minute.
	slept = 90 * time.Second
	// sole is how long a new start of an agent must be the only one that speaks for
	// its worker before "drained" is believed of it: every agent speaks in that time.
	sole = 75 * time.Second
	// overlap is how far apart the words of an agent that ends and of the next one
	// can arrive: a try to post takes ten seconds at most.
	overlap = 30 * time.Second
)

// voice is one worker's.
type voice struct {
	beat   fleet.Heartbeat
	heard  time.Time
	begun  time.Time // first heard after a start or a long silence
	seen   window
	former former
	proven bool      // the queue's server vouched that the worker itself spoke
	unsure time.Time // until then another start of the agent may speak as well
}

// former is what was seen of an earlier start of the agent.
type former struct {
	boot string
	seen window
}

// take keeps a heartbeat that arrived at that time if it is the newest, and
// reports whether its counters are new. One that is proven is the worker's own.
func (e *Ears) take(at time.Time, beat fleet.Heartbeat, proven bool) bool {
	beat.Queues = nil // counted, not kept: they may be long
	v := e.last[beat.Worker]
	if proven && !v.proven && v.beat.Boot != "" {
		v = voice{} // whoever spoke until now
	}
	v.proven = v.proven || proven
	switch {
	case v.isFormer(at, beat):
		if v.former.boot != beat.Boot {
			v.former = former{boot: beat.Boot}
		}
		if !v.former.seen.take(beat.Seq) {
			return false // doubled
		}
		v.doubt(at)
	case v.beat.Boot != beat.Boot: // the first word of a new start
		v = v.anew(at, beat)
		v.seen.take(beat.Seq)
	case !v.seen.take(beat.Seq):
		return false // doubled
	case beat.Seq > v.beat.Seq: // else late: counts, but says nothing new of the state
		if at.Sub(v.heard) > slept {
			v.begun = at
		}
		v.beat, v.heard = beat, at
	case at.Before(v.begun) && v.begun.Sub(at) <= slept: // overtaken by what was taken for its first word
		v.begun = at
	}
	e.last[beat.Worker] = v
	return true
}

// anew is the voice of a new start of the agent.
func (v voice) anew(at time.Time, beat fleet.Heartbeat) voice {
	next := voice{beat: beat, heard: at, begun: v.beginning(at), former: former{v.beat.Boot, v.seen}, proven: v.proven}
	if v.beat.Boot != "" && !v.proven && at.Sub(v.heard) <= late {
		next.unsure = at.Add(sole)
	}
	return next
}

// beginning is when a new start was first heard. After a restart of ours the
// first word of an agent that has run all along looks like one.
func (v voice) beginning(at time.Time) time.Time {
	if v.beat.Boot == "" && !v.begun.IsZero() && at.Sub(v.heard) <= slept {
		return v.begun
	}
	return at
}

// isFormer reports a late word of an earlier start of the agent, going by the
// worker's own clock. That may have been set back: what arrives when nothing can
// be late any more is news. What arrived before the last word is none, whatever its
// clock says: a letter that is read again would make the worker unheard since.
func (v voice) isFormer(at time.Time, beat fleet.Heartbeat) bool {
	return v.beat.Boot != "" && v.beat.Boot != beat.Boot && (at.Before(v.heard) || beat.At.Before(v.beat.At) && at.Sub(v.heard) <= late)
}

// doubt takes in that another start of the agent spoke at that time. Its last words
// may come late; what comes later than they can is said by a second agent, or by
// somebody else, and then neither is believed to have drained.
func (v *voice) doubt(at time.Time) {
	if !v.proven && at.Sub(v.begun) > overlap {
		v.unsure = at.Add(late)
	}
}
