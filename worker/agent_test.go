package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skynet/fleet"
	"skynet/queue"
	"skynet/worker"
	"skynet/worker/workertest"
)

func TestWorksThroughAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 4, takes(5*time.Second), only(q)).run()
		fill(q, 40)
		after(time.Minute)
		if q.Left() != 0 || q.Count("deliver") != 40 || q.Count("delete") != 40 {
			t.Errorf("%d left, %d delivered, %d deleted", q.Left(), q.Count("deliver"), q.Count("delete"))
		}
		if err := w.end(); err != nil {
			t.Error(err)
		}
		got := w.reader.work("photos")
		if got.Completed != 40 || got.Failed != 0 || got.Seconds.Count() != 40 || got.Seconds.Sum() != 200 {
			t.Errorf("heartbeats say %+v, %g s", got, got.Seconds.Sum())
		}
		if got.Wait.Count() != 40 || got.BytesIn != 400 || got.BytesOut != 40 {
			t.Errorf("waits %d, in %d, out %d", got.Wait.Count(), got.BytesIn, got.BytesOut)
		}
	})
}

func TestKeepsALongItemToItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 1)
		w := start(t, 3, takes(20*time.Minute), only(q)).run()
		after(21 * time.Minute)
		if n := q.Count("deliver"); n != 1 || q.Left() != 0 {
			t.Errorf("delivered %d times, %d left", n, q.Left())
		}
		if n := q.Count("extend"); n < 100 || n > 130 {
			t.Errorf("extended %d times in 20 minutes, want one in 10 s", n)
		}
		_ = w.end()
	})
}

func TestStopsWorkOnALostItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 1)
		var why error
		c := craft(func(ctx context.Context, _ string, _ []byte) error {
			err := sleep(ctx, 10*time.Minute)
			why = context.Cause(ctx)
			return err
		})
		w := start(t, 1, c, only(q)).run()
		after(time.Second)
		q.Steal("photos-1")
		after(20 * time.Second)
		if !errors.Is(why, queue.ErrGone) {
			t.Errorf("work stopped because %v", why)
		}
		if n := q.Count("fail") + q.Count("delete") + q.Count("release"); n != 0 {
			t.Errorf("%d words about an item that is not ours", n)
		}
		fill(q, 1)
		after(time.Second)
		if q.Held() != 1 {
			t.Error("the slot did not go on")
		}
		w.agent.Abort()
		_ = w.end()
		if got := w.reader.work("photos"); got.Failed != 0 || got.Completed != 0 {
			t.Errorf("a lost item is counted: %+v", got)
		}
	})
}

func TestPoisonIsAFailedTryWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		for _, b := range []string{"panic", "error", "fine"} {
			_, _ = q.Send(t.Context(), []byte(b))
		}
		c := craft(func(_ context.Context, _ string, body []byte) error {
			switch string(body) {
			case "panic":
				panic("assignment to entry in nil map")
			case "error":
				return errors.New("not an image:\n  " + strings.Repeat("long ", 1000) + "\xff")
			}
			return nil
		})
		w := start(t, 1, c, only(q)).run()
		after(5 * time.Minute)
		if q.Left() != 0 || q.Count("dead") != 2 || q.Count("delete") != 1 {
			t.Errorf("%d left, %d dead, %d done", q.Left(), q.Count("dead"), q.Count("delete"))
		}
		if r := q.Reason("photos-1"); !strings.Contains(r, "panicked: assignment to entry in nil map") {
			t.Errorf("reason of a panic: %q", r)
		}
		if r := q.Reason("photos-2"); !strings.HasPrefix(r, "not an image: long") || len(r) > 1100 {
			t.Errorf("reason of an error: %d bytes: %.40q", len(r), r)
		}
		_ = w.end()
		if got := w.reader.work("photos"); got.Failed != 6 || got.Redelivered != 4 || got.Wait.Count() != 3 {
			t.Errorf("heartbeats say %+v, %d waits", got, got.Wait.Count())
		}
	})
}

func TestAnItemHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 1)
		w := start(t, 1, takes(24*time.Hour), only(q), worker.WithItemLimit(2*time.Minute)).run()
		after(2*time.Minute + time.Second)
		if r := q.Reason("photos-1"); r != "took longer than 2m0s" {
			t.Errorf("reason %q", r)
		}
		w.agent.Abort()
		_ = w.end()
	})
}

func TestRidesOutAQueueThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 4, takes(45*time.Second), only(q)).run()
		fill(q, 4)
		after(time.Second)
		q.Down(true)
		after(10 * time.Minute)
		before := w.logs.Len()
		after(50 * time.Minute)
		if n := w.logs.Len() - before; n != 0 {
			t.Errorf("%d log lines while nothing changed: %v", n, w.logs.All()[before:])
		}
		q.Down(false)
		after(5 * time.Minute)
		if q.Left() != 0 {
			t.Errorf("%d items left", q.Left())
		}
		if n := len(w.logs.FilterMessage("can receive from photos again").All()); n != 1 {
			t.Errorf("said %d times that the queue is back", n)
		}
		_ = w.end()
	})
}

func TestFindsNoWaitInAClockThatIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := skewed{newQueue()}
		fill(q.Queue, 1)
		w := start(t, 1, takes(time.Second), []worker.Feed{{Source: q}}).run()
		after(time.Minute)
		_ = w.end()
		if got := w.reader.work("photos"); got.Wait.Count() != 1 || got.Wait.Sum() != 0 {
			t.Errorf("%d waits, sum %g", got.Wait.Count(), got.Wait.Sum())
		}
	})
}

// skewed is a queue whose clock is an hour ahead.
type skewed struct{ *workertest.Queue }

func (s skewed) Receive(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	it, err := s.Queue.Receive(ctx, wait)
	if it != nil {
		it.Sent = it.Sent.Add(time.Hour)
	}
	return it, err
}

func TestNewNamesEveryMistake(t *testing.T) {
	q := newQueue()
	_, err := worker.New(worker.Self{}, []worker.Feed{{Source: q}, {Source: q, Weight: -1}}, takes(0), &reader{})
	for _, want := range []string{"no instance ID", "0 slots", "given twice", "weight -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestHeartbeatSaysWhoAndHow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 2, takes(time.Hour), only(q)).run()
		fill(q, 1)
		after(31 * time.Second)
		hb := w.reader.last()
		if hb.Worker != "i-1" || hb.Fleet != "render" || hb.Version != "v1" || hb.Boot == "" || hb.Seq != 3 {
			t.Errorf("%+v", hb)
		}
		if hb.State != fleet.Working || hb.Jobs != 1 || hb.Slots != 2 || hb.Memory <= 0 || hb.Memory > 100 {
			t.Errorf("%+v", hb)
		}
		w.agent.Abort()
		_ = w.end()
	})
}
