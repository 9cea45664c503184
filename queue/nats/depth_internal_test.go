package nats

import (
	"testing"
	"time"

	"skynet/queue"
)

// The parts of a depth are read one after the other. An item that still waited
// when items were counted may be taken when the oldest is looked for: then its
// age is not known, rather than nothing.
func TestAgeOfAnItemTakenMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := Start(ctx, ServerOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	c, err := Dial(ctx, DialOptions{URL: s.URL(), TokenFile: s.TokenFile()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	q, err := c.Queue(ctx, Config{Name: "photos"})
	if err != nil {
		t.Fatal(err)
	}
	receive := func() *queue.Item {
		it, err := q.Receive(ctx, 10*time.Second)
		if err != nil || it == nil {
			t.Fatalf("received %+v, %v", it, err)
		}
		return it
	}
	for range 2 {
		if _, err := q.Send(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	receive()
	counted := queue.Depth{InFlight: 1, Visible: 1}
	stream, err := c.js.Stream(ctx, q.stream())
	if err != nil {
		t.Fatal(err)
	}
	if age, err := q.oldest(ctx, stream, counted); err != nil || age <= 0 {
		t.Fatalf("while it waits: %s, %v", age, err)
	}
	it := receive()
	if age, err := q.oldest(ctx, stream, counted); err == nil {
		t.Errorf("held meanwhile: an age of %s", age)
	}
	if err := q.Delete(ctx, it); err != nil {
		t.Fatal(err)
	}
	if age, err := q.oldest(ctx, stream, counted); err == nil {
		t.Errorf("done meanwhile: an age of %s", age)
	}
}
