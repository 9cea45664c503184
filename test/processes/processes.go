//go:build linux

// Package processes finds what tests have started, and what that has started
// itself: every process with the test's folder in its command line or in its
// environment. Nothing else is ever signalled.
package processes

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
	"time"

	"golang.org/x/sys/unix"
)

// Process is one that belongs to a folder.
type Process struct {
	PID      int
	Command  []string
	Instance string // the worker's instance that it belongs to, if any
	Fleet    string // that instance's fleet
	Order    string // token of the order that launched it
}

func (p Process) String() string { return fmt.Sprintf("%d %s", p.PID, strings.Join(p.Command, " ")) }

// Of finds every process of a folder but ourselves. Those that have ended and are
// not waited for yet have neither a command line nor an environment.
func Of(dir string) (list []Process) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		command, env := read(e.Name(), "cmdline"), read(e.Name(), "environ")
		if strings.Contains(command, dir) || strings.Contains(env, dir) {
			list = append(list, Process{
				PID: pid, Command: strings.Split(strings.Trim(command, "\x00"), "\x00"),
				Instance: variable(env, "SKYNET_LOCAL_INSTANCE"), Fleet: variable(env, "SKYNET_WORKER_FLEET"), Order: variable(env, "SKYNET_LOCAL_ORDER"),
			})
		}
	}
	return list
}

func read(pid, name string) string {
	text, _ := os.ReadFile(filepath.Join("/proc", pid, name))
	return string(text)
}

func variable(env, name string) string {
	for v := range strings.SplitSeq(env, "\x00") {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// Workers are the worker processes of a folder by instance. A child that has not
// become another program yet looks like its worker, but leads no session.
func Workers(dir string) map[string]Process {
	found := map[string]Process{}
	for _, p := range Of(dir) {
		if session, err := unix.Getsid(p.PID); err == nil && session == p.PID && p.Instance != "" {
			found[p.Instance] = p
		}
	}
	return found
}

// Nobody reports what runs in a folder.
func Nobody(dir string) error {
	if list := Of(dir); len(list) > 0 {
		return fmt.Errorf("still running: %v", list)
	}
	return nil
}

// EndAll kills what runs in a folder, until nothing does or ten seconds are over.
func EndAll(dir string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		list := Of(dir)
		if len(list) == 0 {
			return
		}
		for _, p := range list {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Census counts a folder's workers all the time.
type Census struct {
	mu   sync.Mutex
	seen map[string]Process
	most int
	end  func()
}

// Count begins a census, which goes on until End.
func Count(dir string, every time.Duration) *Census {
	stop, stopped := make(chan struct{}), make(chan struct{})
	c := &Census{seen: map[string]Process{}, end: sync.OnceFunc(func() { close(stop); <-stopped })}
	go func() {
		defer close(stopped)
		for {
			c.add(Workers(dir))
			select {
			case <-stop:
				return
			case <-time.After(every):
			}
		}
	}()
	return c
}

func (c *Census) add(now map[string]Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = max(c.most, len(now))
	maps.Copy(c.seen, now)
}

// End ends the census. It may be called more than once.
func (c *Census) End() { c.end() }

// Ever are the instances there ever were, by their IDs, and the most at once.
func (c *Census) Ever() (all []Process, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(c.seen)) {
		all = append(all, c.seen[id])
	}
	return all, c.most
}
