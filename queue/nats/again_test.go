package nats_test

import (
	"context"
	"strings"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"skynet/queue"
	"skynet/queue/nats"
)

func every(queue.Dead) bool { return true }

// withDead is a queue all of whose n items were given up on.
func withDead(t *testing.T, c *nats.Conn, n int) *nats.Queue {
	t.Helper()
	q := opened(t, c, nats.Config{Name: "photos", Tries: 1})
	sendAll(t, q, n)
	for range n {
		must(t, q.Fail(t.Context(), received(t, q), "it broke"))
	}
	return q
}

// TestACrashBetweenSendingAndDeleting leaves the item in both streams. The next Again
// deletes the letter, and soon after the crash does not send the item a second time.
func TestACrashBetweenSendingAndDeleting(t *testing.T) {
	t.Parallel()
	q := withDead(t, fresh(t), 3)
	must(t, q.SendDeadAgain(t.Context()))
	if d := depth(t, q); d.Visible != 3 || d.Dead != 3 {
		t.Fatalf("after the crash the queue holds %+v", d)
	}
	done, err := q.Again(t.Context(), every)
	if err != nil || len(done) != 3 {
		t.Fatalf("%v, %v", done, err)
	}
	if d := depth(t, q); d.Visible != 3 || d.Dead != 0 {
		t.Errorf("the queue holds %+v", d)
	}
}

// TestALetterThatGoesMeanwhile is dealt with: another command, or its age, was quicker.
func TestALetterThatGoesMeanwhile(t *testing.T) {
	t.Parallel()
	q := withDead(t, fresh(t), 2)
	done, err := q.Drop(t.Context(), func(d queue.Dead) bool {
		_, err := q.Drop(t.Context(), func(o queue.Dead) bool { return o.ID == d.ID })
		must(t, err)
		return true
	})
	if err != nil || len(done) != 2 || depth(t, q).Dead != 0 {
		t.Errorf("%v, %v, %+v", done, err, depth(t, q))
	}
}

// TestManyLetters are more than are dealt with at once.
func TestManyLetters(t *testing.T) {
	t.Parallel()
	const n = 150
	q := withDead(t, fresh(t), n)
	list, err := q.DeadLetters(t.Context(), n)
	must(t, err)
	done, err := q.Again(t.Context(), func(d queue.Dead) bool { return d.ID != list[n-1].ID })
	if err != nil || len(done) != n-1 {
		t.Fatalf("%d, %v", len(done), err)
	}
	for i, s := range done {
		if s.ID != list[i].ID || s.As != s.ID {
			t.Fatalf("letter %d, %s, was sent again as %+v", i, list[i].ID, s)
		}
	}
	if d := depth(t, q); d.Visible != n-1 || d.Dead != 1 {
		t.Errorf("the queue holds %+v", d)
	}
}

// TestAServerThatEndsMeanwhile leaves letters of which nobody knows whether their items
// are in the queue: their number is told.
func TestAServerThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	q := withDead(t, dialled(t, s.URL(), s.TokenFile()), 3)
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	done, err := q.Again(ctx, func(queue.Dead) bool {
		if seen++; seen == 3 {
			s.Shutdown()
			time.AfterFunc(100*time.Millisecond, cancel) // who called loses patience
		}
		return true
	})
	wantError(t, err, "send dead letters of queue photos again: stopped before the end; up to 3 more items may be in the queue and among the dead as well")
	if len(done) != 0 || strings.Contains(err.Error(), "context") {
		t.Errorf("%v, %v", done, err)
	}
	_, err = q.Again(ctx, every)
	wantError(t, err, "stopped before the end; what is left is untouched")
}

func TestAQueueThatTakesNothingKeepsItsLetters(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	q := withDead(t, dialled(t, s.URL(), s.TokenFile()), 2)
	js := streams(t, s)
	work, err := js.Stream(t.Context(), "queue_photos")
	must(t, err)
	cfg := work.CachedInfo().Config
	cfg.Sealed = true // takes nothing from now on
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	done, err := q.Again(t.Context(), every)
	if len(done) != 0 {
		t.Errorf("done %v", done)
	}
	wantError(t, err, "send dead letters of queue photos again: item ", "seal", "; 1 failed like it")
	if d := depth(t, q); d.Dead != 2 {
		t.Errorf("the queue holds %+v", d)
	}
}

// TestMorgueLeavesTheQueueAsItIs: who comes by does not know its settings.
func TestMorgueLeavesTheQueueAsItIs(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	c := dialled(t, s.URL(), s.TokenFile())
	_, err := c.Morgue(t.Context(), "photos")
	wantError(t, err, "there is no queue photos on this server")
	if names := streamNames(t, s); len(names) > 0 {
		t.Errorf("looking made %v", names)
	}
	_, err = c.Morgue(t.Context(), "a.b")
	wantError(t, err, "queue name")

	opened(t, c, nats.Config{Name: "photos", Visibility: time.Minute, Tries: 1})
	m, err := c.Morgue(t.Context(), "photos")
	must(t, err)
	q := opened(t, c, nats.Config{Name: "photos"})
	if q.Visibility() != time.Minute {
		t.Errorf("the visibility is %v", q.Visibility())
	}
	sendAll(t, q, 1)
	must(t, q.Fail(t.Context(), received(t, q), "it broke"))
	if done, err := m.Again(t.Context(), every); err != nil || len(done) != 1 || received(t, q).ID != done[0].ID {
		t.Errorf("%v, %v", done, err)
	}
}

// TestLettersOfAnEarlierVersion have their ID in another header.
func TestLettersOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	q := opened(t, dialled(t, s.URL(), s.TokenFile()), nats.Config{Name: "photos"})
	_, err := streams(t, s).PublishMsg(t.Context(), &client.Msg{Subject: "skynet.dead.photos.0", Data: []byte("old"), Header: client.Header{
		"Nats-Msg-Id": {"x"}, "Skynet-Sent": {"2026-03-01T00:00:00Z"},
	}})
	must(t, err)
	if done, err := q.Again(t.Context(), every); err != nil || len(done) != 1 || done[0].ID != "x" {
		t.Fatalf("%v, %v", done, err)
	}
	if it := received(t, q); it.ID != "x" || string(it.Body) != "old" || time.Since(it.Sent) > time.Minute { // its wait begins anew
		t.Errorf("received %+v", it)
	}
}

// streams are the server's, past the queue.
func streams(t *testing.T, s *nats.Server) jetstream.JetStream {
	t.Helper()
	nc, err := client.Connect(s.URL(), client.Token(readFile(t, s.TokenFile())))
	must(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(t, err)
	return js
}

func streamNames(t *testing.T, s *nats.Server) (names []string) {
	t.Helper()
	list := streams(t, s).StreamNames(t.Context())
	for n := range list.Name() {
		names = append(names, n)
	}
	must(t, list.Err())
	return names
}
