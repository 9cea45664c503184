// Package confine runs a program on a stranger's file: with limits, without a
// network, without credentials, reading what it needs and writing to its scratch
// folder alone. Media tools have had flaws that a file could use, and will have
// more; what such a file gets hold of here is one scratch folder for one run.
//
// Around the program stand, each by itself enough to stop something:
//
//   - a user namespace without any privilege, and process IDs of its own: it sees
//     nobody else, and all that it started ends with it
//     (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html);
//   - a network namespace with nothing in it, not even a loopback that is up;
//   - Landlock: files beyond those listed cannot be opened, TCP and signals to the
//     outside are refused (https://docs.kernel.org/userspace-api/landlock.html);
//   - a filter of system calls: sockets other than Unix's (for who may use the network,
//     the internet's), mounts, the kernel's keys and its large doors are shut
//     (https://docs.kernel.org/userspace-api/seccomp_filter.html);
//   - resource limits, set by prlimit of util-linux before the program begins;
//   - a look every 50 ms at what all its processes take together, since resource
//     limits hold for each one alone;
//   - no_new_privs, no core, an empty environment, a session of its own, and death
//     with the worker.
//
// Landlock, the filter and no_new_privs belong to a thread. So a thread of ours takes them on
// itself, starts the program, waits for it and ends: no launcher is needed, which
// for a worker that is linked to libvips would take 35 ms of loading libraries at
// every start. The namespaces have no mapping of user IDs: the program is nobody
// inside, has the worker's rights to files outside, and no capability in either.
//
// What remains in reach: Unix sockets with a path that the worker's user may
// write to, and what the system lets everybody read below /usr. A program that may
// use the network reaches all that the machine reaches, instance metadata included.
//
// Where the kernel refuses a part (containers often allow no user namespaces) the
// rest holds, and [Missing] says what does not.
package confine

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Program is a program to run.
type Program struct {
	Path     string   // absolute
	Args     []string // without its name
	Folder   string   // where it works, the only place that it may write to; absolute
	Read     []string // files and folders that it may read besides the system's own; absolute
	Env      []string // NAME=VALUE besides PATH, HOME, TMPDIR and LANG
	Stdin    io.Reader
	Stdout   io.Writer // nil: dropped
	Stderr   io.Writer // gets the last 4 kB of it when it ends; nil: kept for errors only
	Progress *os.File  // its file descriptor 3, if any
	Network  bool      // it may use the network
	Limits   Limits
}

// Limits are what a program may use. Zero is no limit.
type Limits struct {
	Time      time.Duration // by the clock
	CPU       time.Duration // of processor time, each process, in whole seconds
	Memory    int64         // bytes, all processes together
	Disk      int64         // bytes in its folder, and of each file
	Files     int           // open at once, each process
	Processes int           // at once
	Stdout    int64         // bytes that it may write there
}

// Run runs the program to its end. The error is the cause of ctx if that ended it,
// an [*Exceeded] if a limit did, and an [*Ended] if it ended badly by itself. When
// Run returns nothing of it runs any more.
func Run(ctx context.Context, p Program) error { return found().run(ctx, p) }

// Missing says in plain words which parts the kernel refuses here, nothing if all
// hold. It tries them once.
func Missing() []string { return found().missing() }

func (k kernel) run(ctx context.Context, p Program) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if p.Limits.Time > 0 {
		late := time.AfterFunc(p.Limits.Time, func() { stop(&Exceeded{fmt.Sprintf("ran longer than %s", p.Limits.Time)}) })
		defer late.Stop()
	}
	r := &running{Program: p, kernel: k, stop: stop, said: &tail{}, mark: newMark()}
	err := onThread(func() error { return r.run(ctx) })
	r.sweep()
	if cause := context.Cause(ctx); cause != nil {
		return cause // whatever the program said of being stopped
	}
	return err
}

// running is one run of a program.
type running struct {
	Program
	kernel kernel
	stop   context.CancelCauseFunc
	said   *tail
	mark   string

	nameless nameless // of its last look at files; the watching goroutine's
}

// onThread calls f on a thread that ends with it: nobody else could use one that
// has been confined. The process's first thread cannot end, so another is taken.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			done <- onThread(f) // elsewhere, since this thread waits
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// run must be on a thread of its own. The kernel sends Pdeathsig when the thread
// that started a program ends, so it waits there.
func (r *running) run(ctx context.Context) error {
	cmd, err := r.command(ctx)
	if err != nil {
		return err
	}
	if err := r.kernel.restrict(r.Program); err != nil {
		return fmt.Errorf("confine %s: %w", r.Path, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", r.Path, err)
	}
	unwatch := r.watch(cmd.Process.Pid)
	err = cmd.Wait()
	unwatch()
	if r.Stderr != nil {
		_, _ = r.Stderr.Write(r.said.b)
	}
	return r.explain(cmd.ProcessState, err)
}

const killWait = time.Second // for pipes that something else holds open

func (r *running) command(ctx context.Context) (*exec.Cmd, error) {
	if !strings.HasPrefix(r.Path, "/") || !strings.HasPrefix(r.Folder, "/") {
		return nil, fmt.Errorf("confine %q in %q: the paths must be absolute", r.Path, r.Folder)
	}
	argv := slices.Concat(r.kernel.limits(r.Limits), []string{r.Path}, r.Args)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = r.Folder
	// The last of a name counts.
	cmd.Env = slices.Concat([]string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + r.Folder, "TMPDIR=" + r.Folder, "LANG=C.UTF-8",
	}, r.Env, []string{r.mark})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.Stdin, r.stdout(), r.said
	if r.Progress != nil {
		cmd.ExtraFiles = []*os.File{r.Progress}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: r.kernel.flags(r.Network)}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if r.kernel.pids {
			err = cmd.Process.Kill() // the first process of a namespace: all others end with it
		}
		r.sweep()
		return err
	}
	cmd.WaitDelay = killWait
	return cmd, nil
}

// stdout bounds what the program writes.
func (r *running) stdout() io.Writer {
	switch {
	case r.Stdout == nil:
		return nil
	case r.Limits.Stdout <= 0:
		return struct{ io.Writer }{r.Stdout} // a pipe, not the file itself
	}
	return &bounded{to: r.Stdout, left: r.Limits.Stdout, over: func() {
		r.stop(&Exceeded{fmt.Sprintf("wrote more than %s to its standard output", size(r.Limits.Stdout))})
	}}
}

type bounded struct {
	to   io.Writer
	left int64
	over func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		b.over()
		return len(p), nil
	}
	return b.to.Write(p)
}
