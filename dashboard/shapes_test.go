package dashboard

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestShapesOfRequests: what proxies, old clients and whoever looks for a hole send is
// answered once, with nothing of theirs in the head of the answer.
func TestShapesOfRequests(t *testing.T) {
	const (
		host    = "Host: localhost\r\n"
		closing = host + "Connection: close\r\n"
		posting = "POST /api/v1/pause HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n"
		hidden  = "GET /healthz HTTP/1.1\r\n" + closing + "\r\n"
	)
	get := func(path string, headers ...string) string {
		return "GET " + path + " HTTP/1.1\r\n" + closing + strings.Join(headers, "") + "\r\n"
	}
	for name, c := range map[string]struct{ sends, want string }{
		// Where one request ends and another begins.
		"two lengths":                      {posting + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd" + hidden, "400"},
		"a length with a sign":             {posting + "Content-Length: +4\r\n\r\nabcd" + hidden, "400"},
		"a length below zero":              {posting + "Content-Length: -1\r\n\r\n" + hidden, "400"},
		"chunks by an unknown name":        {posting + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden, "501"},
		"chunks twice":                     {posting + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + hidden, "501"},
		"chunks, a space before the colon": {posting + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden, "400"},
		"a header without a name":          {"GET /api/v1/status HTTP/1.1\r\n" + closing + ": x\r\n\r\n", "400"},
		"a return in a header":             {"GET /api/v1/status HTTP/1.1\r\n" + closing + "X: a\rb\r\n\r\n", "400"},
		"a zero in a header":               {"GET /api/v1/status HTTP/1.1\r\n" + closing + "X: a\x00b\r\n\r\n", "400"},
		"a host with a path":               {"GET /api/v1/status HTTP/1.1\r\nHost: localhost/evil\r\nConnection: close\r\n\r\n", "400"},
		"a host with a user":               {"GET /api/v1/status HTTP/1.1\r\nHost: evil@localhost\r\nConnection: close\r\n\r\n", "4"},
		// Other protocols.
		"a tunnel":                 {"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\nConnection: close\r\n\r\n", "4"},
		"a tunnel to this machine": {"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\nConnection: close\r\n\r\n", "40"},
		"a websocket":              {"GET /api/v1/status HTTP/1.1\r\n" + host + "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", "200"},
		"HTTP/2 without TLS":       {"GET /api/v1/status HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "200"},
		"HTTP/2 without asking":    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "4"},
		"HTTP/1.0 without a host":  {"GET /api/v1/status HTTP/1.0\r\n\r\n", "421"},
		"everything":               {"OPTIONS * HTTP/1.1\r\n" + closing + "\r\n", "200"},
		"a method of one's own":    {"BREW /api/v1/status HTTP/1.1\r\n" + closing + "\r\n", "405"},
		// Paths.
		"two slashes":         {get("//api/v1/status"), "307"},
		"a host for a path":   {get("//evil.example/x"), "307"},
		"slashes in between":  {get("/api//v1/status"), "307"},
		"escaped slashes":     {get("/api%2fv1%2fstatus"), "404"},
		"back and forth":      {get("/x/../api/v1/status"), "307"},
		"a slash behind":      {get("/api/v1/status/"), "404"},
		"in capitals":         {get("/API/v1/status"), "404"},
		"a zero behind":       {get("/api/v1/status%00"), "404"},
		"a backslash":         {get(`/\evil.example`), "404"},
		"lines in a path":     {get("/%0d%0aX-Evil:%20yes"), "404"},
		"lines in a redirect": {get("/x/../%0d%0aX-Evil:%20yes"), "307"},
		"half an escape":      {get("/%"), "400"},
		"a semicolon":         {get("/api/v1/status;x=1"), "404"},
		// Heads that ask for more.
		"many ranges":                     {get("/", "Range: bytes="+strings.Repeat("0-,", 500)+"0-\r\n"), "200"},
		"a range of numbers":              {get("/api/v1/status", "Range: bytes=0-0\r\n"), "200"},
		"a host behind a lie":             {get("/api/v1/status", "X-Forwarded-Host: evil.example\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: host=evil.example\r\n"), "200"},
		"another method by a header":      {get("/api/v1/pause", "X-HTTP-Method-Override: POST\r\n"), "405"},
		"an order without leave to go on": {posting + "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n", "401"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, stop := running(t)
				got := ask(p.dial(), c.sends)
				head, _, _ := strings.Cut(got, "\r\n\r\n")
				first, _, _ := strings.Cut(head, "\r\n")
				_, status, _ := strings.Cut(first, " ")
				if !strings.HasPrefix(status, c.want) || strings.Count(got, "HTTP/1.") != 1 {
					t.Errorf("%q, want %s once", first, c.want)
				}
				for line := range strings.SplitSeq(head, "\r\n") {
					name, value, _ := strings.Cut(line, ": ")
					if name == "X-Evil" || name == "Upgrade" || name == "Location" && (!strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//") || strings.HasPrefix(value, `/\`)) {
						t.Errorf("says in its head %s", line)
					}
				}
				if len(got) > 2<<20 {
					t.Errorf("%d bytes", len(got))
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestAnAnswerThatNobodyTakes: whoever asks for much and reads nothing is let go.
func TestAnAnswerThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := running(t)
		c := p.dial()
		begun := time.Now()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		time.Sleep(writeTime + time.Second)
		_, err := io.ReadAll(bufio.NewReader(c))
		if past := time.Since(begun); past > writeTime+2*time.Second || err != nil && !strings.Contains(err.Error(), "closed") {
			t.Errorf("ended %s after it was asked: %v", past, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestARefusalArrives: who sends more than is read is told so, rather than cut off.
func TestARefusalArrives(t *testing.T) {
	s, err := Open(Options{Listen: "127.0.0.1:0", TokenFile: filepath.Join(t.TempDir(), "token"), Views: &known{}, Orders: &desk{}, Events: &Events{}, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	for range 20 {
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		got := ask(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 431") {
			t.Errorf("is told %q", got)
		}
		_ = c.Close()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestRequestsThatAreTakenBack: over HTTP/2 a client may ask and take it back as fast
// as it can write; others are answered meanwhile, and afterwards.
// https://nvd.nist.gov/vuln/detail/CVE-2023-44487
func TestRequestsThatAreTakenBack(t *testing.T) {
	chain, key := issue(t, t.TempDir(), 1)
	s, err := Open(Options{
		Listen: "127.0.0.1:0", TokenFile: filepath.Join(t.TempDir(), "token"), Certificate: chain, Key: key,
		Views: &known{}, Orders: &desk{}, Events: &Events{}, Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := s.http.HTTP2.MaxConcurrentStreams; n < 1 || n > 100 {
		t.Errorf("%d requests of one connection are under way at once", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	var dials sync.Map
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a certificate of the test's own
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, to)
			dials.Store(c, true)
			return c, err
		}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	healthy := func() {
		t.Helper()
		r, err := client.Get(s.URL() + "healthz")
		if err != nil || r.StatusCode != http.StatusOK || r.ProtoMajor != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		_ = r.Body.Close()
	}
	healthy()
	for range 10 {
		var asked sync.WaitGroup
		for range 50 {
			asked.Go(func() {
				once, back := context.WithTimeout(ctx, time.Millisecond)
				defer back()
				r, err := http.NewRequestWithContext(once, http.MethodGet, s.URL()+"api/v1/events", nil)
				if err != nil {
					return
				}
				if a, err := client.Do(r); err == nil {
					_ = a.Body.Close()
				}
			})
		}
		asked.Wait()
		healthy()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// slow are views that take their time, and count who looks at once.
type slow struct {
	known
	mu          sync.Mutex
	looks, most int
}

func (v *slow) History(ctx context.Context, q Span) (History, error) {
	v.mu.Lock()
	v.looks++
	v.most = max(v.most, v.looks)
	v.mu.Unlock()
	defer func() { v.mu.Lock(); v.looks--; v.mu.Unlock() }()
	select {
	case <-time.After(6 * time.Second):
	case <-ctx.Done():
	}
	return History{}, ctx.Err()
}

// TestManyDearQuestionsAtOnce: five years at 5,000 points, asked by fifty at once, are
// read by three; the rest wait their turn, not for ever. What reads no journal is
// answered meanwhile, and who hangs up makes room.
func TestManyDearQuestionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, views := newStand(t, "127.0.0.1:9464", true), &slow{}
		s.Views = views
		answers := make(chan int, 50)
		begun := time.Now()
		for range cap(answers) {
			go func() {
				answers <- s.try(t, try{path: "/api/v1/history?fleet=render&from=1600000000&to=1760000000&points=5000"}).status
			}()
		}
		synctest.Wait()
		if r := s.try(t, try{path: "/healthz"}); r.status != http.StatusOK || time.Since(begun) > 0 {
			t.Errorf("%d after %s", r.status, time.Since(begun))
		}
		count := map[int]int{}
		for range cap(answers) {
			count[<-answers]++
		}
		if views.most != mostReadings || count[http.StatusOK] != 2*mostReadings || count[http.StatusServiceUnavailable] != cap(answers)-2*mostReadings {
			t.Errorf("%d read at once, %v", views.most, count)
		}
		if past := time.Since(begun); past > patience+2*6*time.Second {
			t.Errorf("the last was answered after %s", past)
		}
		if r := s.try(t, try{path: "/api/v1/history?fleet=render"}); r.status != http.StatusOK {
			t.Errorf("afterwards: %d", r.status)
		}
	})
}
