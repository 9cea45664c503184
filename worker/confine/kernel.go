package confine

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// kernel is what the kernel and the system offer here.
type kernel struct {
	users    bool   // user namespaces
	pids     bool   // namespaces of process IDs
	net      bool   // namespaces of networks
	landlock int    // its version, 0 for none
	calls    bool   // filters of system calls (seccomp)
	prlimit  string // the program, "" for none
}

var found = sync.OnceValue(detect)

// detect tries each part.
func detect() kernel {
	k := kernel{landlock: landlockVersion(), calls: filters()}
	k.prlimit, _ = exec.LookPath("prlimit")
	for _, try := range []kernel{
		{users: true, pids: true, net: true}, {users: true, pids: true}, {users: true, net: true},
		{pids: true, net: true}, {pids: true}, {net: true}, // without user namespaces these need a privilege
	} {
		if starts(try) {
			k.users, k.pids, k.net = try.users, try.pids, try.net
			break
		}
	}
	return k
}

// starts tries whether a program runs in such namespaces.
func starts(k kernel) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return nil == onThread(func() error {
		cmd := exec.CommandContext(ctx, "/bin/true")
		cmd.Env = []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: k.flags(false), Pdeathsig: syscall.SIGKILL}
		return cmd.Run()
	})
}

func (k kernel) flags(network bool) (flags uintptr) {
	if k.users {
		flags |= syscall.CLONE_NEWUSER
	}
	if k.pids {
		flags |= syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
	}
	if k.net && !network {
		flags |= syscall.CLONE_NEWNET
	}
	return flags
}

func (k kernel) missing() (parts []string) {
	say := func(missing bool, what string) {
		if missing {
			parts = append(parts, what)
		}
	}
	say(!k.users, "programs keep the worker's user (the kernel allows no user namespace)")
	say(!k.pids, "programs see other processes, and one that hides well may outlive its item (no namespace of process IDs)")
	say(!k.net && !k.calls && k.landlock < 4, "programs reach the network (no network namespace, and a kernel before 6.7 has no Landlock for TCP)")
	say(!k.net && !k.calls && k.landlock >= 4, "programs reach the network by UDP (no network namespace; Landlock keeps TCP shut)")
	say(k.landlock == 0, "programs read and write all files that the worker may (no Landlock; Linux 5.13 and later have it)")
	say(k.landlock > 0 && k.landlock < 3, "programs may truncate files that the worker may write (Landlock before Linux 6.2)")
	say(!k.calls, "programs may make all system calls (no seccomp filter)")
	say(k.prlimit == "", "programs have no limits of memory, files and processor time each (prlimit of util-linux is missing)")
	return parts
}

// https://man7.org/linux/man-pages/man7/capabilities.7.html, The securebits flags
const secbitNoRoot, secbitNoRootLocked = 1 << 0, 1 << 1

// limits is the start of a command line that sets the limits.
func (k kernel) limits(l Limits) []string {
	if k.prlimit == "" {
		return nil
	}
	args := []string{k.prlimit, "--core=0"}
	set := func(flag string, n int64) {
		if n > 0 {
			args = append(args, flag+strconv.FormatInt(n, 10))
		}
	}
	// Of memory, what is written to counts; addresses alone are cheap, but
	// shared memory counts as nothing else.
	set("--data=", l.Memory)
	if l.Memory > 0 {
		set("--as=", 2*l.Memory+2<<30)
	}
	set("--fsize=", l.Disk)
	set("--nofile=", int64(l.Files))
	// The kernel does not hold root to it; what all processes take is watched as well.
	set("--nproc=", int64(l.Processes))
	if l.CPU > 0 {
		set("--cpu=", max(1, int64(l.CPU/time.Second)))
	}
	return append(args, "--")
}

// restrict takes from the calling thread, and from what it starts, what a program
// does not need.
func (k kernel) restrict(p Program) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("no_new_privs", err)
	}
	if os.Geteuid() == 0 {
		// Without a user namespace root would be root: it is to have no privilege
		// after the next exec. Refused where we lack the privilege to give it up.
		_ = unix.Prctl(unix.PR_SET_SECUREBITS, secbitNoRoot|secbitNoRootLocked, 0, 0, 0)
	}
	if k.landlock > 0 {
		if err := k.shut(p); err != nil {
			return err
		}
	}
	if !k.calls {
		return nil
	}
	return shutCallsOf(p.Network)
}
