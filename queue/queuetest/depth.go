package queuetest

import (
	"sync"
	"sync/atomic"
	"time"

	"skynet/queue"
)

// depthWithoutWorkers is the story of a fleet with a minimum of 0: its last
// workers die with items in hand, nobody receives, and the items must be seen
// waiting, or no worker is ever launched again.
func depthWithoutWorkers(b *bench) {
	b.send(3)
	b.receive(5 * time.Second)
	b.receive(5 * time.Second)
	if d := b.depth(); d != (queue.Depth{Visible: 1, InFlight: 2}) {
		b.Fatalf("with two of three items held the queue holds %+v", d)
	}
	b.soon(b.Visibility, queue.Depth{Visible: 3})
	it := b.receive(5 * time.Second)
	b.soon(0, queue.Depth{Visible: 2, InFlight: 1})
	b.ok(b.Queue.Fail(b.Context(), it, "once"))
	b.soon(b.Pause<<2, queue.Depth{Visible: 3})
}

// depthUnderLoad reads the counts while workers work: nothing is negative,
// nothing is counted that was never sent, and in the end nothing is left.
func depthUnderLoad(b *bench) {
	const items, workers = 120, 6
	var left atomic.Int64
	left.Store(items)
	b.send(items)
	var done sync.Map // by ID: where late deletes are accepted, two holders may delete one item
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Load() > 0 {
				it, err := b.Queue.Receive(b.Context(), 100*time.Millisecond)
				if err != nil {
					b.Error(err)
					return
				}
				if it == nil || b.Queue.Delete(b.Context(), it) != nil {
					continue
				}
				if _, twice := done.LoadOrStore(it.ID, true); !twice || !b.LateDelete {
					left.Add(-1)
				}
			}
		})
	}
	for left.Load() > 0 && !b.Failed() {
		most := int(left.Load())
		d := b.depth()
		least := int(left.Load()) - workers // a delete may be counted there before it is counted here
		if b.Loose {
			most, least = most+2*workers, least-2*workers
		}
		if d.Visible < 0 || d.InFlight < 0 || d.Delayed < 0 || d.InFlight > workers*2 {
			b.Errorf("depth %+v with %d workers", d, workers)
		}
		if sum := d.Visible + d.InFlight + d.Delayed; sum > most || sum < least {
			b.Errorf("depth %+v has %d items, of %d to %d", d, sum, least, most)
		}
	}
	wg.Wait()
	b.soon(0, queue.Depth{})
}

func oldest(b *bench) {
	age := func() time.Duration {
		d, err := b.Queue.Depth(b.Context())
		b.ok(err)
		if !d.OldestKnown {
			b.Skip("this queue cannot tell the age of its oldest item")
		}
		return d.OldestAge
	}
	b.between("of an empty queue", age(), 0, 0)
	sent := time.Now()
	b.send(1)
	time.Sleep(120 * time.Millisecond)
	second := time.Now()
	b.send(1)
	b.between("with both waiting", age(), 100*time.Millisecond, time.Since(sent)+b.Lag)
	first := b.receive(5 * time.Second)
	b.between("with the first one held", age(), 0, time.Since(second))
	other := b.receive(5 * time.Second)
	b.between("with both held", age(), 0, 0)
	b.outlive(other)
	b.between("with the first holder dead", age(), b.Visibility, time.Since(sent)+b.Lag)
	_ = first // its holder is dead: it says no more
}

// outlive keeps one item until the other's holder counts as dead.
func (b *bench) outlive(it *queue.Item) {
	b.Helper()
	for end := time.Now().Add(2*b.Visibility + b.Lag); time.Now().Before(end); time.Sleep(b.Visibility / 10) {
		b.ok(b.Queue.Extend(b.Context(), it))
		if b.depth() == (queue.Depth{Visible: 1, InFlight: 1}) {
			return
		}
	}
	b.Fatalf("with one holder of two dead the queue holds %+v", b.depth())
}

func (b *bench) between(when string, age, least, most time.Duration) {
	b.Helper()
	if age < least || age > most {
		b.Fatalf("the oldest waiting item %s is %v old, want %v to %v", when, age, least, most)
	}
}
