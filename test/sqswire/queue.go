package sqswire

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Queue is a standard queue.
type Queue struct {
	server *Server

	mu      sync.Mutex
	next    int
	waiting []*message          // in the order in which they are handed out
	held    map[string]*message // by receipt handle
	came    chan struct{}       // closed when a message comes
	fixed   *[2]int             // visible and in flight, where they are made up
	redrive string
	tries   int           // after which messages go to the dead-letter queue
	dead    func() *Queue // nil: there is none
}

type message struct {
	id, body, handle string
	sent             time.Time
	until            time.Time // invisible until then
	tries            int
	attributes       json.RawMessage // its sender's
}

func newQueue(s *Server) *Queue {
	return &Queue{server: s, held: map[string]*message{}, came: make(chan struct{})}
}

// Post sends a message.
func (q *Queue) Post(body string) { q.post(entry{MessageBody: body}) }

func (q *Queue) post(e entry) string {
	q.mu.Lock()
	q.next++
	m := &message{id: strconv.Itoa(q.next), body: e.MessageBody, sent: time.Now(), attributes: e.MessageAttributes}
	q.mu.Unlock()
	q.put(m)
	return m.id
}

// put has a message wait.
func (q *Queue) put(m *message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, m)
	close(q.came)
	q.came = make(chan struct{})
}

// Say makes up the counts that the queue tells, whatever is in it.
func (q *Queue) Say(visible, inFlight int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fixed = &[2]int{visible, inFlight}
}

// Redrive has the queue tell of a dead-letter queue, by its ARN, and of so many tries,
// after which its messages go there, if it is there.
func (q *Queue) Redrive(arn string, tries int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tries, q.dead = tries, func() *Queue { return q.server.queue(arn[strings.LastIndexByte(arn, ':')+1:]) }
	q.redrive = `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":` + strconv.Itoa(tries) + `}`
}

// Oldest is how many messages wait to be received, and since when the first of them has.
func (q *Queue) Oldest() (waiting int, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		since = q.waiting[0].sent
	}
	return len(q.waiting), since
}

func (q *Queue) attributes() map[string]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reappear(time.Now())
	visible, held := len(q.waiting), len(q.held)
	if q.fixed != nil {
		visible, held = q.fixed[0], q.fixed[1]
	}
	all := map[string]string{
		"ApproximateNumberOfMessages": count(visible), "ApproximateNumberOfMessagesNotVisible": count(held), "ApproximateNumberOfMessagesDelayed": "0",
		"VisibilityTimeout": "30", "MessageRetentionPeriod": "300", "MaximumMessageSize": "1048576",
	}
	if q.redrive != "" {
		all["RedrivePolicy"] = q.redrive
	}
	return all
}

// reappear puts messages back whose time to be deleted is over.
func (q *Queue) reappear(now time.Time) {
	for handle, m := range q.held {
		if !now.Before(m.until) {
			delete(q.held, handle)
			q.waiting = append(q.waiting, m)
		}
	}
}

// out is a message as SQS hands it out.
type out struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	Body          string
	MD5OfBody     string
	Attributes    map[string]string

	MessageAttributes json.RawMessage `json:",omitempty"`
}

// receive hands out up to ten, and waits for the first of them.
func (q *Queue) receive(ctx context.Context, in request) []out {
	deadline := time.NewTimer(time.Duration(in.WaitTimeSeconds) * time.Second)
	defer deadline.Stop()
	for {
		list, came := q.take(max(in.MaxNumberOfMessages, 1), time.Duration(in.VisibilityTimeout)*time.Second)
		if len(list) > 0 || in.WaitTimeSeconds == 0 {
			return list
		}
		select {
		case <-came:
		case <-deadline.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func (q *Queue) take(most int, visibility time.Duration) ([]out, <-chan struct{}) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 { // else there is enough to hand out
		q.reappear(now)
	}
	q.bury()
	n := min(most, len(q.waiting))
	list := make([]out, n)
	for i, m := range q.waiting[:n] {
		q.next++
		m.tries++
		m.handle, m.until = m.id+"/"+strconv.Itoa(q.next), now.Add(visibility)
		q.held[m.handle] = m
		list[i] = out{MessageID: m.id, ReceiptHandle: m.handle, Body: m.body, MD5OfBody: sum(m.body), Attributes: map[string]string{
			"SentTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10), "ApproximateReceiveCount": count(m.tries),
		}, MessageAttributes: m.attributes}
	}
	clear(q.waiting[:n])
	q.waiting = q.waiting[n:]
	return list, q.came
}

// bury moves what was received too often to the dead-letter queue, as a receive does
// that comes across it.
func (q *Queue) bury() {
	if q.dead == nil {
		return
	}
	dead := q.dead()
	if dead == nil {
		return
	}
	q.waiting = slices.DeleteFunc(q.waiting, func(m *message) bool {
		if m.tries < q.tries {
			return false
		}
		m.tries, m.handle = 0, ""
		dead.put(m)
		return true
	})
}

func (q *Queue) remove(handle string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.held, handle)
}

// hide keeps a message invisible for so many seconds from now.
func (q *Queue) hide(handle string, seconds int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m := q.held[handle]; m != nil {
		m.until = time.Now().Add(time.Duration(seconds) * time.Second)
		q.reappear(time.Now())
	}
}
