package nats_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/queue"
	"skynet/queue/nats"
)

// serveVariable makes the test binary a queue server on the folder it names.
const serveVariable = "SKYNET_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveVariable); dir != "" {
		serve(dir)
		return
	}
	if at := os.Getenv(strangeVariable); at != "" {
		beStrange(at)
		return
	}
	os.Exit(m.Run())
}

// serve says where it listens and then waits to be killed.
func serve(dir string) {
	s, err := nats.Start(context.Background(), nats.ServerOptions{Dir: dir})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.URL())
	select {}
}

// child runs a server in a process of its own and returns where it listens and
// how to kill it, which leaves it no time to write anything.
func child(t *testing.T, dir string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "nats://") {
		t.Fatalf("the server says %q, %v", line, err)
	}
	return strings.TrimSpace(line), kill
}

// The controller is killed while items wait, are held and are done. What was
// sent is still there, what was deleted is not, and workers go on with the
// connections and the items that they have.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, kill := child(t, dir)
	c := dialled(t, url, filepath.Join(dir, "token"))
	q := opened(t, c, nats.Config{Name: "photos", Visibility: 3 * time.Second})
	m, err := c.Mail(t.Context(), "heartbeats", 0)
	must(t, err)
	sent := sendAll(t, q, 20)
	for range 5 {
		must(t, q.Delete(t.Context(), received(t, q)))
	}
	held := received(t, q)

	kill()
	again, _ := child(t, dir)
	if again != url {
		t.Fatalf("it listened at %s, and now at %s", url, again)
	}
	must(t, q.Extend(t.Context(), held))
	if d := depth(t, q); d.Visible != 14 || d.InFlight != 1 {
		t.Fatalf("after the restart the queue holds %+v", d)
	}
	must(t, q.Delete(t.Context(), held))
	for range 14 {
		it := received(t, q)
		if !sent[it.ID] {
			t.Fatalf("received %s, which was never sent", it.ID)
		}
		must(t, q.Delete(t.Context(), it))
	}
	if d := depth(t, q); d != (queue.Depth{OldestKnown: true}) {
		t.Fatalf("in the end the queue holds %+v", d)
	}
	must(t, m.Post(t.Context(), []byte("here")))
	if got, err := m.Collect(t.Context(), 10, time.Second); err != nil || len(got) != 1 {
		t.Fatalf("mail after the restart: %+v, %v", got, err)
	}
}

// While the server is away, a receiver neither spins nor gives up, and goes on
// when it is back; a delete that was under way then succeeds.
func TestServerAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := started(t, dir)
	c := dialled(t, s.URL(), s.TokenFile())
	q := opened(t, c, nats.Config{Name: "photos"})
	sendAll(t, q, 2)
	held := received(t, q)
	s.Shutdown()

	deleted := make(chan error, 1)
	go func() { deleted <- q.Delete(t.Context(), held) }()
	errs := 0
	for end := time.Now().Add(time.Second); time.Now().Before(end); errs++ {
		if it, err := q.Receive(t.Context(), 200*time.Millisecond); err == nil {
			t.Fatalf("received %+v from a server that is away", it)
		}
	}
	if errs > 6 {
		t.Fatalf("%d errors in a second: it spins", errs)
	}
	started(t, dir)
	must(t, <-deleted)
	var it *queue.Item
	for end := time.Now().Add(5 * time.Second); it == nil && time.Now().Before(end); {
		it, _ = q.Receive(t.Context(), time.Second)
	}
	if it == nil || it.ID == held.ID {
		t.Fatalf("after the restart, received %+v", it)
	}
}

func TestRestartKeepsItems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want map[string]bool
	for round := range 3 {
		s := started(t, dir)
		c := dialled(t, s.URL(), s.TokenFile())
		q := opened(t, c, nats.Config{Name: "photos"})
		if round == 0 {
			want = sendAll(t, q, 10)
		}
		if d := depth(t, q); d.Visible != 10 || d.OldestAge <= 0 {
			t.Fatalf("in round %d the queue holds %+v", round, d)
		}
		if round == 2 {
			for range 10 {
				it := received(t, q)
				delete(want, it.ID)
				must(t, q.Delete(t.Context(), it))
			}
		}
		c.Close()
		s.Shutdown()
	}
	if len(want) > 0 {
		t.Fatalf("%d items were not received", len(want))
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := started(t, dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	// On a port of its own, so that the folder alone can be what stops it.
	_, err = nats.Start(t.Context(), nats.ServerOptions{Dir: dir, Port: l.Addr().(*net.TCPAddr).Port})
	wantError(t, err, dir, "another queue server")
	s.Shutdown()
	started(t, dir)
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := started(t, dir)
	s.Shutdown()
	l, err := net.Listen("tcp", strings.TrimPrefix(s.URL(), "nats://"))
	must(t, err)
	_, err = nats.Start(t.Context(), nats.ServerOptions{Dir: dir})
	wantError(t, err, filepath.Join(dir, "port"), "in use", "delete")
	must(t, l.Close())
	if again := started(t, dir); again.URL() != s.URL() {
		t.Fatalf("it listened at %s, and now at %s", s.URL(), again.URL())
	}
}

func TestBadPortFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "port"), []byte("http\n"), 0o600))
	_, err := nats.Start(t.Context(), nats.ServerOptions{Dir: dir})
	wantError(t, err, filepath.Join(dir, "port"), `"http"`, "delete")
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	info, err := os.Stat(s.TokenFile())
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Fatalf("the token file has mode %v", info.Mode())
	}
	wrong := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(wrong, []byte("wrong"), 0o600))
	start := time.Now()
	_, err = nats.Dial(t.Context(), nats.DialOptions{URL: s.URL(), TokenFile: wrong})
	wantError(t, err, s.URL(), "uthorization")
	if took := time.Since(start); took > 2*time.Second {
		t.Fatalf("a refusal took %v", took)
	}
	_, err = nats.Dial(t.Context(), nats.DialOptions{URL: s.URL(), TokenFile: wrong + "s"})
	wantError(t, err, wrong+"s", "missing")
}

// A worker that starts before the controller waits for it.
func TestDialWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := started(t, dir)
	s.Shutdown()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := nats.Dial(ctx, nats.DialOptions{URL: s.URL(), TokenFile: s.TokenFile()})
	wantError(t, err, s.URL(), "deadline")
	time.AfterFunc(400*time.Millisecond, func() { started(t, dir) })
	dialled(t, s.URL(), s.TokenFile())
}

// A server that is about to end, and a network that is, hang up on who connects.
func TestDialOutlivesAHangUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := started(t, dir)
	s.Shutdown()
	at, err := net.Listen("tcp", strings.TrimPrefix(s.URL(), "nats://"))
	must(t, err)
	go func() {
		for range 3 {
			if c, err := at.Accept(); err == nil {
				_ = c.Close()
			}
		}
		_ = at.Close()
		started(t, dir)
	}()
	dialled(t, s.URL(), s.TokenFile())
}

// TestDialRefusesAtOnce what will not change by itself.
func TestDialRefusesAtOnce(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"nats://no-such-host.invalid:4222", "nats://127.0.0.1:port"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := nats.Dial(ctx, nats.DialOptions{URL: url})
		if err == nil || ctx.Err() != nil {
			t.Errorf("%s: %v", url, err)
		}
		cancel()
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	if !strings.HasPrefix(s.URL(), "nats://127.0.0.1:") {
		t.Fatalf("it listens at %s", s.URL())
	}
}

// TestOutsidersCanDoNothing: everybody on this machine can reach the port. Who has no
// token learns that it is NATS, and is hung up on at the first word.
func TestOutsidersCanDoNothing(t *testing.T) {
	t.Parallel()
	s := started(t, t.TempDir())
	token, err := os.ReadFile(s.TokenFile())
	must(t, err)
	for name, says := range map[string]string{
		"no token":        "CONNECT {\"verbose\":true}\r\nSUB > 1\r\nPING\r\n",
		"an empty one":    "CONNECT {\"auth_token\":\"\"}\r\nSUB > 1\r\nPING\r\n",
		"a wrong one":     "CONNECT {\"auth_token\":\"wrong\"}\r\nPUB skynet.mail.heartbeats 2\r\nhi\r\nPING\r\n",
		"a user":          "CONNECT {\"user\":\"skynet\",\"pass\":\"\"}\r\nPUB $JS.API.STREAM.LIST 0\r\n\r\nPING\r\n",
		"no word of it":   "PUB skynet.queue.photos 2\r\nhi\r\nPING\r\n",
		"another server":  "CONNECT {\"server_id\":\"x\",\"lnoc\":true}\r\nRS+ $G >\r\nPING\r\n",
		"another program": "GET /varz HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		info, rest := outsider(t, s, name, says)
		if strings.Contains(rest, "PONG") || strings.Contains(rest, "MSG") || strings.Contains(rest, "+OK") || !strings.HasPrefix(info, "INFO ") {
			t.Errorf("%s: is answered %q %q", name, info, rest)
		}
		if strings.Contains(info+rest, strings.TrimSpace(string(token))) {
			t.Errorf("%s: is told the token", name)
		}
	}
}

// outsider says something to a server, and returns its greeting and what else it says
// until it hangs up.
func outsider(t *testing.T, s *nats.Server, name, says string) (greeting, rest string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "nats://"))
	must(t, err)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, err = io.WriteString(c, says)
	must(t, err)
	said, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%s: is not hung up on: %v", name, err)
	}
	greeting, rest, _ = strings.Cut(string(said), "\r\n")
	return greeting, rest
}
