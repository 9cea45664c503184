package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/local"
	"skynet/queue"
	"skynet/signals"
)

// shaky is a queue that does not answer until it does.
type shaky struct {
	queue.Queue
	answersAt time.Time // never, if zero
	depth     queue.Depth
}

var errAway = errors.New("no responders")

func (q shaky) answers(ctx context.Context) error {
	if q.answersAt.IsZero() { // neither does it say no
		<-ctx.Done()
		return ctx.Err()
	}
	if time.Now().Before(q.answersAt) {
		return errAway
	}
	return nil
}

func (q shaky) Depth(ctx context.Context) (queue.Depth, error) {
	if err := q.answers(ctx); err != nil {
		return queue.Depth{}, err
	}
	return q.depth, nil
}

func (q shaky) DeadLetters(ctx context.Context, n int) (list []queue.Dead, err error) {
	for i := range min(n, q.depth.Dead) {
		list = append(list, queue.Dead{Body: fmt.Appendf(nil, `{"input":"file:///media/%d.jpg"}`, i), Reason: "not an image"})
	}
	return list, q.answers(ctx)
}

func questioned(t *testing.T, s summary, q queue.Queue) summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sumUp)
	defer cancel()
	s.items(ctx, q)
	return s
}

func TestSummaryAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := shaky{answersAt: time.Now().Add(7 * time.Second), depth: queue.Depth{Visible: 3, InFlight: 1, Delayed: 1, Dead: 7}}
		s := questioned(t, summary{Items: 160}, q)
		if s.unknown != nil || s.left != 5 || *s.Failed != 7 || *s.Done != 148 {
			t.Fatalf("%+v", s)
		}
		text := s.text()
		for _, want := range []string{"160 items in, 148 done, 7 failed, 5 left", "failed        4.jpg: not an image\n", "failed        2 more\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q: %s", want, text)
			}
		}
	})
}

func TestSummaryOfAQueueThatIsAway(t *testing.T) {
	for name, at := range map[string]time.Duration{"says no": time.Hour, "says nothing": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, start := shaky{}, time.Now()
				if at > 0 {
					q.answersAt = start.Add(at)
				}
				s := questioned(t, summary{Items: 160}, q)
				if took := time.Since(start); took != sumUp {
					t.Errorf("it took %s", took)
				}
				if err := s.verdict(); status(err) != exitFinding || !strings.Contains(fmt.Sprint(err), "what became of 160 items is unknown: the queue does not answer") {
					t.Errorf("verdict: %v", err)
				}
				if !strings.Contains(s.text(), "160 items in, what became of them is unknown") || strings.Contains(s.text(), "done") {
					t.Errorf("it claims to know: %s", s.text())
				}
				var b strings.Builder
				s.print(&b, true)
				if !strings.Contains(b.String(), `"items":160,"done":null,"failed":null`) {
					t.Errorf("it claims to know: %s", b.String())
				}
			})
		})
	}
}

func TestVerdict(t *testing.T) {
	n := func(n int) *int { return &n }
	for _, c := range []struct {
		s    summary
		want string // "" is a demo that ended as it should
	}{
		{summary{Items: 9, Done: n(9), Failed: n(0)}, ""},
		{summary{Items: 9, Done: n(7), Failed: n(2)}, "2 items failed"},
		{summary{Items: 9, Done: n(8), Failed: n(1)}, "1 item failed"},
		{summary{Items: 9, Done: n(9), Failed: n(0), ended: errStopped}, "stopped before the end"},
		{summary{Items: 9, unknown: errAway, ended: errStopped}, "stopped before the end"},
		{summary{Items: 9, Done: n(4), Failed: n(1), left: 4, ended: errTimeUp}, "4 items were left when the time was up"},
		{summary{Items: 9, Done: n(9), Failed: n(0), unsent: 1, ended: errTimeUp}, "1 item was left when the time was up"},
		{summary{Items: 9, Done: n(9), Failed: n(0), ended: errTimeUp}, "all items were done, and workers were still there when the time was up"},
	} {
		err := c.s.verdict()
		if c.want == "" && err != nil || c.want != "" && (fmt.Sprint(err) != c.want || status(err) != exitFinding) {
			t.Errorf("%+v: %v, want %q", c.s, err, c.want)
		}
	}
}

// still is a queue that is never worked off.
type still struct{ queue.Gauge }

func (still) Depth(context.Context) (queue.Depth, error) { return queue.Depth{Visible: 1}, nil }

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sending, all, failed := make(chan error), make(chan error, 1), make(chan error, 1)
		all <- nil
		failed <- errAway
		for name, c := range map[string]struct {
			sent <-chan error
			stop error // nil: the time is up
			want error
		}{
			"a key while items are sent":     {sending, errStopped, errStopped},
			"a key while they are worked on": {all, errStopped, errStopped},
			"a signal":                       {sending, context.Canceled, errStopped},
			"the time is up":                 {sending, nil, errTimeUp},
			"an item that cannot be sent":    {failed, nil, errAway},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			ctx, stop := context.WithCancelCause(ctx)
			if c.stop != nil {
				time.AfterFunc(time.Second, func() { stop(c.stop) })
			}
			d, start := demo{interval: 6 * time.Second}, time.Now()
			if err := d.wait(ctx, still{}, &count{}, c.sent); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
			if c.stop != nil && time.Since(start) != time.Second {
				t.Errorf("%s: it went on for %s", name, time.Since(start)-time.Second)
			}
			stop(nil)
			cancel()
		}
	})
}

// listed is a cloud that lists instances, and says when they ended.
type listed struct {
	now   []fleet.Instance
	ended map[fleet.ID]time.Time
}

func (l listed) Instances(context.Context, string) ([]fleet.Instance, error) { return l.now, nil }

func (l listed) Ending(id fleet.ID) (local.Ending, error) {
	if at, ok := l.ended[id]; ok {
		return local.Ending{At: at}, nil
	}
	return local.Ending{}, local.ErrState
}

// TestEveryLaunchCounts: those among a tick's deeds, those that later ticks
// find because the answer was lost, and those that only the end of it lists.
func TestEveryLaunchCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
		c := &count{}
		c.watch(controller.Report{Snapshot: signals.Snapshot{Now: at(0)}, Deeds: signals.Deeds{Asked: 1, Launched: []fleet.ID{"i-deed"}}})
		c.watch(controller.Report{Snapshot: signals.Snapshot{Now: at(2), Workers: []fleet.Worker{
			{ID: "i-deed", Launched: at(1)}, {ID: "i-found", Launched: at(1)}}}})
		time.Sleep(20 * time.Second)
		var s summary
		s.instances(t.Context(), c, listed{
			now:   []fleet.Instance{{ID: "i-last", Launched: at(15)}, {ID: "i-found", Launched: at(1)}},
			ended: map[fleet.ID]time.Time{"i-deed": at(11), "i-found": at(4)},
		})
		if s.Launches != 3 || s.InstanceSeconds != 10+3+5 {
			t.Errorf("%d launches, %g instance-seconds; want 3 and 18", s.Launches, s.InstanceSeconds)
		}
	})
}

func TestTheLongestWaitIsExact(t *testing.T) {
	var a, b fleet.Sketch
	a.Add(1, 2, 25.802)
	b.Add(3)
	var s summary
	s.waits(map[string]fleet.Work{"photos": {Wait: a}, "films": {Wait: b}})
	if s.WaitMax != 25.802 || s.WaitP50 < 1.9 || s.WaitP50 > 3.1 {
		t.Errorf("%+v", s)
	}
}
