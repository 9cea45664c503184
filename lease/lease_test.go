package lease_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"skynet/lease"
)

func virtual() time.Duration { return time.Duration(time.Now().UnixNano()) }

func options(holder string) lease.Options {
	return lease.Options{Holder: holder, Lasts: lasts, Grace: grace, Clock: virtual}
}

// flaky is a store whose writes fail as told.
type flaky struct {
	*shelf
	fail func(ctx context.Context, write func()) error // nil: they do not
	down atomic.Bool
}

var errDown = errors.New("503")

func (f *flaky) Read(ctx context.Context) ([]byte, lease.Version, error) {
	if f.down.Load() {
		return nil, "", errDown
	}
	return f.shelf.Read(ctx)
}

func (f *flaky) Write(ctx context.Context, body []byte, replaces lease.Version) (v lease.Version, err error) {
	write := func() { v, err = f.shelf.Write(ctx, body, replaces) }
	switch {
	case f.down.Load():
		return "", errDown
	case f.fail != nil:
		return "", f.fail(ctx, write)
	}
	write()
	return v, err
}

func acquired(t *testing.T, s lease.Store, n lease.Notes, holder string) *lease.Lease {
	t.Helper()
	l := lease.New(s, n, options(holder))
	if err := l.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return l
}

func stateOf(t *testing.T, s *shelf) (st lease.State) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.Unmarshal(s.body, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestASuccessorWaitsForTheExpiryAndOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		acquired(t, s, s, "a")
		time.Sleep(lasts / 2) // not renewed: it was cut off
		begun, looks := time.Now(), 0
		b := lease.New(s, s, options("b"))
		if err := b.Acquire(t.Context(), func(st lease.State, err error) {
			if looks++; err != nil || st.Holder != "a" {
				t.Errorf("sees %+v, %v", st, err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(begun); got != lasts+grace { // from when b saw it first, whatever a's clock says
			t.Errorf("waited %s, want %s", got, lasts+grace)
		}
		if looks < 8 || stateOf(t, s).Term != 2 || stateOf(t, s).Holder != "b" {
			t.Errorf("%d looks, %+v", looks, stateOf(t, s))
		}
	})
}

func TestWhatWasReleasedIsTakenAtTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		a := acquired(t, s, s, "a")
		if err := a.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		acquired(t, s, s, "b")
		if waited := time.Since(begun); waited > 0 {
			t.Errorf("waited %s", waited)
		}
		if _, _, err := a.Guard(t.Context(), 0); !errors.Is(err, lease.ErrNotHeld) {
			t.Errorf("who gave it up may act: %v", err)
		}
		if err := a.Release(t.Context()); err != nil || stateOf(t, s).Holder != "b" {
			t.Errorf("released another's: %v", err)
		}
	})
}

func TestAHolderThatComesBackIsFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		a := acquired(t, s, s, "a")
		acquired(t, s, s, "b") // waits until it may
		if _, ok := a.Deadline(); ok {
			t.Error("thinks that it holds the lease")
		}
		if err := a.Note(t.Context(), []byte("launch 5")); !errors.Is(err, lease.ErrLost) || !errors.Is(err, lease.ErrNotHeld) {
			t.Errorf("a note of the past: %v", err)
		}
		if _, _, err := a.Guard(t.Context(), time.Second); !errors.Is(err, lease.ErrNotHeld) {
			t.Errorf("may act: %v", err)
		}
		if err := a.Hold(t.Context()); !errors.Is(err, lease.ErrNotHeld) {
			t.Errorf("holds: %v", err)
		}
		if st := stateOf(t, s); st.Note != 0 {
			t.Errorf("the note counts: %+v", st)
		}
	})
}

func TestALostAnswerIsLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{shelf: newShelf()}
		s.fail = func(_ context.Context, write func()) error {
			write()
			return errDown
		}
		a := acquired(t, s, s, "a")
		for range 3 {
			if err := a.Note(t.Context(), []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if st := stateOf(t, s.shelf); st.Term != 1 || st.Note != 3 {
			t.Errorf("%+v", st)
		}
	})
}

// TestAWriteThatArrivesLate shows a renewal that seems lost, is sent again, and finds
// that the first one has arrived meanwhile.
func TestAWriteThatArrivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{shelf: newShelf()}
		a := acquired(t, s, s, "a")
		var late func()
		s.fail = func(_ context.Context, write func()) error {
			late = write
			return errDown
		}
		before, _ := a.Deadline()
		time.Sleep(time.Second)
		if err := a.Renew(t.Context()); err == nil {
			t.Fatal("a write that did not arrive counts")
		}
		if after, _ := a.Deadline(); after.After(before) {
			t.Error("a write that did not arrive makes the lease longer")
		}
		late()
		s.fail = nil
		if err := a.Note(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		if after, _ := a.Deadline(); time.Until(after) != lasts {
			t.Errorf("held until %s", after)
		}
	})
}

func TestExpiryCountsFromBeforeTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{shelf: newShelf()}
		s.fail = func(_ context.Context, write func()) error {
			write()
			time.Sleep(5 * time.Second)
			return errDown
		}
		a := acquired(t, s, s, "a")
		if end, ok := a.Deadline(); !ok || time.Until(end) != lasts-5*time.Second {
			t.Errorf("%s are left", time.Until(end))
		}
	})
}

func TestACallHasADeadlineBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{shelf: newShelf()}
		a := acquired(t, s, s, "a")
		s.down.Store(true)
		time.Sleep(lasts - grace)
		ctx, cancel, err := a.Guard(t.Context(), grace)
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		if end, ok := ctx.Deadline(); !ok || time.Until(end) != grace {
			t.Errorf("ends in %s", time.Until(end))
		}
		sent := 0
		c := lease.Client(doer(func() { sent++ }))
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://cloud", http.NoBody)
		if _, err := c.Do(r); err != nil || sent != 1 { //nolint:bodyclose // has none
			t.Errorf("while it is held: %v", err)
		}
		time.Sleep(time.Second)
		if _, _, err := a.Guard(t.Context(), grace); err == nil {
			t.Error("a call may begin that need not end in time")
		}
		time.Sleep(grace)
		if _, err := c.Do(r.WithContext(context.WithoutCancel(ctx))); !errors.Is(err, lease.ErrNotHeld) || sent != 1 { //nolint:bodyclose // has none
			t.Errorf("after the end: %v", err)
		}
		s.down.Store(false)
		if _, cancel, err := a.Guard(t.Context(), grace); err != nil {
			t.Errorf("nobody took it, and it is not renewed: %v", err)
		} else {
			cancel()
		}
	})
}

func TestHoldRidesOutAShortFailureAndEndsAfterALongOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{shelf: newShelf()}
		a := acquired(t, s, s, "a")
		ended := make(chan error, 1)
		go func() { ended <- a.Hold(t.Context()) }()
		time.Sleep(10 * time.Minute)
		s.down.Store(true)
		time.Sleep(lasts / 2)
		s.down.Store(false)
		time.Sleep(10 * time.Minute)
		select {
		case err := <-ended:
			t.Fatalf("gave up: %v", err)
		default:
		}
		s.down.Store(true)
		begun := time.Now()
		if err := <-ended; !errors.Is(err, lease.ErrNotHeld) || errors.Is(err, lease.ErrLost) || time.Since(begun) > lasts+lasts/4 {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		s.down.Store(false)
		begun = time.Now()
		if err := a.Acquire(t.Context(), nil); err != nil || time.Since(begun) > 0 || stateOf(t, s.shelf).Term != 2 {
			t.Errorf("its own again: %v after %s", err, time.Since(begun))
		}
	})
}

func TestHoldEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := acquired(t, s, s, "a").Hold(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsNoLeaseStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, text := range []string{"hello", "{}", `{"holder":"x","term":0}`, `{"holder":"x","term":1,"lasts_ns":-1}`} {
			s := newShelf()
			s.body, s.n = []byte(text), 1
			if err := lease.New(s, s, options("a")).Acquire(t.Context(), nil); !errors.Is(err, lease.ErrForeign) {
				t.Errorf("%s: %v", text, err)
			}
			if string(s.body) != text {
				t.Errorf("%s was replaced", text)
			}
		}
	})
}

func TestStandingByEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{shelf: newShelf()}
		s.down.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+time.Millisecond) // not when it looks
		defer cancel()
		looks := 0
		err := lease.New(s, s, options("a")).Acquire(ctx, func(_ lease.State, err error) {
			if looks++; !errors.Is(err, errDown) {
				t.Error(err)
			}
		})
		if !errors.Is(err, context.DeadlineExceeded) || looks < 300 {
			t.Errorf("%v after %d looks", err, looks)
		}
	})
}

// TestWhatCannotBeTakenIsTold: it may be read and not written.
func TestWhatCannotBeTakenIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{shelf: newShelf(), fail: func(context.Context, func()) error { return errDown }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Millisecond) // not when it looks
		defer cancel()
		told := 0
		_ = lease.New(s, s, options("a")).Acquire(ctx, func(_ lease.State, err error) {
			if told++; !errors.Is(err, errDown) {
				t.Error(err)
			}
		})
		if told < 10 {
			t.Errorf("told %d times", told)
		}
	})
}

func TestNotesThatCountAreReadInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		a := acquired(t, s, s, "a")
		for i := range 40 {
			note(t, a, fmt.Sprint("a", i))
		}
		b := acquired(t, s, s, "b") // after a's has expired
		if err := a.Note(t.Context(), []byte("of the past")); err == nil {
			t.Fatal("not fenced")
		}
		late := lease.New(s, s, options("late"))
		if got, last := notes(t, late, b.State(), 0); len(got) != 40 || got[39] != "a39" || last != 40 {
			t.Errorf("%d: %v, up to %d", len(got), got, last)
		}
		note(t, b, "b0")
		note(t, b, "b1")
		if got, last := notes(t, late, b.State(), 38); !slices.Equal(got, []string{"a38", "a39", "b0", "b1"}) || last != 42 {
			t.Errorf("%v, up to %d", got, last)
		}
		if got, _ := notes(t, late, b.State(), 42); len(got) > 0 {
			t.Errorf("%v", got)
		}
	})
}

// TestANoteOfThePastNeverCounts: its number was skipped by the next term, too.
func TestANoteOfThePastNeverCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		a := acquired(t, s, s, "a")
		note(t, a, "a0")
		f := &flaky{shelf: s}
		b := acquired(t, f, f, "b")
		_ = a.Note(t.Context(), []byte("of the past"))
		f.down.Store(true)
		if err := b.Note(t.Context(), []byte("not sure")); err == nil {
			t.Fatal("it is down")
		}
		delete(s.notes, "0000000000000002.0000000002")
		f.down.Store(false)
		note(t, b, "b1")
		if got, _ := notes(t, b, b.State(), 0); !slices.Equal(got, []string{"a0", "b1"}) {
			t.Errorf("%v", got)
		}
	})
}

func note(t *testing.T, l *lease.Lease, text string) {
	t.Helper()
	if err := l.Note(t.Context(), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func notes(t *testing.T, l *lease.Lease, s lease.State, after uint64) (got []string, last uint64) {
	t.Helper()
	last, err := l.Read(t.Context(), s, after, func(body []byte) error {
		got = append(got, string(body))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, last
}

// TestNotesOfSeveralFleetsAtOnce: who follows misses none, though the second of two
// would be there before the first.
func TestNotesOfSeveralFleetsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		a := lease.New(s, &uneven{shelf: s}, options("a"))
		if err := a.Acquire(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { note(t, a, fmt.Sprint(i)) })
		}
		var got []string
		after, follower := uint64(0), lease.New(s, s, options("b"))
		for range 100 {
			var some []string
			some, after = notes(t, follower, stateOf(t, s), after)
			got = append(got, some...)
			time.Sleep(100 * time.Millisecond)
		}
		wg.Wait()
		if len(got) != 20 {
			t.Errorf("%d of 20 notes followed: %v", len(got), got)
		}
	})
}

// uneven takes the longer for a note the lower its number.
type uneven struct{ *shelf }

func (u *uneven) Put(ctx context.Context, name string, body []byte) error {
	var n int
	_, _ = fmt.Sscanf(name, "%d", &n)
	time.Sleep(time.Duration(max(0, 20-n)) * 20 * time.Millisecond)
	return u.shelf.Put(ctx, name, body)
}

func TestTermsAreKeptWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		for i := range 100 {
			l := acquired(t, s, s, fmt.Sprint(i))
			note(t, l, fmt.Sprint(i))
			if err := l.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		st := stateOf(t, s)
		if len(st.Terms) != 64 || st.Term != 100 || len(s.body) > 8<<10 {
			t.Errorf("%d terms kept of %d, %d bytes", len(st.Terms), st.Term, len(s.body))
		}
		if got, _ := notes(t, lease.New(s, s, options("x")), st, 0); len(got) != 100 {
			t.Errorf("%d notes", len(got))
		}
	})
}

func TestSinceBootGoesOn(t *testing.T) {
	a, b := lease.SinceBoot(), lease.SinceBoot()
	if a <= 0 || b < a {
		t.Errorf("%s, then %s", a, b)
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"holder":"a","term":1,"lasts_ns":60000000000,"terms":[{"term":1,"after":0}],"write":"x"}`))
	f.Add([]byte(`{"holder":"a","term":18446744073709551615,"lasts_ns":9223372036854775807,"grace_ns":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf()
			s.body, s.n = body, 1
			ctx, cancel := context.WithTimeout(t.Context(), lasts)
			defer cancel()
			l := lease.New(s, s, options("b"))
			if err := l.Acquire(ctx, nil); err == nil && !stateOf(t, &shelf{body: body}).Released && stateOf(t, &shelf{body: body}).Holder != "b" {
				t.Errorf("taken in less than it lasts: %s", body)
			}
		})
	})
}
