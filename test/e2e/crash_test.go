package e2e

import (
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"
)

// TestAKilledControllerBuysNothingTwice kills it as its first worker appears,
// while workers work, and once more.
func TestAKilledControllerBuysNothingTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 2, per: 2})
	d := s.daemon()
	c := count(t, s.dir)
	for range 8 {
		s.send(media.photo)
	}
	s.send(media.clip, media.clip, media.clip, media.clip)

	await(t, "a worker", patient, func() error {
		if len(workers(s.dir)) == 0 {
			return fmt.Errorf("none runs")
		}
		return nil
	})
	d.kill()
	d = s.daemon()
	were := s.awaitWorkers(2)
	await(t, "the first result", patient, func() error { return whole(s.result(1)) })
	d.kill()
	if now := workers(s.dir); !maps.Equal(were, now) {
		t.Fatalf("workers %v when the controller was killed, then %v", were, now)
	}
	d = s.daemon()
	held := s.hold(2)
	d.kill()
	s.daemon()
	s.thaw(held)
	s.awaitHome()

	s.allDone()
	if ids, most := c.ever(); len(ids) != 2 || most != 2 {
		t.Errorf("instances %v, %d at once; want those that were adopted: %v", ids, most, were)
	}
}

// TestTheOnlyWorkerIsKilled: its item comes back, though nobody else asks the
// queue, and is done by a worker bought for it.
func TestTheOnlyWorkerIsKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	s.daemon()
	s.send(media.clip)
	s.hold(1)
	for _, pid := range s.awaitWorkers(1) {
		kill(t, pid)
	}
	await(t, "the worker's end, and its encoder's", patient, func() error {
		if e := encoders(s.dir); len(e) > 0 {
			return fmt.Errorf("encoders %v", e)
		}
		return nil
	})
	s.awaitHome()
	s.allDone()
	if n := s.completions(); n != 1 {
		t.Errorf("the item was done %d times", n)
	}
}

// TestAnItemInHandStaysInHand for longer than its visibility: an idle worker
// that asks all the time does not get it.
func TestAnItemInHandStaysInHand(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{min: 2, max: 2})
	s.daemon()
	s.awaitWorkers(2)
	s.send(media.clip)
	held := s.hold(1)
	for until := time.Now().Add(2 * visibility); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if now := encoders(s.dir); !slices.Equal(now, held) {
			t.Fatalf("encoder %v holds the item, and now %v work on it", held, now)
		}
	}
	s.thaw(held)
	s.awaitEmpty()
	s.allDone()
	if n := s.completions(); n != 1 {
		t.Errorf("the item was done %d times", n)
	}
}

// TestAStopKeepsItemsAndWorkers: the embedded queue ends with the daemon and
// comes back with it; a worker in the middle of an item does not notice.
func TestAStopKeepsItemsAndWorkers(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1, per: 10})
	d := s.daemon()
	s.send(media.clip, media.photo, media.photo, media.photo)
	held := s.hold(1)
	were := s.awaitWorkers(1)

	s.stop(d)
	if now := workers(s.dir); !maps.Equal(were, now) {
		t.Fatalf("workers %v before the stop, %v after it", were, now)
	}
	d = s.daemon()
	await(t, "the items to be there", patient, func() error {
		q, err := s.depth()
		if n := q.Visible + q.InFlight + q.Delayed; err == nil && n != 4 {
			t.Fatalf("%d items of 4 after the start: %+v", n, q)
		}
		return err
	})
	s.thaw(held)
	await(t, "the last result", patient, func() error { return whole(s.result(4)) })
	if now := workers(s.dir); len(now) > 0 && !maps.Equal(were, now) {
		t.Errorf("workers %v before the stop, %v did the work", were, now)
	}
	s.awaitHome()
	s.allDone()
	s.stop(d)
	if err := nobody(s.dir); err != nil {
		t.Error(err)
	}
}

// TestAWorkerThatIsToldToStopFinishes: SIGTERM is how an instance shuts down.
func TestAWorkerThatIsToldToStopFinishes(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	s.daemon()
	s.send(media.clip)
	held := s.hold(1)
	for _, pid := range s.awaitWorkers(1) {
		signal(t, pid, syscall.SIGTERM)
	}
	await(t, "the worker to say that it drains", patient, func() error { return s.logged("\tdraining\t") })
	s.thaw(held)
	s.awaitHome()
	s.allDone()
	if n := s.completions(); n != 1 {
		t.Errorf("the item was done %d times", n)
	}
}
