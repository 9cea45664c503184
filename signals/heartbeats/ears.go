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
	// mostWorkers is how many are kept: more than any fleet has, few enough for
	// whoever posts under ever new names.
	mostWorkers = 20_000
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
