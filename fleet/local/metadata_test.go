//go:build linux

package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"skynet/fleet"
)

// prefixed sends requests to a path under the endpoint's: the SDK's client
// keeps only the host of its endpoint.
type prefixed string

func (p prefixed) Do(r *http.Request) (*http.Response, error) {
	r.URL.Path = string(p) + r.URL.Path
	return http.DefaultClient.Do(r)
}

// clients are the two ways in which the SDK's client can reach an instance's
// own metadata.
func clients(t *testing.T, metadata string) map[string]*imds.Client {
	t.Helper()
	u, err := url.Parse(metadata)
	if err != nil {
		t.Fatal(err)
	}
	path := u.Path
	u.User = url.User(strings.TrimPrefix(path, "/"))
	return map[string]*imds.Client{
		"by path": imds.New(imds.Options{Endpoint: metadata, HTTPClient: prefixed(path)}),
		"by user": imds.New(imds.Options{Endpoint: u.String()}),
	}
}

func read(t *testing.T, c *imds.Client, path string) (string, error) {
	t.Helper()
	out, err := c.GetMetadata(t.Context(), &imds.GetMetadataInput{Path: path})
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(out.Content)
	return string(text), err
}

func TestSDKClientReadsMetadata(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	f := open(t, dir, "worker")
	ids := launch(t, f, order(2))
	if _, err := f.Tag(t.Context(), ids[:1], fleet.TagDrain, "d-7"); err != nil {
		t.Fatal(err)
	}
	all := clients(t, f.Metadata(ids[0]))
	check := func() {
		t.Helper()
		for way, c := range all {
			for path, want := range map[string]string{
				"instance-id":                 string(ids[0]),
				"instance-type":               "c7i.xlarge",
				"instance-life-cycle":         "spot",
				"placement/availability-zone": "eu-west-1a",
				"tags/instance":               "skynet:drain\nskynet:fleet\nskynet:intent\nslots",
				"tags/instance/skynet:drain":  "d-7",
				"":                            "instance-id\ninstance-life-cycle\ninstance-type\nplacement/\ntags/",
			} {
				if got, err := read(t, c, path); got != want || err != nil {
					t.Errorf("%s %s: %q, %v; want %q", way, path, got, err, want)
				}
			}
		}
	}
	check()
	closeFleet(t, f)
	f = open(t, dir, "worker") // the clients' tokens are of no use now
	check()
	if _, err := f.Untag(t.Context(), ids[:1], fleet.TagDrain); err != nil {
		t.Fatal(err)
	}
	for way, c := range all {
		if text, err := read(t, c, "tags/instance/skynet:drain"); err == nil {
			t.Errorf("%s: drain is still %q", way, text)
		}
	}
	if _, err := f.Sleep(t.Context(), ids[:1]); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t, all["by path"], "instance-id"); got != string(ids[0]) {
		t.Errorf("asleep: %q, %v", got, err)
	}
}

func TestInterruptionNotice(t *testing.T) {
	f := open(t, folder(t), "worker")
	id := launch(t, f, order(1))[0]
	c := clients(t, f.Metadata(id))["by path"]
	if text, err := read(t, c, "spot/instance-action"); err == nil {
		t.Errorf("notice before it was given: %q", text)
	}
	at := time.Date(2026, 3, 1, 17, 2, 0, 999, time.FixedZone("", 3600))
	if err := f.Interrupt(id, "terminate", at); err != nil {
		t.Fatal(err)
	}
	text, err := read(t, c, "spot/instance-action")
	var got struct{ Action, Time string }
	if json.Unmarshal([]byte(text), &got) != nil || got.Action != "terminate" || got.Time != "2026-03-01T16:02:00Z" {
		t.Errorf("notice %s, %v", text, err)
	}
	if err := f.Interrupt(id, "explode", at); err == nil {
		t.Error("an unknown action was accepted")
	}
	if err := f.Interrupt("i-00000000000000000", "stop", at); err == nil {
		t.Error("an unknown instance was accepted")
	}
}

// ask sends one request; headers come in pairs.
func ask(t *testing.T, method, url, host string, headers ...string) (status int, body string, h http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

func TestMetadataRefusesAsEC2Does(t *testing.T) {
	f := open(t, folder(t), "worker")
	ids := launch(t, f, order(2))
	base := f.Metadata(ids[0])
	token := base + "/latest/api/token"
	status, mine, h := ask(t, "PUT", token, "", headerTTL, "60")
	if status != 200 || mine == "" || h.Get(headerTTL) != "60" || h.Get("Content-Type") != "text/plain" {
		t.Fatalf("token: %d %q %v", status, mine, h)
	}
	_, other, _ := ask(t, "PUT", f.Metadata(ids[1])+"/latest/api/token", "", headerTTL, "60")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(f.endpoint.url, "http://"))
	id := base + "/latest/meta-data/instance-id"
	for _, c := range []struct {
		why, method, url, host string
		headers                []string
		want                   int
	}{
		{"a token for good", "GET", id, "", []string{headerToken, mine}, 200},
		{"loopback by name", "GET", id, "localhost:" + port, []string{headerToken, mine}, 200},
		{"a rebound name", "GET", id, "evil.example:" + port, []string{headerToken, mine}, 403},
		{"a rebound name", "PUT", token, "evil.example", []string{headerTTL, "60"}, 403},
		{"no token", "GET", id, "", nil, 401},
		{"not a token", "GET", id, "", []string{headerToken, "x"}, 401},
		{"cut", "GET", id, "", []string{headerToken, mine[4:]}, 401},
		{"another's token", "GET", id, "", []string{headerToken, other}, 401},
		{"no TTL", "PUT", token, "", nil, 400},
		{"TTL 0", "PUT", token, "", []string{headerTTL, "0"}, 400},
		{"TTL too long", "PUT", token, "", []string{headerTTL, "21601"}, 400},
		{"longest TTL", "PUT", token, "", []string{headerTTL, "21600"}, 200},
		{"TTL no number", "PUT", token, "", []string{headerTTL, "1h"}, 400},
		{"by a proxy", "PUT", token, "", []string{headerTTL, "60", headerProxy, "1.2.3.4"}, 403},
		{"token by GET", "GET", token, "", []string{headerToken, mine}, 405},
		{"POST", "POST", id, "", []string{headerToken, mine}, 405},
		{"DELETE", "DELETE", id, "", []string{headerToken, mine}, 405},
		{"nothing there", "GET", base + "/latest/meta-data/ami-id", "", []string{headerToken, mine}, 404},
		{"no such tag", "GET", base + "/latest/meta-data/tags/instance/nope", "", []string{headerToken, mine}, 404},
		{"no such instance", "GET", f.endpoint.url + "/i-00000000000000000/latest/meta-data/", "", []string{headerToken, mine}, 404},
		{"nobody", "PUT", f.endpoint.url + "/latest/api/token", "", []string{headerTTL, "60"}, 404},
		{"long header", "GET", id, "", []string{headerToken, strings.Repeat("x", 20_000)}, 431},
	} {
		status, body, h := ask(t, c.method, c.url, c.host, c.headers...)
		if status != c.want {
			t.Errorf("%s: %d; want %d", c.why, status, c.want)
		}
		if status == 404 && (h.Get("Content-Type") != "text/html" || !strings.Contains(body, "<h1>404 - Not Found</h1>")) {
			t.Errorf("%s: %v %s", c.why, h, body)
		}
	}
}

func TestTokensExpire(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := newSigner(func() time.Time { return now })
	const a, b = "i-00000000000000001", "i-00000000000000002"
	token := s.token(a, time.Minute)
	now = now.Add(59 * time.Second)
	if !s.valid(token, a) || s.valid(token, b) || newSigner(s.now).valid(token, a) {
		t.Error("a token is good for its instance and its signer only")
	}
	now = now.Add(time.Second)
	if s.valid(token, a) {
		t.Error("good after a minute")
	}
}

func TestSlowClientsAreDropped(t *testing.T) {
	t.Parallel()
	f := open(t, folder(t), "worker")
	s := f.endpoint.server
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 {
		t.Errorf("a timeout is missing: %+v", s)
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(f.endpoint.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(c); err != nil { // EOF or a refusal, not our deadline
		t.Errorf("still connected: %v", err)
	}
}

// TestConnectionsAreBounded: more than there are places are hung up on, and one who
// goes makes room.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	mustNot(t, err)
	b := bounded{l, make(chan struct{}, 2)}
	defer b.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		mustNot(t, err)
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		return c
	}
	dial()
	dial()
	taken, err := b.Accept()
	mustNot(t, err)
	_, err = b.Accept()
	mustNot(t, err)
	third := dial()
	next := make(chan net.Conn)
	go func() { c, _ := b.Accept(); next <- c }()
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a third is not hung up on: %v", err)
	}
	mustNot(t, taken.Close())
	_ = taken.Close() // gives its place back once
	dial()
	if c := <-next; c == nil || len(b.places) != 2 {
		t.Errorf("there is no room: %d", len(b.places))
	}
}

func mustNot(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPortIsKept(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "worker")
	first := f.endpoint.url
	closeFleet(t, f)
	f = open(t, dir, "worker")
	if f.endpoint.url != first {
		t.Errorf("%s, then %s", first, f.endpoint.url)
	}
	closeFleet(t, f)
	thief, err := net.Listen("tcp4", strings.TrimPrefix(first, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	if err == nil || !strings.Contains(err.Error(), "another program has the port") || !strings.Contains(err.Error(), filepath.Join(dir, "port")) {
		t.Errorf("port taken: %v", err)
	}
	if err := thief.Close(); err != nil {
		t.Fatal(err)
	}
	closeFleet(t, open(t, dir, "worker")) // the failed Open left nothing locked
	if err := os.WriteFile(filepath.Join(dir, "port"), []byte("http"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), `"http" is no port`) {
		t.Errorf("not a port: %v", err)
	}
}
