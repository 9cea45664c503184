package worker

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"skynet/queue"
	"skynet/worker/gate"
)

// waitsAhead is how many times the time to look ahead an item waits in line for a
// slot before it is given back.
const waitsAhead = 6

// hand is an item in hand.
type hand struct {
	feed  *feed
	it    *queue.Item
	try   Try
	seat  *gate.Seat
	stint *stint
	held  context.Context // ends when it must not be worked on any longer
	stop  context.CancelCauseFunc
	let   func() // stops keeping it invisible

	ready chan struct{} // closed when it was opened
	ended chan struct{} // closed when its last stage has ended
	begun bool          // its start was counted
	took  time.Duration // slot time
}

// take takes an item that has arrived into the hand.
func (a *Agent) take(life context.Context, f *feed, it *queue.Item, s *gate.Seat) *hand {
	h := &hand{
		feed: f, it: it, seat: s, stint: a.share.begin(f, time.Now()), ready: make(chan struct{}), ended: make(chan struct{}),
		try: Try{
			ID: it.ID, Queue: f.name, Body: it.Body, Number: it.Tries, Last: f.tries > 0 && it.Tries >= f.tries,
			Worker: a.self.ID, Version: a.self.Version,
		},
	}
	h.held, h.stop, h.let = a.hold(life, f, it)
	return h
}

// carry does everything about one item: keeps it, takes it through the stages, and
// tells the queue what came of it.
//
//	Open ─► (in line for a slot) ─► Work ─► Store ─► settle
//
// An item has a slot from the moment that one is free for it: where nothing was
// fetched ahead, fetching takes slot time, and where too much is being stored, so
// does storing. So the slot time of its items is what a worker can do in a time.
func (a *Agent) carry(life context.Context, p gate.Pass, h *hand) {
	defer func() { a.gate.Done(h.seat, time.Now()) }()
	defer h.let()
	seated := make(chan struct{})
	go func() { defer close(seated); a.sit(p, h) }()
	done, err := a.try(h, seated)
	close(h.ended)
	<-seated
	a.leaveSlot(h)
	if err != nil && context.Cause(h.held) == nil && !h.begun {
		a.countStart(h, time.Now()) // it failed before it came to a slot: that was its start
	}
	a.settle(life, outcome{it: h.it, feed: h.feed, try: h.try, done: done, took: h.took, err: err, let: h.let}, context.Cause(h.held))
}

// sit waits in line for a slot, and counts the start of an item that gets one.
func (a *Agent) sit(p gate.Pass, h *hand) {
	shut, ready, patience := p.Shut, h.ready, (<-chan time.Time)(nil)
	for {
		select {
		case <-h.seat.Granted():
			a.share.start(h.stint, h.seat.Since())
			a.gate.Look()
			a.countStart(h, h.seat.Since())
			return
		case <-h.ended:
			return
		case <-ready:
			ready = nil
			if a.set.ahead > 0 {
				t := time.NewTimer(waitsAhead * a.set.ahead)
				defer t.Stop()
				patience = t.C
			}
		case <-shut:
			shut = nil
			a.pass(h, errShut)
		case <-patience:
			a.pass(h, errWaited)
		}
	}
}

// pass gives an item in line back, so that others can take it. One that comes for
// the second time stays, unless the instance is going: where each delivery is one of
// an item's tries, giving it back again and again would use them up.
func (a *Agent) pass(h *hand, why error) {
	select {
	case <-h.seat.Granted():
		return
	default:
	}
	if h.it.Tries == 1 && !h.try.Last || a.gate.Now().Interruption != nil {
		h.stop(why)
	}
}

// try takes an item through its stages once, within the limit of time.
func (a *Agent) try(h *hand, seated <-chan struct{}) (d Done, err error) {
	ctx := h.held
	if a.set.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.set.limit, fmt.Errorf("took longer than %s", a.set.limit))
		defer cancel()
	}
	if cause := context.Cause(ctx); cause != nil {
		return d, cause // it came when all was being given back
	}
	var piece Piece
	err = a.stage(ctx, h, func() (err error) { piece, err = a.craft.Open(ctx, h.try); return err })
	if err != nil {
		return d, err
	}
	defer func() {
		if err := piece.Close(); err != nil {
			a.log.Warn("left files in scratch", zap.String(keyItem, h.it.ID), zap.Error(err))
		}
	}()
	if err := a.comeToSlot(ctx, h, seated); err != nil {
		return d, err
	}
	if err := a.stage(ctx, h, func() error { return piece.Work(ctx) }); err != nil {
		return d, err
	}
	if a.gate.Worked(h.seat, time.Now()) {
		a.leaveSlot(h)
	}
	err = a.stage(ctx, h, func() (err error) { d, err = piece.Store(ctx); return err })
	return d, err
}

// comeToSlot waits until an item that is ready has its slot.
func (a *Agent) comeToSlot(ctx context.Context, h *hand, seated <-chan struct{}) error {
	a.gate.Prepared(h.seat)
	close(h.ready)
	select {
	case <-seated:
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}

// leaveSlot books the slot time of an item, once.
func (a *Agent) leaveSlot(h *hand) {
	now := time.Now()
	if !a.share.end(h.stint, now) {
		return
	}
	select {
	case <-h.seat.Granted():
		h.took = now.Sub(h.seat.Since())
	default: // it never came to one
	}
}

// stage does one stage. A panic is a failed try: one bad item must not take the
// others in hand with it.
func (a *Agent) stage(ctx context.Context, h *hand, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("panic", zap.String(keyItem, h.it.ID), zap.Any(keyReason, p), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("the worker panicked: %v", p)
		}
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = cause // "signal: killed" is what it looked like, this is why
		}
	}()
	return f()
}
