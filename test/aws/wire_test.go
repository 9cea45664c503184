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
		proxy.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), actionKey{}, action)))
	}))
	t.Cleanup(w.Close)
	return w
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
