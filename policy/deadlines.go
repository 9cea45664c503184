package policy

import (
	"fmt"
	"time"

	"skynet/fleet"
	"skynet/signals"
)

// expire lets go of workers whose deadline has passed, and counts those of them
// that were capacity.
func (p Plan) expire(s signals.Snapshot, d Decision, done marks) (_ Decision, served int) {
	silent := 0
	var late []int
	for i := range s.Workers {
		w := &s.Workers[i]
		cause, overdue := p.overdue(w, s.Now)
		if !overdue {
			continue
		}
		if cause == fleet.CauseSilent {
			if silent++; silent > replaceBudget(d.Have) {
				continue
			}
		}
		if w.State.Serves() {
			served++
		}
		done[i], late = true, append(late, i)
		d.Terminate = append(d.Terminate, fleet.Exit{ID: w.ID, Cause: cause})
	}
	return p.sayOverdue(s, d, late), served
}

// replaceBudget bounds how many silent workers are replaced in one tick: a
// tenth of the fleet, at least one. Losing the heartbeats of many is more
// likely our fault than theirs.
func replaceBudget(have int) int { return max(1, have/10) }

// overdue reports whether a worker is to be let go for a reason other than
// being drained, each on evidence of its own. Silence alone is not enough: it
// takes the cloud's own bad word or a deadline as well.
func (p Plan) overdue(w *fleet.Worker, now time.Time) (fleet.Cause, bool) {
	switch w.State {
	case fleet.Starting, fleet.Waking:
		return fleet.CauseDead, w.Unheard > p.Boot
	case fleet.Asleep:
		return fleet.CauseSlept, p.AtMost > 0 && !w.AsleepSince.IsZero() && now.Sub(w.AsleepSince) > p.AtMost
	case fleet.Draining:
		if p.Drain > 0 && !w.DrainingSince.IsZero() && now.Sub(w.DrainingSince) > p.Drain {
			return fleet.CauseDeadline, true
		}
		if w.Heard.IsZero() {
			return fleet.CauseDead, w.Unheard > p.Boot
		}
		return fleet.CauseSilent, p.gone(w)
	case fleet.Working:
		return fleet.CauseSilent, p.gone(w)
	}
	return 0, false
}

// gone reports that a worker which was heard before is silent, and that there
// is more evidence than silence.
func (p Plan) gone(w *fleet.Worker) bool {
	return w.Silent && (w.Impaired || w.Unheard > p.Silence)
}

// since is when a worker that is on its way was last launched or woken.
func since(w *fleet.Worker) time.Time {
	if w.Woken.After(w.Launched) {
		return w.Woken
	}
	return w.Launched
}

// sayOverdue tells of each exit what it rests on. Where many have the same cause
// the first few are told, and the others are named.
func (p Plan) sayOverdue(s signals.Snapshot, d Decision, late []int) Decision {
	var others [len(manyOverdue)][]fleet.ID
	var told [len(manyOverdue)]int
	for n, i := range late {
		w, cause := &s.Workers[i], d.Terminate[n].Cause
		if told[cause]++; told[cause] > few {
			others[cause] = append(others[cause], w.ID)
			continue
		}
		d = d.Because("plan", "%s", p.overdueSaid(w, cause, s.Now))
	}
	for cause, list := range others {
		if len(list) > 0 {
			d = d.Because("plan", "%d more %s: %s", len(list), manyOverdue[cause], listed(list))
		}
	}
	return d
}

// manyOverdue is overdueSaid of several at once.
var manyOverdue = [...]string{
	fleet.CauseDead:     "are dead on arrival",
	fleet.CauseSlept:    "have slept for too long",
	fleet.CauseDeadline: "have been draining past the deadline",
	fleet.CauseSilent:   "are replaced: silent for too long",
}

func (p Plan) overdueSaid(w *fleet.Worker, c fleet.Cause, now time.Time) string {
	ago := func(t time.Time) string { return span(now.Sub(t)) }
	switch c {
	case fleet.CauseDead:
		return fmt.Sprintf("%s is dead on arrival: on its way, listened for in vain for %s, at most %s is given", w.ID, span(w.Unheard), span(p.Boot))
	case fleet.CauseSlept:
		return fmt.Sprintf("%s has slept for %s, at most %s is kept", w.ID, ago(w.AsleepSince), span(p.AtMost))
	case fleet.CauseDeadline:
		return fmt.Sprintf("%s has been draining for %s with %d in hand, the deadline is %s", w.ID, ago(w.DrainingSince), w.Jobs, span(p.Drain))
	}
	if w.Impaired {
		return fmt.Sprintf("%s is replaced: silent for %s, and the cloud's checks of it fail", w.ID, span(w.Unheard))
	}
	return fmt.Sprintf("%s is replaced: silent for %s, the deadline is %s", w.ID, span(w.Unheard), span(p.Silence))
}
