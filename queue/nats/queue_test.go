package nats_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
	"skynet/queue/nats"
)

// Workers drop items at random, fail some and finish others, on two queues. In
// the end every item was finished once, none is left, and all counts agree.
func TestManyItemsAndDyingWorkers(t *testing.T) {
	t.Parallel()
	const perQueue, workers = 1000, 8
	s := started(t, t.TempDir())
	boss := dialled(t, s.URL(), s.TokenFile())
	crew := dialled(t, s.URL(), s.TokenFile())
	for _, name := range []string{"photos", "videos"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Longer than an answer takes on a machine that is busy with other tests: the server
			// takes a Delete from a holder whose time has run out.
			cfg := nats.Config{Name: name, Visibility: 3 * time.Second, Tries: 50, Backoff: time.Millisecond}
			q := opened(t, boss, cfg)
			load := &load{q: opened(t, crew, nats.Config{Name: name}), want: perQueue, done: map[string]int{}}
			go sendAll(t, q, perQueue)
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() { load.work(t) })
			}
			wg.Wait()
			for id, n := range load.done {
				if n != 1 {
					t.Errorf("item %s was finished %d times", id, n)
				}
			}
			if d := depth(t, q); d != (queue.Depth{OldestKnown: true}) || len(load.done) != perQueue {
				t.Errorf("%d items done of %d, %d dropped; the queue holds %+v", len(load.done), perQueue, load.dropped, d)
			}
		})
	}
}

type load struct {
	q    *nats.Queue
	want int

	mu      sync.Mutex
	done    map[string]int
	dropped int
}

func (l *load) finished() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.done) == l.want
}

func (l *load) work(t *testing.T) {
	for !l.finished() && !t.Failed() {
		it, err := l.q.Receive(t.Context(), 300*time.Millisecond)
		if err != nil {
			t.Error(err)
		}
		if it == nil {
			continue
		}
		switch luck := rand.IntN(100); {
		case luck < 5: // dies
			l.mu.Lock()
			l.dropped++
			l.mu.Unlock()
		case luck < 8:
			err = l.q.Fail(t.Context(), it, "unlucky")
		default:
			err = l.finish(t.Context(), it)
		}
		if err != nil && !errors.Is(err, queue.ErrGone) {
			t.Error(err)
		}
	}
}

func (l *load) finish(ctx context.Context, it *queue.Item) error {
	if err := l.q.Delete(ctx, it); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[it.ID]++
	return nil
}

// Settings are stored with the queue: who opens it by name alone gets them, and
// who opens it with others changes them, for redelivery too.
func TestSettingsAreShared(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	if q := opened(t, c, nats.Config{Name: "plain"}); q.Visibility() != nats.DefaultVisibility {
		t.Fatalf("the default visibility is %v", q.Visibility())
	}
	opened(t, c, nats.Config{Name: "photos", Visibility: time.Minute, Tries: 1})
	q := opened(t, c, nats.Config{Name: "photos"})
	if q.Visibility() != time.Minute {
		t.Fatalf("opened by name, the visibility is %v", q.Visibility())
	}
	sendAll(t, q, 2)
	must(t, q.Fail(t.Context(), received(t, q), "the only try"))
	if d := depth(t, q); d.Dead != 1 || d.Visible != 1 {
		t.Fatalf("after the only try the queue holds %+v", d)
	}
	q = opened(t, c, nats.Config{Name: "photos", Visibility: 300 * time.Millisecond, Tries: 2})
	received(t, q)
	if it := received(t, q); it.Tries != 2 {
		t.Fatalf("under a shorter visibility it came in try %d", it.Tries)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	for _, cfg := range []nats.Config{
		{Name: "Photos"}, {Name: "photos", Tries: -1}, {Name: "photos", Visibility: time.Millisecond}, {Name: "photos", Backoff: -1},
	} {
		if _, err := c.Queue(t.Context(), cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
	_, err := c.Mail(t.Context(), "a.b", 0)
	wantError(t, err, `"a.b"`)
}

// Items sent by another program, without our headers, are items too.
func TestForeignItem(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	q := opened(t, dialled(t, s.URL(), s.TokenFile()), nats.Config{Name: "photos", Visibility: 300 * time.Millisecond})
	token := readFile(t, s.TokenFile())
	nc, err := client.Connect(s.URL(), client.Token(token))
	must(t, err)
	defer nc.Close()
	must(t, nc.Publish("skynet.queue.photos", nil))
	first := received(t, q)
	second := received(t, q)
	if first.ID == "" || first.ID != second.ID || second.Tries != 2 || time.Since(first.Sent).Abs() > time.Minute {
		t.Fatalf("received %+v, then %+v", first, second)
	}
}

// A fetch that is cut off while messages stream in must not swallow one: with a
// visibility of minutes that would be seen.
func TestCancelledReceivesSwallowNothing(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	q := opened(t, c, nats.Config{Name: "photos", Visibility: time.Hour, Tries: 1000})
	const items = 150
	go sendAll(t, q, items)
	done := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	end := time.Now().Add(15 * time.Second)
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(end) {
				mu.Lock()
				all := len(done) == items
				mu.Unlock()
				if all {
					return
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(4000))*time.Microsecond)
				it, _ := q.Receive(ctx, time.Second)
				cancel()
				if it == nil {
					continue
				}
				if err := q.Delete(t.Context(), it); err != nil {
					t.Error(err)
				}
				mu.Lock()
				done[it.ID] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if d := depth(t, q); len(done) != items || d.Visible+d.InFlight > 0 {
		t.Fatalf("%d of %d items done, the queue holds %+v", len(done), items, d)
	}
}

// Depth is asked for every queue in every tick: it may not cost more with much
// in flight.
func TestDepthIsQuick(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	q := opened(t, c, nats.Config{Name: "photos"})
	sendAll(t, q, 300)
	for range 250 {
		received(t, q)
	}
	start := time.Now()
	const times = 50
	for range times {
		depth(t, q)
	}
	if each := time.Since(start) / times; each > 100*time.Millisecond {
		t.Fatalf("a depth takes %v", each)
	} else {
		t.Logf("a depth takes %v", each)
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	post, err := c.Mail(t.Context(), "heartbeats", time.Second)
	must(t, err)
	read, err := c.Mail(t.Context(), "heartbeats", time.Second)
	must(t, err)
	for i := range 5 {
		must(t, post.Post(t.Context(), strconv.AppendInt(nil, int64(i), 10)))
	}
	wantMail(t, read, 3, "0", "1", "2")
	wantMail(t, read, 10, "3", "4")
	wantMail(t, read, 10)
	must(t, post.Post(t.Context(), []byte("late")))
	time.Sleep(1500 * time.Millisecond)
	wantMail(t, read, 10)
	time.AfterFunc(100*time.Millisecond, func() { _ = post.Post(context.Background(), []byte("new")) })
	start := time.Now()
	got, err := read.Collect(t.Context(), 10, 10*time.Second)
	if err != nil || len(got) != 1 || string(got[0].Body) != "new" || time.Since(start) > 3*time.Second {
		t.Fatalf("collected %+v, %v after %v", got, err, time.Since(start))
	}
}

// Mail says when it came, not when it was read.
func TestMailIsStampedOnArrival(t *testing.T) {
	t.Parallel()
	m, err := fresh(t).Mail(t.Context(), "heartbeats", time.Minute)
	must(t, err)
	before := time.Now()
	must(t, m.Post(t.Context(), []byte("first")))
	must(t, m.Post(t.Context(), []byte("second")))
	after := time.Now()
	time.Sleep(500 * time.Millisecond)
	got, err := m.Collect(t.Context(), 10, time.Second)
	must(t, err)
	if len(got) != 2 || got[0].At.Before(before) || got[1].At.Before(got[0].At) || got[1].At.After(after) {
		t.Fatalf("posted from %s to %s, collected %+v", before, after, got)
	}
}

// Mail that was read leaves the server's memory at once.
func TestReadMailIsGone(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	m, err := dialled(t, s.URL(), s.TokenFile()).Mail(t.Context(), "heartbeats", time.Minute)
	must(t, err)
	must(t, m.Post(t.Context(), []byte("here")))
	wantMail(t, m, 10, "here")
	nc, err := client.Connect(s.URL(), client.Token(readFile(t, s.TokenFile())))
	must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	stream, err := js.Stream(t.Context(), "mail_heartbeats")
	must(t, err)
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		info, err := stream.Info(t.Context())
		must(t, err)
		if info.State.Msgs == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d messages are left", info.State.Msgs)
		}
	}
}

func wantMail(t *testing.T, m *nats.Mail, limit int, want ...string) {
	t.Helper()
	got, err := m.Collect(t.Context(), limit, 50*time.Millisecond)
	must(t, err)
	if len(got) != len(want) {
		t.Fatalf("collected %+v, want %q", got, want)
	}
	for i := range want {
		if string(got[i].Body) != want[i] {
			t.Fatalf("collected %+v, want %q", got, want)
		}
	}
}

func TestReleasedItemsComeBackAtOnce(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	q := opened(t, dialled(t, s.URL(), s.TokenFile()), nats.Config{Name: "photos", Visibility: time.Minute, Tries: 2})
	sendAll(t, q, 1)
	first := received(t, q)
	last := first
	for range 5 { // far more often than it may be tried
		must(t, q.Release(t.Context(), last))
		if d := depth(t, q); d.InFlight != 0 || d.Visible != 1 || d.Dead != 0 {
			t.Fatalf("depth after a release: %+v", d)
		}
		if last = received(t, q); last.ID != first.ID || last.Tries != 1 {
			t.Fatalf("received %+v, want %s: what was released was no try", last, first.ID)
		}
	}
	if err := q.Delete(t.Context(), first); !errors.Is(err, queue.ErrGone) {
		t.Errorf("a holder that let go could delete: %v", err)
	}
	must(t, q.Delete(t.Context(), last))
}

// Workers that stop receiving in the moment when an item comes give it back. A
// fleet that drains must not use up a good item's tries that way.
func TestReceivesThatAreCutOffAreNoTries(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	q := opened(t, dialled(t, s.URL(), s.TokenFile()), nats.Config{Name: "photos", Visibility: time.Minute, Tries: 2})
	for round := range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if it, _ := q.Receive(ctx, 20*time.Second); it != nil {
					must(t, q.Release(context.WithoutCancel(ctx), it))
				}
			})
		}
		time.Sleep(100 * time.Millisecond) // all of them wait
		cancel()
		sendAll(t, q, 3)
		wg.Wait()
		for range 3 {
			it := received(t, q)
			if it.Tries != 1 {
				t.Errorf("round %d: an item that nobody worked on is on try %d", round, it.Tries)
			}
			must(t, q.Delete(t.Context(), it))
		}
	}
	if d := depth(t, q); d != (queue.Depth{OldestKnown: true}) {
		t.Errorf("left: %+v", d)
	}
}
