package worker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"skynet/fleet"
	"skynet/queue"
	"skynet/worker"
	"skynet/worker/workertest"
)

func (w *world) wants(state fleet.State, drain string, jobs int) {
	w.t.Helper()
	hb := w.reader.last()
	if hb.State != state || hb.Drain != drain || hb.Jobs != jobs {
		w.t.Errorf("says %v of drain %q with %d jobs, want %v of %q with %d", hb.State, hb.Drain, hb.Jobs, state, drain, jobs)
	}
}

func TestDrainAndRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 3, takes(time.Minute), only(q)).run()
		fill(q, 2)
		after(time.Second)

		w.meta.set(func(i *instance) { i.drain = "d1" })
		after(6 * time.Second)
		w.wants(fleet.Draining, "d1", 2)
		if q.Receiving() != 0 {
			t.Error("still receives")
		}
		fill(q, 5)
		after(time.Minute)
		w.wants(fleet.Drained, "d1", 0)
		if q.Left() != 5 {
			t.Errorf("%d items left, want the 5 that came after the drain", q.Left())
		}

		w.meta.set(func(i *instance) { i.drain = "d2" })
		after(6 * time.Second)
		w.wants(fleet.Drained, "d2", 0)

		w.meta.set(func(i *instance) { i.drain = "" })
		after(6 * time.Second)
		w.wants(fleet.Working, "", 3)
		after(3 * time.Minute)
		if q.Left() != 0 || q.Count("deliver") != 7 {
			t.Errorf("%d left, %d delivered", q.Left(), q.Count("deliver"))
		}
		_ = w.end()
	})
}

func TestRecallBeforeItIsEmptyGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 2, takes(time.Minute), only(q)).run()
		fill(q, 1)
		after(time.Second)
		w.meta.set(func(i *instance) { i.drain = "d1" })
		after(6 * time.Second)
		w.meta.set(func(i *instance) { i.drain = "" })
		after(6 * time.Second)
		w.wants(fleet.Working, "", 1)
		fill(q, 1)
		after(time.Second)
		if q.Held() != 2 {
			t.Error("the free slot does not receive")
		}
		_ = w.end()
	})
}

func TestNoAnswerIsNeitherDrainNorRecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 1, takes(time.Second), only(q))
		w.meta.silent = true
		w.run()
		after(10 * time.Minute)
		w.wants(fleet.Working, "", 0)

		w.meta.set(func(i *instance) { i.silent, i.drain = false, "d1" })
		after(6 * time.Second)
		w.wants(fleet.Drained, "d1", 0)

		w.meta.set(func(i *instance) { i.silent, i.drain = true, "" })
		after(time.Hour)
		w.wants(fleet.Drained, "d1", 0)
		if n := len(w.logs.FilterMessage("cannot ask the instance metadata, trying on").All()); n != 2 {
			t.Errorf("said %d times that the metadata do not answer, want once each time", n)
		}
		_ = w.end()
	})
}

func TestADrainThatStandsAtStartIsObeyedFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 3)
		w := start(t, 1, takes(time.Second), only(q))
		w.meta.drain = "d1"
		w.run()
		after(time.Minute)
		if q.Count("deliver") != 0 {
			t.Error("received under a drain")
		}
		w.wants(fleet.Drained, "d1", 0)
		_ = w.end()
	})
}

// An agent that starts on an instance that was asked to drain, while the
// metadata do not answer, must not take an item.
func TestNothingIsReceivedBeforeTheMetadataAnswer(t *testing.T) {
	const waits = "takes no item until the instance metadata say whether a drain stands"
	for name, drain := range map[string]string{"drained": "d1", "not drained": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue()
				fill(q, 3)
				w := start(t, 2, takes(time.Second), only(q))
				w.meta.drain, w.meta.silent = drain, true
				w.run()
				after(10 * time.Minute)
				if q.Count("deliver") != 0 || q.Receiving() != 0 {
					t.Errorf("%d items received, %d receives under way, before the metadata answered", q.Count("deliver"), q.Receiving())
				}
				w.wants(fleet.Working, "", 0) // alive, and no drain is known
				if n := len(w.reader.beats); n < 40 {
					t.Errorf("%d heartbeats in ten minutes", n)
				}
				if n := w.logs.FilterMessage(waits).Len(); n != 1 {
					t.Errorf("said %d times why it waits", n)
				}

				w.meta.set(func(i *instance) { i.silent = false })
				after(time.Minute)
				if drain != "" {
					w.wants(fleet.Drained, drain, 0)
				}
				if done := q.Count("delete"); drain == "" && done != 3 || drain != "" && done != 0 {
					t.Errorf("%d items done", done)
				}
				_ = w.end()
				for _, hb := range w.reader.beats {
					if hb.State == fleet.Drained && hb.Drain != drain {
						t.Errorf("said %v of drain %q", hb.State, hb.Drain)
					}
				}
			})
		})
	}
}

func TestStopsWhileTheMetadataDoNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 2, takes(time.Second), only(q))
		w.meta.silent = true
		w.run()
		after(time.Minute)
		if err := w.end(); err != nil {
			t.Error(err)
		}
		w.wants(fleet.Drained, "", 0)
	})
}

func TestWithoutMetadataItWorksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 3)
		w := start(t, 1, takes(time.Second), only(q), worker.WithMetadata(nil, 0)).run()
		after(4 * time.Second)
		if q.Count("delete") != 3 {
			t.Errorf("%d items done", q.Count("delete"))
		}
		_ = w.end()
	})
}

func TestStopFinishesWhatIsInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 5)
		w := start(t, 2, takes(time.Minute), only(q)).run()
		after(time.Second)
		begin := time.Now()
		if err := w.end(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took < 59*time.Second || took > 61*time.Second {
			t.Errorf("took %v", took)
		}
		if q.Count("delete") != 2 || q.Count("deliver") != 2 {
			t.Errorf("%d done of %d", q.Count("delete"), q.Count("deliver"))
		}
		w.wants(fleet.Drained, "", 0)
		if got := w.reader.work("photos"); got.Completed != 2 {
			t.Errorf("the last words leave out what was done: %+v", got)
		}
	})
}

func TestGraceRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 2)
		w := start(t, 2, takes(time.Hour), only(q), worker.WithGrace(30*time.Second)).run()
		after(time.Second)
		begin := time.Now()
		if err := w.end(); err == nil {
			t.Error("gave items back and calls it a good end")
		}
		if took := time.Since(begin); took > 31*time.Second {
			t.Errorf("took %v", took)
		}
		if q.Count("release") != 2 || q.Count("fail") != 0 {
			t.Errorf("%d given back, %d blamed", q.Count("release"), q.Count("fail"))
		}
		w.wants(fleet.Leaving, "", 0)
	})
}

func TestAbortDoesNotWaitForWorkThatDoesNotListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		fill(q, 1)
		deaf := craft(func(context.Context, string, []byte) error { time.Sleep(10 * time.Minute); return nil })
		w := start(t, 1, deaf, only(q)).run()
		after(time.Second)
		begin := time.Now()
		w.agent.Abort()
		w.agent.Abort()
		if err := <-w.ended; err == nil {
			t.Error("no error")
		}
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Hour) // let the work end, or the bubble will not
	})
}

// That the cloud expects to take the instance is said, and nothing else changes.
func TestAtRisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 3, takes(time.Minute), only(q)).run()
		w.meta.set(func(i *instance) { i.risk = true })
		after(6 * time.Second)
		if hb := w.reader.last(); !hb.AtRisk || hb.State != fleet.Working {
			t.Errorf("says %+v", hb)
		}
		w.meta.set(func(i *instance) { i.silent = true })
		after(time.Minute)
		if hb := w.reader.last(); !hb.AtRisk {
			t.Error("no answer was taken for no risk")
		}
		w.meta.set(func(i *instance) { i.silent, i.risk = false, false })
		after(6 * time.Second)
		if hb := w.reader.last(); hb.AtRisk {
			t.Error("says that it is at risk when it is not any more")
		}
		_ = w.end()
	})
}

func TestInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		_, _ = q.Send(t.Context(), []byte("short"))
		_, _ = q.Send(t.Context(), []byte("long"))
		c := craft(func(ctx context.Context, _ string, body []byte) error {
			if string(body) == "short" {
				return sleep(ctx, time.Minute)
			}
			return sleep(ctx, time.Hour)
		})
		w := start(t, 3, c, only(q)).run()
		after(time.Second)
		at := time.Now().Add(2 * time.Minute)
		w.meta.set(func(i *instance) { i.notice = &fleet.Interruption{Action: "terminate", At: at} })
		after(6 * time.Second)
		hb := w.reader.last()
		if hb.State != fleet.Draining || hb.Interruption == nil || !hb.Interruption.At.Equal(at) {
			t.Errorf("says %+v", hb)
		}
		fill(q, 1)
		w.meta.set(func(i *instance) { i.silent = true })
		after(20 * time.Second)
		if q.Count("deliver") != 2 {
			t.Error("no answer was taken for no notice")
		}
		w.meta.set(func(i *instance) { i.silent = false })
		time.Sleep(time.Until(at))
		if q.Count("delete") != 1 || q.Count("release") != 1 || q.Count("deliver") != 2 {
			t.Errorf("%d done, %d given back, %d delivered", q.Count("delete"), q.Count("release"), q.Count("deliver"))
		}
		w.wants(fleet.Drained, "", 0)

		// An instance that was hibernated wakes up without a notice.
		w.meta.set(func(i *instance) { i.notice = nil })
		after(10 * time.Second)
		if q.Held() != 2 {
			t.Errorf("%d items in hand after waking, want 2", q.Held())
		}
		w.agent.Abort()
		if err := w.end(); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("aborted with %v", err)
		}
	})
}

// slow is a queue whose receives end late, and sometimes with an item.
type slow struct{ *workertest.Queue }

func (s slow) Receive(ctx context.Context, wait time.Duration) (*queue.Item, error) {
	it, err := s.Queue.Receive(ctx, wait)
	if ctx.Err() == nil {
		return it, err
	}
	time.Sleep(7 * time.Second)
	return s.Queue.Receive(context.WithoutCancel(ctx), 0)
}

func TestAReceiveThatEndsLateIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := slow{newQueue()}
		w := start(t, 1, takes(time.Minute), []worker.Feed{{Source: q}}).run()
		after(time.Second)
		w.meta.set(func(i *instance) { i.drain = "d1" })
		after(6 * time.Second)
		w.wants(fleet.Draining, "d1", 0)
		fill(q.Queue, 1)
		after(10 * time.Second)
		w.wants(fleet.Draining, "d1", 0)
		if q.Held() != 1 {
			t.Fatal("the test has no item that came late")
		}
		after(time.Minute)
		w.wants(fleet.Drained, "d1", 0)
		for _, hb := range w.reader.beats[:len(w.reader.beats)-1] {
			if hb.State == fleet.Drained {
				t.Error("drained was said while a receive could bring an item")
			}
		}
		_ = w.end()
	})
}
