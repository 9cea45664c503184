//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cage is what the kernel lets us take for ourselves: where it is whole, disks that
// can be filled, a network that can be lost, and processes that all end with us.
type cage struct{ whole bool }

// enter runs this program again in namespaces of its own: of users, so that it may
// mount; of mounts, for small disks; of networks, for a loopback that can go down; of
// process IDs, so that the kernel ends whatever is left when we end, however we do.
// It returns the inner program's status, and false where the kernel forbids it.
func enter(args []string) (status int, entered bool) {
	runtime.LockOSThread() // the death of this thread is what the kernel takes for ours
	defer runtime.UnlockOSThread()
	cmd := exec.Command("/proc/self/exe", append([]string{roleFirst}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
		Setpgid:     true, // Ctrl-C comes to us, and we pass it on
	}
	if err := cmd.Start(); err != nil {
		return 0, false
	}
	passOn(cmd.Process)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != statusNoCage {
		return code, true
	}
	return 0, false
}

// passOn has a process hear of what we are told to do.
func passOn(p *os.Process) {
	told := make(chan os.Signal, 8)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for s := range told {
			_ = p.Signal(s)
		}
	}()
}

// first is the first process of the cage: it furnishes it, runs the soak, and waits
// for every process whose parent has died, as the first process of a system does.
func first(args []string) int {
	if err := furnish(); err != nil {
		fmt.Fprintf(os.Stderr, "the kernel forbids a cage: %v\n", err)
		return statusNoCage
	}
	cmd := exec.Command("/proc/self/exe", append([]string{roleInside}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	passOn(cmd.Process)
	for {
		var how unix.WaitStatus
		pid, err := unix.Wait4(-1, &how, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 2
		case pid == cmd.Process.Pid && how.Exited():
			return how.ExitStatus()
		case pid == cmd.Process.Pid:
			return 1
		}
	}
}

func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to ourselves: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return loopback(true)
}

// disk mounts a small disk on a folder.
func (c cage) disk(dir string, size int64) error {
	if err := os.MkdirAll(dir, 0o700); err != nil || !c.whole {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return fmt.Errorf("mount a disk on %s: %w", dir, err)
	}
	return nil
}

// unmount takes a disk away, with all that is on it.
func (c cage) unmount(dir string) {
	if c.whole {
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
}

// loopback takes the only network of the cage up or down.
func loopback(up bool) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if up {
		r.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	return nil
}

// fill takes all that is left of a disk until ctx ends, also what is given free
// meanwhile, and then gives it back.
func fill(ctx context.Context, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file); f.Close() }()
	chunk := make([]byte, 64<<10)
	for ctx.Err() == nil {
		for size := len(chunk); size > 0; {
			if _, err := f.Write(chunk[:size]); err != nil {
				size /= 2
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
