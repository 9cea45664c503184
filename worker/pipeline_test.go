package worker_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"skynet/fleet"
	"skynet/queue"
	"skynet/worker"
	"skynet/worker/workertest"
)

// took is how long it takes to work off items, and what slot time they had.
func took(t *testing.T, slots, items int, c *stages, ahead time.Duration) (all time.Duration, work fleet.Work) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, slots, c, only(q), worker.WithAhead(ahead)).run()
		fill(q, items)
		begun := time.Now()
		for q.Left() > 0 && time.Since(begun) < time.Hour {
			time.Sleep(100 * time.Millisecond)
		}
		all = time.Since(begun)
		after(time.Minute)
		work = w.reader.work("photos")
		if q.Count("deliver") != items || work.Completed != items {
			t.Errorf("%d deliveries, %d completed, of %d", q.Count("deliver"), work.Completed, items)
		}
		_ = w.end()
	})
	return all, work
}

// With a store as slow as the work, items come three times as fast: the slot does
// nothing but work.
func TestFetchesAheadAndStoresBehind(t *testing.T) {
	const items = 60
	c := &stages{open: time.Second, work: time.Second, store: time.Second}
	one, slotTime := took(t, 1, items, c, 0)
	if got := one.Seconds() / items; got < 1.9 || got > 2.1 {
		t.Errorf("%.2f s an item without fetching ahead, want 2: only storing is beside the work", got)
	}
	if got := slotTime.Seconds.Sum() / items; got < 1.9 || got > 2.1 {
		t.Errorf("%.2f s of slot time an item, want 2", got)
	}
	one, slotTime = took(t, 1, items, c, 5*time.Second)
	if got := one.Seconds() / items; got > 1.15 {
		t.Errorf("%.2f s an item, want hardly more than 1", got)
	}
	if got := slotTime.Seconds.Sum() / items; got < 1 || got > 1.15 {
		t.Errorf("%.2f s of slot time an item, want what its work takes", got)
	}
}

// Slot time is what a worker can do in a time, also where its store is the
// bottleneck: else a controller would think that slots stand idle.
func TestSlotTimeShowsASlowStore(t *testing.T) {
	const items = 60
	for name, c := range map[string]*stages{
		"fetching": {open: 10 * time.Second, work: time.Second},
		"storing":  {store: 10 * time.Second, work: time.Second},
	} {
		for _, slots := range []int{1, 4} {
			all, slotTime := took(t, slots, items, c, 5*time.Second)
			if used, had := slotTime.Seconds.Sum(), all.Seconds()*float64(slots); used < 0.8*had || used > 1.01*had {
				t.Errorf("%s, %d slots: %.0f s of slot time of %.0f s that there were", name, slots, used, had)
			}
		}
	}
}

// Nothing is fetched ahead of a slot that will be busy for long, since others could
// take it.
func TestLongItemsAreNotHoarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		c := &stages{open: time.Second, work: 10 * time.Minute, store: time.Second}
		w := start(t, 2, c, only(q), worker.WithAhead(5*time.Second)).run()
		fill(q, 10)
		after(9 * time.Minute)
		if q.Held() != 2 {
			t.Errorf("%d items held in 2 slots while nothing is known of how long they take", q.Held())
		}
		after(6 * time.Minute) // in the middle of the second two
		if q.Held() != 2 {
			t.Errorf("%d items held in 2 slots that are busy for minutes", q.Held())
		}
		after(4*time.Minute + 59*time.Second) // towards their end
		if q.Held() < 3 {
			t.Errorf("%d items held when slots are about to become free", q.Held())
		}
		w.agent.Abort()
		_ = w.end()
	})
}

// An item whose slot does not become free as expected goes back, and somebody else
// has it.
func TestAnItemThatWaitsTooLongIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		c := &stages{open: time.Second, work: 2 * time.Second}
		w := start(t, 1, c, only(q), worker.WithAhead(5*time.Second)).run()
		fill(q, 5)
		after(20 * time.Second)
		c.mu.Lock()
		c.work = time.Hour
		c.mu.Unlock()
		fill(q, 3)
		after(10 * time.Second)
		waiting := q.Held() - 1
		if waiting < 1 {
			t.Error("the test has none that waits")
		}
		w.jobs(1)
		after(50 * time.Second)
		if q.Held() != 1 || q.Count("release") != waiting {
			t.Errorf("%d items held, %d of %d given back", q.Held(), q.Count("release"), waiting)
		}
		after(10 * time.Minute)
		if n := q.Count("release"); n > waiting {
			t.Errorf("given back %d times: it is fetched again and again", n)
		}
		w.agent.Abort()
		_ = w.end()
	})
}

// jobs wants so many in the next heartbeat.
func (w *world) jobs(n int) {
	w.t.Helper()
	after(16 * time.Second)
	if hb := w.reader.last(); hb.Jobs != n {
		w.t.Errorf("says %d jobs, want %d", hb.Jobs, n)
	}
}

// What has not begun goes back at once when the worker is to take no more; what has
// is finished, stored and all, before it says drained.
func TestADrainWithItemsInEveryStage(t *testing.T) {
	for name, tell := range map[string]func(*world){
		"drain":        func(w *world) { w.meta.set(func(i *instance) { i.drain = "d1" }) },
		"interruption": func(w *world) { w.meta.set(func(i *instance) { i.notice = notice(2 * time.Minute) }) },
		"stop":         func(w *world) { w.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue()
				c := &stages{open: 10 * time.Second, work: 12 * time.Second, store: 11 * time.Second}
				w := start(t, 1, c, only(q), worker.WithAhead(time.Minute)).run()
				fill(q, 20)
				for c.mu.Lock(); c.opening == 0 || c.working == 0 || c.storing == 0; c.mu.Lock() {
					c.mu.Unlock()
					after(time.Second)
				}
				begun := c.working + c.storing
				c.mu.Unlock()
				done, inLine := q.Count("delete"), q.Held()-begun
				tell(w)
				after(6 * time.Second)
				if inLine < 1 || q.Count("release") != inLine {
					t.Errorf("%d given back, want the %d that had not begun", q.Count("release"), inLine)
				}
				if hb := w.reader.last(); hb.State != fleet.Draining || hb.Jobs > 1 {
					t.Errorf("says %+v", hb)
				}
				after(time.Minute)
				if hb := w.reader.last(); hb.State != fleet.Drained || hb.Jobs != 0 {
					t.Errorf("says %+v", hb)
				}
				if n := q.Count("delete") - done; begun < 2 || n != begun || q.Held() != 0 {
					t.Errorf("%d finished, want the %d worked on and being stored; %d held", n, begun, q.Held())
				}
				_ = w.end()
			})
		})
	}
}

func notice(in time.Duration) *fleet.Interruption {
	return &fleet.Interruption{Action: "terminate", At: time.Now().Add(in)}
}

// A lease that is lost in any stage ends that stage, and nothing is said of the item.
func TestALostItemInEveryStage(t *testing.T) {
	for name, at := range map[string]time.Duration{"fetching": 10 * time.Second, "working": 50 * time.Second, "storing": 90 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue()
				fill(q, 1)
				c := &stages{open: 40 * time.Second, work: 40 * time.Second, store: 40 * time.Second}
				w := start(t, 1, c, only(q)).run()
				after(at)
				q.Steal("photos-1")
				after(15 * time.Second)
				c.mu.Lock()
				if c.opening+c.working+c.storing != 0 {
					t.Error("goes on with what is another's")
				}
				c.mu.Unlock()
				if n := q.Count("fail") + q.Count("delete") + q.Count("release"); n != 0 {
					t.Errorf("%d words about an item that is not ours", n)
				}
				_ = w.end()
			})
		})
	}
}

func TestSharesBetweenQueuesWhileFetchingAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		photos := workertest.New("photos", time.Minute, 0, 3)
		videos := workertest.New("videos", time.Minute, 0, 3)
		fill(photos, 3000)
		fill(videos, 3000)
		w := start(t, 2, &stages{open: time.Second, work: 3 * time.Second, store: time.Second},
			[]worker.Feed{{Source: photos, Weight: 3}, {Source: videos}}, worker.WithAhead(5*time.Second)).run()
		after(time.Hour)
		if ratio := float64(photos.Count("delete")) / float64(videos.Count("delete")); ratio < 2.8 || ratio > 3.2 {
			t.Errorf("photos had %.2f times the slot time of videos, want 3", ratio)
		}
		w.agent.Abort()
		_ = w.end()
	})
}

// tried is a queue whose items come for the second time.
type tried struct{ *workertest.Queue }

func (s tried) Receive(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	it, err := s.Queue.Receive(ctx, wait)
	if it != nil {
		it.Tries++
	}
	return it, err
}

// What was delivered before is finished by a drain, also if it has not begun: where
// each delivery is one of an item's tries, it would die without having been worked
// on. Until then nobody says drained.
func TestAnItemIsNotDrainedToDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := tried{newQueue()}
		c := &stages{open: time.Second, work: 30 * time.Second}
		w := start(t, 1, c, []worker.Feed{{Source: q}}, worker.WithAhead(time.Minute))
		w.reader.arriving = func(hb fleet.Heartbeat) {
			if hb.State == fleet.Drained && q.Held() > 0 {
				t.Errorf("says drained with %d in hand", q.Held())
			}
		}
		w.run()
		fill(q.Queue, 20)
		for q.Held() < 2 {
			after(time.Second)
		}
		w.meta.set(func(i *instance) { i.drain = "d1" })
		after(6 * time.Second) // it knows
		done, held := q.Count("delete"), q.Held()
		after(4 * time.Second)
		w.wants(fleet.Draining, "d1", 1)
		after(2 * time.Minute)
		w.wants(fleet.Drained, "d1", 0)
		if q.Count("release") != 0 || q.Count("delete") != done+held {
			t.Errorf("%d given back, %d finished of %d", q.Count("release"), q.Count("delete")-done, held)
		}

		w.meta.set(func(i *instance) { i.drain = "" })
		after(time.Minute)
		for q.Held() < 2 {
			after(time.Second)
		}
		inLine := q.Held() - 1
		w.meta.set(func(i *instance) { i.notice = notice(2 * time.Minute) })
		after(6 * time.Second)
		if inLine < 1 || q.Count("release") != inLine {
			t.Error("an instance that is being taken keeps what it has not begun")
		}
		after(3 * time.Minute)
		_ = w.end()
	})
}
