package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"skynet/controller"
	"skynet/journal/handover"
	"skynet/lease"
)

var errTurn = errors.New("it is not its turn any more")

// turn is what the daemon does to act in turns with another, made of the same parts:
// it stands by and follows, holds the lease, and acts under it.
type turn struct {
	*Host
	lease    *lease.Lease
	follower *handover.Follower
	term     uint64 // of the lease, as it was taken
	read     uint64 // the last note that was taken
	busy     bool   // somebody writes
	lost     bool
}

// holds reports whether it may go on; one that acts alone always may.
func (t *turn) holds() bool { return t == nil || !t.lost }

// locked has one actor of the host at the lease at a time: they wait in the world's
// time, where a lock of Go's would wait for ever.
func (t *turn) locked(do func() error) error {
	for t.busy {
		t.Wait(20 * time.Millisecond)
	}
	t.busy = true
	defer func() { t.busy = false }()
	return do()
}

// takeTurns stands by, and acts when its turn comes until that ends.
func (h *Host) takeTurns() error {
	ctx := context.Background()
	t := &turn{Host: h}
	h.turn = t
	t.lease = lease.New(shelf{h}, shelf{h}, lease.Options{
		Holder: fmt.Sprintf("%s/%d", h.name, h.life), Grace: controller.CallTimeout,
		Clock: func() time.Duration { return h.now + time.Duration(h.number)*time.Hour },
	})
	j := handover.New(h.journal, t)
	t.follower = handover.NewFollower(h.journal)
	if err := t.standBy(ctx); err != nil {
		return err
	}
	t.term = t.lease.State().Term
	h.Tell(h.name, "holds the lease, term %d", t.term)
	h.Begin("lease", func() { t.hold(ctx) })
	for {
		err := t.follow(ctx, t.lease.State())
		if err == nil {
			break
		}
		if t.lost {
			return errTurn
		}
		h.Wait(5 * time.Second)
	}
	h.desk.takeOver(t.follower.Standing(fleetName, h.Clock()))
	return h.act(j, func(w controller.World) controller.World { return controller.Leased(w, t) })
}

func (t *turn) standBy(ctx context.Context) error {
	for c := t.lease.StandBy(); ; {
		s, held, wait, err := c.Look(ctx)
		switch {
		case held:
			return nil
		case errors.Is(err, lease.ErrForeign):
			return err
		case err == nil && s.Holder != "":
			_ = t.follow(ctx, s) // what fails now is caught up with later
		}
		t.Wait(wait)
	}
}

func (t *turn) follow(ctx context.Context, s lease.State) (err error) {
	t.read, err = t.lease.Read(ctx, s, t.read, func(body []byte) error { return t.follower.Take(ctx, body) })
	return err
}

// hold renews the lease until it is lost, as lease.Hold does.
func (t *turn) hold(ctx context.Context) {
	const renew = lease.DefaultLasts / 4
	for wait := renew; ; {
		t.Wait(wait)
		err := t.locked(func() error { return t.lease.Renew(ctx) })
		switch {
		case err == nil:
			wait = renew
		case errors.Is(err, lease.ErrNotHeld), t.lease.Left() == 0:
			t.Tell(t.name, "has lost the lease")
			t.lost = true
			return
		default:
			wait = renew / 5
		}
	}
}

// Note implements handover.Log.
func (t *turn) Note(ctx context.Context, body []byte) error {
	return t.locked(func() error { return t.lease.Note(ctx, body) })
}

// Guard implements controller.Lease. What is left of the lease bounds the call in the
// world's time too. A call of the controller's has all its time before it: what is left
// by the machine's real clock says nothing here.
func (t *turn) Guard(ctx context.Context, _ time.Duration) (bounded context.Context, cancel context.CancelFunc, err error) {
	err = t.locked(func() error {
		bounded, cancel, err = t.lease.Guard(ctx, controller.CallTimeout)
		return err
	})
	if err == nil {
		t.end = min(t.end, t.now+t.lease.Left())
	}
	return bounded, cancel, err
}

// store is where the lease lies, and what lies beside it: conditional writes, as S3
// has them.
type store struct {
	body  []byte
	n     int // writes
	notes map[string][]byte
}

func (s *store) version() lease.Version {
	if s.n == 0 {
		return ""
	}
	return lease.Version(fmt.Sprint(s.n))
}

// shelf is a host's way to the store.
type shelf struct{ *Host }

// over carries a request there and its answer back: one that is lost may arrive later.
func (l shelf) over(do func()) error {
	l.pass()
	defer l.pass()
	takes := between(l.Draw(forLatency), 10*time.Millisecond, 300*time.Millisecond)
	if !l.Strikes(StoreLossy, .3) {
		l.after(takes/2, do)
		l.Wait(takes)
		return nil
	}
	r := l.Draw(StoreLossy)
	switch r.IntN(3) {
	case 0: // never arrives
	case 1:
		l.after(takes/2, do)
	case 2:
		l.after(between(r, 0, 3*time.Minute), do)
	}
	l.Wait(takes + between(r, 0, 5*time.Second))
	return errHung
}

func (l shelf) Read(context.Context) (body []byte, v lease.Version, err error) {
	err = l.over(func() { body, v = slices.Clone(l.store.body), l.store.version() })
	if err != nil {
		return nil, "", err
	}
	return body, v, nil
}

func (l shelf) Write(_ context.Context, body []byte, replaces lease.Version) (lease.Version, error) {
	var v lease.Version
	changed := lease.ErrChanged
	err := l.over(func() {
		if l.store.version() == replaces {
			l.store.body = slices.Clone(body)
			l.store.n++
			v, changed = l.store.version(), nil
		}
	})
	if err == nil {
		err = changed
	}
	if err != nil {
		return "", err
	}
	return v, nil
}

func (l shelf) Put(_ context.Context, name string, body []byte) error {
	return l.over(func() { l.store.notes[name] = slices.Clone(body) })
}

// Get does not wait: notes are read several at once, beside each other.
func (l shelf) Get(_ context.Context, name string) ([]byte, error) {
	body, ok := l.store.notes[name]
	if !ok {
		return nil, errors.New("no such note")
	}
	return slices.Clone(body), nil
}

func (l shelf) List(_ context.Context, after, before string) (names []string, err error) {
	err = l.over(func() {
		for _, name := range slices.Sorted(maps.Keys(l.store.notes)) {
			if name > after && name < before {
				names = append(names, name)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}
