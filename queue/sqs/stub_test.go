package sqs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"skynet/queue"
)

// What AWS documents and moto does not do is tried against a server that says
// what it is told to, in the protocol that SQS speaks (AWS JSON 1.0).

const (
	region  = "eu-west-1"
	base    = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
	photos  = base + "photos"
	inOrder = base + "photos.fifo"
)

// doc is a JSON document.
type doc = map[string]any

// fault is an error that SQS answers with.
type fault struct {
	Code    string // as the shape is called
	Query   string // as the older protocol calls it, where that differs
	Message string
	Status  int // 400 if zero
}

// call is one request that was made.
type call struct {
	action string
	in     doc
}

// stub is a server. Its calls are answered by action.
type stub struct {
	testing.TB
	conn   *Conn
	warned []string

	mu      sync.Mutex
	calls   []call
	answers map[string]func(r *http.Request, in doc) any // a doc, a fault, or nil for an empty doc
}

func newStub(t testing.TB, opts Options) *stub {
	t.Helper()
	s := &stub{TB: t, answers: map[string]func(*http.Request, doc) any{}}
	s.on("GetQueueAttributes", func(in doc) any { return attributesOf(nil) })
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	opts.Warn = func(said string) { s.mu.Lock(); defer s.mu.Unlock(); s.warned = append(s.warned, said) }
	s.conn = New(aws.Config{
		Region: region, BaseEndpoint: &server.URL, RetryMode: aws.RetryModeAdaptive, RetryMaxAttempts: 2,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}, opts)
	return s
}

// attributesOf is an answer about a queue's attributes, some of them changed.
func attributesOf(changed map[string]string) doc {
	all := doc{
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0",
		"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "MaximumMessageSize": "1048576",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:photos_dead","maxReceiveCount":3}`,
	}
	for k, v := range changed {
		all[k] = v
		if v == "" {
			delete(all, k)
		}
	}
	return doc{"Attributes": all}
}

func (s *stub) on(action string, answer func(in doc) any) {
	s.onRequest(action, func(_ *http.Request, in doc) any { return answer(in) })
}

func (s *stub) onRequest(action string, answer func(r *http.Request, in doc) any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[action] = answer
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	var in doc
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.Errorf("%s: %v", action, err)
	}
	s.mu.Lock()
	s.calls = append(s.calls, call{action, in})
	answer := s.answers[action]
	s.mu.Unlock()
	var out any
	if answer != nil {
		out = answer(r, in)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if f, bad := out.(fault); bad {
		if f.Query != "" {
			w.Header().Set("X-Amzn-Query-Error", f.Query+";Sender")
		}
		w.WriteHeader(max(f.Status, http.StatusBadRequest))
		out = doc{"__type": "com.amazonaws.sqs#" + f.Code, "message": f.Message}
	}
	if out == nil {
		out = doc{}
	}
	_ = json.NewEncoder(w).Encode(out)
}

// made are the calls of these actions, in order; of all but the reading of
// attributes if none are named.
func (s *stub) made(actions ...string) (list []call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if len(actions) == 0 && c.action != "GetQueueAttributes" || strings.Contains(" "+strings.Join(actions, " ")+" ", " "+c.action+" ") {
			list = append(list, c)
		}
	}
	return list
}

func (s *stub) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.warned, "\n")
}

func (s *stub) open(url string) *Queue {
	s.Helper()
	q, err := s.conn.Queue(s.Context(), Config{Name: "photos", URL: url, Visibility: 30 * time.Second, Tries: 3})
	if err != nil {
		s.Fatal(err)
	}
	return q
}

// message is one as SQS hands it out.
func message(id, tries string) doc {
	return doc{
		"MessageId": id, "ReceiptHandle": "handle of " + id, "Body": "body of " + id,
		"Attributes":        doc{"ApproximateReceiveCount": tries, "SentTimestamp": "1772323200123", "MessageGroupId": "group"},
		"MessageAttributes": doc{"Theirs": doc{"DataType": "String", "StringValue": "theirs"}},
	}
}

// held receives one item in that try.
func (s *stub) held(q *Queue, tries string) (*queue.Item, *delivery) {
	s.Helper()
	s.on("ReceiveMessage", func(doc) any { return doc{"Messages": []doc{message("a", tries)}} })
	it, err := q.Receive(s.Context(), time.Second)
	if err != nil || it == nil {
		s.Fatalf("received %+v, %v", it, err)
	}
	return it, it.Receipt.(*delivery)
}

// wantError wants an error that says all of these things.
func wantError(t testing.TB, err error, said ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one about %q", said)
	}
	for _, s := range said {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}
