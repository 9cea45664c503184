package confine

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	lookEvery = 50 * time.Millisecond  // at processes
	walkEvery = 250 * time.Millisecond // through the folder, less often where that takes long
	walkShare = 20                     // a twentieth of the time at most
)

// watch stops the program when its processes together take more than they may,
// until the function it returns is called.
func (r *running) watch(pid int) (unwatch func()) {
	if r.Limits.Memory <= 0 && r.Limits.Processes <= 0 && r.Limits.Disk <= 0 {
		return func() {}
	}
	end := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		var walk time.Time
		for {
			select {
			case <-end:
				r.lastLook()
				return
			case now := <-look.C:
				r.lookAtProcesses(pid)
				if now.After(walk) {
					r.lookAtFiles(pid)
					walk = now.Add(max(walkEvery, walkShare*time.Since(now)))
				}
			}
		}
	})
	return func() { close(end); wait.Wait() }
}

func (r *running) lookAtProcesses(pid int) {
	all := descendants(pid, r.Limits.Processes)
	if n := r.Limits.Processes; n > 0 && len(all) > n {
		r.stop(&Exceeded{fmt.Sprintf("started more than %d processes", n)})
		return
	}
	var own, shared int64
	for _, p := range all {
		o, s := resident(p)
		own, shared = own+o, shared+s
	}
	if r.Limits.Memory > 0 && own+max(shared, r.nameless.memory) > r.Limits.Memory {
		r.stop(&Exceeded{fmt.Sprintf("used more than %s of memory", size(r.Limits.Memory))})
	}
}

// lookAtFiles looks at the folder, and at what is open without a name.
func (r *running) lookAtFiles(pid int) {
	r.nameless = openWithoutName(descendants(pid, r.Limits.Processes))
	r.lookAtFolder()
}

func (r *running) lookAtFolder() {
	if r.Limits.Disk <= 0 {
		return
	}
	bytes, err := used(r.Folder, r.Limits.Disk)
	switch {
	case err != nil:
		r.stop(&Exceeded{err.Error()})
	case bytes+r.nameless.disk > r.Limits.Disk:
		r.stop(&Exceeded{fmt.Sprintf("wrote more than %s", size(r.Limits.Disk))})
	}
}

// lastLook is for what was written since the last one.
func (r *running) lastLook() {
	r.nameless = nameless{} // gone with who held it
	r.lookAtFolder()
}

// descendants are the process and all that come from it. Orphans in a namespace
// become children of its first process, so none is missed there. Where there are
// more than at most the rest is left out; 0 is no limit.
func descendants(pid, most int) []int {
	all := []int{pid}
	for i := 0; i < len(all) && (most <= 0 || len(all) <= most); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, t := range tasks {
			text, _ := os.ReadFile(t)
			for f := range strings.FieldsSeq(string(text)) {
				if child, err := strconv.Atoi(f); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// resident is the memory of a process that is nobody else's file, in bytes: its own,
// and what it may share.
func resident(pid int) (own, shared int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		kB, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		switch key {
		case "RssAnon":
			own = kB << 10
		case "RssShmem":
			shared = kB << 10
		}
	}
	return own, shared
}

// nameless is what files take that are open and have no name any more, or never had
// one, in bytes: no walk finds them.
type nameless struct{ disk, memory int64 }

// openWithoutName looks at what processes have open.
func openWithoutName(pids []int) (n nameless) {
	type file struct{ device, number uint64 }
	seen := map[file]bool{}
	for _, pid := range pids {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, l := range links {
			about, err := os.Stat(l)
			if err != nil || !about.Mode().IsRegular() {
				continue
			}
			s, ok := about.Sys().(*syscall.Stat_t)
			if !ok || s.Nlink > 0 || seen[file{s.Dev, s.Ino}] {
				continue
			}
			seen[file{s.Dev, s.Ino}] = true
			if name, _ := os.Readlink(l); strings.HasPrefix(name, "/memfd:") {
				n.memory += s.Blocks * 512
			} else {
				n.disk += s.Blocks * 512
			}
		}
	}
	return n
}

// mostFiles is how many files and folders a program may have made at once: empty ones
// take no bytes of disk, and fill it all the same.
const mostFiles = 1 << 20

// used is what the files in a folder take, in bytes of disk: one with holes takes less
// than its length. What cannot be looked into is an error, since it may hold anything;
// what is more than most need not be known to the byte.
func used(folder string, most int64) (bytes int64, err error) {
	files := 0
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		switch files++; {
		case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENAMETOOLONG):
			return errors.New("made a folder that cannot be looked into")
		case err != nil:
			return nil //nolint:nilerr // gone since
		case files > mostFiles:
			return fmt.Errorf("made more than %d files", mostFiles)
		case d.Type().IsRegular():
			bytes += taken(d)
		}
		if bytes > most {
			return fs.SkipAll
		}
		return nil
	})
	return bytes, err
}

func taken(d fs.DirEntry) int64 {
	info, err := d.Info()
	if err != nil {
		return 0
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}

// newMark is a variable of the environment by which the processes of one run are
// known where they have no namespace of their own.
func newMark() string { return "SKYNET_CONFINED=" + rand.Text() }

// sweep ends what is left of a run. In a namespace nothing is. The confined thread
// could not do it: it sees as little as its program.
func (r *running) sweep() {
	if r.kernel.pids {
		return
	}
	for begun := time.Now(); time.Since(begun) < killWait; time.Sleep(time.Millisecond) {
		left := marked(r.mark)
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(left) == 0 {
			return
		}
	}
}

func marked(mark string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		if env, _ := os.ReadFile(f); bytes.Contains(env, []byte(mark)) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && pid != os.Getpid() {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
