package sqs_test

import (
	"context"
	"fmt"
	"strings"
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
		Cancel: 3 * time.Second, LateDelete: true, HeldBackInFlight: true, Loose: true,
		BadNames: []string{"", "a.b", "a b", "a*", ">", "ä", "a/b"},
	}
	queuetest.Run(t, terms, func(ctx context.Context, name string) (queue.Queue, error) {
		if len(name) > 3 {
			a.withDead(name, terms.Tries, nil)
		}
		return a.conn.Queue(ctx, sqs.Config{Name: name, URL: url(name), Visibility: terms.Visibility, Tries: terms.Tries})
	})
}

func TestMotoOrderedQueue(t *testing.T) {
	a := newAccount(t, sqs.Options{Poll: time.Second, Backoff: time.Second})
	a.withDead("photos.fifo", 2, map[string]string{"FifoQueue": "true"})
	q, err := a.conn.Queue(t.Context(), sqs.Config{Name: "photos", URL: url("photos.fifo"), Visibility: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var all []sqs.Message
	for i := range 24 {
		all = append(all, sqs.Message{Body: fmt.Appendf(nil, "%d", i), Group: "album"})
	}
	if _, err := q.SendAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		it, err := q.Receive(t.Context(), time.Second)
		if err != nil || it == nil || string(it.Body) != fmt.Sprint(i) {
			t.Fatalf("item %d is %+v, %v", i, it, err)
		}
		if other, err := q.Receive(t.Context(), 0); other != nil || err != nil {
			t.Fatalf("a group gives two items at once: %+v, %v", other, err)
		}
		if err := q.Delete(t.Context(), it); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // alone in their groups: neither waits for the other
		if _, err := q.Send(t.Context(), []byte("same")); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if it, err := q.Receive(t.Context(), time.Second); it == nil || err != nil {
			t.Fatalf("%+v, %v", it, err)
		}
	}
}

func TestMotoMail(t *testing.T) {
	a := newAccount(t, sqs.Options{Poll: time.Second})
	a.create("heartbeats", map[string]string{"MessageRetentionPeriod": "300"})
	m, err := a.conn.Mail(t.Context(), url("heartbeats"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 37 {
		if err := m.Post(t.Context(), fmt.Appendf(nil, "%02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var got []queue.Letter
	seen := map[string]bool{} // moto hands the same message to two readers at once, as SQS may
	for range 10 {
		letters, err := m.Collect(t.Context(), 256, 0)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, letters...)
		for _, l := range letters {
			seen[string(l.Body)] = true
		}
	}
	if len(seen) != 37 || len(got) > 45 || string(got[0].Body) != "00" || time.Since(got[0].At).Abs() > time.Minute {
		t.Errorf("read %d letters, first %+v", len(got), got)
	}
	if warnings, err := m.Check(t.Context()); len(warnings) > 0 || err != nil {
		t.Errorf("%q, %v", warnings, err)
	}
}

func TestMotoQueueThatIsNotThere(t *testing.T) {
	a := newAccount(t, sqs.Options{})
	_, err := a.conn.Queue(t.Context(), sqs.Config{Name: "photos", URL: url("none")})
	if err == nil || !strings.Contains(err.Error(), "open queue photos at "+url("none")+": there is no such queue") {
		t.Errorf("err %v", err)
	}
	if _, err = a.conn.Mail(t.Context(), url("none")); err == nil || !strings.Contains(err.Error(), "there is no such queue") {
		t.Errorf("err %v", err)
	}
}

// TestMotoCheck reads the settings of queues as they are after CreateQueue.
func TestMotoCheck(t *testing.T) {
	a := newAccount(t, sqs.Options{})
	a.create("alone", nil)
	a.withDead("photos", 5, nil)
	for name, want := range map[string][]string{
		"alone":  {"no redrive policy"},
		"photos": {"gives up items after 5 receives", "keeps items for 96h"},
	} {
		q, err := a.conn.Queue(t.Context(), sqs.Config{URL: url(name), Tries: 3})
		if err != nil {
			t.Fatal(err)
		}
		warnings, err := q.Check(t.Context())
		if err != nil || len(warnings) != len(want) {
			t.Fatalf("%s: %q, %v", name, warnings, err)
		}
		for i, w := range want {
			if !strings.Contains(warnings[i], w) {
				t.Errorf("%s: %q, want %q", name, warnings[i], w)
			}
		}
	}
}
