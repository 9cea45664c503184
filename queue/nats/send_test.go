package nats_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"skynet/queue"
	"skynet/queue/nats"
)

func bodies(n int) (all [][]byte) {
	for i := range n {
		all = append(all, strconv.AppendInt(nil, int64(i), 10))
	}
	return all
}

func TestSendAll(t *testing.T) {
	t.Parallel()
	q := opened(t, fresh(t), nats.Config{Name: "photos"})
	ids, err := q.SendAll(t.Context(), bodies(300))
	must(t, err)
	if none, err := q.SendAll(t.Context(), nil); len(none) != 0 || err != nil {
		t.Errorf("nothing: %q, %v", none, err)
	}
	bodyOf := map[string]string{}
	for range 300 {
		it := received(t, q)
		bodyOf[it.ID] = string(it.Body)
		must(t, q.Delete(t.Context(), it))
	}
	for i, id := range ids {
		if bodyOf[id] != strconv.Itoa(i) {
			t.Errorf("item %d has the ID %q, whose body is %q", i, id, bodyOf[id])
		}
	}
	if d := depth(t, q); d != (queue.Depth{OldestKnown: true}) {
		t.Errorf("the queue still holds %+v", d)
	}
}

// TestSendAllTellsWhatWasSent: what has an ID is in the queue, what has none is
// not, however the sending ends.
func TestSendAllTellsWhatWasSent(t *testing.T) {
	t.Parallel()
	q := opened(t, fresh(t), nats.Config{Name: "photos"})
	large := append(bodies(3), make([]byte, q.MaxBody()+1))
	_, err := q.SendAll(t.Context(), large)
	wantError(t, err, "send item 4 of 4 to queue photos: the item has ")
	if d := depth(t, q); d.Visible != 0 {
		t.Errorf("%d items were sent before the one that cannot be", d.Visible)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	ids, err := q.SendAll(ctx, bodies(20_000))
	wantError(t, err, " of 20000 items were sent: context deadline exceeded")
	sent := 0
	for _, id := range ids {
		sent += min(1, len(id))
	}
	// A send that is under way when it is given up on may have arrived.
	if d := depth(t, q); d.Visible < sent || d.Visible > sent+64 || sent >= 20_000 {
		t.Errorf("%d items are in the queue, %d are said to have been sent", d.Visible, sent)
	}
}

func BenchmarkSendAll(b *testing.B) {
	s, err := nats.Start(b.Context(), nats.ServerOptions{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown()
	c, err := nats.Dial(b.Context(), nats.DialOptions{URL: s.URL(), TokenFile: s.TokenFile()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	q, err := c.Queue(b.Context(), nats.Config{Name: "photos"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := q.SendAll(b.Context(), bodies(1000)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "items/s")
}
