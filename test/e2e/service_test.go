package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestASupervisorIsTold what systemd is: ready, what ticks do, the watchdog fed by
// them, a reload, the end.
func TestASupervisorIsTold(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	folder, err := os.MkdirTemp("", "notify") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path := filepath.Join(folder, "s")
	at, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	hears := func(want ...string) {
		t.Helper()
		_ = at.SetReadDeadline(time.Now().Add(patient))
		buf := make([]byte, 4096)
		for last := ""; ; {
			n, err := at.Read(buf)
			if err != nil {
				t.Fatalf("waited for %q, heard last %q: %v", want, last, err)
			}
			if last = string(buf[:n]); containsAll(last, want) {
				return
			}
		}
	}
	d := start(t, s.dir, "supervised", "/usr/bin/env", "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=60000000", skynet, "run", "--config", s.config())
	hears("READY=1", "STATUS=runs, a tick every")
	hears("WATCHDOG=1", "STATUS=render: have 0, want 0, hold")
	if err := d.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	hears("RELOADING=1")
	hears("READY=1")
	if err := d.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears("STOPPING=1")
	if status := d.wait(patient); status != 0 {
		t.Errorf("it ended with %d: %s", status, d.Said())
	}
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// TestByHand: a floor, a worker that is to go and another comes for it, and all of it
// explained with who and why.
func TestByHand(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 2})
	s.daemon()
	order := func(args ...string) {
		t.Helper()
		if r := call(t, skynet, append(args, "--config", s.config())...); r.status != 0 {
			t.Fatalf("%v: %+v", args, r)
		}
	}
	order("want", "1", "--for", "1h", "--why", "a big customer")
	var first string
	for id := range s.awaitWorkers(1) {
		first = id
	}
	order("drain", first, "--why", "slow disk")
	await(t, "another worker in its place", patient, func() error {
		now := s.awaitWorkers(1)
		if _, still := now[first]; still {
			return fmt.Errorf("there is %v", now)
		}
		return nil
	})
	explained := call(t, skynet, "explain", "--config", s.config(), "--last", "100")
	for _, want := range []string{"the fleet keeps at least 1 until", ": a big customer", "drain " + first + " with 0 in hand", ": slow disk", first + " is let go: it says it has drained"} {
		if !strings.Contains(flat(explained.out), flat(want)) {
			t.Errorf("explain does not say %q: %s", want, explained.out)
		}
	}
	await(t, "status to find nothing wrong", patient, func() error {
		if r := call(t, skynet, "status", "--config", s.config()); r.status != 0 || !containsAll(r.out, []string{"at least 1 until", "drain " + first, "1 working"}) {
			return fmt.Errorf("%+v", r)
		}
		return nil
	})
	order("want", "0")
	s.awaitHome()
}
