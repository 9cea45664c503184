package dashboard

import (
	"compress/gzip"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

const (
	// mostReadings is how many requests read the journal at once, and patience how
	// long more wait for their turn: looking must leave the tick its processor.
	mostReadings = 3
	patience     = 10 * time.Second
	// smallest is what is not worth packing.
	smallest = 1 << 10
)

// site is everything that is served.
type site struct {
	Options
	access  *access
	reading chan struct{}
	log     *slog.Logger
}

func newSite(o Options, open bool) *site {
	names := []string{}
	for _, h := range append([]string{o.Listen}, o.Hosts...) {
		if host := hostOf(h); host != "" {
			names = append(names, host)
		}
	}
	return &site{
		Options: o, log: o.Log, reading: make(chan struct{}, mostReadings),
		access: &access{tokens: tokens(o.TokenFile), open: open, names: names, foreign: http.NewCrossOriginProtection(), log: o.Log},
	}
}

// answer answers a request, or says why not.
type answer func(w http.ResponseWriter, r *http.Request) error

// routes is the table of all that is served, and to whom.
func (s *site) routes() http.Handler {
	m := http.NewServeMux()
	add := func(path, method string, checks func(*http.Request) error, do answer) {
		m.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.handle(w, r, method, checks, do) })
	}
	anybody := func(*http.Request) error { return nil }
	add("/healthz", http.MethodGet, anybody, s.health)
	add("/readyz", http.MethodGet, s.reader, s.ready)
	add("/metrics", http.MethodGet, s.reader, s.metrics)
	add("/", http.MethodGet, s.access.called, s.page())
	add("/api/", http.MethodGet, s.reader, s.nowhere)
	for path, look := range map[string]func(*http.Request) (any, error){
		"status": s.status, "history": s.history, "ticks": s.ticks,
		"tick": s.tick, "signals": s.signals, "forecast": s.forecast,
	} {
		add("/api/v1/"+path, http.MethodGet, s.reader, s.look(look))
	}
	add("/api/v1/events", http.MethodGet, s.reader, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		return s.Events.serve(w, r)
	})
	for path, change := range map[string]change{"pause": s.pause, "resume": s.resume, "want": s.want} {
		add("/api/v1/"+path, http.MethodPost, s.changer, s.order(change))
	}
	return m
}

// reader may look: on this machine everybody, elsewhere who shows the token.
func (s *site) reader(r *http.Request) error {
	if err := s.access.called(r); err != nil || s.access.open {
		return err
	}
	_, err := s.access.who(r)
	return err
}

// changer comes from our own page, or from no browser at all; the token is looked at
// when the rest is in order.
func (s *site) changer(r *http.Request) error {
	if err := s.access.called(r); err != nil {
		return err
	}
	return s.access.ours(r)
}

// handle answers one request.
func (s *site) handle(w http.ResponseWriter, r *http.Request, method string, check func(*http.Request) error, do answer) {
	guard(w.Header())
	err := takes(w, r, method)
	if err == nil {
		err = check(r)
	}
	if err == nil {
		err = do(w, r)
	}
	if err == nil {
		return
	}
	if e := refuse(w, err); e.Status == http.StatusInternalServerError && r.Context().Err() == nil {
		s.log.Error("a request cannot be answered", "path", r.URL.Path, "error", err)
	}
}

// takes refuses other methods than the one: OPTIONS too, since no other site may ask.
func takes(w http.ResponseWriter, r *http.Request, method string) error {
	if r.Method == method || r.Method == http.MethodHead && method == http.MethodGet {
		return nil
	}
	w.Header().Set("Allow", method)
	return Error{http.StatusMethodNotAllowed, r.URL.Path + " takes " + method + " only"}
}

// guard tells browsers to keep the page to itself: no script, frame or address of
// anybody else's. https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP
func guard(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// refuse says why a request is not answered.
func refuse(w http.ResponseWriter, err error) Error {
	e := answerOf(err)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	for _, of := range []string{"Content-Encoding", "ETag", "Content-Length"} {
		h.Del(of)
	}
	switch e.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="skynet"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(e.Status)
	text, _ := json.Marshal(map[string]string{"error": e.Said})
	_, _ = w.Write(append(text, '\n')) // who is gone need not know
	return e
}

// tell sends a value as JSON.
func tell(w http.ResponseWriter, r *http.Request, value any) error {
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	text = append(text, '\n')
	if len(text) >= smallest && packs(r) {
		h.Set("Content-Encoding", "gzip")
		text = pack(text, gzip.BestSpeed)
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // who is gone need not know
	}
	return nil
}

func (s *site) page() answer {
	page := Page()
	return func(w http.ResponseWriter, r *http.Request) error { page.ServeHTTP(w, r); return nil }
}

func (s *site) nowhere(_ http.ResponseWriter, r *http.Request) error {
	return Missing("there is nothing at %s; see docs/api.md for what there is", r.URL.Path)
}

// health says that the process lives.
func (s *site) health(w http.ResponseWriter, _ *http.Request) error { return plain(w, "lives\n") }

// ready says that every fleet ticks, or that this one stands by.
func (s *site) ready(w http.ResponseWriter, _ *http.Request) error {
	if err := s.Views.Ready(); err != nil {
		return Later("%s", err)
	}
	return plain(w, "ready\n")
}

func plain(w http.ResponseWriter, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text))
	return nil
}

func (s *site) metrics(w http.ResponseWriter, r *http.Request) error {
	if s.Metrics == nil {
		return Missing("there are no metrics")
	}
	w.Header().Set("Cache-Control", "no-store")
	s.Metrics.ServeHTTP(w, r)
	return nil
}
