package sqs_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"skynet/queue"
	"skynet/queue/queuetest"
	"skynet/queue/sqs"
	"skynet/test/moto"
)

// Where moto differs from what AWS documents, the documented behaviour is tried
// against the stub (stub_test.go):
//   - an old receipt handle is good for ever, whoever has the item: there is no
//     MessageNotInflight;
//   - the 12 hours of a hold count from when the item was sent;
//   - nothing is ever throttled, and batches do not fail in part;
//   - an item of a FIFO queue that is handed out again keeps its group blocked by
//     the call that has just asked, not by the item before it.

// account is a client of moto for setting queues up.
type account struct {
	testing.TB
	client *api.Client
	conn   *sqs.Conn
}

func newAccount(t testing.TB, opts sqs.Options) *account {
	t.Helper()
	cfg := moto.Start(t).Config()
	cfg.RetryMode = aws.RetryModeAdaptive
	return &account{TB: t, client: api.NewFromConfig(cfg), conn: sqs.New(cfg, opts)}
}

func url(name string) string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", moto.Region, moto.Account, name)
}

// create makes a queue with these attributes; what is there already stays.
func (a *account) create(name string, attributes map[string]string) {
	a.Helper()
	_, err := a.client.CreateQueue(a.Context(), &api.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		a.Fatal(err)
	}
}

// withDead makes a queue and its dead-letter queue.
func (a *account) withDead(name string, tries int, more map[string]string) {
	a.Helper()
	dead, fifo := name+"_dead", map[string]string{}
	if more["FifoQueue"] != "" {
		dead, fifo = "dead_"+name, map[string]string{"FifoQueue": "true"}
	}
	a.create(dead, fifo)
	attributes := map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:%s","maxReceiveCount":%d}`, moto.Region, moto.Account, dead, tries)}
	for k, v := range more {
		attributes[k] = v
	}
	a.create(name, attributes)
}

func TestMotoConformance(t *testing.T) {
	a := newAccount(t, sqs.Options{Poll: time.Second, Backoff: time.Second, Warn: func(s string) { t.Log(s) }})
	terms := queuetest.Terms{
		Visibility: 3 * time.Second, Tries: 3, Pause: time.Second, Lag: 2 * time.Second,
		Cancel: 3 * time.Second, LateDelete: true, HeldBackInFlight: true, BadNames: []string{"", "a.b", "a b", "a*", ">", "ä", "a/b"},
	}
	queuetest.Run(t, terms, func(ctx context.Context, name string) (queue.Queue, error) {
		if len(name) > 3 {
			a.withDead(name, terms.Tries, nil)
		}
		return a.conn.Queue(ctx, sqs.Config{Name: name, URL: url(name), Visibility: terms.Visibility, Tries: terms.Tries})
	})
}
