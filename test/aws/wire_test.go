package aws

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// wire stands between programs and moto, and writes down what each call asks for.
type wire struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string]int
	hooks map[string]func() // by action: called once, between moto's answer and whoever waits for it

	trouble string            // what befalls each call: 503, lost or silent
	over    chan struct{}     // closed when the trouble is
	launch  sync.Mutex        // held while something is bought, where tokens are kept
	tokens  map[string][]byte // answers by client token; nil: moto's own way
}

type actionKey struct{}

// tap begins to listen on the way to moto.
func tap(t *testing.T, moto string) *wire {
	t.Helper()
	to, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{calls: map[string]int{}, hooks: map[string]func(){}}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) } // the caller went away
	proxy.ModifyResponse = func(answer *http.Response) error { w.answered(answer.Request); return nil }
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		action := actionOf(r, body)
		w.note(action)
		r = r.WithContext(context.WithValue(r.Context(), actionKey{}, action))
		w.pass(rw, r, body, proxy)
	}))
	t.Cleanup(w.Close)
	return w
}

// pass has a call answered, as far as the trouble lets it.
func (w *wire) pass(rw http.ResponseWriter, r *http.Request, body []byte, proxy http.Handler) {
	kind, over := w.troubled()
	switch kind {
	case "503":
		rw.WriteHeader(http.StatusServiceUnavailable)
	case "silent":
		select {
		case <-over:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case "lost": // it was done all the same
		w.once(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())), body, proxy)
		panic(http.ErrAbortHandler)
	default:
		w.once(rw, r, body, proxy)
	}
}

// once answers a token that was used before as it was answered then: EC2 does, and
// moto buys again.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
func (w *wire) once(rw http.ResponseWriter, r *http.Request, body []byte, proxy http.Handler) {
	form, err := url.ParseQuery(string(body))
	token := form.Get("ClientToken")
	if w.tokens == nil || err != nil || token == "" {
		proxy.ServeHTTP(rw, r)
		return
	}
	w.launch.Lock()
	defer w.launch.Unlock()
	if w.tokens[token] == nil {
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context())))
		if answer.Code != http.StatusOK {
			rw.WriteHeader(answer.Code)
			_, _ = rw.Write(answer.Body.Bytes())
			return
		}
		w.tokens[token] = answer.Body.Bytes()
	}
	rw.Header().Set("Content-Type", "text/xml")
	_, _ = rw.Write(w.tokens[token])
}

// upset has every call befallen by a trouble from now on, "" by none.
func (w *wire) upset(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over != nil {
		close(w.over)
		w.over = nil
	}
	if w.trouble = kind; kind != "" {
		w.over = make(chan struct{})
	}
}

func (w *wire) troubled() (kind string, over <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trouble, w.over
}

// before has f called once when moto has answered a call, and before its answer is
// passed on.
func (w *wire) before(action string, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks[action] = f
}

func (w *wire) answered(r *http.Request) {
	action, _ := r.Context().Value(actionKey{}).(string)
	w.mu.Lock()
	f := w.hooks[action]
	delete(w.hooks, action)
	w.mu.Unlock()
	if f != nil {
		f()
	}
}

func (w *wire) note(action string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[action]++
}

// asked lists what was asked for.
func (w *wire) asked() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for action := range w.calls {
		list = append(list, action)
	}
	slices.Sort(list)
	return list
}

// snapshot is how often each was asked for until now.
func (w *wire) snapshot() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.calls)
}

// count is how often it was asked for.
func (w *wire) count(action string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[action]
}

// actionOf is what a call asks for, such as "ec2:CreateFleet": the service is the
// one that the signature is for, the action where its protocol has it.
func actionOf(r *http.Request, body []byte) string {
	service := "?"
	if parts := strings.Split(r.Header.Get("Authorization"), "/"); len(parts) > 3 {
		service = parts[3]
	}
	if _, target, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		return service + ":" + target
	}
	if _, operation, found := strings.Cut(r.URL.Path, "/operation/"); found {
		return service + ":" + operation
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return service + ":" + form.Get("Action")
	}
	return service + ":" + r.Method
}
