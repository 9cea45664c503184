package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"skynet/fleet"
	"skynet/queue"
	"skynet/worker/gate"
)

// Self is who the agent is.
type Self struct {
	ID      fleet.ID
	Fleet   string
	Version string // of the program, for the heartbeat
	Slots   int    // items worked on at once
}

// Feed is one queue the agent receives from.
type Feed struct {
	Source queue.Source
	Weight float64 // its share of slot time against the other queues; 0 counts as 1
	Tries  int     // deliveries after which the queue gives an item up; 0: not known
}

// Craft does the work of items.
type Craft interface {
	// Open reads an item and brings what it is made of, so that the next item can be
	// fetched while one is worked on. An error is a failed try, its text the reason. It
	// stops when ctx ends, and so do the stages of the piece.
	Open(ctx context.Context, t Try) (Piece, error)
	// Failed is told of each failed try, before the queue is. What it does is repeated
	// where the queue cannot be told.
	Failed(ctx context.Context, t Try, err error) error
}

// Piece is an item on its way through the stages. It is worked on by one at a time.
type Piece interface {
	// Work is what takes a slot.
	Work(ctx context.Context) error
	// Store returns when all outputs are stored, so that the item may go.
	Store(ctx context.Context) (Done, error)
	// Close removes what is left in scratch, whatever came of it.
	Close() error
}

// Try is one delivery of an item.
type Try struct {
	ID      string // of the item
	Queue   string
	Body    []byte
	Number  int  // 1 at first
	Last    bool // the queue gives the item up if this fails
	Worker  fleet.ID
	Version string // of the worker's program
}

// Done is what came of an item.
type Done struct {
	Outputs  []string // where they were stored
	BytesIn  int64
	BytesOut int64
	Idle     string // why there was nothing to do, "" if there was
}

// and adds what came of another part of the same item.
func (d Done) and(o Done) Done {
	d.Outputs = append(d.Outputs, o.Outputs...)
	d.BytesIn, d.BytesOut = d.BytesIn+o.BytesIn, d.BytesOut+o.BytesOut
	if o.Idle != "" {
		d.Idle = o.Idle
	}
	return d
}

// Voice carries heartbeats. queue.Mail is one.
type Voice interface {
	Post(ctx context.Context, body []byte) error
}

// Metadata is what the agent asks of the instance it runs on.
type Metadata interface {
	// Tag returns the value of the instance's tag, and whether it is set. An error
	// means that there was no answer, which says nothing about the tag.
	Tag(ctx context.Context, key string) (value string, set bool, err error)
	// Interruption returns the cloud's notice to take the instance back, nil for none.
	Interruption(ctx context.Context) (*fleet.Interruption, error)
}

// Foresight is Metadata that can tell more.
type Foresight interface {
	// AtRisk reports whether the cloud expects to take the instance back, and has not
	// said when.
	AtRisk(ctx context.Context) (bool, error)
}

// Agent works on items until it is told to stop. Make it with New.
type Agent struct {
	self  Self
	feeds []*feed
	craft Craft
	set   settings
	log   *zap.Logger

	gate  *gate.Gate
	share *share
	hands *hands
	tally *tally
	beat  *beat

	asking trouble // the metadata service
	risk   atomic.Bool

	aborted   chan struct{}
	abortOnce sync.Once
}

// Why items are taken out of hand before they are done.
var (
	errAborted = errors.New("the worker was told to stop at once")
	errGrace   = errors.New("the worker's grace to finish ran out")
	errTaken   = errors.New("the instance is being taken back")
	errShut    = errors.New("the worker takes no more items, and has not begun this one")
	errWaited  = errors.New("no slot became free in time for it")
)

// abortWait bounds how long an aborted agent waits for work that does not
// listen: a call into libvips cannot be interrupted.
const abortWait = 5 * time.Second

// New makes an agent that works on items of the feeds with craft and speaks
// through voice. It reads nothing and starts nothing yet.
func New(self Self, feeds []Feed, craft Craft, voice Voice, opts ...Option) (*Agent, error) {
	if err := check(self, feeds); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	set := defaults()
	for _, o := range opts {
		o(&set)
	}
	a := &Agent{self: self, craft: craft, set: set, hands: &hands{}, aborted: make(chan struct{}),
		asking: trouble{what: "ask the instance metadata"}}
	a.log = set.log.With(zap.String(keyWorker, string(self.ID)))
	for _, f := range feeds {
		a.feeds = append(a.feeds, newFeed(f))
	}
	a.share = newShare(a.feeds)
	a.gate = gate.New(self.Slots, a.changed)
	if set.ahead > 0 {
		a.gate.Ahead(func(inLine int) time.Duration {
			return a.share.soonest(time.Now(), float64(inLine)/float64(self.Slots)) - set.ahead
		})
	}
	a.tally = newTally(a.feeds)
	a.beat = newBeat(a, voice, rand.Text())
	return a, nil
}

func check(self Self, feeds []Feed) error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(self.ID == "", "no instance ID")
	bad(self.Slots < 1, "%d slots: at least 1 is needed", self.Slots)
	bad(len(feeds) == 0, "no queue to receive from")
	seen := map[string]bool{}
	for _, f := range feeds {
		name := f.Source.Name()
		bad(seen[name], "queue %s is given twice", name)
		bad(!(f.Weight >= 0) || f.Weight > 1e9, "queue %s: weight %g is not a share", name, f.Weight)
		seen[name] = true
	}
	return errors.Join(errs...)
}

// Run works until ctx ends, then stops receiving, finishes what is in hand
// (within the grace, if one is set), says so, and returns nil. After Abort, or
// when the grace has run out, it gives back what is in hand and returns an error.
func (a *Agent) Run(ctx context.Context) error {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)

	a.begin(ctx)
	var lanes, helpers sync.WaitGroup
	for range a.self.Slots * gate.LanesPerSlot {
		lanes.Go(func() { a.lane(life) })
	}
	helpers.Go(func() { a.beat.run(life) })
	helpers.Go(func() { a.watch(life) })
	helpers.Go(func() { a.watchParent(life) })
	helpers.Go(func() { a.stopper(ctx, life, end) })

	err := a.await(&lanes, life)
	end(err)
	helpers.Wait()
	a.beat.last(context.WithoutCancel(ctx), err != nil)
	a.log.Info("stopped", zap.Error(err))
	return err
}

// begin opens the gate, as soon as it is known whether a drain stands since
// before this start: watch goes on asking for as long as nobody answers.
func (a *Agent) begin(ctx context.Context) {
	if a.set.metadata == nil {
		a.gate.Admit()
		return
	}
	if !a.look(ctx) && ctx.Err() == nil {
		a.log.Warn("takes no item until the instance metadata say whether a drain stands")
	}
}

// await returns when all lanes have ended, or soon after life has.
func (a *Agent) await(lanes *sync.WaitGroup, life context.Context) error {
	over := make(chan struct{})
	go func() { lanes.Wait(); close(over) }()
	select {
	case <-over:
	case <-life.Done():
		select {
		case <-over:
		case <-time.After(abortWait):
			a.log.Warn("left work behind that does not stop")
		}
	}
	return context.Cause(life)
}

// Abort makes Run give everything back and return at once: the answer to a
// second signal.
func (a *Agent) Abort() { a.abortOnce.Do(func() { close(a.aborted) }) }

// Renew makes Run finish what is in hand and return nil, while the worker goes on to
// say that it works: another version of the program is about to take its place.
func (a *Agent) Renew() { a.gate.Renew() }

// stopper turns the end of ctx into a stop, and an abort or the end of the
// grace into the end of life.
func (a *Agent) stopper(ctx, life context.Context, end context.CancelCauseFunc) {
	stop, grace := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case <-life.Done():
			return
		case <-stop:
			stop = nil
			a.gate.Stop()
			if a.set.grace > 0 {
				grace = time.After(a.set.grace)
			}
		case <-grace:
			a.kill(end, errGrace)
			return
		case <-a.aborted:
			a.kill(end, errAborted)
			return
		}
	}
}

func (a *Agent) kill(end context.CancelCauseFunc, cause error) {
	a.gate.Stop()
	a.hands.stop(cause)
	end(cause)
}

// changed is called by the gate when what the agent would say has changed.
func (a *Agent) changed(s gate.Stance) {
	a.log.Info(s.State.String(), zap.String(keyDrain, s.Drain), zap.Int(keyJobs, s.Jobs),
		zap.Bool(keyInterrupted, s.Interruption != nil), zap.Bool(keyStopping, s.Stopping))
	a.beat.nudge()
}
