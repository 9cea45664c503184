// Package heartbeats hears what workers say of themselves. It reads the
// heartbeat queue all the time rather than inside a tick, keeps each worker's
// last word, adds up what was done, and is the source of the signals that
// follow from it.
package heartbeats

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"skynet/fleet"
	"skynet/queue"
)

const (
	// atOnce is how many heartbeats are read in one call. Hundreds of workers
	// that report every 15 s are some tens a second.
	atOnce = 256
	// patience is how long one call waits for a heartbeat; an answer without any
	// still proves that we can hear.
	patience = 2 * time.Second
	// breath is the pause after a call that did not wait and brought nothing.
	breath = 100 * time.Millisecond
	// deafAfter is how long the last successful call may lie back before we count
	// as deaf: then silence says nothing.
	deafAfter = 15 * time.Second
	// forget is when the last word of a worker that is gone is dropped, and
	// forgetFull when there are too many of them.
	forget     = 24 * time.Hour
	forgetFull = time.Hour
	// slept is the silence after which a worker counts as begun anew: it was woken,
	// which the agent itself does not notice. Its longest interval is a minute.
	slept = 90 * time.Second
	// sole is how long a new start of an agent must be the only one that speaks for
	// its worker before "drained" is believed of it: every agent speaks in that time.
	sole = 75 * time.Second
	// overlap is how far apart the words of an agent that ends and of the next one
	// can arrive: a try to post takes ten seconds at most.
	overlap = 30 * time.Second
	// mostWorkers is how many are kept: more than any fleet has, few enough for
	// whoever posts under ever new names.
	mostWorkers = 20_000
	// noticed is how long somebody else's word of an interruption counts: the
	// instance is gone two minutes after it, or it was not meant.
	noticed = 15 * time.Minute
	// late is how old a heartbeat may arrive: then the queue drops it.
	late = 5 * time.Minute
	// tooLong is the longest heartbeat that is read, in bytes: ours are a few kB.
	tooLong = 256 << 10
	// tooMany is how many queues one may report on.
	tooMany = 256
	// mostBytes is the most that one may have read or written since its last
	// heartbeat, which may lie back an hour: 2 Tb/s for all of it.
	mostBytes = 1e15
	// tooWordy is the longest of its texts, in bytes: ours are a few dozen.
	tooWordy = 256
)

// Ears keep what was heard. Safe for concurrent use.
type Ears struct {
	mu      sync.Mutex
	last    map[fleet.ID]voice
	notices map[fleet.ID]notice    // of interruptions, told by others than the worker
	risks   map[fleet.ID]time.Time // when others said that one is expected
	tallies map[string]*tally      // by fleet, of those that a Source was asked for
	listed  map[fleet.ID]time.Time // who was asked for, and when: the cloud lists them
	since   time.Time              // heard without a break since
	read    time.Time              // last time that we did listen
	until   time.Time              // what arrived before was read: read, unless there is more than we can keep up with
	failed  string                 // why the last call failed, "" if it did not
	refused refused
}

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

// notice is one of an interruption.
type notice struct {
	fleet.Interruption
	told time.Time
}

// former is what was seen of an earlier start of the agent.
type former struct {
	boot string
	seen window
}

// New returns Ears that have heard nothing yet.
func New() *Ears {
	return &Ears{last: map[fleet.ID]voice{}, notices: map[fleet.ID]notice{}, risks: map[fleet.ID]time.Time{}, tallies: map[string]*tally{}, listed: map[fleet.ID]time.Time{}}
}

// Prime tells what an earlier run of the controller had heard: without it, a
// restart would take every worker for one that never spoke.
func (e *Ears) Prime(ws []fleet.Worker) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range ws {
		if _, known := e.last[w.ID]; known || w.Heard.IsZero() {
			continue
		}
		// What it said is not known, only that it spoke: busy until it says more.
		beat := fleet.Heartbeat{Worker: w.ID, State: fleet.Working, Jobs: w.Jobs, Slots: w.Slots}
		e.last[w.ID] = voice{beat: beat, heard: w.Heard, begun: w.Booted}
	}
}

// Listen reads heartbeats from the mail until ctx ends. When the mail fails it
// says so once, waits a little and goes on: deafness is a state, not an end. A
// mail that has nothing and does not wait for it is not hammered. Of letters that
// were posted in the name of others it complains, too, now and then (ErrForged).
func (e *Ears) Listen(ctx context.Context, mail queue.Mail, complain func(error)) {
	broken := false
	for ctx.Err() == nil {
		asked := time.Now()
		letters, err := mail.Collect(ctx, atOnce, patience)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !broken {
				complain(fmt.Errorf("read heartbeats: %w", err))
			}
			broken = true
			e.deaf(err)
			pause(ctx, time.Second)
			continue
		}
		broken = false
		e.Hear(time.Now(), letters)
		if forged := e.forgery(time.Now()); forged != nil {
			complain(forged)
		}
		if len(letters) == 0 && time.Since(asked) < breath {
			pause(ctx, breath)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (e *Ears) deaf(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed = err.Error()
}

// Hear takes in what one call has brought, read at now. No letters at all still
// mean that we were listening.
//
// A worker is heard when its letter arrived, not when we read it: between the
// two it may have died, or been sent to sleep and woken. What it did is counted
// at now, when we learn of it.
func (e *Ears) Hear(now time.Time, letters []queue.Letter) {
	now = now.Round(0) // the wall clock's alone: the other one stands still while the machine sleeps
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.read) > deafAfter {
		e.since = now
	}
	e.read, e.failed = now, ""
	e.until = e.caughtUp(now, letters)
	for _, l := range letters {
		if beat, ok := e.admit(l); ok && e.take(arrived(now, l), beat, l.From != "") {
			e.count(now, beat)
		}
	}
	e.tidy(now)
}

// caughtUp is the time before which everything has been read. A call that brought as
// much as it may leaves more behind: half of what it brought had come by then. It
// keeps those whose words wait in line from passing for silent.
func (e *Ears) caughtUp(now time.Time, letters []queue.Letter) time.Time {
	if len(letters) < atOnce {
		return now
	}
	at := make([]time.Time, 0, len(letters))
	for _, l := range letters {
		at = append(at, arrived(now, l))
	}
	slices.SortFunc(at, time.Time.Compare)
	if half := at[len(at)/2].Round(0); half.After(e.until) || e.until.After(now) {
		return half
	}
	return e.until
}

// arrived is when a letter came, by our clock as far as that is known. The
// embedded server's clock is ours; a remote one's may be ahead, and a worker that
// was heard in the future would stay fresh after its death, for as long as that.
// One that is behind makes workers look unheard for longer than they are: we do
// not correct it, since a letter that is late looks the same.
func arrived(now time.Time, l queue.Letter) time.Time {
	if l.At.IsZero() || l.At.After(now) {
		return now
	}
	return l.At
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

// count adds up what was done for the queues that a Source was asked for.
// Anybody may post under other names.
func (e *Ears) count(now time.Time, beat fleet.Heartbeat) {
	if t := e.tallies[beat.Fleet]; t != nil {
		t.add(now, beat.Queues)
	}
}

func (e *Ears) tidy(now time.Time) {
	for id, n := range e.notices {
		if now.Sub(n.told) > noticed {
			delete(e.notices, id)
		}
	}
	for id, told := range e.risks {
		if now.Sub(told) > forget {
			delete(e.risks, id)
		}
	}
	keep := forget
	if len(e.last) >= mostWorkers {
		keep = forgetFull
	}
	for id, v := range e.last {
		if now.Sub(v.heard) > keep {
			delete(e.last, id)
		}
	}
	for id, asked := range e.listed {
		if now.Sub(asked) > forgetFull {
			delete(e.listed, id)
		}
	}
}

// Last is the newest heartbeat of a worker, without its counters, and when it
// arrived. An interruption that others have told of counts as said by itself.
//
// Who is asked for is listed by the cloud, and is heard before strangers are.
func (e *Ears) Last(id fleet.ID) (fleet.Heartbeat, time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listed[id] = e.read
	v, ok := e.last[id]
	if v.beat.State == fleet.Drained && e.read.Before(v.unsure) {
		v.beat.State = fleet.Draining
	}
	if n, told := e.notices[id]; told && v.beat.Interruption == nil {
		v.beat.Interruption = &n.Interruption
	}
	if _, told := e.risks[id]; told {
		v.beat.AtRisk = true
	}
	return v.beat, v.heard, ok
}

// Notice takes in, at now, that a worker will be interrupted, from whoever knows it
// besides the worker: the cloud tells both, and the worker may be too busy to ask.
func (e *Ears) Notice(now time.Time, id fleet.ID, i fleet.Interruption) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.notices) < mostWorkers {
		e.notices[id] = notice{i, now}
	}
}

// Booted is when a worker was first heard after its start, or after a silence as
// long as only sleep is; zero if it was not heard.
func (e *Ears) Booted(id fleet.ID) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last[id].begun
}

// Listening is the stretch over which we could hear without a break, up to the
// last time that we did listen.
func (e *Ears) Listening() (since, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.since, e.until
}

// AtRisk takes in, at now, that the cloud expects to interrupt a worker.
func (e *Ears) AtRisk(now time.Time, id fleet.ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.risks) < mostWorkers {
		e.risks[id] = now
	}
}
