//go:build linux

package nats_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skynet/queue/nats"
)

// fullVariable makes the test binary run the tests of full disks: it is in a namespace
// then, where it may mount one.
const fullVariable = "SKYNET_TEST_FULL"

// TestAFullDisk runs the tests below, of the same process, in a namespace.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/proc/self/exe", "-test.run", "OnASmallDisk$", "-test.v")
	cmd.Env = append(os.Environ(), fullVariable+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Skipf("the kernel gives us no namespace to mount a small disk in: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	if strings.Contains(said.String(), "--- SKIP") {
		t.Skip(said.String())
	}
}

// TestNothingStrandsOnASmallDisk: items that are done as the disk is full are not in
// the queue for ever after.
func TestNothingStrandsOnASmallDisk(t *testing.T) {
	dir := smallDisk(t)
	s, err := nats.Start(t.Context(), nats.ServerOptions{Dir: filepath.Join(dir, "nats")})
	must(t, err)
	t.Cleanup(s.Shutdown)
	q, err := dialled(t, s.URL(), s.TokenFile()).Queue(t.Context(), nats.Config{Name: "photos", Visibility: time.Second, Tries: 1000})
	must(t, err)
	ids := map[string]string{} // by body
	for n := range 40 {
		id, err := q.Send(t.Context(), fmt.Append(nil, n))
		must(t, err)
		ids[fmt.Sprint(n)] = id
	}
	free := fillUp(t, dir)
	for n := 0; n < 20; n++ { // until the stream has noticed
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := q.Send(ctx, []byte(strings.Repeat("x", 4000))); err != nil {
			n = 20
		}
		cancel()
	}
	done := map[string]int{}
	take := func(deadline time.Time) {
		for time.Now().Before(deadline) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			it, err := q.Receive(ctx, 200*time.Millisecond)
			if err == nil && it != nil && q.Delete(ctx, it) == nil {
				done[string(it.Body)]++
				if sent := ids[string(it.Body)]; sent != "" && it.ID != sent {
					t.Errorf("item %s was sent as %s, and comes as %s", it.Body, sent, it.ID)
				}
			}
			cancel()
		}
	}
	take(time.Now().Add(2 * time.Second))
	free()
	q.RescueAfter(0)
	within(t, "an empty queue", func() error {
		take(time.Now().Add(500 * time.Millisecond))
		d, err := q.Depth(t.Context())
		if err == nil && d.Visible+d.InFlight+d.Delayed > 0 {
			err = fmt.Errorf("%+v", d)
		}
		return err
	})
	for n := range 40 {
		if done[fmt.Sprint(n)] == 0 {
			t.Errorf("item %d is lost", n)
		}
	}
}

// TestOnASmallDisk fills it, under a server that runs and under one that starts. Both
// take items again when there is room again, and have lost none.
func TestOnASmallDisk(t *testing.T) {
	dir := smallDisk(t)
	var words heard
	s, err := nats.Start(t.Context(), nats.ServerOptions{Dir: filepath.Join(dir, "nats"), Warn: words.add})
	must(t, err)
	q, err := dialled(t, s.URL(), s.TokenFile()).Queue(t.Context(), nats.Config{Name: "photos"})
	must(t, err)
	send := func(body string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := q.Send(ctx, []byte(body))
		return err
	}
	must(t, send("before"))

	free := fillUp(t, dir)
	for n := range 20 { // what a stream has set aside may take a few
		if err := send(fmt.Sprint("lost ", n, strings.Repeat("x", 4000))); err != nil {
			break
		}
		if n == 19 {
			t.Fatal("a full disk takes items")
		}
	}
	free()
	within(t, "an item to be taken when there is room again", func() error { return send("after") })
	if all := words.String(); !strings.Contains(all, "make room in "+dir) || !strings.Contains(all, "can be written down again") {
		t.Errorf("it says %s", all)
	}

	s.Shutdown()
	free = fillUp(t, dir)
	must(t, os.Truncate(filepath.Join(dir, "filler"), 15<<20)) // what a start takes
	s, err = nats.Start(t.Context(), nats.ServerOptions{Dir: filepath.Join(dir, "nats")})
	free()
	must(t, err)
	t.Cleanup(s.Shutdown)
	within(t, "items that were not there at the start", func() error { return send(strings.Repeat("y", 500_000)) })
	for n := range 6 {
		must(t, send(fmt.Sprint(n, strings.Repeat("z", 500_000))))
	}
	got := map[string]bool{}
	within(t, "what was sent", func() error {
		it, err := q.Receive(t.Context(), time.Second)
		if err == nil && it != nil {
			got[string(it.Body[:min(len(it.Body), 6)])] = true
			must(t, q.Delete(t.Context(), it))
		}
		if !got["before"] || !got["after"] {
			return fmt.Errorf("%v, %w", got, err)
		}
		return nil
	})
}

// smallDisk is a folder on a disk of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(fullVariable)
	if dir == "" {
		t.Skip("runs in a namespace of its own")
	}
	dir = filepath.Join(dir, t.Name())
	must(t, os.Mkdir(dir, 0o700))
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("the kernel lets us mount nothing: %v", err)
	}
	return dir
}

// fillUp leaves nothing of a disk, until what it returns is called.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	must(t, err)
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	must(t, f.Close())
	return func() { must(t, os.Remove(f.Name())) }
}

func within(t *testing.T, what string, look func() error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited for %s: %v", what, err)
		}
	}
}

// heard keeps what a server says.
type heard struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *heard) add(said string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.WriteString(said + "\n")
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}
