package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// known is what a fleet's daemon would answer.
type known struct {
	notReady error
	fails    error
	asked    Span
}

func (k *known) Status(context.Context) (Status, error) {
	return Status{Version: "1", Fleets: []Fleet{{Name: "render"}}}, k.fails
}
func (k *known) History(_ context.Context, q Span) (History, error) {
	k.asked = q
	return History{Series: map[string][]*float64{"want": {nil, new(1.5)}}}, k.fails
}
func (k *known) Ticks(_ context.Context, q Span) ([]Tick, error) {
	k.asked = q
	return []Tick{{ID: "render-1"}}, k.fails
}
func (k *known) Tick(_ context.Context, fleet, id string) (any, error) {
	return map[string]string{"tick": fleet + id}, k.fails
}
func (k *known) Signals(context.Context, string) (any, error)  { return []string{"signals"}, k.fails }
func (k *known) Forecast(context.Context, string) (any, error) { return []string{"forecast"}, k.fails }
func (k *known) Ready() error                                  { return k.notReady }

// desk is where orders arrive.
type desk struct{ given []string }

func (d *desk) Pause(_ context.Context, by, fleet string, length time.Duration, why string) (Standing, error) {
	d.given = append(d.given, strings.Join([]string{"pause", by, fleet, length.String(), why}, "|"))
	return Standing{Pause: &Pause{Why: why, By: by}}, nil
}

func (d *desk) Resume(_ context.Context, by, fleet, why string) (Standing, error) {
	d.given = append(d.given, strings.Join([]string{"resume", by, fleet, why}, "|"))
	return Standing{}, nil
}

func (d *desk) Want(_ context.Context, by, fleet string, workers int, length time.Duration, why string) (Standing, error) {
	d.given = append(d.given, strings.Join([]string{"want", by, fleet, string(rune('0' + workers)), length.String(), why}, "|"))
	return Standing{Floor: &Floor{Workers: workers}}, nil
}

const (
	good  = "0123456789abcdef-good"
	annas = "0123456789abcdef-anna"
)

// stand is a site with all that it needs.
type stand struct {
	*site
	desk  *desk
	known *known
	logs  *strings.Builder
}

// newStand is a site that listens at an address; open is one that only this machine
// reaches.
func newStand(t *testing.T, listen string, open bool) stand {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("# who may change things\n\n"+good+"\nanna "+annas+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := stand{desk: &desk{}, known: &known{}, logs: &strings.Builder{}}
	s.site = newSite(Options{
		Listen: listen, Hosts: []string{"skynet.example.com"}, TokenFile: file, Views: s.known, Orders: s.desk, Events: &Events{},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "skynet_up 1\n") }),
		Log:     slog.New(slog.NewTextHandler(s.logs, nil)),
	}, open)
	return s
}

// try is one request.
type try struct {
	method, path string
	host         string // 127.0.0.1:9464
	from         string // 127.0.0.1:5
	at           string // address of ours that it came to
	body         string
	headers      []string // "Name: value"
}

func (s stand) try(t *testing.T, c try) reply {
	t.Helper()
	r := httptest.NewRequest(orElse(c.method, "GET"), c.path, strings.NewReader(c.body))
	r.Host, r.RemoteAddr = orElse(c.host, "127.0.0.1:9464"), orElse(c.from, "127.0.0.1:5")
	if c.host == "-" {
		r.Host = ""
	}
	if c.at != "" {
		at, err := net.ResolveTCPAddr("tcp", c.at)
		if err != nil {
			t.Fatal(err)
		}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(at)))
	}
	for _, h := range c.headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.routes().ServeHTTP(w, r)
	a := w.Result()
	defer a.Body.Close()
	b, _ := io.ReadAll(a.Body)
	return reply{a.StatusCode, a.Header, string(b)}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

const (
	asJSON  = "Content-Type: application/json"
	byToken = "Authorization: Bearer " + good
)

const pausing = `{"fleet":"render","for":"30m","why":"by hand"}`

// TestTries holds who may do what to a table: each line is somebody who tries.
func TestTries(t *testing.T) {
	post := func(path, body string, headers ...string) try {
		return try{method: "POST", path: "/api/v1/" + path, body: body, headers: headers}
	}
	hosted := func(c try, host string) try { c.host = host; return c }
	for _, c := range []struct {
		name string
		far  bool // listens at 10.0.0.7, not at loopback
		try  try
		want int
		said string // in the answer
	}{
		// Looking, on this machine.
		{"the page", false, try{path: "/"}, 200, "<"},
		{"the page by its name", false, try{path: "/index.html"}, 200, "<"},
		{"nothing there", false, try{path: "/etc/passwd"}, 404, "there is nothing"},
		{"up and out", false, try{path: "/../../etc/passwd"}, 307, ""},
		{"up and out, escaped", false, try{path: "/%2e%2e/%2e%2e/etc/passwd"}, 404, "there is nothing"},
		{"the source of the page", false, try{path: "/page/dist/index.html"}, 404, "there is nothing"},
		{"no such call", false, try{path: "/api/v1/fleets"}, 404, "docs/api.md"},
		{"no such version", false, try{path: "/api/v2/status"}, 404, "docs/api.md"},
		{"status", false, try{path: "/api/v1/status"}, 200, `"changeable": true`},
		{"status, only its head", false, try{method: "HEAD", path: "/api/v1/status"}, 200, ""},
		{"history", false, try{path: "/api/v1/history?fleet=render&points=10&signal=a.b&signal=c"}, 200, "1.5"},
		{"ticks", false, try{path: "/api/v1/ticks?from=2026-03-01T17:00:00%2B01:00&to=2026-03-02T00:00:00Z&limit=3"}, 200, "render-1"},
		{"a tick", false, try{path: "/api/v1/tick?fleet=render&id=x"}, 200, "renderx"},
		{"no tick", false, try{path: "/api/v1/tick?fleet=render"}, 400, "id is missing"},
		{"signals", false, try{path: "/api/v1/signals"}, 200, "signals"},
		{"forecast", false, try{path: "/api/v1/forecast"}, 200, "forecast"},
		{"metrics", false, try{path: "/metrics"}, 200, "skynet_up 1"},
		{"healthy", false, try{path: "/healthz"}, 200, "lives"},
		{"ready", false, try{path: "/readyz"}, 200, "ready"},
		// Nonsense.
		{"a parameter that is none", false, try{path: "/api/v1/history?flete=render"}, 400, `no parameter is called \"flete\"`},
		{"a parameter of another call", false, try{path: "/api/v1/status?fleet=render"}, 400, "there is none"},
		{"one given twice", false, try{path: "/api/v1/ticks?fleet=a&fleet=b"}, 400, "twice"},
		{"a time that is none", false, try{path: "/api/v1/history?from=yesterday"}, 400, "not a time"},
		{"a time before time", false, try{path: "/api/v1/history?from=0001-01-01T00:00:00Z"}, 400, "not a time"},
		{"backwards", false, try{path: "/api/v1/history?from=2000&to=1000"}, 400, "must be before"},
		{"too many points", false, try{path: "/api/v1/history?points=100000"}, 400, "1 to 5000"},
		{"no points", false, try{path: "/api/v1/history?points=0"}, 400, "1 to 5000"},
		{"too many ticks", false, try{path: "/api/v1/ticks?limit=1e9"}, 400, "1 to 5000"},
		{"too many signals", false, try{path: "/api/v1/history?" + strings.Repeat("signal=a&", 21)}, 400, "at most 20"},
		{"too many queues", false, try{path: "/api/v1/history?" + strings.Repeat("queue=a&", 9)}, 400, "at most 8"},
		{"an address that is none", false, try{path: "/api/v1/history?fleet=%zz"}, 400, "cannot be read"},
		// Other methods.
		{"asking by POST", false, try{method: "POST", path: "/api/v1/status"}, 405, "takes GET only"},
		{"changing by GET", false, try{path: "/api/v1/pause"}, 405, "takes POST only"},
		{"changing by PUT", false, try{method: "PUT", path: "/api/v1/pause"}, 405, "takes POST only"},
		{"deleting the page", false, try{method: "DELETE", path: "/"}, 405, "takes GET only"},
		{"may I? (CORS)", false, try{method: "OPTIONS", path: "/api/v1/pause", headers: []string{"Origin: https://evil.example", "Access-Control-Request-Method: POST"}}, 405, "takes POST only"},
		{"TRACE", false, try{method: "TRACE", path: "/api/v1/status"}, 405, "takes GET only"},
		// Under which name.
		{"localhost", false, hosted(try{path: "/api/v1/status"}, "localhost:9464"), 200, ""},
		{"LOCALHOST.", false, hosted(try{path: "/api/v1/status"}, "LOCALHOST."), 200, ""},
		{"through a tunnel's port", false, hosted(try{path: "/api/v1/status"}, "localhost:8080"), 200, ""},
		{"::1", false, hosted(try{path: "/api/v1/status"}, "[::1]:9464"), 200, ""},
		{"a name of ours", false, hosted(try{path: "/api/v1/status"}, "skynet.example.com"), 200, ""},
		{"DNS rebinding", false, hosted(try{path: "/api/v1/status"}, "evil.example:9464"), 421, "access.hosts"},
		{"DNS rebinding, the page", false, hosted(try{path: "/"}, "evil.example"), 421, "access.hosts"},
		{"DNS rebinding, metrics", false, hosted(try{path: "/metrics"}, "evil.example"), 421, "access.hosts"},
		{"DNS rebinding, an order", false, hosted(post("pause", pausing, asJSON, byToken), "evil.example"), 421, "access.hosts"},
		{"a name that begins like ours", false, hosted(try{path: "/api/v1/status"}, "localhost.evil.example"), 421, ""},
		{"a name that ends like ours", false, hosted(try{path: "/api/v1/status"}, "notskynet.example.com"), 421, ""},
		{"127.0.0.1.evil", false, hosted(try{path: "/api/v1/status"}, "127.0.0.1.evil.example"), 421, ""},
		{"another address", false, hosted(try{path: "/api/v1/status"}, "10.0.0.7:9464"), 421, ""},
		{"no name", false, hosted(try{path: "/api/v1/status"}, "-"), 421, ""},
		{"a name with rubbish", false, hosted(try{path: "/api/v1/status"}, "evil\x7f\xff"), 421, ""},
		{"healthy under any name", false, hosted(try{path: "/healthz"}, "10.9.8.7:9464"), 200, "lives"},
		// Changing.
		{"a pause", false, post("pause", pausing, asJSON, byToken), 200, `"by": "api from 127.0.0.1"`},
		{"a pause by anna", false, post("pause", pausing, asJSON, "Authorization: Bearer "+annas), 200, `"by": "anna"`},
		{"a resume", false, post("resume", `{"fleet":"render"}`, asJSON, byToken), 200, `"pause": null`},
		{"a floor", false, post("want", `{"fleet":"render","workers":3,"for":"2h"}`, asJSON, byToken), 200, `"workers": 3`},
		{"a floor taken back", false, post("want", `{"fleet":"render","workers":0}`, asJSON, byToken), 200, ""},
		{"JSON in UTF-8", false, post("pause", pausing, "Content-Type: application/json; charset=utf-8", byToken), 200, ""},
		{"no token", false, post("pause", pausing, asJSON), 401, "Authorization: Bearer"},
		{"an empty token", false, post("pause", pausing, asJSON, "Authorization: Bearer "), 401, "Authorization: Bearer"},
		{"a wrong token", false, post("pause", pausing, asJSON, "Authorization: Bearer "+good+"x"), 401, "not the token"},
		{"half a token", false, post("pause", pausing, asJSON, "Authorization: Bearer "+good[:8]), 401, "not the token"},
		{"a comment for a token", false, post("pause", pausing, asJSON, "Authorization: Bearer #"), 401, "not the token"},
		{"a name for a token", false, post("pause", pausing, asJSON, "Authorization: Bearer anna"), 401, "not the token"},
		{"a name with its token", false, post("pause", pausing, asJSON, "Authorization: Bearer anna "+annas), 401, "not the token"},
		{"a password", false, post("pause", pausing, asJSON, "Authorization: Basic "+good), 401, "Authorization: Bearer"},
		{"a cookie", false, post("pause", pausing, asJSON, "Cookie: token="+good), 401, "Authorization: Bearer"},
		{"the token in the address", false, try{method: "POST", path: "/api/v1/pause?token=" + good, body: pausing, headers: []string{asJSON}}, 401, ""},
		// From another site.
		{"our page", false, post("pause", pausing, asJSON, byToken, "Origin: http://127.0.0.1:9464", "Sec-Fetch-Site: same-origin"), 200, ""},
		{"another site", false, post("pause", pausing, asJSON, byToken, "Origin: https://evil.example"), 403, "another site"},
		{"another site, by its fetch", false, post("pause", pausing, asJSON, byToken, "Sec-Fetch-Site: cross-site"), 403, "another site"},
		{"a neighbour", false, post("pause", pausing, asJSON, byToken, "Sec-Fetch-Site: same-site"), 403, "another site"},
		{"another port of this machine", false, post("pause", pausing, asJSON, byToken, "Origin: http://127.0.0.1:8080"), 403, "another site"},
		{"a file, or a sandbox", false, post("pause", pausing, asJSON, byToken, "Origin: null"), 403, ""},
		{"an origin that does not fit its fetch", false, post("pause", pausing, asJSON, byToken, "Origin: https://evil.example", "Sec-Fetch-Site: same-origin"), 403, "evil.example"},
		{"a form", false, post("pause", "fleet=render", "Content-Type: application/x-www-form-urlencoded", byToken), 415, "application/json"},
		{"a form that says it is text", false, post("pause", pausing, "Content-Type: text/plain", byToken), 415, "application/json"},
		{"no kind", false, post("pause", pausing, byToken), 415, "application/json"},
		// Nonsense in orders.
		{"an unknown key", false, post("pause", `{"fleet":"render","for":"1m","forever":true}`, asJSON, byToken), 400, "forever"},
		{"workers for a pause", false, post("pause", `{"fleet":"render","for":"1m","workers":2}`, asJSON, byToken), 400, "workers"},
		{"not JSON", false, post("pause", `fleet`, asJSON, byToken), 400, "cannot be read"},
		{"nothing", false, post("pause", ``, asJSON, byToken), 400, "cannot be read"},
		{"two orders", false, post("pause", pausing+pausing, asJSON, byToken), 400, "something follows"},
		{"too long", false, post("pause", `{"why":"`+strings.Repeat("x", 5000)+`"}`, asJSON, byToken), 413, "4 kB"},
		{"too long a reason", false, post("pause", `{"fleet":"render","for":"1m","why":"`+strings.Repeat("x", 501)+`"}`, asJSON, byToken), 400, "500"},
		{"no end", false, post("pause", `{"fleet":"render"}`, asJSON, byToken), 400, "for is missing"},
		{"no unit", false, post("pause", `{"fleet":"render","for":"30"}`, asJSON, byToken), 400, "needs a unit"},
		{"back in time", false, post("pause", `{"fleet":"render","for":"-1h"}`, asJSON, byToken), 400, "for"},
		{"for ever", false, post("pause", `{"fleet":"render","for":"365d"}`, asJSON, byToken), 400, "at most 30d"},
		{"a number for a text", false, post("pause", `{"fleet":"render","for":30}`, asJSON, byToken), 400, "cannot be read"},
		{"no number of workers", false, post("want", `{"fleet":"render","for":"1h"}`, asJSON, byToken), 400, "workers"},
		{"fewer than none", false, post("want", `{"fleet":"render","workers":-1,"for":"1h"}`, asJSON, byToken), 400, "workers"},
		{"half a worker", false, post("want", `{"fleet":"render","workers":1.5,"for":"1h"}`, asJSON, byToken), 400, "cannot be read"},
		{"a million workers", false, post("want", `{"fleet":"render","workers":1000000,"for":"1h"}`, asJSON, byToken), 400, "workers"},
		// From other machines.
		{"far: healthy", true, try{path: "/healthz"}, 200, "lives"},
		{"far: the page, which has no numbers", true, hosted(try{path: "/"}, "10.0.0.7:9464"), 200, "<"},
		{"far: status", true, hosted(try{path: "/api/v1/status"}, "10.0.0.7:9464"), 401, "Authorization: Bearer"},
		{"far: status by loopback", true, try{path: "/api/v1/status"}, 401, "Authorization: Bearer"},
		{"far: ready", true, hosted(try{path: "/readyz"}, "10.0.0.7:9464"), 401, ""},
		{"far: metrics", true, hosted(try{path: "/metrics"}, "10.0.0.7:9464"), 401, ""},
		{"far: events", true, hosted(try{path: "/api/v1/events"}, "10.0.0.7:9464"), 401, ""},
		{"far: no such call", true, hosted(try{path: "/api/v1/x"}, "10.0.0.7:9464"), 401, ""},
		{"far: status with the token", true, hosted(try{path: "/api/v1/status", headers: []string{byToken}}, "10.0.0.7:9464"), 200, ""},
		{"far: metrics with the token", true, hosted(try{path: "/metrics", headers: []string{byToken}}, "10.0.0.7:9464"), 200, "skynet_up"},
		{"far: by the address that it came to", true, try{path: "/", host: "10.0.0.8", at: "10.0.0.8:9464"}, 200, ""},
		{"far: by another address", true, try{path: "/", host: "10.0.0.9", at: "10.0.0.8:9464"}, 421, ""},
		{"far: a pause", true, hosted(post("pause", pausing, asJSON, byToken), "skynet.example.com"), 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listen := "127.0.0.1:9464"
				if c.far {
					listen = "10.0.0.7:9464"
				}
				s := newStand(t, listen, !c.far)
				r := s.try(t, c.try)
				said := r.body
				if r.status != c.want || !strings.Contains(said, c.said) {
					t.Errorf("%s %s: %d %s, want %d %q", c.try.method, c.try.path, r.status, said, c.want, c.said)
				}
				if r.status >= 400 {
					var e map[string]string
					if err := json.Unmarshal([]byte(said), &e); err != nil || e["error"] == "" || len(e) != 1 {
						t.Errorf("the answer is no error in JSON: %s", said)
					}
					if len(s.desk.given) > 0 {
						t.Errorf("refused, and done: %v", s.desk.given)
					}
				}
				if r.status != http.StatusTemporaryRedirect {
					wantGuarded(t, r)
				}
			})
		})
	}
}

// wantGuarded wants what no answer may lack or have.
func wantGuarded(t *testing.T, r reply) {
	t.Helper()
	h := r.header
	if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'self'") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" {
		t.Errorf("not guarded: %v", h)
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Error("the page may run what is not ours")
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("lets other sites in: %s", name)
		}
	}
	if strings.HasPrefix(h.Get("Content-Type"), "application/json") && h.Get("Cache-Control") != "no-store" {
		t.Errorf("numbers would be kept: %v", h)
	}
}

func TestOrdersArriveAsGiven(t *testing.T) {
	s := newStand(t, "127.0.0.1:9464", true)
	for _, c := range []struct{ path, body, want string }{
		{"pause", `{"fleet":"render","for":"1d","why":" by\n hand\u0007 "}`, "pause|api from 127.0.0.1|render|24h0m0s|by  hand"},
		{"pause", `{"fleet":"render","for":"1d","why":"a\u001b[2Jb\u009bc\u202ed\u2028e"}`, "pause|api from 127.0.0.1|render|24h0m0s|a[2Jbcd e"},
		{"pause", `{"fleet":"","for":"30s"}`, "pause|api from 127.0.0.1||30s|"},
		{"resume", `{"fleet":"render","why":"done"}`, "resume|api from 127.0.0.1|render|done"},
		{"want", `{"fleet":"render","workers":3,"for":"2h","why":"sale"}`, "want|api from 127.0.0.1|render|3|2h0m0s|sale"},
		{"want", `{"fleet":"render","workers":0}`, "want|api from 127.0.0.1|render|0|0s|"},
	} {
		s.desk.given = nil
		r := s.try(t, try{method: "POST", path: "/api/v1/" + c.path, body: c.body, headers: []string{asJSON, byToken}})
		if got := strings.Join(s.desk.given, "; "); r.status != http.StatusOK || got != c.want {
			t.Errorf("%s %s: %d, given %q, want %q", c.path, c.body, r.status, got, c.want)
		}
	}
	if logs := s.logs.String(); !strings.Contains(logs, "an order was given") || !strings.Contains(logs, "what=pause") || strings.Contains(logs, good) {
		t.Errorf("logged: %s", logs)
	}
}

func TestSpans(t *testing.T) {
	s := newStand(t, "127.0.0.1:9464", true)
	s.try(t, try{path: "/api/v1/history?fleet=render&from=1000&to=2000&points=7&signal=a&signal=b&queue=c&queue=d"})
	if q := s.known.asked; q.Fleet != "render" || q.From.Unix() != 1000 || q.To.Unix() != 2000 || q.Points != 7 || strings.Join(q.Signals, ",") != "a,b" || strings.Join(q.Queues, ",") != "c,d" {
		t.Errorf("asked %+v", q)
	}
	s.try(t, try{path: "/api/v1/history"})
	if q := s.known.asked; q.Points != 600 || q.To.Sub(q.From) != 6*time.Hour || time.Since(q.To) > time.Minute {
		t.Errorf("asked %+v", q)
	}
	s.try(t, try{path: "/api/v1/ticks?to=2026-03-01T17:00:00Z"})
	if q := s.known.asked; q.Limit != 200 || q.To.Hour() != 17 || !q.From.Before(q.To) {
		t.Errorf("asked %+v", q)
	}
}

func TestNotReadyAndOutOfOrder(t *testing.T) {
	s := newStand(t, "127.0.0.1:9464", true)
	s.known.notReady = errors.New("fleet render has not ticked for 4m")
	r := s.try(t, try{path: "/readyz"})
	if said := r.body; r.status != http.StatusServiceUnavailable || !strings.Contains(said, "has not ticked for 4m") || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, said)
	}
	s.known.fails = Missing("no such fleet")
	if r := s.try(t, try{path: "/api/v1/status"}); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.body)
	}
	s.known.fails = errors.New("the disk is gone")
	if r := s.try(t, try{path: "/api/v1/status"}); r.status != http.StatusInternalServerError || !strings.Contains(s.logs.String(), "the disk is gone") {
		t.Errorf("%d, logged %s", r.status, s.logs)
	}
}

// A token that is taken out, or a file that is gone, holds from the next try on.
func TestTheTokenFileIsReadEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, "127.0.0.1:9464", true)
		order := try{method: "POST", path: "/api/v1/pause", body: pausing, headers: []string{asJSON, byToken}}
		for _, c := range []struct {
			file string // "-": there is none
			want int
			said string
		}{
			{good, 200, ""},
			{"bob " + good + "\n", 200, `"by": "bob"`},
			{"another-0123456789abcdef", 401, "not the token"},
			{"", 503, "holds no token"},
			{"# " + good, 503, "holds no token"},
			{"short", 503, "too short"},
			{good + "\nx y z\n", 503, "NAME TOKEN"},
			{strings.Repeat("x", 70_000), 503, "no file of tokens"},
			{"-", 503, "no such file"},
			{good, 200, ""},
		} {
			if c.file == "-" {
				_ = os.Remove(s.TokenFile)
			} else if err := os.WriteFile(s.TokenFile, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			r := s.try(t, order)
			if said := r.body; r.status != c.want || !strings.Contains(said, c.said) {
				t.Errorf("%q: %d %s, want %d %q", c.file[:min(len(c.file), 40)], r.status, said, c.want, c.said)
			}
			changeable := c.want != 503
			if said := s.try(t, try{path: "/api/v1/status"}).body; strings.Contains(said, `"changeable": true`) != changeable {
				t.Errorf("changeable is not %v: %s", changeable, said)
			}
		}
	})
}

// Whoever guesses waits a second for each answer, with few guesses at once; others are
// not kept waiting.
func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, "127.0.0.1:9464", true)
		begun := time.Now()
		guess := func(from string, done chan<- int) {
			r := s.try(t, try{method: "POST", path: "/api/v1/pause", body: pausing, from: from, headers: []string{asJSON, "Authorization: Bearer wrong"}})
			done <- r.status
		}
		const guesses = 100
		done := make(chan int, guesses)
		for range guesses {
			go guess("10.0.0.1:5", done)
		}
		synctest.Wait()
		if r := s.try(t, try{method: "POST", path: "/api/v1/pause", body: pausing, headers: []string{asJSON, byToken}}); r.status != http.StatusOK || time.Since(begun) > 0 {
			t.Errorf("another waits: %d after %s", r.status, time.Since(begun))
		}
		answers := map[int]int{}
		for range guesses {
			answers[<-done]++
		}
		if answers[401] != mostGuesses || answers[429] != guesses-mostGuesses || time.Since(begun) != penalty {
			t.Errorf("%v after %s", answers, time.Since(begun))
		}
		go guess("10.0.0.1:5", done)
		if <-done != 401 || len(s.access.waiting) != 0 {
			t.Errorf("a place was not given back: %v", s.access.waiting)
		}
		if n := strings.Count(s.logs.String(), "a wrong token was shown"); n != 1 {
			t.Errorf("logged %d times: %s", n, s.logs)
		}
	})
}

func TestWithoutOrdersNothingCanBeChanged(t *testing.T) {
	s := newStand(t, "127.0.0.1:9464", true)
	s.Orders = nil
	if r := s.try(t, try{method: "POST", path: "/api/v1/pause", body: pausing, headers: []string{asJSON, byToken}}); r.status != http.StatusForbidden {
		t.Errorf("%d", r.status)
	}
	if said := s.try(t, try{path: "/api/v1/status"}).body; !strings.Contains(said, `"changeable": false`) {
		t.Error(said)
	}
}
