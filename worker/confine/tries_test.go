package confine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tries are what a program that a file got hold of may try, beyond what a shell can.
// Each returns what came of it, if it is not stopped before.
var tries = map[string]func() error{
	"a socket to the machine's host":  func() error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) },
	"a socket of the kernel's crypto": func() error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0) },
	"a raw socket":                    func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
	"the firewall's netlink":          func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER) },
	"a datagram": func() error {
		c, err := net.Dial("udp", "169.254.169.254:53")
		if err == nil {
			_, err = c.Write([]byte("leak"))
		}
		return err
	},
	"a name of the network": func() error { _, err := net.LookupHost("secret.example.com"); return err },
	"the worker's keys": func() error {
		_, err := unix.KeyctlInt(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING, 0, 0, 0)
		return err
	},
	"memory of nobody's": func() error {
		_, err := unix.SysvShmGet(unix.IPC_PRIVATE, 1<<20, 0o600)
		return err
	},
	"a ring":                    func() error { return call(unix.SYS_IO_URING_SETUP, 1, 0, 0) },
	"a program in the kernel":   func() error { return call(unix.SYS_BPF, 0, 0, 0) },
	"a namespace of its own":    func() error { return unix.Unshare(unix.CLONE_NEWUSER | unix.CLONE_NEWNS) },
	"a mount":                   func() error { return unix.Mount("x", "/tmp", "tmpfs", 0, "") },
	"numbers of another kernel": func() error { return call(x32|unix.SYS_GETPID, 0, 0, 0) },
	"memory without a process": func() error {
		fd, err := unix.MemfdCreate("x", 0)
		if err != nil {
			return err
		}
		return fill(os.NewFile(uintptr(fd), "x"), 700)
	},
	"files without a name": func() error {
		var open []*os.File
		for range 20 {
			f, err := os.Create("x")
			if err == nil {
				err = errors.Join(os.Remove("x"), fill(f, 1))
			}
			if err != nil {
				return err
			}
			open = append(open, f)
		}
		time.Sleep(20 * time.Second)
		return fmt.Errorf("%d are open", len(open))
	},
	"folders deeper than paths": func() error {
		name := strings.Repeat("d", 200)
		for range 30 {
			if err := errors.Join(os.Mkdir(name, 0o700), unix.Chdir(name)); err != nil {
				return err
			}
		}
		return os.WriteFile("x", []byte("x"), 0o600)
	},
	"our open files": func() error {
		for fd := range 200 {
			if name, err := os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(fd))); err == nil && strings.Contains(name, "held by the worker") {
				return errors.New("got " + name)
			}
		}
		return errors.New("none is open")
	},
}

func socket(family, kind, protocol int) error {
	_, err := unix.Socket(family, kind, protocol)
	return err
}

func call(number, a, b, c uintptr) error {
	if _, _, errno := unix.Syscall(number, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// fill writes so many MiB, and stays.
func fill(f *os.File, mib int) error {
	for range mib {
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	if mib > 1 {
		time.Sleep(20 * time.Second)
	}
	return nil
}

// TestCalls is what a program that a file got hold of may try by system calls. Where
// the kernel has no filters this says so.
func TestCalls(t *testing.T) {
	all := found()
	if !all.calls {
		t.Skip("this kernel takes no filter of system calls: programs may make them all")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Create(filepath.Join(t.TempDir(), "held by the worker"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	const shut, noSocket = "operation not permitted", "permission denied"
	onlyCalls := kernel{prlimit: all.prlimit, calls: true}
	bare := kernel{prlimit: all.prlimit}
	for name, c := range map[string]struct {
		want string
		on   []kernel
	}{
		"a socket to the machine's host":  {noSocket, []kernel{all, onlyCalls}},
		"a socket of the kernel's crypto": {noSocket, []kernel{all, onlyCalls}},
		"a raw socket":                    {noSocket, []kernel{all, onlyCalls}},
		"the firewall's netlink":          {noSocket, []kernel{all, onlyCalls}},
		"a datagram":                      {noSocket, []kernel{all, onlyCalls}},
		"a name of the network":           {"lookup secret.example.com", []kernel{all, onlyCalls}},
		"the worker's keys":               {shut, []kernel{all, onlyCalls}},
		"memory of nobody's":              {shut, []kernel{all, onlyCalls}},
		"a ring":                          {shut, []kernel{all, onlyCalls}},
		"a program in the kernel":         {shut, []kernel{all, onlyCalls}},
		"a namespace of its own":          {shut, []kernel{all, onlyCalls}},
		"a mount":                         {shut, []kernel{all, onlyCalls}},
		"numbers of another kernel":       {shut, []kernel{all, onlyCalls}},
		"memory without a process":        {"used more than 512MiB of memory", []kernel{all, bare}},
		"files without a name":            {"wrote more than 8MiB", []kernel{all, bare}},
		"folders deeper than paths":       {"made a folder that cannot be looked into", []kernel{all, bare}},
		"our open files":                  {"none is open", []kernel{all, bare}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, k := range c.on {
				p := shell(t, "")
				p.Path, p.Args, p.Env = self, nil, []string{"TRY=" + name}
				p.Limits.Disk, p.Limits.Memory = 8<<20, 0 // the race detector's shadow has no bounds
				if name == "memory without a process" {
					p.Limits.Disk = 2 << 30 // which also bounds a single file
					p.Limits.Memory, k.prlimit = 512<<20, ""
				}
				if err := k.run(t.Context(), p); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%+v: %v, want %q", k, err, c.want)
				}
			}
		})
	}
}

// A program that may use the network has the internet's sockets, and no others.
func TestSocketsOfTheNetwork(t *testing.T) {
	if !found().calls {
		t.Skip("this kernel takes no filter of system calls: programs may make them all")
	}
	err := onThread(func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		if err := shutCallsOf(true); err != nil {
			return err
		}
		for _, family := range []int{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6} {
			if err := socket(family, unix.SOCK_STREAM, 0); err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
				return err
			}
		}
		if err := socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0); !errors.Is(err, unix.EACCES) {
			return errors.Join(errors.New("a socket to the machine's host"), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
