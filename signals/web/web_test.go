package web_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skynet/signals"
	"skynet/signals/web"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func tokenFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSendsWhatItIsGiven(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.Header.Get("Authorization"), r.Header.Get("X-Key"), r.Host, r.FormValue("a"))
	})
	path := tokenFile(t, " hush\n")
	c := web.New(web.Options{TokenFile: path, Headers: []web.Header{{Name: "x-key", Value: "k"}, {Name: "host", Value: "inner"}}})
	if _, body, err := c.Get(t.Context(), s.URL+"?a=1"); err != nil || string(body) != "GET Bearer hush k inner 1" {
		t.Errorf("got %s, %v", body, err)
	}
	if err := os.WriteFile(path, []byte("renewed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, body, err := c.Post(t.Context(), s.URL, url.Values{"a": {"2"}}); status != 200 || err != nil || string(body) != "POST Bearer renewed k inner 2" {
		t.Errorf("got %d %s, %v", status, body, err)
	}
}

// One connection serves many requests.
func TestKeepsItsConnection(t *testing.T) {
	var opened atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "1") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := web.New(web.Options{})
	for range 5 {
		if _, _, err := c.Get(t.Context(), s.URL); err != nil {
			t.Fatal(err)
		}
	}
	if opened.Load() != 1 {
		t.Errorf("opened %d connections", opened.Load())
	}
}

// A redirect to elsewhere would take the token there.
func TestRedirects(t *testing.T) {
	var strayed atomic.Bool
	other := serve(t, func(http.ResponseWriter, *http.Request) { strayed.Store(true) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL+"/?key=hush", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		default:
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Authorization"), r.FormValue("a"))
		}
	})
	c := web.New(web.Options{TokenFile: tokenFile(t, "hush")})
	if _, _, err := c.Get(t.Context(), s.URL+"/away"); err == nil || err.Error() != "it redirects to "+other.URL+", which is not followed; ask that address itself" || strayed.Load() {
		t.Errorf("strayed %v, %v", strayed.Load(), err)
	}
	if _, _, err := c.Get(t.Context(), s.URL+"/round"); err == nil || err.Error() != "it redirects again and again" {
		t.Errorf("got %v", err)
	}
	if _, body, err := c.Post(t.Context(), s.URL+"/moved", url.Values{"a": {"1"}}); err != nil || string(body) != "POST Bearer hush 1" {
		t.Errorf("got %s, %v", body, err)
	}
}

func TestBoundsTheAnswer(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := web.MostBytes
		if r.URL.Path != "/most" {
			n++
		}
		var out io.Writer = w
		if r.URL.Path == "/packed" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			out = z
		}
		_, _ = io.WriteString(out, strings.Repeat("x", n))
	})
	c := web.New(web.Options{})
	for path, want := range map[string]string{"/most": "", "/more": "the answer is longer than 1048576 bytes", "/packed": "the answer is longer than 1048576 bytes"} {
		_, body, err := c.Get(t.Context(), s.URL+path)
		if err == nil && (want != "" || len(body) != web.MostBytes) || err != nil && err.Error() != want {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
}

// Nothing that fails tells the address's key or the token.
func TestFailuresTellNoSecret(t *testing.T) {
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	broken := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "1")
	})
	down := httptest.NewServer(nil)
	down.Close()
	ended, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	good := tokenFile(t, "hush")
	for _, c := range []struct {
		name, address, token string
		ctx                  context.Context
		want                 string
	}{
		{"slow", slow.URL, good, t.Context(), "no answer within 50ms"},
		{"the tick's time is over", slow.URL, good, ended, "no answer within the tick's deadline"},
		{"down", down.URL, good, t.Context(), "connection refused"},
		{"cut off", broken.URL, good, t.Context(), "unexpected EOF"},
		{"no such token", slow.URL, "/no/such/file", t.Context(), "token file: open /no/such/file: no such file or directory"},
		{"an empty token", slow.URL, tokenFile(t, " \n"), t.Context(), "is empty"},
		{"two tokens", slow.URL, tokenFile(t, "hush\nhush"), t.Context(), "holds more than one word"},
		{"no address", "http://h h", good, t.Context(), "invalid character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := web.New(web.Options{TokenFile: c.token, Timeout: 50 * time.Millisecond}).Get(c.ctx, c.address+"/?key=hush")
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// asked is a question that counts how often it was asked.
type asked struct {
	n    atomic.Int32
	err  error
	late time.Duration // how old its numbers are
}

func (a *asked) Ask(_ context.Context, now time.Time) (float64, time.Time, error) {
	return float64(a.n.Add(1)), now.Add(-a.late), a.err
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func read(s *web.Source, after time.Duration) signals.Signal {
	return s.Read(context.Background(), noon.Add(after))[0]
}

func TestRhythm(t *testing.T) {
	const ms, m = time.Millisecond, time.Minute
	for _, c := range []struct {
		name  string
		every time.Duration
		at    []time.Duration
		want  []float64 // how often it had been asked
	}{
		{"each tick", 0, []time.Duration{0, m, 2 * m, 3 * m}, []float64{1, 2, 3, 4}},
		{"two fleets", 0, []time.Duration{0, 3 * ms, m + 3*ms, m, 2*m - 5*ms, 2 * m}, []float64{1, 1, 2, 2, 3, 3}},
		{"faster than ticks", time.Second, []time.Duration{0, 3 * ms, m}, []float64{1, 1, 2}},
		{"every five minutes, a moment early", 5 * m, []time.Duration{0, m, 4 * m, 5*m - 2*ms, 6 * m, 10 * m}, []float64{1, 1, 1, 2, 2, 3}},
		{"the clock is set back", 5 * m, []time.Duration{0, -60 * m, -59 * m}, []float64{1, 2, 2}},
	} {
		s := web.NewSource("my.own", &asked{}, web.Rhythm{Interval: m, Every: c.every})
		for i, at := range c.at {
			if got := read(s, at); got.Value != c.want[i] {
				t.Errorf("%s: at %s asked %g times, want %g", c.name, at, got.Value, c.want[i])
			}
		}
	}
}

func TestGood(t *testing.T) {
	for _, c := range []struct{ every, good, want time.Duration }{
		{0, 0, 2 * time.Minute}, {5 * time.Minute, 0, 10 * time.Minute}, {5 * time.Minute, 6 * time.Minute, 6 * time.Minute},
	} {
		s := web.NewSource("my.own", &asked{late: time.Second}, web.Rhythm{Interval: time.Minute, Every: c.every, Good: c.good})
		if got := read(s, 0); got.Good != c.want || !got.At.Equal(noon.Add(-time.Second)) || got.Name != s.Names()[0] {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
}

// What a server whose clock is ahead measured is good for no longer than the rest.
func TestAServersClockThatIsAhead(t *testing.T) {
	s := web.NewSource("my.own", &asked{late: -time.Hour}, web.Rhythm{Interval: time.Minute})
	if got := read(s, 0); !got.At.Equal(noon) {
		t.Errorf("measured at %s", got.At)
	}
}

// A failure is asked again with the next tick, and the last answer stands until it
// is stale.
func TestFailuresAreAskedAgain(t *testing.T) {
	q := &asked{}
	s := web.NewSource("my.own", q, web.Rhythm{Interval: time.Minute, Every: 5 * time.Minute, Good: 7 * time.Minute})
	read(s, 0)
	q.err = errors.New("the server answers 503")
	for minute := 5; minute <= 9; minute++ {
		got := read(s, time.Duration(minute)*time.Minute)
		if stands := got.Value == 1 && got.Unknown == "" && strings.Contains(got.Note, "503") && got.At.Equal(noon); stands != (minute <= 7) {
			t.Errorf("minute %d: %+v", minute, got)
		}
		if minute > 7 && got.Unknown != "the server answers 503" {
			t.Errorf("minute %d: %+v", minute, got)
		}
	}
	if q.n.Load() != 6 {
		t.Errorf("asked %d times", q.n.Load())
	}
	q.err = nil
	if got := read(s, 10*time.Minute); got.Unknown != "" || got.Note != "" {
		t.Errorf("works again: %+v", got)
	}
}

// slowly answers when it is let go.
type slowly struct {
	asked
	begun, release chan struct{}
}

func (s *slowly) Ask(ctx context.Context, now time.Time) (float64, time.Time, error) {
	close(s.begun)
	<-s.release
	return s.asked.Ask(ctx, now)
}

// Two fleets that ask at once ask once; one whose time is over does not wait.
func TestAskedAtOnce(t *testing.T) {
	q := &slowly{begun: make(chan struct{}), release: make(chan struct{})}
	s := web.NewSource("my.own", q, web.Rhythm{Interval: time.Minute})
	var wg sync.WaitGroup
	wg.Go(func() { read(s, 0) })
	<-q.begun
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if got := s.Read(over, noon)[0]; got.Unknown != "no answer within the tick's deadline" {
		t.Errorf("got %+v", got)
	}
	for range 3 {
		wg.Go(func() {
			if got := read(s, time.Millisecond); got.Value != 1 {
				t.Errorf("got %+v", got)
			}
		})
	}
	close(q.release)
	wg.Wait()
}

// TestRefusalsTellNoSecret: a server may repeat what it was told.
func TestRefusalsTellNoSecret(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, r.Header.Get("Authorization"), " ", r.Header.Get("X-Key"), " ", r.URL)
	}))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("s3cret-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := web.New(web.Options{TokenFile: file, Headers: []web.Header{{Name: "X-Key", Value: "s3cret-key"}}})
	status, body, err := c.Get(t.Context(), s.URL+"/x?id=s3cret-id")
	if err != nil || status != http.StatusForbidden || string(body) != "Bearer xxxxx xxxxx /x?id=xxxxx" {
		t.Errorf("%d %s, %v", status, body, err)
	}
}
