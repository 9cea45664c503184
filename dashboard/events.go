package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// mostStreams is how many may listen at once.
	mostStreams = 32
	// lag is how many events a listener may be behind before it is let go: it comes
	// back, and asks anew.
	lag = 64
	// silence is how long nothing may be sent: proxies and browsers give up on a
	// connection that says nothing.
	silence = 15 * time.Second
	// slowest is how long a listener may take to accept what is sent.
	slowest = 10 * time.Second
)

// Events tell who listens what happens. The zero value is ready.
type Events struct {
	mu      sync.Mutex
	streams map[chan []byte]bool
	ended   bool
}

// Send tells all who listen. It never waits.
func (e *Events) Send(kind string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return // plain structs: it cannot fail
	}
	line := fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, text)
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.streams {
		select {
		case s <- line:
		default:
			e.drop(s)
		}
	}
}

// drop lets a listener go.
func (e *Events) drop(s chan []byte) {
	if e.streams[s] {
		delete(e.streams, s)
		close(s)
	}
}

// End lets everybody go, and takes nobody any more.
func (e *Events) End() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	for s := range e.streams {
		e.drop(s)
	}
}

func (e *Events) listen() (s chan []byte, leave func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil, nil, Later("skynet is stopping")
	}
	if len(e.streams) >= mostStreams {
		return nil, nil, Later("%d listen already; close a page, or ask /api/v1/status now and then", mostStreams)
	}
	if e.streams == nil {
		e.streams = map[chan []byte]bool{}
	}
	s = make(chan []byte, lag)
	e.streams[s] = true
	return s, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.drop(s)
	}, nil
}

// serve sends events as they come, as text/event-stream:
// https://html.spec.whatwg.org/multipage/server-sent-events.html
func (e *Events) serve(w http.ResponseWriter, r *http.Request) error {
	s, leave, err := e.listen()
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events to itself
	out := stream{w: w, to: http.NewResponseController(w)}
	if !out.send([]byte("retry: 3000\n: listens\n\n")) {
		return nil
	}
	quiet := time.NewTicker(silence)
	defer quiet.Stop()
	for {
		line, more := []byte(": still here\n\n"), true
		select {
		case <-r.Context().Done():
			return nil
		case line, more = <-s:
		case <-quiet.C:
		}
		if !more || !out.send(line) {
			return nil
		}
	}
}

// stream is a response that goes on.
type stream struct {
	w  http.ResponseWriter
	to *http.ResponseController
}

// send sends at once; false if it cannot, or not in time.
func (s stream) send(text []byte) bool {
	_ = s.to.SetWriteDeadline(time.Now().Add(slowest)) // where there is none, the listener's lag bounds it
	if _, err := s.w.Write(text); err != nil {
		return false
	}
	return s.to.Flush() == nil
}
