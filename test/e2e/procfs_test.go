package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// running is a process that belongs to a test's folder.
type running struct {
	pid      int
	command  []string
	instance string // the worker's instance that it belongs to, if any
}

func (r running) String() string { return fmt.Sprintf("%d %s", r.pid, strings.Join(r.command, " ")) }

// processes finds every process with the folder in its command line or its
// environment. Those that have ended and are not waited for yet have neither.
func processes(dir string) (list []running) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		command, env := read(filepath.Join("/proc", e.Name(), "cmdline")), read(filepath.Join("/proc", e.Name(), "environ"))
		if strings.Contains(command, dir) || strings.Contains(env, dir) {
			list = append(list, running{pid, strings.Split(strings.Trim(command, "\x00"), "\x00"), variable(env, "SKYNET_LOCAL_INSTANCE")})
		}
	}
	return list
}

func variable(env, name string) string {
	for v := range strings.SplitSeq(env, "\x00") {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// workers are the worker processes of a folder by instance. A child that has
// not become another program yet looks like its worker, but leads no session.
func workers(dir string) map[string]int {
	found := map[string]int{}
	for _, r := range processes(dir) {
		if session, err := unix.Getsid(r.pid); err == nil && session == r.pid && r.instance != "" {
			found[r.instance] = r.pid
		}
	}
	return found
}

// encoders are the ffmpeg processes that work on films of a folder.
func encoders(dir string) (pids []int) {
	for _, r := range processes(dir) {
		if filepath.Base(r.command[0]) == "ffmpeg" {
			pids = append(pids, r.pid)
		}
	}
	return pids
}

// nobody reports what runs in a folder.
func nobody(dir string) error {
	if list := processes(dir); len(list) > 0 {
		return fmt.Errorf("still running: %v", list)
	}
	return nil
}

// endAll kills what runs in a folder, until nothing does.
func endAll(dir string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		list := processes(dir)
		if len(list) == 0 {
			return
		}
		for _, r := range list {
			_ = syscall.Kill(r.pid, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// census counts a folder's workers all the time.
type census struct {
	mu   sync.Mutex
	seen map[string]int // every instance there ever was, with its process
	most int            // at once
}

// count begins a census, which ends with the test.
func count(t *testing.T, dir string) *census {
	c := &census{seen: map[string]int{}}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			c.add(workers(dir))
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return c
}

func (c *census) add(now map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = max(c.most, len(now))
	maps.Copy(c.seen, now)
}

// ever are the instances there ever were, and the most at once.
func (c *census) ever() (ids []string, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.seen)), c.most
}
