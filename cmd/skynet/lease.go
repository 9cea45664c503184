package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"skynet/controller"
	"skynet/journal/handover"
	"skynet/lease"
	"skynet/lease/s3"
	"skynet/queue"
	"skynet/signals"
)

var (
	_ controller.Lease   = (*lease.Lease)(nil)
	_ controller.Journal = (*handover.Journal)(nil)
	_ handover.Log       = (*lease.Lease)(nil)
)

const (
	// handedOver is how far back a successor reads what was noted: what a day's
	// budget and every window of an hour need.
	handedOver = 26 * time.Hour
	// mostNotes bounds that: some MB each fleet.
	mostNotes = 20_000
	// catchUpEvery is how often it is tried again.
	catchUpEvery = 5 * time.Second
	// warnEvery is how often it is told that S3 does not answer.
	warnEvery = time.Minute
	// againEvery is how often a daemon that has lost its turn tries to stand by again.
	againEvery = 10 * time.Second
	// letGo is how long giving the lease up may take, and the first look at it.
	letGo = 20 * time.Second
)

// turn is the turn of one of several daemons to act. Where a file lock is the lease
// there is none: who has the folder acts.
type turn struct {
	*lease.Lease
	journal  *handover.Journal
	follower *handover.Follower
	read     uint64 // the last note that was taken
	most     uint64 // how many are read at most
	log      *zap.Logger
	told     *supervisor
	said     string // last, of what may be the same for hours
	warned   time.Time

	held context.Context // ends when it is not held any more
	end  context.CancelCauseFunc
	done sync.WaitGroup
}

// openLease prepares standing by. A dry run acts on nothing: it takes no turn.
func (d *daemon) openLease(ctx context.Context) error {
	if d.dry || !strings.HasPrefix(d.cfg.Lease, "s3://") {
		return nil
	}
	store, err := s3.New(d.aws, d.cfg.Lease)
	if err != nil {
		return err
	}
	if d.me == "" { // at the start: what goes wrong later is waited for
		checking, cancel := context.WithTimeout(ctx, letGo)
		defer cancel()
		if err := store.Check(checking); err != nil {
			return fmt.Errorf("lease %s: %w", d.cfg.Lease, err)
		}
		d.me = lease.Me()
	}
	d.turn = &turn{
		Lease: lease.New(store, store, lease.Options{Holder: d.me, Grace: controller.CallTimeout}),
		most:  min(mostNotes, uint64(handedOver/d.cfg.Interval.Std()+1)*uint64(len(d.cfg.Fleets)+1)),
		log:   d.log.With(zap.String("lease", d.cfg.Lease)),
		told:  d.supervisor,
	}
	return nil
}

// standBy waits for this daemon's turn, and then until it knows what the last one
// did. Whatever can be wrong in the settings should be found before.
func (d *daemon) standBy(ctx context.Context) error {
	if d.turn == nil {
		return nil
	}
	for _, f := range d.cfg.Fleets {
		p, err := (&loop{daemon: d, fleet: f}).load()
		if err != nil {
			return fmt.Errorf("fleet %s: %w", f.Name, err)
		}
		d.front.decidesBy(f.Name, p)
	}
	t := d.turn
	t.journal, t.follower = handover.New(d.journal, t.Lease), handover.NewFollower(d.journal)
	defer d.pruneMeanwhile(ctx)()
	if err := t.Acquire(ctx, func(s lease.State, err error) { t.look(ctx, s, err); d.front.standsBy(s) }); err != nil {
		return fmt.Errorf("lease %s: %w", d.cfg.Lease, err)
	}
	d.onClose(t.begin(ctx))
	if err := t.catchUp(); err != nil {
		return fmt.Errorf("lease %s: %w", d.cfg.Lease, err)
	}
	d.mail, d.events = t.hears(d.mail), t.hears(d.events)
	t.log.Info("holds the lease", zap.Uint64("term", t.State().Term), zap.Int("ticks_taken_over", t.follower.Ticks()))
	return d.takeOrdersOver(ctx)
}

// pruneMeanwhile has the journal of who stands by, for weeks perhaps, forget as well.
func (d *daemon) pruneMeanwhile(ctx context.Context) (end func()) {
	var done sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	done.Go(func() { d.prune(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}

// look follows who holds the lease, so that little is left to catch up with.
func (t *turn) look(ctx context.Context, s lease.State, err error) {
	t.told.waits(standing(s, err))
	if err == nil && s.Holder != "" {
		t.tell("stands by", zap.String("holder", s.Holder), zap.Time("since", s.Since))
		err = t.follow(ctx, s)
	}
	if err != nil && ctx.Err() == nil && time.Since(t.warned) > warnEvery {
		t.warned = time.Now()
		t.log.Warn("stands by, and cannot follow or take the lease", zap.Error(err))
	}
}

// standing says in a line how it stands by.
func standing(s lease.State, err error) string {
	switch {
	case err != nil:
		return "stands by, and cannot look at the lease: " + err.Error()
	case s.Holder == "":
		return "stands by; nobody holds the lease"
	}
	return "stands by; " + s.Holder + " acts since " + zoned(s.Since)
}

// tell logs what has not been said last.
func (t *turn) tell(text string, fields ...zap.Field) {
	said := text
	for _, f := range fields {
		said += fmt.Sprint(" ", f.String, f.Integer, f.Interface)
	}
	if said != t.said {
		t.log.Info(text, fields...)
	}
	t.said = said
}

// follow takes what was noted since the last time.
func (t *turn) follow(ctx context.Context, s lease.State) (err error) {
	if s.Note > t.most {
		t.read = max(t.read, s.Note-t.most)
	}
	t.read, err = t.Read(ctx, s, t.read, func(body []byte) error { return t.follower.Take(ctx, body) })
	return err
}

// begin holds the lease until what it returns is called, which gives it up: nothing
// is under way then.
func (t *turn) begin(ctx context.Context) (end func() error) {
	t.held, t.end = context.WithCancelCause(ctx)
	t.done.Go(func() {
		if err := t.Hold(t.held); err != nil {
			t.log.Error("stops acting; the fleet stays as it is", zap.Error(err))
			t.end(err)
		}
	})
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGo)
		defer cancel()
		var err error
		if !t.lost() {
			err = t.journal.Flush(ctx)
		}
		t.end(nil)
		t.done.Wait()
		return errors.Join(err, t.Release(ctx))
	}
}

// lost reports whether the lease was taken by another, or could not be renewed.
func (t *turn) lost() bool {
	return t != nil && t.held != nil && errors.Is(context.Cause(t.held), lease.ErrNotHeld)
}

// catchUp takes what is left. Without it nobody would know what was bought and is on
// its way: until it can be read nothing is done.
func (t *turn) catchUp() error {
	for {
		err := t.follow(t.held, t.State())
		switch {
		case err == nil:
			return nil
		case t.held.Err() != nil:
			return context.Cause(t.held)
		}
		t.tell("does nothing until it knows what the last holder did", zap.String("error", err.Error()))
		t.told.waits("does nothing until it knows what the last holder did: " + err.Error())
		select {
		case <-t.held.Done():
		case <-time.After(catchUpEvery):
		}
	}
}

// hears is mail that is read only while the lease is held: what was read is gone, and
// who acts must hear it.
func (t *turn) hears(m queue.Mail) queue.Mail {
	if m == nil {
		return nil
	}
	return leasedMail{m, t.Lease}
}

type leasedMail struct {
	queue.Mail
	lease controller.Lease
}

func (m leasedMail) Collect(ctx context.Context, limit int, wait time.Duration) ([]queue.Letter, error) {
	ctx, cancel, err := m.lease.Guard(ctx, wait)
	if err != nil {
		return nil, err
	}
	defer cancel()
	return m.Mail.Collect(ctx, limit, wait)
}

// takeOrdersOver has orders outlive the machine that they were given on.
// An order given here stands.
func (d *daemon) takeOrdersOver(ctx context.Context) error {
	now := time.Now()
	taken := map[string]signals.Standing{}
	for _, f := range d.cfg.Fleets {
		if s := d.turn.follower.Standing(f.Name, now); !s.IsZero() {
			taken[f.Name] = s
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return changeOrders(ctx, ordersFile(d.cfg.StateDir), func(all map[string]signals.Standing, now time.Time) error {
		for name, s := range taken {
			own := all[name].In(now)
			all[name] = own.TakeOver(s)
			d.tellTakenOver(name, own, all[name])
		}
		return nil
	})
}

// tellTakenOver logs what changes with another's orders.
func (d *daemon) tellTakenOver(name string, own, all signals.Standing) {
	log := d.log.With(zap.String(keyFleet, name))
	switch p := all.Pause; {
	case own.Pause == nil && p != nil:
		log.Warn("takes a pause over", zap.Time("until", p.Until), zap.String("why", p.Why))
	case own.Pause != nil && p != own.Pause:
		log.Warn("a pause that was ordered here was taken back meanwhile", zap.Time("until", own.Pause.Until), zap.String("why", own.Pause.Why))
	}
	switch f := all.Floor; {
	case own.Floor == nil && f != nil:
		log.Warn("takes a floor over", zap.Time("until", f.Until), zap.Int("want", f.Want))
	case own.Floor != nil && f != own.Floor:
		log.Warn("a floor that was ordered here was taken back meanwhile", zap.Time("until", own.Floor.Until), zap.Int("want", own.Floor.Want))
	}
}

// during is ctx as long as it is this daemon's turn.
func (d *daemon) during(ctx context.Context) context.Context {
	if d.turn == nil {
		return ctx
	}
	return d.turn.held
}

// fenced lets a world be acted on only while it is this daemon's turn.
func (d *daemon) fenced(w controller.World) controller.World {
	if d.turn == nil {
		return w
	}
	return controller.Leased(w, d.turn.Lease)
}

// ticks is the journal that the loops write to.
func (d *daemon) ticks() controller.Journal {
	if d.turn == nil {
		return d.journal
	}
	return d.turn.journal
}

// serve takes turns with other daemons, if there are any, until ctx ends. Each turn
// begins from what is on disk, like a restart: what was remembered is of the past. What
// fails then is waited for, other than at the start: most often the lease was lost
// because nothing of AWS can be reached.
func (d *daemon) serve(ctx context.Context, run func(*daemon)) error {
	for {
		err := d.serveTurn(ctx, run)
		switch {
		case ctx.Err() != nil && d.again && !d.ran:
			return nil
		case ctx.Err() != nil || !d.turn.lost() && (!d.again || d.ran):
			return err
		case !d.turn.lost():
			d.log.Warn("does nothing and cannot stand by yet; tries again", zap.Duration("in", againEvery), zap.Error(err))
			d.supervisor.waits("does nothing and cannot stand by yet: " + err.Error())
			rest(ctx, againEvery)
		}
		d = &daemon{cfg: d.cfg, log: d.log, dry: d.dry, whileParent: d.whileParent, me: d.me, again: true, lookout: d.lookout, supervisor: d.supervisor, front: d.front}
	}
}

// serveTurn waits for a turn and runs it. That it was lost, or that the daemon was
// stopped while it stood by or began, is no error.
func (d *daemon) serveTurn(ctx context.Context, run func(*daemon)) error {
	err := d.open(ctx)
	if err == nil {
		d.ran = true
		run(d)
		if err = d.close(); err != nil {
			err = finding{err}
		}
	}
	if d.turn.lost() || (d.turn != nil || !d.ran && ctx.Err() != nil) && errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}
