package worker_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/worker"
	"skynet/worker/workertest"
)

// deed is one thing done to the world of an agent.
type deed struct {
	Wait time.Duration
	What string // send, drain, recall, silent, answer, down, up, lose, unsure
}

type story struct {
	Slots, Seconds int
	Open, Store    int // seconds
	Ahead          int // seconds; 0: nothing is fetched ahead
	Deeds          []deed
}

func stories() *rapid.Generator[story] {
	what := []string{"send", "send", "send", "drain", "recall", "silent", "answer", "down", "up", "lose", "unsure"}
	one := rapid.Custom(func(t *rapid.T) deed {
		return deed{
			Wait: time.Duration(rapid.IntRange(0, 20_000).Draw(t, "wait")) * time.Millisecond,
			What: rapid.SampledFrom(what).Draw(t, "what"),
		}
	})
	return rapid.Custom(func(t *rapid.T) story {
		return story{
			Slots: rapid.IntRange(1, 4).Draw(t, "slots"), Seconds: rapid.IntRange(0, 50).Draw(t, "seconds"),
			Open: rapid.IntRange(0, 20).Draw(t, "open"), Store: rapid.IntRange(0, 20).Draw(t, "store"),
			Ahead: rapid.SampledFrom([]int{0, 5, 60}).Draw(t, "ahead"),
			Deeds: rapid.SliceOfN(one, 1, 25).Draw(t, "deeds"),
		}
	})
}

// law collects what was broken, since a bubble has its own way to fail.
type law struct {
	mu     sync.Mutex
	broken string
}

func (l *law) want(ok bool, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !ok && l.broken == "" {
		l.broken = fmt.Sprintf(format, args...)
	}
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := stories().Draw(rt, "story")
		var l law
		synctest.Test(t, func(t *testing.T) { s.play(t, &l) })
		if l.broken != "" {
			rt.Fatal(l.broken)
		}
	})
}

func (s story) play(t *testing.T, l *law) {
	q := workertest.New("photos", 30*time.Second, 5*time.Second, 100)
	var mu sync.Mutex
	inHand := map[string]bool{}
	var down atomic.Bool // items may then be seen by others before their time
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	c := &stages{open: second(s.Open), work: second(s.Seconds), store: second(s.Store)}
	c.entering = func(id string) {
		mu.Lock()
		defer mu.Unlock()
		l.want(down.Load() || !inHand[id], "%s is in hand twice at once", id)
		inHand[id] = true
	}
	c.leaving = func(id string) { mu.Lock(); defer mu.Unlock(); delete(inHand, id) }
	w := start(t, s.Slots, c, only(q), worker.WithAhead(second(s.Ahead)))
	w.reader.arriving = func(hb fleet.Heartbeat) {
		l.want(hb.Jobs >= 0 && hb.Jobs <= hb.Slots, "%d jobs in %d slots", hb.Jobs, hb.Slots)
		if hb.State != fleet.Drained {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		l.want(len(inHand) == 0 && hb.Jobs == 0, "drained with %d in hand", len(inHand))
		l.want(q.Receiving() == 0, "drained with %d receives under way", q.Receiving())
		l.want(down.Load() || q.Held() == 0, "drained while %d items are held", q.Held())
	}
	w.run()
	sent := s.deeds(w, q, &down)

	w.meta.set(func(i *instance) { i.silent, i.drain = false, "" })
	q.Down(false)
	after(time.Duration(sent+2) * 2 * time.Minute)
	l.want(q.Left() == 0, "%d of %d items lost or left", q.Left(), sent)
	l.want(q.Count("delete") == sent, "%d of %d done", q.Count("delete"), sent)
	_ = w.end()
	l.want(w.reader.work("photos").Completed == sent, "heartbeats count %d of %d", w.reader.work("photos").Completed, sent)
	l.want(c.mostWorking <= s.Slots, "%d items were worked on at once in %d slots", c.mostWorking, s.Slots)
	l.want(c.mostInHand <= 6*s.Slots, "%d items were in hand with %d slots", c.mostInHand, s.Slots)
	if !down.Load() {
		back := q.Count("release")
		l.want(s.Ahead > 0 || back == 0, "%d items given back that were not fetched ahead", back)
		l.want(q.Count("deliver") == sent+back, "%d deliveries of %d items, %d given back unbegun, though nothing failed", q.Count("deliver"), sent, back)
		slotTime, worked := w.reader.work("photos"), float64(sent*s.Seconds)
		l.want(slotTime.Seconds.Sum() >= worked-1e-6, "%g s of slot time for %g s of work", slotTime.Seconds.Sum(), worked)
	}
}

func (s story) deeds(w *world, q *workertest.Queue, down *atomic.Bool) (sent int) {
	for i, d := range s.Deeds {
		after(d.Wait)
		switch d.What {
		case "send":
			fill(q, 1)
			sent++
		case "drain":
			w.meta.set(func(m *instance) { m.drain = fmt.Sprint("d", i) })
		case "recall":
			w.meta.set(func(m *instance) { m.drain = "" })
		case "silent", "answer":
			w.meta.set(func(m *instance) { m.silent = d.What == "silent" })
		case "down":
			down.Store(true)
			q.Down(true)
		case "up":
			q.Down(false)
		case "lose":
			w.reader.mu.Lock()
			w.reader.lose = 3
			w.reader.mu.Unlock()
		case "unsure":
			w.reader.mu.Lock()
			w.reader.unsure = 3
			w.reader.mu.Unlock()
		}
	}
	return sent
}

func TestAHeartbeatThatMayHaveArrivedIsNotCountedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 2, takes(time.Second), only(q)).run()
		fill(q, 100)
		for i := range 20 {
			w.reader.mu.Lock()
			if i%2 == 0 {
				w.reader.unsure = 2
			} else {
				w.reader.lose = 2
			}
			w.reader.mu.Unlock()
			after(20 * time.Second)
		}
		_ = w.end()
		if got := w.reader.work("photos"); got.Completed != 100 || got.Seconds.Count() != 100 {
			t.Errorf("counted %d completions, %d times, of 100", got.Completed, got.Seconds.Count())
		}
		if w.reader.posts <= len(w.reader.beats) {
			t.Error("nothing was sent again: the test tests nothing")
		}
	})
}

func TestNewsDuringARetryIsSaidUnderASeqOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		w := start(t, 1, takes(time.Second), only(q)).run()
		after(14 * time.Second)
		w.reader.mu.Lock()
		w.reader.unsure = 6 // "working" arrives at 15 s, but the agent cannot know, and tries on for 6 s and more
		w.reader.mu.Unlock()
		after(2 * time.Second)
		w.meta.set(func(i *instance) { i.drain = "d1" })
		after(13 * time.Second)
		w.wants(fleet.Drained, "d1", 0) // the reader leaves out what else came under the seq it knows
		_ = w.end()
	})
}

// TestSlotTimeIsSharedByWeight has two queues that are never empty, whose items
// differ 20-fold in length.
func TestSlotTimeIsSharedByWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		photos := workertest.New("photos", time.Minute, 0, 3)
		videos := workertest.New("videos", time.Minute, 0, 3)
		fill(photos, 20_000)
		fill(videos, 2000)
		spent := map[string]time.Duration{}
		var mu sync.Mutex
		c := craft(func(ctx context.Context, id string, _ []byte) error {
			d := map[string]time.Duration{"photos": 3 * time.Second, "videos": time.Minute}[id[:6]]
			mu.Lock()
			spent[id[:6]] += d
			mu.Unlock()
			return sleep(ctx, d)
		})
		w := start(t, 4, c, []worker.Feed{{Source: photos, Weight: 3}, {Source: videos}}).run()
		after(2 * time.Hour)
		mu.Lock()
		ratio := spent["photos"].Seconds() / spent["videos"].Seconds()
		mu.Unlock()
		if math.Abs(ratio-3) > 0.15 {
			t.Errorf("photos had %.2f times the slot time of videos, want 3", ratio)
		}
		w.agent.Abort()
		_ = w.end()
	})
}

func TestAnEmptyQueueHoldsNoSlotBackAndSavesNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		photos := workertest.New("photos", time.Minute, 0, 3)
		videos := workertest.New("videos", time.Minute, 0, 3)
		fill(photos, 2*3600)
		w := start(t, 2, takes(time.Second), []worker.Feed{{Source: photos}, {Source: videos, Weight: 9}}).run()
		after(time.Hour - 10*time.Second)
		if n := photos.Count("delete"); n < 2*3580 {
			t.Errorf("%d photos an hour with two slots of one second: an empty queue held them back", n)
		}
		fill(photos, 1000)
		fill(videos, 1000)
		before := photos.Count("delete")
		after(5 * time.Minute)
		n, m := photos.Count("delete")-before, videos.Count("delete")
		if n < 50 || n > 75 || m < 500 {
			t.Errorf("%d photos and %d videos in 5 minutes, want 60 and 540: what was away caught up, or was forgotten", n, m)
		}
		w.agent.Abort()
		_ = w.end()
	})
}
