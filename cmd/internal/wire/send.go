package wire

import (
	"context"

	"skynet/queue/nats"
	"skynet/queue/sqs"
)

// SendAll stores many items and returns their IDs in order; those that could not
// be sent have "", and the error says why.
func (q *Queue) SendAll(ctx context.Context, bodies [][]byte) (ids []string, err error) {
	switch l := q.line.(type) {
	case *nats.Queue:
		return l.SendAll(ctx, bodies)
	case *sqs.Queue:
		all := make([]sqs.Message, len(bodies))
		for i, b := range bodies {
			all[i].Body = b
		}
		return l.SendAll(ctx, all)
	}
	ids = make([]string, len(bodies))
	for i, b := range bodies {
		if ids[i], err = q.Send(ctx, b); err != nil {
			return ids, err
		}
	}
	return ids, nil
}
