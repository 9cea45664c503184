package rows_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL of a test's own.
type server struct {
	t         *testing.T
	bin, dir  string
	port      int
	as        *syscall.SysProcAttr // it refuses to run as root
	running   *exec.Cmd
	databases string // URL
}

// newServer makes one of Debian's programs, in the folder that SKYNET_POSTGRES
// names: make conformance sets it.
func newServer(t *testing.T) *server {
	bin := os.Getenv("SKYNET_POSTGRES")
	if bin == "" {
		t.Skip("SKYNET_POSTGRES names no folder of PostgreSQL's programs (make conformance sets it)")
	}
	dir, err := os.MkdirTemp("", "skynet-postgres-") // every folder on the way may be entered by all
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &server{t: t, bin: bin, dir: dir, as: &syscall.SysProcAttr{}}
	if os.Getuid() == 0 {
		s.unprivileged()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	s.databases = fmt.Sprintf("postgres://skynet@127.0.0.1:%d/postgres?sslmode=disable", s.port)
	out, err := s.command("initdb", "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "skynet", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) unprivileged() {
	who, err := user.Lookup("postgres")
	if err != nil {
		s.t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(who.Uid, 10, 32)
	gid, _ := strconv.ParseUint(who.Gid, 10, 32)
	s.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(s.dir, int(uid), int(gid)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) command(name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(context.WithoutCancel(s.t.Context()), filepath.Join(s.bin, name), args...)
	c.Dir, c.SysProcAttr = s.dir, s.as
	return c
}

func (s *server) start() {
	s.running = s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-p", strconv.Itoa(s.port), "-c", "fsync=off")
	if err := s.running.Start(); err != nil {
		s.t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		c, err := pgx.Connect(s.t.Context(), s.databases)
		if err == nil {
			_ = c.Close(s.t.Context())
			return
		}
		if time.Since(begun) > 30*time.Second {
			s.t.Fatalf("PostgreSQL does not answer: %v", err)
		}
	}
}

func (s *server) stop() {
	if s.running != nil {
		_ = s.running.Process.Signal(syscall.SIGQUIT) // at once
		_ = s.running.Wait()
		s.running = nil
	}
}

func TestPostgres(t *testing.T) {
	s := newServer(t)
	holds(t, s.databases, func(query string) string {
		t.Helper()
		c, err := pgx.Connect(t.Context(), s.databases)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(t.Context()) }()
		var text string
		if err := c.QueryRow(t.Context(), `SELECT (`+query+`)::text`).Scan(&text); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return text
	})

	d := open(t, s.databases)
	save(t, d, manifest("before", 1))
	s.stop()
	for range 2 {
		if err := d.Save(t.Context(), manifest("while", 1)); err == nil {
			t.Error("saved while the server was away")
		}
	}
	s.start()
	save(t, d, manifest("after", 1))

	// A lock that somebody else holds ends with the context, not never.
	c, err := pgx.Connect(t.Context(), s.databases)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	if _, err := c.Exec(t.Context(), `BEGIN; LOCK TABLE skynet_items`); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := d.Save(short, manifest("locked", 1)); err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	if _, err := c.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	save(t, d, manifest("locked", 1))
}
