package queuetest

import (
	"context"
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
	b.send(3)
	b.giveUp(3)
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

// giveUp fails what is there until n items were given up on, each for its ID.
func (b *bench) giveUp(n int) {
	b.Helper()
	for n > 0 {
		it := b.receive(b.Pause<<b.Tries + b.Lag + 5*time.Second)
		b.ok(b.Queue.Fail(b.Context(), it, it.ID))
		if it.Tries == b.Tries {
			n--
		}
	}
}

// deadLettersAgain sends one of three again, which is given up on once more at once, and
// then all: what a queue remembers of an item must not have it swallowed.
func deadLettersAgain(b *bench) {
	b.send(3)
	b.giveUp(3)
	b.soon(0, queue.Depth{Dead: 3})
	b.settled(b.Queue.Again, body(""), 0)
	b.soon(0, queue.Depth{Dead: 3})
	b.settled(b.Queue.Again, body("item 1"), 1)
	b.soon(0, queue.Depth{Visible: 1, Dead: 2})
	b.giveUp(1)
	b.soon(0, queue.Depth{Dead: 3})
	as := b.settled(b.Queue.Again, every, 3)
	b.soon(0, queue.Depth{Visible: 3})
	seen := map[string]bool{}
	for range 3 {
		it := b.receive(5 * time.Second)
		if it.Tries != 1 || time.Since(it.Sent).Abs() > time.Minute {
			b.Fatalf("what was sent again comes as %+v, want its first try", it)
		}
		seen[it.ID] = true
		b.ok(b.Queue.Delete(b.Context(), it))
	}
	for _, s := range as {
		if !seen[s.As] {
			b.Fatalf("%s was sent again as %s; received %v", s.ID, s.As, seen)
		}
	}
	b.soon(0, queue.Depth{})
	b.settled(b.Queue.Again, every, 0)
}

func deadLettersDropped(b *bench) {
	b.send(2)
	b.giveUp(2)
	b.soon(0, queue.Depth{Dead: 2})
	b.settled(b.Queue.Drop, body("item 0"), 1)
	b.soon(0, queue.Depth{Dead: 1})
	if list, err := b.Queue.DeadLetters(b.Context(), 10); err != nil || len(list) != 1 || string(list[0].Body) != "item 1" {
		b.Fatalf("of two letters one was dropped, and the other is %+v, %v", list, err)
	}
	b.settled(b.Queue.Drop, every, 1)
	b.soon(0, queue.Depth{})
	b.nothing(b.Pause)
}

func every(queue.Dead) bool { return true }

// body picks the letter of that item.
func body(text string) func(queue.Dead) bool {
	return func(d queue.Dead) bool { return string(d.Body) == text }
}

// settled deals with the letters that pick chooses, and wants there to be n.
func (b *bench) settled(do func(context.Context, func(queue.Dead) bool) ([]queue.Settled, error), pick func(queue.Dead) bool, n int) []queue.Settled {
	b.Helper()
	chosen := map[string]bool{}
	list, err := do(b.Context(), func(d queue.Dead) bool {
		yes := pick(d)
		chosen[d.ID] = chosen[d.ID] || yes
		return yes
	})
	b.ok(err)
	for _, s := range list {
		if !chosen[s.ID] {
			b.Fatalf("%s was dealt with and not chosen", s.ID)
		}
	}
	if len(list) != n {
		b.Fatalf("dealt with %+v, want %d", list, n)
	}
	return list
}
