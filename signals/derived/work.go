package derived

import (
	"fmt"
	"strings"
	"time"

	"skynet/signals"
)

// work puts the signals of each queue, and those of the fleet that they add up
// to. A fleet whose queues are not named has one, which the group names stand for.
func (v *view) work() {
	all := v.rowOf("")
	if len(v.set.Queues) == 0 {
		all.derive()
		all.surplus()
	} else {
		rows := make([]*row, len(v.set.Queues))
		for i, q := range v.set.Queues {
			rows[i] = v.rowOf(q)
			rows[i].derive()
			rows[i].drain()
			rows[i].emit()
		}
		all.sum(rows)
		all.surplus()
		all.errors()
		all.waits()
	}
	all.drain()
	all.emit()
}

// derive puts what follows for one queue.
func (r *row) derive() {
	r.arrivals()
	r.mean(arrived, arrivalRate)
	r.mean(completed, rate)
	r.slope()
	r.errors()
	r.age()
	r.waits()
	r.seconds()
	r.backlog()
}

// age puts how old the oldest waiting item is, where the queue cannot tell: items
// leave in the order in which they came, more or less, so those that wait are the
// last arrivals.
func (r *row) age() {
	if r.known(oldestAge) || r.fixed[oldestAge] {
		return
	}
	if r.zero(visible) {
		r.know(oldestAge, 0)
		if !r.zero(inFlight) {
			r.note(oldestAge, "estimated: nothing waits, the age of what is in flight is not known")
		}
		return
	}
	if r.doubted != "" { // else all that is not counted yet would seem to have come long ago
		r.miss(oldestAge, r.why(oldestAge)+r.doubted)
		return
	}
	s := signals.Snapshot{Now: r.Now, Recent: r.Recent, Signals: []signals.Signal{r.sig[arrived], r.sig[visible]}}
	if !r.has[visible] {
		s.Signals = s.Signals[:1]
	}
	age, atLeast, err := s.OldestWaiting(r.queue)
	if err != nil {
		r.miss(oldestAge, r.why(oldestAge)+err.Error())
		return
	}
	r.know(oldestAge, age.Seconds())
	r.note(oldestAge, "estimated from arrivals")
	if atLeast {
		r.note(oldestAge, "estimated from arrivals: at least, more waits than arrived in what is remembered")
	}
}

// why is what a source said of a signal that it could not give.
func (r *row) why(l leaf) string {
	if why := r.sig[l].Unknown; r.has[l] && why != "" {
		return why + "; "
	}
	return ""
}

// waits puts 0 for how long items waited when none was started lately though
// everybody can be heard, and nothing is there that could wait. A policy on waits
// must be able to let an idle fleet go, and a signal that is unknown would keep it.
func (r *row) waits() {
	if r.set.Final || !r.known(completed) || !r.zero(visible) || !r.zero(inFlight) {
		return
	}
	for _, l := range []leaf{waitP50, waitP95, waitP99} {
		if r.has[l] && r.sig[l].Unknown != "" {
			r.know(l, 0)
			r.note(l, "nothing was started lately, and nothing waits")
		}
	}
}

// What notes of a time per item begin with.
const (
	assumed   = signals.Assumed
	estimated = "estimated: "
	learned   = "learned earlier, at "
)

// seconds puts how long an item takes where no worker has told lately: as it was
// last known, else as it follows from what is in flight, else as it is assumed.
func (r *row) seconds() {
	if r.known(secondsMean) || r.fixed[secondsMean] {
		return
	}
	last, carried := r.carried()
	real := carried && !strings.HasPrefix(last.Note, estimated)
	busy, ok := 0.0, false
	if !real {
		busy, ok = r.littlesLaw()
	}
	switch {
	case ok:
		r.know(secondsMean, busy)
		r.note(secondsMean, estimated+"items in flight over completions, last 15 minutes")
	case carried:
		r.put(secondsMean, last)
	default:
		r.prior()
	}
}

// carried is the time per item as the last tick knew it, made good for this tick.
func (r *row) carried() (signals.Signal, bool) {
	last := r.Last()
	s, ok := r.past(secondsMean).Find(&last)
	if _, err := number(s, ok, s.Name, last.At); err != nil || strings.HasPrefix(s.Note, assumed) {
		return signals.Signal{}, false
	}
	if s.Note == "" {
		s.Note = learned + s.At.UTC().Format(time.DateTime) + " UTC"
	}
	s.Good = max(s.Good, r.Now.Sub(s.At)+r.set.Interval)
	return s, true
}

// littlesLaw estimates the time per item of workers that do not report (somebody
// else's): the mean number in hand is the rate of completions times the time that
// each takes, https://en.wikipedia.org/wiki/Little%27s_law.
func (r *row) littlesLaw() (float64, bool) {
	if r.crew.reports {
		return 0, false
	}
	ticks, finished, hands := r.Since(r.Now.Add(-max(quarter, r.window))), r.past(completed), r.past(inFlight)
	busy, done, at, known := 0.0, 0.0, time.Time{}, false
	step := func(n, held float64, now time.Time) {
		if known && now.After(at) {
			busy, done = busy+held*now.Sub(at).Seconds(), done+n
		}
		at, known = now, true
	}
	for i := range ticks {
		n, ok := then(finished, &ticks[i])
		if held, held2 := then(hands, &ticks[i]); ok && held2 {
			step(n, held, ticks[i].At)
		}
	}
	n, err := r.count(completed)
	if held, err2 := r.count(inFlight); err == nil && err2 == nil {
		step(n, held, r.Now)
	}
	return busy / max(done, 1), done > 0 && busy > 0
}

func (r *row) prior() {
	p, ok := r.set.Priors.ByQueue[r.queue]
	if !ok || p <= 0 {
		p = r.set.Priors.Item
	}
	if p <= 0 {
		r.miss(secondsMean, r.why(secondsMean)+"no item has been done yet, and nothing is assumed")
		return
	}
	r.know(secondsMean, p.Seconds())
	r.note(secondsMean, assumed+"no item has been done yet")
}

// backlog puts the work that waits.
func (r *row) backlog() {
	items, err := r.count(visible)
	if err != nil {
		r.fails(backlogSeconds, err)
		return
	}
	each, err := r.count(secondsMean)
	switch {
	case items == 0:
		r.know(backlogSeconds, 0)
	case err != nil:
		r.fails(backlogSeconds, err)
	default:
		r.put(backlogSeconds, signals.Known(r.names[backlogSeconds], items*each, r.Now, 0))
		r.note(backlogSeconds, r.sig[secondsMean].Note)
	}
}

// surplus adds what is in flight beyond the busy slots of living workers to the
// fleet's backlog: those who held it are gone, and it comes back. It is added once:
// whose queue the busy slots serve is not known.
func (r *row) surplus() {
	held, err := r.count(inFlight)
	busy, known := r.busy()
	if err != nil || !known || held <= busy || r.sig[backlogSeconds].Unknown != "" {
		return
	}
	each, err := r.count(secondsMean)
	if err != nil {
		r.fails(backlogSeconds, err)
		return
	}
	note := r.sig[backlogSeconds].Note
	r.know(backlogSeconds, r.sig[backlogSeconds].Value+(held-busy)*each)
	r.note(backlogSeconds, note)
}

// busy is how many items living workers have in hand.
func (v *view) busy() (float64, bool) {
	if v.counted() {
		return float64(v.crew.inHand), true
	}
	n, err := v.value("fleet.busy_slots")
	return n, err == nil
}

// drain puts how long the backlog takes with what serves now; a queue's own as
// if all of it served that queue.
func (r *row) drain() {
	left, err := r.count(backlogSeconds)
	if err == nil && left == 0 {
		r.know(drainSeconds, 0)
		return
	}
	slots, unable := r.serving()
	switch {
	case err != nil:
		r.fails(drainSeconds, err)
	case unable != nil:
		r.fails(drainSeconds, unable)
	case slots == 0:
		r.miss(drainSeconds, "nobody serves")
	default:
		r.know(drainSeconds, left/slots)
		r.note(drainSeconds, r.sig[backlogSeconds].Note)
	}
}

// serving is how many slots serve now.
func (v *view) serving() (float64, error) {
	slots, err := v.value("fleet.slots")
	if v.counted() {
		return float64(v.crew.alive) * slots, err
	}
	running, err2 := v.value("fleet.running")
	if err2 != nil {
		return 0, fmt.Errorf("who serves is not known: %w", err2)
	}
	return running * slots, err
}
