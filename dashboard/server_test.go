package dashboard

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are in memory, so that time can be virtual.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.ended); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9464} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// running is a server on pipes; stop ends it and returns how.
func running(t *testing.T) (p *pipes, s served, stop func() error) {
	t.Helper()
	p = newPipes()
	s.tokenFile = filepath.Join(t.TempDir(), "token")
	o := Options{Listen: "127.0.0.1:9464", TokenFile: s.tokenFile, Views: &known{}, Orders: &desk{}, Events: &Events{}, Log: quiet()}
	var err error
	s.Server, err = on(p, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	return p, s, func() error { cancel(); return <-ended }
}

// served is a server, and where its token is.
type served struct {
	*Server
	tokenFile string
}

// ask sends a request as it stands, and reads what comes until the other side ends.
func ask(c net.Conn, request string) string {
	go func() { _, _ = io.WriteString(c, request) }()
	b, _ := io.ReadAll(c)
	return string(b)
}

// TestClientsThatTakeTheirTime: whoever is slow loses the connection, and nobody else
// notices.
func TestClientsThatTakeTheirTime(t *testing.T) {
	const head = "Host: localhost\r\nConnection: close\r\n"
	for _, c := range []struct {
		name, sends string
		within      time.Duration
		want        string
	}{
		{"in order", "GET /api/v1/status HTTP/1.1\r\n" + head + "\r\n", 0, "200 OK"},
		{"says nothing", "", headerTime, ""},
		{"half a line", "GET /api/v1/sta", headerTime, ""},
		{"headers without end", "GET /api/v1/status HTTP/1.1\r\nX: 1\r\n", headerTime, ""},
		{"headers too large", "GET /api/v1/status HTTP/1.1\r\n" + head + "X: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", headerTime, "431"},
		{"nonsense", "\x16\x03\x01 hello\r\n\r\n", headerTime, "400"},
		{"HTTP/1.1 without a host", "GET /api/v1/status HTTP/1.1\r\n\r\n", headerTime, "400"},
		{"two hosts", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", headerTime, "400"},
		{"an absolute address", "GET http://evil.example/api/v1/status HTTP/1.1\r\n" + head + "\r\n", headerTime, "421"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, stop := running(t)
				begun := time.Now()
				got := ask(p.dial(), c.sends)
				first, _, _ := strings.Cut(got, "\r\n")
				if past := time.Since(begun); past > c.within || !strings.Contains(first, c.want) {
					t.Errorf("%q after %s, want %q within %s", first, past, c.want, c.within)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A body that never comes costs a read's time.
func TestABodyThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := running(t)
		token, err := os.ReadFile(s.tokenFile)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		got := ask(p.dial(), "POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\nAuthorization: Bearer "+
			strings.TrimSpace(string(token))+"\r\n\r\n{")
		if past := time.Since(begun); past > readTime || !strings.Contains(got, "did not come whole") {
			t.Errorf("%q after %s", got, past)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// listener reads an event stream line by line.
type listener struct {
	net.Conn
	*bufio.Reader
}

func listen(t *testing.T, p *pipes) listener {
	t.Helper()
	c := p.dial()
	if _, err := io.WriteString(c, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return listener{c, bufio.NewReader(c)}
}

// until reads to a line that holds a text.
func (l listener) until(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := l.ReadString('\n')
		if err != nil {
			t.Fatalf("ended before %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := running(t)
		l := listen(t, p)
		l.until(t, "text/event-stream")
		l.until(t, "retry: 3000")
		l.until(t, ": listens")
		s.events.Send("tick", map[string]string{"fleet": "render", "id": "render-1"})
		l.until(t, "event: tick")
		l.until(t, `data: {"fleet":"render","id":"render-1"}`)
		begun := time.Now()
		l.until(t, ": still here")
		if past := time.Since(begun); past != silence {
			t.Errorf("says nothing for %s", past)
		}
		for range 200 { // longer than any time that a request may take
			l.until(t, ": still here")
		}
		begun = time.Now()
		ended := make(chan error, 1)
		go func() { ended <- stop() }()
		if rest, _ := io.ReadAll(l.Reader); len(rest) > 20 || time.Since(begun) > time.Second {
			t.Errorf("does not end with the server: %q after %s", rest, time.Since(begun))
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// There are only so many listeners, and one who goes makes room.
func TestListenersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := running(t)
		var all []listener
		for range mostStreams {
			l := listen(t, p)
			l.until(t, ": listens")
			all = append(all, l)
		}
		more := listen(t, p)
		more.until(t, "503")
		_ = more.Close()
		_ = all[0].Close()
		synctest.Wait()
		again := listen(t, p)
		again.until(t, ": listens")
		for _, l := range append(all[1:], again) {
			_ = l.Close()
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A listener that reads nothing is let go, and nobody waits for it: a tick least of all.
func TestADeafListenerIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := running(t)
		l := listen(t, p)
		l.until(t, ": listens")
		begun := time.Now()
		for i := range 3 * lag {
			s.events.Send("tick", i)
		}
		if past := time.Since(begun); past > 0 {
			t.Errorf("the sender waited %s", past)
		}
		time.Sleep(slowest + time.Second)
		synctest.Wait()
		if n := len(s.events.streams); n != 0 {
			t.Errorf("%d still listen", n)
		}
		if rest, _ := io.ReadAll(l.Reader); strings.Count(string(rest), "event:") > 1 {
			t.Errorf("it was waited for: %q", rest)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A connection that says nothing takes its place only for a while; more than there are
// places wait.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := running(t)
		for range mostConnections {
			p.dial()
		}
		begun := time.Now()
		got := make(chan string)
		go func() {
			got <- ask(p.dial(), "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		}()
		if text := <-got; !strings.Contains(text, "lives") || time.Since(begun) != headerTime {
			t.Errorf("%q after %s", text, time.Since(begun))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func options(t *testing.T) Options {
	t.Helper()
	return Options{Listen: "127.0.0.1:0", TokenFile: filepath.Join(t.TempDir(), "state", "token"), Views: &known{}, Orders: &desk{}, Events: &Events{}, Log: quiet()}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder := t.TempDir()
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   []string
	}{
		{"a port in use", func(o *Options) { o.Listen = taken.Addr().String() }, []string{"listen: ", "is in use by another program", "off for no dashboard"}},
		{"an address of another machine", func(o *Options) { o.Listen = "192.0.2.1:9464" }, []string{"listen: ", "an address of this machine"}},
		{"every address, without TLS", func(o *Options) { o.Listen = "0.0.0.0:0" }, []string{"listen: ", "access: {certificate: …, key: …}"}},
		{"no certificate there", func(o *Options) { o.Certificate, o.Key = filepath.Join(folder, "c"), filepath.Join(folder, "k") }, []string{"access: ", "PEM"}},
		{"a token that cannot be made", func(o *Options) { o.TokenFile = "/proc/nobody/token" }, []string{"access.token_file: ", "make it yourself"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			c.change(&o)
			s, err := Open(o)
			if err == nil {
				t.Fatal("opened", s.Close())
			}
			for _, text := range c.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%v, want %q", err, text)
				}
			}
		})
	}
}

func TestTheFirstStartMakesAToken(t *testing.T) {
	o := options(t)
	for range 2 {
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
	}
	at, err := os.Stat(o.TokenFile)
	if err != nil || at.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", at.Mode(), err)
	}
	first, _ := os.ReadFile(o.TokenFile)
	if list, err := tokens(o.TokenFile).read(); err != nil || len(list) != 1 || len(first) < 30 {
		t.Errorf("%v %v %q", list, err, first)
	}
	other := options(t)
	s, err := Open(other)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if second, _ := os.ReadFile(other.TokenFile); bytes.Equal(first, second) {
		t.Error("two folders have one token")
	}
}

// issue writes a certificate for localhost with a serial number.
func issue(t *testing.T, folder string, serial int64) (chain, key string) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &pair.PublicKey, pair)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	chain, key = filepath.Join(folder, "c.pem"), filepath.Join(folder, "k.pem")
	for name, block := range map[string]*pem.Block{chain: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		// What is written within one tick of the file system's clock has one time.
		if err := os.Chtimes(name, time.Time{}, time.Unix(1_700_000_000+serial, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return chain, key
}

func TestTLS(t *testing.T) {
	o := options(t)
	folder := t.TempDir()
	o.Certificate, o.Key = issue(t, folder, 1)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	serial := func(most uint16) (int64, error) {
		c, err := tls.Dial("tcp", s.listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: most}) //nolint:gosec // of the test's own making
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	if n, err := serial(0); err != nil || n != 1 {
		t.Errorf("%d %v", n, err)
	}
	if _, err := serial(tls.VersionTLS11); err == nil {
		t.Error("speaks TLS 1.1")
	}
	issue(t, folder, 2)
	if n, err := serial(0); err != nil || n != 2 {
		t.Errorf("a renewed certificate: %d %v", n, err)
	}
	if err := os.WriteFile(o.Key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := serial(0); err != nil || n != 2 {
		t.Errorf("half a key: %d %v", n, err)
	}
	issue(t, folder, 3)
	if n, err := serial(0); err != nil || n != 3 {
		t.Errorf("mended: %d %v", n, err)
	}
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Error(s.URL())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A page is sent packed to who can unpack it, and not at all to who has it.
func TestPage(t *testing.T) {
	long := "console.log(1);" + strings.Repeat("// the same again\n", 200)
	page := pageOf(fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")}, "assets/index-1a2b.js": {Data: []byte(long)}, "favicon.svg": {Data: []byte("<svg/>")},
	})
	get := func(path string, headers ...string) reply { return through(page, path, headers...) }
	for _, c := range []struct {
		path, kind, keep string
	}{
		{"/", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "text/html; charset=utf-8", "no-cache"},
		{"/favicon.svg", "image/svg+xml", "no-cache"},
		{"/assets/index-1a2b.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		r := get(c.path)
		if h := r.header; r.status != http.StatusOK || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.keep || h.Get("Content-Encoding") != "" || h.Get("ETag") == "" {
			t.Errorf("%s: %d %v", c.path, r.status, h)
		}
	}
	for accepts, packed := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "GZIP": true, "gzip; q=1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0": false, "gzip;q=0.000": false, "x-gzip": false, "identity": false,
	} {
		r := get("/assets/index-1a2b.js", "Accept-Encoding: "+accepts)
		body := r.body
		if (r.header.Get("Content-Encoding") == "gzip") != packed || packed && len(body) > len(long)/4 {
			t.Errorf("%q: %v, %d bytes", accepts, r.header, len(body))
		}
		if packed {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			whole, _ := io.ReadAll(z)
			body = string(whole)
		}
		if body != long {
			t.Errorf("%q: another text comes", accepts)
		}
		if again := get("/assets/index-1a2b.js", "Accept-Encoding: "+accepts, "If-None-Match: "+r.header.Get("ETag")); again.status != http.StatusNotModified {
			t.Errorf("%q: sent again: %d", accepts, again.status)
		}
	}
}

// TestTheBuiltPage wants what is committed to be whole: every file that it names.
func TestTheBuiltPage(t *testing.T) {
	index := through(Page(), "/").body
	for _, part := range strings.Split(index, `"`) {
		name, is := strings.CutPrefix(part, "./assets/")
		if !is {
			if name, is = strings.CutPrefix(part, "/assets/"); !is {
				continue
			}
		}
		if r := through(Page(), "/assets/"+name); r.status != http.StatusOK {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if strings.Contains(index, "<script>") || strings.Contains(index, "<style") || strings.Contains(index, "style=") || strings.Contains(index, "onclick=") {
		t.Error("the page has what its own content security policy forbids")
	}
	if strings.Contains(index, "https://") {
		t.Error("the page needs another machine")
	}
}

// reply is an answer as a whole.
type reply struct {
	status int
	header http.Header
	body   string
}

func through(h http.Handler, path string, headers ...string) reply {
	s := recorder{header: http.Header{}, status: http.StatusOK}
	r, _ := http.NewRequest(http.MethodGet, path, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	h.ServeHTTP(&s, r)
	return reply{s.status, s.header, s.body.String()}
}

// recorder keeps headers as they are at the end, unlike httptest's.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(n int)           { r.status = n }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// Of many tokens that are wrong none fits.
func TestWrongTokensDoNotFit(t *testing.T) {
	one, err := tokenOf(good)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		if match([]token{*one}, good[:len(good)-4]+strconv.Itoa(i)) != nil {
			t.Fatalf("%d fits", i)
		}
	}
}

func FuzzTokens(f *testing.F) {
	for _, s := range []string{"", good, "anna " + annas, "# x", "a b c", "\x00", " \t " + good + " "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		one, err := tokenOf(line)
		if err == nil && one != nil && match([]token{*one}, strings.Fields(line)[len(strings.Fields(line))-1]) == nil {
			t.Errorf("%q does not fit itself", line)
		}
		if one != nil && match([]token{*one}, "") != nil {
			t.Errorf("%q fits nothing", line)
		}
	})
}

func FuzzOrders(f *testing.F) {
	for _, s := range []string{pausing, `{"fleet":"render","workers":3,"for":"2h"}`, `{}`, `null`, `[]`, `{"for":"9999999999h"}`, `{"workers":1e3}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d := &desk{}
		s := &site{Options: Options{Orders: d}}
		for name, do := range map[string]change{"pause": s.pause, "resume": s.resume, "want": s.want} {
			d.given = nil
			_, err := do(t.Context(), "a", body)
			if (err == nil) != (len(d.given) == 1) {
				t.Errorf("%s %q: %v, given %v", name, body, err, d.given)
			}
			if err != nil && answerOf(err).Status != 400 {
				t.Errorf("%s %q: %v", name, body, err)
			}
			for _, g := range d.given {
				why := g[strings.LastIndex(g, "|")+1:]
				if strings.ContainsAny(why, "\x00\x1b\n\r\u0085") {
					t.Errorf("%s %q: what steers a terminal is let through: %q", name, body, why)
				}
			}
		}
	})
}
