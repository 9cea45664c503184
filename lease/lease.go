// Package lease sees to it that of several controllers one acts. The lease is a
// small object in a store with conditional writes; whoever wrote it last under its
// own name holds it, until a time counted from before that write was sent.
//
//	stand by ──► unchanged for as long as it lasts, and one call's time more
//	   ▲                              │ conditional write of the next term
//	   │ lost, or not renewed in time ▼
//	   └───────────────────────────  hold ──► note, act, note, act … ──► release
//
// Three things keep two from acting at once. Nobody compares clocks of two machines:
// the holder counts from before it asked, a successor from after it saw the last
// change, both on their own. What a tick is about to do is written beside the lease
// and the lease renewed by one conditional write before anything is done, so that a
// holder who was superseded learns it there. And every call that changes something
// has a deadline before the end, which a successor waits out with one call's time
// more, see Guard.
//
// What remains: a process that is stopped between its last look at the clock and the
// first byte on the wire sends that one request when it is woken, as with every lease
// (https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html). It is
// a request that was written beside the lease before: its successor knows of it, and
// under the launch's token nothing is bought twice. After five minutes AWS refuses it:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-signing.html
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Why nothing may be done now.
var (
	// ErrNotHeld says that the lease is not held, or not for long enough.
	ErrNotHeld = errors.New("the lease is not held")
	// ErrLost says that somebody else has taken it. It is an ErrNotHeld.
	ErrLost = fmt.Errorf("%w: another controller has taken it", ErrNotHeld)
)

// Defaults, right for ticks of ten seconds and more.
const (
	// DefaultLasts leaves a renewal that fails three tries before the end, and a
	// call of half a minute room between two of them.
	DefaultLasts = time.Minute
	// DefaultGrace is the longest that a call may take which was sent under a lease.
	DefaultGrace = 30 * time.Second
	// DefaultLook is how often who stands by looks.
	DefaultLook = 5 * time.Second
)

// Options are how a lease is held. The zero value of each but Holder is right.
type Options struct {
	Holder string // tells this run of this program from every other; see Me
	// Lasts is how long it is held after a renewal was asked for, Grace what a
	// successor waits besides: the longest that a call may go on. A successor goes by
	// those of the holder, or its own if they are longer.
	Lasts, Grace time.Duration
	Renew        time.Duration // how often it is renewed; a quarter of Lasts
	Look         time.Duration // how often who stands by looks
	Patience     time.Duration // how long one call to the store may take; a sixth of Lasts
	// Clock counts from any moment and goes on while the machine sleeps; see SinceBoot.
	Clock func() time.Duration
}

func (o Options) complete() Options {
	or := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	or(&o.Lasts, DefaultLasts)
	or(&o.Grace, DefaultGrace)
	or(&o.Renew, o.Lasts/4)
	or(&o.Look, DefaultLook)
	or(&o.Patience, o.Lasts/6)
	if o.Clock == nil {
		o.Clock = SinceBoot
	}
	return o
}

// Me names this run of this program: a machine, a process, and chance, since both
// come back.
func Me() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}

// Lease is one holder's, or would-be holder's, view of the lease. Safe for
// concurrent use, but for Acquire and Hold, which one goroutine calls in turn.
type Lease struct {
	store Store
	notes Notes
	opt   Options

	turn chan struct{} // holds a token while somebody writes

	mu      sync.Mutex
	held    bool          // nobody is known to have taken it
	until   time.Duration // by opt.Clock: how long it is held at least
	state   State         // as written or seen last
	version Version       // of that
	last    uint64        // the number of the last note that was tried
}

// New returns a lease that is not held. The store has the lease itself, notes what
// lies beside it.
func New(store Store, notes Notes, o Options) *Lease {
	return &Lease{store: store, notes: notes, opt: o.complete(), turn: make(chan struct{}, 1)}
}

// Deadline is when the lease ends unless it is renewed; false if it is not held.
func (l *Lease) Deadline() (time.Time, bool) {
	left := l.left()
	return time.Now().Add(left), left > 0
}

// Left is for how long it is held yet, by its own clock; 0 if it is not.
func (l *Lease) Left() time.Duration { return max(0, l.left()) }

// left is for how long it is held yet; 0 or less if it is not.
func (l *Lease) left() time.Duration {
	now := l.opt.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		return 0
	}
	return l.until - now
}

// Guard bounds a call that changes something by the end of the lease. Where less
// than need is left it renews first, and if that fails returns ErrNotHeld: the call
// must not be made. Calls through a Client are refused at the last moment besides.
func (l *Lease) Guard(ctx context.Context, need time.Duration) (context.Context, context.CancelFunc, error) {
	left := l.left()
	if left < need {
		if err := l.Renew(ctx); err != nil {
			return nil, nil, err
		}
		left = l.left()
	}
	if left < need || left <= 0 {
		return nil, nil, fmt.Errorf("%w for long enough: %s of %s are left", ErrNotHeld, max(0, left).Round(time.Millisecond), need)
	}
	end := l.opt.Clock() + left
	ctx = context.WithValue(ctx, guarded{}, func() bool { return l.opt.Clock() < end })
	ctx, cancel := context.WithTimeout(ctx, left)
	return ctx, cancel, nil
}

// Holder is who holds the lease, as far as is known, and since when by its own clock.
func (l *Lease) Holder() (holder string, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.Holder, l.state.Since
}
