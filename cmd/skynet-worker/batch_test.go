package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skynet/queue"
	"skynet/worker/batch"
	"skynet/worker/recipe"
)

// work plays the worker: it takes an item of the queue, and does it, fails it, or
// loses it.
func (s *site) work(what func(input string) (failure string, last bool)) {
	s.Helper()
	it, err := s.queue.Receive(s.Context(), 5*time.Second)
	if err != nil || it == nil {
		s.Fatalf("received %v, %v", it, err)
	}
	var of struct{ Input, Output, Batch string }
	if err := json.Unmarshal(it.Body, &of); err != nil {
		s.Fatal(err)
	}
	folder, _ := url.PathUnescape(strings.TrimPrefix(of.Output, "file://"+s.dir+"/"))
	if reason, last := what(of.Input); reason != "" {
		text, _ := json.Marshal(recipe.Failure{Input: of.Input, Reason: reason, Last: last, Tries: 3, At: time.Now()})
		s.write(folder+"/failed.json", string(text))
	} else {
		s.write(folder+"/1024.jpg", "large")
		s.write(folder+"/manifest.json", "{}")
	}
	if err := s.queue.Delete(s.Context(), it); err != nil {
		s.Fatal(err)
	}
}

func done(string) (string, bool) { return "", false }

func failed(input string) (string, bool) { return "input: " + input + ": no such object", true }

// TestABatchFromItsBeginToItsEnd, with an item that fails, one that is lost, and
// both sent again.
func TestABatchFromItsBeginToItsEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.media(5)
	s.wants(s.call("batch"), 0, "no batch was submitted yet")
	s.wants(s.call("submit", "--batch", "g", "media/g"), 0)
	s.work(done)
	s.work(done)
	s.work(failed)
	text := s.call("batch", "g")
	s.wants(text, 0, "batch g: 5 items of 5 B, to queue photos on ", "done      2 (40%), 14 B of outputs", "failed    1 (20%)",
		"waiting   2; the queue holds 2, 0 of them in hand", "     1 x input: …: no such object")
	s.wants(s.call("batch", "g", "--wait", "--timeout", "1500ms"), 1, "waiting   2", "after 1.5s: 2 of 5 items are not done")

	waiting := make(chan call, 1)
	go func() { waiting <- s.call("batch", "g", "--wait") }()
	s.work(done)
	it, err := s.queue.Receive(t.Context(), 5*time.Second) // lost: it leaves the queue, and nothing came of it
	if err != nil || it == nil {
		t.Fatal(err)
	}
	if err := s.queue.Delete(t.Context(), it); err != nil {
		t.Fatal(err)
	}
	s.wants(<-waiting, 1, "done      3 (60%)", "failed    1 (20%)", "lost      1 (20%)", "2 of 5 items failed", "its worker died in the last try")

	doc, status := s.shown("batch", "g", "--failed", "--retry")
	if status != 0 || doc.Resent != 2 || doc.Done != 3 || doc.Waiting != 2 || doc.Failed+doc.Lost != 0 || doc.Over {
		t.Errorf("sent again: %+v, status %d", doc, status)
	}
	s.work(done)
	s.work(failed)
	doc, status = s.shown("batch", "g", "--failed", "--wait")
	if status != 1 || doc.Done != 4 || doc.Failed != 1 || !doc.Over || len(doc.Failures) != 1 || len(doc.FailedItems) != 1 ||
		!strings.HasSuffix(doc.FailedItems[0].Reason, ".jpg: no such object") {
		t.Errorf("failed again: %+v, status %d", doc, status)
	}
	s.wants(s.call("batch", "g", "--retry"), 0, "1 of 5 items sent again to queue photos")
	s.work(done)
	doc, status = s.shown("batch", "g", "--wait")
	if status != 0 || doc.Done != 5 || !doc.Over {
		t.Errorf("%+v, status %d", doc, status)
	}
	s.wants(s.call("batch", "g", "--retry"), 0, "0 of 5 items sent again")
}

// TestTheSameOnceMore: what was made before is done when the workers leave it as it
// is, and not a moment sooner.
func TestTheSameOnceMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.media(2)
	s.wants(s.call("submit", "--batch", "one", "media/g"), 0)
	s.work(done)
	s.work(done)
	s.wants(s.call("submit", "--batch", "two", "media/g"), 0)
	if doc, _ := s.shown("batch", "two"); doc.Done != 0 || doc.Waiting != 2 {
		t.Errorf("before it was looked at: %+v", doc)
	}
	if n := total(s.sent()); n != 2 { // taken and left as they are
		t.Errorf("%d were sent", n)
	}
	if doc, status := s.shown("batch", "two", "--wait"); status != 0 || doc.Done != 2 || doc.MadeBefore != 2 {
		t.Errorf("%+v, status %d", doc, status)
	}
}

func TestBatchRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, c := range []struct {
		args []string
		said string
	}{
		{[]string{"--wait"}, "which batch?"},
		{[]string{"none"}, "there is no batch none at file://"},
		{[]string{"../x"}, "is not a name of a batch"},
		{[]string{"none", "--timeout", "3s"}, "--timeout bounds --wait"},
		{[]string{"none", "--wait", "--timeout", "-3s"}, "write more than 0"},
		{[]string{"none", "--format", "xml"}, "write text or json"},
		{[]string{"a", "b"}, "accepts at most 1 arg"},
	} {
		s.wants(s.call(append([]string{"batch"}, c.args...)...), 2, c.said)
	}
}

// shelf is a store in memory, whose objects are all a byte and as old as the bubble.
type shelf struct {
	mu      sync.Mutex
	objects map[string]time.Time
	broken  error
}

func (s *shelf) List(_ context.Context, folder string, visit func(string, int64, time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for u, at := range s.objects {
		if strings.HasPrefix(u, folder+"/") {
			if err := visit(u, 1, at); err != nil {
				return err
			}
		}
	}
	return s.broken
}

func (s *shelf) Read(context.Context, string, int64) ([]byte, error)  { return nil, fs.ErrNotExist }
func (s *shelf) Write(context.Context, string, []byte) error          { return nil }
func (s *shelf) Create(context.Context, string, []byte) (bool, error) { return true, nil }
func (s *shelf) Check(string) error                                   { return nil }

func (s *shelf) done(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[fmt.Sprintf("s3://b/%d/manifest.json", i)] = time.Now()
}

func (s *shelf) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

// meter is a queue that can be asked how much it holds.
type meter struct {
	queue.Gauge
	mu    sync.Mutex
	depth queue.Depth
	err   error
}

func (m *meter) Depth(context.Context) (queue.Depth, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.depth, m.err
}

// holds sets how many wait and how many are in hand.
func (m *meter) holds(visible, inFlight int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.depth.Visible, m.depth.InFlight = visible, inFlight
}

// chase follows a batch of n items that were all sent.
func chase(t *testing.T, n int, m *meter) (*pursuit, *shelf) {
	t.Helper()
	s := &shelf{objects: map[string]time.Time{}}
	r := &batch.Record{About: batch.About{Name: "a", Queue: "photos", Items: n}, Begun: time.Now()}
	for i := range n {
		r.Items = append(r.Items, batch.Item{Input: "s3://b/in", Output: fmt.Sprintf("s3://b/%d", i), Body: json.RawMessage("{}")})
	}
	if err := (batch.Mailing{Shelf: batch.NewShelf(s, "s3://b"), Record: r, To: taker{}, Now: time.Now}).Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &pursuit{record: r, shelf: batch.NewShelf(s, "s3://b"), watch: batch.NewWatch(s, r), gauge: m, now: time.Now}, s
}

type taker struct{}

func (taker) SendAll(_ context.Context, bodies [][]byte) ([]string, error) {
	return slices.Repeat([]string{"id"}, len(bodies)), nil
}

// TestWaitingInVirtualTime: a batch of 60 items, one done every ten seconds, on a
// queue whose counts are late.
func TestWaitingInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meter{depth: queue.Depth{Visible: 60}}
		p, s := chase(t, 60, m)
		begun := time.Now()
		go func() {
			for i := range 60 {
				time.Sleep(10 * time.Second)
				s.done(i)
				m.holds(59-i, 0)
			}
		}()
		var rates []float64
		err := p.follow(t.Context(), func(err error) {
			if err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > 30*time.Second && took < 9*time.Minute {
				rates = append(rates, p.tally.Rate)
				left := time.Duration(60-p.tally.Done) * 10 * time.Second
				if off := p.tally.Left - left; off.Abs() > left/2 {
					t.Errorf("after %s, with %s to go, it says %s", took, left, p.tally.Left)
				}
			}
		})
		if err != nil || p.tally.Done != 60 || time.Since(begun) > 10*time.Minute+2*time.Second {
			t.Errorf("%+v after %s, %v", p.tally, time.Since(begun), err)
		}
		if low, high := slices.Min(rates), slices.Max(rates); low < 0.06 || high > 0.101 {
			t.Errorf("rates from %v to %v, want 0.1", low, high)
		}
	})
}

// TestLostItemsAreGivenUpOnlyWhenTheQueueIsEmptyForLong enough for its counts.
func TestLostItemsAreGivenUpOnlyWhenTheQueueIsEmptyForLong(t *testing.T) {
	for _, c := range []struct {
		name   string
		known  bool // the queue's counts are right
		within time.Duration
	}{{"nats", true, quiet + 2*often}, {"sqs", false, quietSQS + 2*often}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &meter{depth: queue.Depth{InFlight: 1, OldestKnown: c.known}}
				p, s := chase(t, 2, m)
				s.done(0)
				var emptied time.Time
				go func() {
					time.Sleep(10 * time.Minute)
					m.holds(0, 0)
					time.Sleep(time.Second)
					m.holds(1, 0) // its holder died: it is there again
					time.Sleep(10 * time.Minute)
					emptied = time.Now()
					m.holds(0, 0)
				}()
				err := p.follow(t.Context(), func(error) {})
				after := time.Since(emptied)
				if err != nil || p.tally.Lost != 1 || p.tally.Done != 1 || emptied.IsZero() || after > c.within || after < c.within-3*often {
					t.Errorf("%+v, %s after the queue was empty, %v", p.tally, after, err)
				}
			})
		})
	}
}

// TestWithoutAnAnswerNothingIsGivenUp, nor from a queue whose depth is not known.
func TestWithoutAnAnswerNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meter{err: errors.New("no answer")}
		p, s := chase(t, 2, m)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		go func() {
			time.Sleep(time.Minute)
			s.breaks(errors.New("the store does not answer"))
			time.Sleep(5 * time.Second)
			s.breaks(nil)
		}()
		troubles := 0
		err := p.follow(ctx, func(err error) {
			if err != nil {
				troubles++
			}
		})
		if !errors.Is(err, context.DeadlineExceeded) || p.tally.Waiting != 2 || troubles == 0 {
			t.Errorf("%+v, %d troubles, %v", p.tally, troubles, err)
		}
		s.breaks(errors.New("gone for good"))
		if err := p.follow(t.Context(), func(error) {}); !errors.Is(err, s.broken) || status(err) != exitFinding {
			t.Errorf("err %v", err)
		}
	})
}

func TestLooksAreFewWhereTheyTakeLong(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: often, time.Second: 4 * time.Second, time.Hour: rarely} {
		if got := pauseAfter(took); got != want {
			t.Errorf("after %s: %s, want %s", took, got, want)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(1234567), "1,234,567"},
		{size(999), "999 B"}, {size(1000), "1.0 kB"}, {size(999_950), "1.0 MB"}, {size(31_234_000_000), "31.2 GB"}, {size(1 << 62), "4611.7 PB"},
		{brief(1234 * time.Millisecond), "1.23s"}, {brief(83 * time.Second), "1m23s"}, {brief(5 * time.Minute), "5m"}, {brief(100 * time.Minute), "1h40m"}, {brief(2 * time.Hour), "2h0m"},
		{pace(31.46), "31.5 items/s"}, {pace(0.5), "30.0 items/min"}, {pace(0.001), "3.6 items/h"},
		{percent(1, 3), " (33.3%)"}, {percent(9999, 10000), " (99.9%)"}, {percent(2, 2), " (100%)"}, {percent(0, 0), ""}, {cut("0123456789012345678901234", 20), "0123456789012345678…"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestThePicture(t *testing.T) {
	l := &live{head: "batch g: 5 items", started: time.Now(), width: 60}
	if v := l.View().Content; !strings.Contains(v, "looks …") {
		t.Errorf("at first: %s", v)
	}
	m, _ := l.Update(looked{done: 0.5, numbers: "  done      2 (40%)\n  failed    1\n"})
	m, _ = m.Update(looked{err: errors.New("no answer")})
	defer func() {
		if m, _ = m.Update(over{}); m.View().Content != "" {
			t.Errorf("at the end: %s", m.View().Content)
		}
	}()
	if v := m.View().Content; !strings.Contains(v, "done      2 (40%)") || !strings.Contains(v, "cannot look: no answer") || strings.Count(v, "█") != 28 {
		t.Errorf("later: %s", v)
	}
}
