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

	"skynet/queue/nats"
)

// strangeVariable makes the test binary another user's server at the address it names;
// with a + after it one that takes connections, poses as NATS, and says what it hears.
const strangeVariable = "SKYNET_TEST_STRANGE"

func beStrange(how string) {
	at, takes := strings.CutSuffix(how, "+")
	l, err := net.Listen("tcp", at)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	for takes {
		c, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		_, _ = io.WriteString(c, `INFO {"server_id":"strange","version":"2.15.2","proto":1,"max_payload":1048576,"auth_required":true}`+"\r\n")
		heard, _ := io.ReadAll(c)
		fmt.Printf("heard %q\n", heard)
	}
	select {}
}

const strange = 1001 // the number of a user, who need not exist

// stranger is another user's server in a process of its own: what it says, and how to
// end it.
type stranger struct {
	at    string
	lines *bufio.Reader
	kill  func()
}

func strangerAt(t *testing.T, at string) stranger {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program of another user")
	}
	// The file itself lies in a folder that only we may look into.
	cmd := exec.Command("/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = []string{strangeVariable + "=" + at}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: strange, Gid: strange}}
	out, err := cmd.StdoutPipe()
	must(t, err)
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) {
		t.Skipf("this root has no other users: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	s := stranger{lines: bufio.NewReader(out), kill: func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}}
	t.Cleanup(s.kill)
	if s.at = s.line(t); !strings.Contains(s.at, ":") || strings.Contains(s.at, "error") {
		t.Fatalf("the other user's server says %q", s.at)
	}
	return s
}

func (s stranger) line(t *testing.T) string {
	t.Helper()
	line, err := s.lines.ReadString('\n')
	must(t, err)
	return strings.TrimSpace(line)
}

// toldNothing waits for the next who connects to the stranger, and fails if he is told
// anything.
func (s stranger) toldNothing(t *testing.T) {
	t.Helper()
	if said := s.line(t); said != `heard ""` {
		t.Errorf("the other user's server %s", said)
	}
}

// warnings are what a connection warns of, one after the other.
type warnings chan string

func (w warnings) about(t *testing.T, words ...string) {
	t.Helper()
	select {
	case said := <-w:
		for _, word := range words {
			if !strings.Contains(said, word) {
				t.Errorf("warned %q, which does not say %q", said, word)
			}
		}
	case <-time.After(time.Minute):
		t.Fatalf("not warned about %q", words)
	}
}

func (w warnings) none(t *testing.T) {
	t.Helper()
	select {
	case said := <-w:
		t.Errorf("warned %q besides", said)
	default:
	}
}

// Another user listens where the controller did, which is down. Who would work for it
// tells him nothing and waits, until the controller is back.
func TestAnotherUsersServerIsNotShownTheToken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := started(t, dir)
	s.Shutdown()
	port := s.URL()[strings.LastIndex(s.URL(), ":"):]
	for name, at := range map[string]string{
		"at the address":                 nats.Loopback + port + "+",
		"everywhere":                     port + "+", // by a socket of IPv6, where there is IPv6
		"without taking the connections": nats.Loopback + port,
	} {
		t.Run(name, func(t *testing.T) {
			him, heard := strangerAt(t, at), make(warnings, 9)
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := nats.Dial(ctx, nats.DialOptions{URL: s.URL(), TokenFile: s.TokenFile(), Warn: func(said string) { heard <- said }})
			wantError(t, err, s.URL(), "user 1001", s.TokenFile(), "ss -ltnp 'sport = "+port, "deadline")
			if strings.HasSuffix(at, "+") {
				him.toldNothing(t)
			}
			him.kill()
			heard.about(t, "user 1001", "for root alone")
			heard.none(t)
		})
	}
	him, heard, done := strangerAt(t, nats.Loopback+port+"+"), make(warnings, 9), make(chan *nats.Conn, 1)
	go func() {
		c, _ := nats.Dial(t.Context(), nats.DialOptions{URL: s.URL(), TokenFile: s.TokenFile(), Warn: func(said string) { heard <- said }})
		done <- c
	}()
	heard.about(t, "user 1001")
	him.toldNothing(t)
	him.toldNothing(t)
	him.kill()
	started(t, dir)
	c := <-done
	t.Cleanup(c.Close)
	opened(t, c, nats.Config{Name: "photos"})
}

// A connection that was lost is as wary when it comes back.
func TestAnotherUsersServerIsNotShownTheTokenAgain(t *testing.T) {
	t.Parallel()
	dir, heard := t.TempDir(), make(warnings, 9)
	s := started(t, dir)
	c, err := nats.Dial(t.Context(), nats.DialOptions{URL: s.URL(), TokenFile: s.TokenFile(), Warn: func(said string) { heard <- said }})
	must(t, err)
	t.Cleanup(c.Close)
	q := opened(t, c, nats.Config{Name: "photos"})
	sendAll(t, q, 1)

	s.Shutdown()
	him := strangerAt(t, strings.TrimPrefix(s.URL(), "nats://")+"+")
	heard.about(t, "lost")
	heard.about(t, "user 1001", s.TokenFile())
	him.toldNothing(t)
	him.kill()
	started(t, dir)
	heard.about(t, "regained")
	must(t, q.Delete(t.Context(), received(t, q)))
}

// Who has a server of their own, as another user, gives the token's file to that user.
func TestTheTokensOwnerIsShownIt(t *testing.T) {
	t.Parallel()
	him := strangerAt(t, nats.Loopback+":0+")
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte("secret\n"), 0o600))
	must(t, os.Chown(file, strange, strange))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := nats.Dial(ctx, nats.DialOptions{URL: "nats://" + him.at, TokenFile: file})
	wantError(t, err, him.at)
	if said := him.line(t); !strings.Contains(said, `\"auth_token\":\"secret\"`) {
		t.Errorf("the token's owner %s", said)
	}
}
