// Package sqswire plays Amazon SQS over HTTP for what has to be fast or large: standard
// queues in memory, with the visibility timeouts, long polls and batches of ten of the
// real ones, in the protocol that the SDK speaks (AWS JSON 1.0).
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
package sqswire

import (
	"crypto/md5" //nolint:gosec // SQS's own checksum of a body
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server is an SQS of one region and one account. It is safe for use by many.
type Server struct {
	// Latency is how long each request takes at least, as from inside a region.
	Latency time.Duration

	mu     sync.Mutex
	queues map[string]*Queue
	calls  map[string]int
}

// New returns a Server without queues.
func New() *Server { return &Server{queues: map[string]*Queue{}, calls: map[string]int{}} }

// Open makes a queue, or finds it.
func (s *Server) Open(name string) *Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[name] == nil {
		s.queues[name] = newQueue(s)
	}
	return s.queues[name]
}

// queue is one that is there, or nil.
func (s *Server) queue(name string) *Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues[name]
}

// Calls are the requests so far, by action.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]int, len(s.calls))
	for action, n := range s.calls {
		all[action] = n
	}
	return all
}

// entry is one of a batch, or a request of its own.
type entry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	MessageBody       string
	VisibilityTimeout int
	MessageAttributes json.RawMessage
}

// request is any that we understand.
type request struct {
	entry
	QueueURL            string `json:"QueueUrl"`
	MaxNumberOfMessages int
	WaitTimeSeconds     int
	Entries             []entry
}

// refusal is an error that SQS answers with.
type refusal struct{ code, said string }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	var in request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&in); err != nil {
		answer(w, nil, &refusal{"SerializationException", err.Error()})
		return
	}
	s.mu.Lock()
	s.calls[action]++
	s.mu.Unlock()
	q := s.queue(path.Base(in.QueueURL))
	if q == nil {
		answer(w, nil, &refusal{"QueueDoesNotExist", "The specified queue does not exist."})
		return
	}
	out, no := q.do(r, action, in)
	if rest := s.Latency - time.Since(begun); rest > 0 {
		time.Sleep(rest)
	}
	answer(w, out, no)
}

func answer(w http.ResponseWriter, out any, no *refusal) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if no != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": "com.amazonaws.sqs#" + no.code, "message": no.said}
	}
	if out == nil {
		out = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(out)
}

const mostAtOnce = 10 // messages in a request

func (q *Queue) do(r *http.Request, action string, in request) (any, *refusal) {
	if len(in.Entries) > mostAtOnce {
		return nil, &refusal{"TooManyEntriesInBatchRequest", fmt.Sprint(len(in.Entries))}
	}
	switch action {
	case "GetQueueAttributes":
		return map[string]any{"Attributes": q.attributes()}, nil
	case "ReceiveMessage":
		if in.MaxNumberOfMessages > mostAtOnce || in.WaitTimeSeconds > 20 {
			return nil, &refusal{"InvalidParameterValue", "more than is allowed"}
		}
		return map[string]any{"Messages": q.receive(r.Context(), in)}, nil
	case "SendMessage":
		return map[string]string{"MessageId": q.post(in.entry), "MD5OfMessageBody": sum(in.MessageBody)}, nil
	case "DeleteMessage":
		q.remove(in.ReceiptHandle)
		return nil, nil
	case "ChangeMessageVisibility":
		q.hide(in.ReceiptHandle, in.VisibilityTimeout)
		return nil, nil
	}
	return q.batch(action, in)
}

// batch does it for each entry, all of which succeed.
func (q *Queue) batch(action string, in request) (any, *refusal) {
	done := make([]map[string]string, 0, len(in.Entries))
	for _, e := range in.Entries {
		one := map[string]string{"Id": e.ID}
		switch action {
		case "SendMessageBatch":
			one["MessageId"], one["MD5OfMessageBody"] = q.post(e), sum(e.MessageBody)
		case "DeleteMessageBatch":
			q.remove(e.ReceiptHandle)
		case "ChangeMessageVisibilityBatch":
			q.hide(e.ReceiptHandle, e.VisibilityTimeout)
		default:
			return nil, &refusal{"InvalidAction", action}
		}
		done = append(done, one)
	}
	return map[string]any{"Successful": done, "Failed": []string{}}, nil
}

func sum(body string) string {
	h := md5.Sum([]byte(body)) //nolint:gosec // as above
	return hex.EncodeToString(h[:])
}

func count(n int) string { return strconv.Itoa(n) }
