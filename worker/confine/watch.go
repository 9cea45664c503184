package confine

import (
	"bytes"
	"crypto/rand"
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
				if r.Limits.Disk > 0 && now.After(walk) {
					r.lookAtFolder()
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
	var total int64
	for _, p := range all {
		total += resident(p)
	}
	if r.Limits.Memory > 0 && total > r.Limits.Memory {
		r.stop(&Exceeded{fmt.Sprintf("used more than %s of memory", size(r.Limits.Memory))})
	}
}

func (r *running) lookAtFolder() {
	if used(r.Folder) > r.Limits.Disk {
		r.stop(&Exceeded{fmt.Sprintf("wrote more than %s", size(r.Limits.Disk))})
	}
}

// lastLook is for what was written since the last one.
func (r *running) lastLook() {
	if r.Limits.Disk > 0 {
		r.lookAtFolder()
	}
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

// resident is the memory of a process that is nobody else's file, in bytes.
func resident(pid int) (bytes int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if key == "RssAnon" || key == "RssShmem" {
			kB, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			bytes += kB << 10
		}
	}
	return bytes
}

// used is what the files in a folder take, in bytes of disk: one with holes takes
// less than its length.
func used(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() { // else gone since, or unreadable by its own doing
			bytes += taken(d)
		}
		return nil
	})
	return bytes
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
