package nats

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// besides is how many items of many are on their way at once: enough to hide the
// way there and back, while the server writes one after the other.
const besides = 64

// Send stores an item: it is on disk when Send returns. While the server is
// away it tries again for some seconds, and the item is stored once.
func (q *Queue) Send(ctx context.Context, body []byte) (string, error) {
	if err := q.fits(body); err != nil {
		return "", fmt.Errorf("send to queue %s: %w", q.Name(), err)
	}
	id, err := q.send(ctx, body)
	if err != nil {
		return "", fmt.Errorf("send to queue %s: %w", q.Name(), err)
	}
	return id, nil
}

func (q *Queue) fits(body []byte) error {
	if most := q.MaxBody(); len(body) > most {
		return fmt.Errorf("the item has %d bytes, at most %d are accepted; put large things into a store and send their name", len(body), most)
	}
	return nil
}

func (q *Queue) send(ctx context.Context, body []byte) (id string, err error) {
	msg := client.NewMsg(q.subject())
	msg.Data = body
	id = nuid.Next()
	msg.Header.Set(headerID, id)
	msg.Header.Set(headerSent, time.Now().UTC().Format(time.RFC3339Nano))
	return id, q.conn.insist(ctx, func(ctx context.Context) error {
		_, err := q.conn.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
		return err
	})
}

// SendAll stores many items, some dozens side by side, so that their order is not
// kept. It returns the items' IDs in order; those that could not be sent have "",
// and the error says why.
func (q *Queue) SendAll(ctx context.Context, bodies [][]byte) (ids []string, err error) {
	for i, b := range bodies {
		if err := q.fits(b); err != nil {
			return nil, fmt.Errorf("send item %d of %d to queue %s: %w", i+1, len(bodies), q.Name(), err)
		}
	}
	ids = make([]string, len(bodies))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next, sent atomic.Int64
	var wg sync.WaitGroup
	for range min(besides, len(bodies)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(bodies)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				id, err := q.send(ctx, bodies[i])
				if err != nil {
					stop(err) // the others would fail alike
					return
				}
				ids[i] = id
				sent.Add(1)
			}
		})
	}
	wg.Wait()
	if int(sent.Load()) == len(bodies) {
		return ids, nil
	}
	return ids, fmt.Errorf("send to queue %s: %d of %d items were sent: %w", q.Name(), sent.Load(), len(bodies), context.Cause(ctx))
}
