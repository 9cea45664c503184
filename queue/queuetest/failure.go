package queuetest

import (
	"fmt"
	"strings"
	"time"

	"skynet/queue"
)

// fail gives an item back until it is given up on.
func fail(b *bench) {
	id := b.send(1)[0]
	for try := 1; try <= b.Tries; try++ {
		it := b.receive(b.Pause<<try + b.Lag + 5*time.Second)
		if it.ID != id || it.Tries != try {
			b.Fatalf("received %s in try %d, want %s in try %d", it.ID, it.Tries, id, try)
		}
		b.ok(b.Queue.Fail(b.Context(), it, fmt.Sprintf("it broke\nin try %d", try)))
		if try == b.Tries {
			break
		}
		if d := b.depth(); d != b.heldBack() {
			b.Fatalf("after failed try %d the queue holds %+v, want it delayed", try, d)
		}
		b.nothing(b.Pause / 2)
	}
	b.soon(0, queue.Depth{Dead: 1})
	b.nothing(b.Visibility * 3 / 2)
	b.letter(id, b.Tries, fmt.Sprintf("it broke in try %d", b.Tries))
}

// crash has every holder of an item die without a word.
func crash(b *bench) {
	id := b.send(1)[0]
	for try := 1; try <= b.Tries; try++ {
		if it := b.receive(b.Visibility + 5*time.Second); it.ID != id || it.Tries != try {
			b.Fatalf("received %s in try %d, want %s in try %d", it.ID, it.Tries, id, try)
		}
	}
	b.nothing(2*b.Visibility + b.Lag)
	b.soon(0, queue.Depth{Dead: 1})
	b.letter(id, b.Tries, "died")
}

// letter wants one dead letter.
func (b *bench) letter(id string, tries int, reason string) {
	b.Helper()
	dead, err := b.Queue.DeadLetters(b.Context(), 10)
	b.ok(err)
	if len(dead) != 1 || dead[0].ID != id || dead[0].Tries != tries || string(dead[0].Body) != "item 0" ||
		!strings.Contains(dead[0].Reason, reason) || time.Since(dead[0].At).Abs() > time.Minute {
		b.Fatalf("dead letters are %+v, want %s after %d tries because %q", dead, id, tries, reason)
	}
}

func deadLettersInOrder(b *bench) {
	ids := b.send(3)
	for range ids {
		for try := 1; try <= b.Tries; try++ {
			it := b.receive(b.Pause<<try + 5*time.Second)
			b.ok(b.Queue.Fail(b.Context(), it, it.ID))
		}
	}
	b.soon(0, queue.Depth{Dead: 3})
	first, err := b.Queue.DeadLetters(b.Context(), 2)
	b.ok(err)
	again, err := b.Queue.DeadLetters(b.Context(), 10)
	b.ok(err)
	if len(first) != 2 || len(again) != 3 || first[0].ID != again[0].ID || first[1].ID != again[1].ID {
		b.Fatalf("listed %+v, then %+v: a listing changes nothing", first, again)
	}
	for i, d := range again {
		if d.Reason != d.ID || i > 0 && d.At.Before(again[i-1].At) {
			b.Fatalf("letter %d is %+v", i, d)
		}
	}
}
