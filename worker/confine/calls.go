package confine

import (
	"math"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls that no program of ours needs, each for a reason. Containers shut
// most of them, too. https://docs.docker.com/engine/security/seccomp/
var shutCalls = []uint32{
	// Mounts, which a user namespace of its own would give the right to: much of what
	// went wrong in kernels began there.
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
	unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR, unix.SYS_UNSHARE, unix.SYS_SETNS,
	// Keys of the kernel's: those of the worker's session are in reach.
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	// Memory that belongs to no process, and counts as nobody's.
	unix.SYS_SHMGET, unix.SYS_MSGGET,
	// Large doors into the kernel.
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	// Other processes' memory and files.
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
}

// architectures are those whose calls have the numbers above; a program for another
// (32 bits) would bring other numbers, and is refused all calls.
var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// x32 marks the numbers of amd64's third way to call, which nobody uses.
const x32 = 0x40000000

// Where struct seccomp_data holds what is looked at: the lower halves of arguments.
// https://docs.kernel.org/userspace-api/seccomp_filter.html
const (
	atNumber, atArchitecture = 0, 4
	atFirst, atThird         = 16, 32
)

const (
	allowed   = unix.SECCOMP_RET_ALLOW
	forbidden = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	noSocket  = unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)
)

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

func give(verdict uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict}
}

// skipUnless jumps over the next n instructions unless what was loaded compares so.
func skipUnless(compare uint16, k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | compare, K: k, Jf: n}
}

// filter is the program that the kernel runs at each call.
func filter(architecture uint32, network bool) []unix.SockFilter {
	f := []unix.SockFilter{
		load(atArchitecture),
		{Code: unix.BPF_JMP | unix.BPF_K | unix.BPF_JEQ, K: architecture, Jt: 1}, give(forbidden),
		load(atNumber),
		skipUnless(unix.BPF_JGE, x32, 1), give(forbidden),
	}
	for _, call := range shutCalls {
		f = append(f, skipUnless(unix.BPF_JEQ, call, 1), give(forbidden))
	}
	// Of sockets those that namespaces and Landlock keep in bounds: there are more than
	// forty families, and one of them (vsock) leads to the machine's host.
	families := []uint32{unix.AF_UNIX}
	if network {
		families = append(families, unix.AF_INET, unix.AF_INET6)
	}
	sockets := []unix.SockFilter{load(atFirst)}
	for _, family := range families {
		sockets = append(sockets, skipUnless(unix.BPF_JEQ, family, 1), give(allowed))
	}
	// By routes programs learn their own addresses; what else netlink has is for rulers.
	sockets = append(sockets, skipUnless(unix.BPF_JEQ, unix.AF_NETLINK, 3), load(atThird), skipUnless(unix.BPF_JEQ, unix.NETLINK_ROUTE, 1), give(allowed), give(noSocket))
	f = append(f, skipUnless(unix.BPF_JEQ, unix.SYS_SOCKET, uint8(len(sockets))))
	return append(append(f, sockets...), give(allowed))
}

// shutCallsOf has the kernel refuse these calls to the calling thread, and to what it
// starts. The thread must have no_new_privs.
func shutCallsOf(network bool) error {
	f := filter(architectures[runtime.GOARCH], network)
	if len(f) > math.MaxUint16 {
		return unix.E2BIG
	}
	p := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&p)), 0, 0)
	runtime.KeepAlive(f)
	return os.NewSyscallError("seccomp", err)
}

// filters tries whether the kernel takes a filter, on a thread that ends with it.
func filters() bool {
	return architectures[runtime.GOARCH] != 0 && nil == onThread(func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		return shutCallsOf(true)
	})
}
