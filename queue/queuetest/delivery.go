package queuetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"skynet/queue"
)

func sendReceiveDelete(b *bench) {
	before := time.Now().Add(-time.Second)
	id := b.send(1)[0]
	b.soon(0, queue.Depth{Visible: 1})
	it := b.receive(5 * time.Second)
	if it.ID != id || it.Tries != 1 || it.Queue != b.name || string(it.Body) != "item 0" {
		b.Fatalf("received %+v, sent %s", it, id)
	}
	if !it.Sent.IsZero() && (it.Sent.Before(before) || it.Sent.After(time.Now().Add(time.Second))) {
		b.Fatalf("it was sent at %v, now is %v", it.Sent, time.Now())
	}
	b.soon(0, queue.Depth{InFlight: 1})
	b.ok(b.Queue.Delete(b.Context(), it))
	b.soon(0, queue.Depth{})
	b.nothing(b.Visibility * 3 / 2)
}

func empty(b *bench) {
	start := time.Now()
	b.nothing(100 * time.Millisecond)
	b.nothing(0)
	if took := time.Since(start); took > 3*time.Second {
		b.Fatalf("an empty queue was waited for %v", took)
	}
	if d := b.depth(); d != (queue.Depth{}) {
		b.Fatalf("an empty queue holds %+v", d)
	}
	dead, err := b.Queue.DeadLetters(b.Context(), 10)
	if err != nil || len(dead) > 0 {
		b.Fatalf("an empty queue has dead letters %v, %v", dead, err)
	}
}

// cancelled ends receives again and again while items arrive: each item must
// be there for the next receiver at once, not after its visibility.
func cancelled(b *bench) {
	for i := range 12 {
		ctx, cancel := context.WithCancel(b.Context())
		var got *queue.Item
		ended := make(chan time.Time, 1)
		go func() {
			got, _ = b.Queue.Receive(ctx, time.Minute)
			ended <- time.Now()
		}()
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		stop := time.Now()
		cancel()
		b.send(1)
		if took := (<-ended).Sub(stop); took > cmp.Or(b.Cancel, 2*time.Second) {
			b.Fatalf("a receive ended %v after its context", took)
		}
		if got == nil {
			start := time.Now()
			got = b.receive(5 * time.Second)
			if took := time.Since(start); took > b.Visibility/2 {
				b.Fatalf("a cancelled receive swallowed the item for %v", took)
			}
		}
		b.ok(b.Queue.Delete(b.Context(), got))
	}
	if err := receiveCancelled(b); !errors.Is(err, context.Canceled) {
		b.Fatalf("a receive under a context that has ended says %v", err)
	}
}

func receiveCancelled(b *bench) error {
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	_, err := b.Queue.Receive(ctx, time.Second)
	return err
}

func expiry(b *bench) {
	id := b.send(1)[0]
	b.receive(5 * time.Second)
	b.nothing(b.Visibility / 2)
	it := b.receive(b.Visibility + 5*time.Second)
	if it.ID != id || it.Tries != 2 {
		b.Fatalf("redelivered %s in try %d, want %s in try 2", it.ID, it.Tries, id)
	}
	b.ok(b.Queue.Delete(b.Context(), it))
	b.soon(0, queue.Depth{})
}

func extend(b *bench) {
	b.send(1)
	it := b.receive(5 * time.Second)
	for range 5 { // for two and a half visibilities
		b.nothing(b.Visibility / 2)
		b.ok(b.Queue.Extend(b.Context(), it))
		if d := b.depth(); d != (queue.Depth{InFlight: 1}) {
			b.Fatalf("an extended item counts as %+v", d)
		}
	}
	b.ok(b.Queue.Delete(b.Context(), it))
	b.soon(0, queue.Depth{})
}

// gone has a holder come back after its time: the item is another's, and only
// that one may end it.
func gone(b *bench) {
	b.send(1)
	late := b.receive(5 * time.Second)
	holder := b.receive(b.Visibility + 5*time.Second)
	calls := map[string]func() error{
		"extend": func() error { return b.Queue.Extend(b.Context(), late) },
		"delete": func() error { return b.Queue.Delete(b.Context(), late) },
		"fail":   func() error { return b.Queue.Fail(b.Context(), late, "late") },
	}
	if b.LateDelete {
		delete(calls, "delete")
	}
	for what, do := range calls {
		if err := do(); !errors.Is(err, queue.ErrGone) {
			b.Fatalf("%s of another's item says %v, want ErrGone", what, err)
		}
	}
	if d := b.depth(); d != (queue.Depth{InFlight: 1}) {
		b.Fatalf("after a late holder's calls the queue holds %+v", d)
	}
	b.ok(b.Queue.Delete(b.Context(), holder))
	for what, do := range map[string]func() error{
		"extend": func() error { return b.Queue.Extend(b.Context(), holder) },
		"delete": func() error { return b.Queue.Delete(b.Context(), holder) },
	} {
		if err := do(); !errors.Is(err, queue.ErrGone) {
			b.Fatalf("%s of a deleted item says %v, want ErrGone", what, err)
		}
	}
	b.soon(0, queue.Depth{})
}

func names(b *bench) {
	bad := b.BadNames
	if bad == nil {
		bad = []string{"", "Photos", "9lives", "a.b", "a-b", "a b", "a*", ">", "ä", "_x"}
	}
	for _, name := range bad {
		if _, err := b.open(b.Context(), name); err == nil {
			b.Errorf("a queue named %q was opened", name)
		}
	}
}

func large(b *bench) {
	body := bytes.Repeat([]byte("x"), 200<<10)
	_, err := b.Queue.Send(b.Context(), body)
	b.ok(err)
	it := b.receive(5 * time.Second)
	if !bytes.Equal(it.Body, body) {
		b.Fatalf("sent %d bytes, received %d", len(body), len(it.Body))
	}
	b.ok(b.Queue.Delete(b.Context(), it))
	if _, err := b.Queue.Send(b.Context(), make([]byte, 64<<20)); err == nil {
		b.Fatal("an item of 64 MiB was accepted")
	}
	b.soon(0, queue.Depth{})
}

// twoOpeners has controller and worker open the same queue.
func twoOpeners(b *bench) {
	other := b.opened(b.name)
	ids := b.send(3)
	for range ids {
		it, err := other.Receive(b.Context(), 5*time.Second)
		if err != nil || it == nil || !slices.Contains(ids, it.ID) {
			b.Fatalf("the second opener received %+v, %v", it, err)
		}
		b.ok(other.Delete(b.Context(), it))
	}
	b.soon(0, queue.Depth{})
}

func strangersReceipt(b *bench) {
	b.send(1)
	it := b.receive(5 * time.Second)
	if err := b.opened(b.name+"_2").Delete(b.Context(), it); err == nil {
		b.Fatal("another queue deleted the item")
	}
	if err := b.Queue.Delete(b.Context(), &queue.Item{ID: it.ID}); err == nil {
		b.Fatal("an item without a receipt was deleted")
	}
	b.ok(b.Queue.Delete(b.Context(), it))
}
