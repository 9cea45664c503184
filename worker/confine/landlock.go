package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock's rights to files; the comments are the versions that know them.
// https://docs.kernel.org/userspace-api/landlock.html#filesystem-flags
const (
	execute = 1 << iota
	writeFile
	readFile
	readDir
	removeDir
	removeFile
	makeChar
	makeDir
	makeReg
	makeSock
	makeFIFO
	makeBlock
	makeSym
	refer    // 2
	truncate // 3
	ioctlDev // 5

	reading = execute | readFile | readDir
	working = readFile | readDir | writeFile | truncate | refer | removeDir | removeFile | makeDir | makeReg | makeSock | makeFIFO | makeSym
	onFiles = execute | writeFile | readFile | truncate | ioctlDev // what makes sense for a file that is no folder
)

// handled are the rights that a version knows: what is not given is refused.
func handled(version int) uint64 {
	switch {
	case version >= 5:
		return ioctlDev<<1 - 1
	case version >= 3:
		return truncate<<1 - 1
	case version == 2:
		return refer<<1 - 1
	}
	return makeSym<<1 - 1
}

// What every program needs to start, to show text, to know the time and the
// processors. What is not there is left out.
var (
	systemRead = []string{
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts", "/var/cache/fontconfig",
		"/etc/localtime", "/etc/mime.types", "/dev/random", "/dev/urandom",
		"/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/sys/devices/system/node",
	}
	systemWrite  = []string{"/dev/null", "/dev/zero", "/dev/full"}
	networkFiles = []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/ssl/certs", "/run/systemd/resolve"}
)

func landlockVersion() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// shut leaves the calling thread, and what it starts, the files that the program
// needs.
func (k kernel) shut(p Program) (err error) {
	rules, err := k.ruleset(p.Network)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(rules)) }()
	program, err := filepath.EvalSymlinks(p.Path)
	if err != nil {
		return err
	}
	g := grants{rules: rules, known: handled(k.landlock)}
	g.add(systemRead, reading, true)
	g.add(systemWrite, readFile|writeFile, true)
	if p.Network {
		g.add(networkFiles, reading, true)
	}
	g.add([]string{program}, execute|readFile, false)
	g.add(p.Read, reading, false)
	g.add([]string{p.Folder}, working, false)
	if g.err != nil {
		return g.err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(rules), 0, 0); errno != 0 {
		return os.NewSyscallError("landlock_restrict_self", errno)
	}
	return nil
}

func (k kernel) ruleset(network bool) (int, error) {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled(k.landlock)}
	length := unsafe.Offsetof(attr.Handled_access_net) // older kernels know less of it
	if k.landlock >= 4 {
		length = unsafe.Offsetof(attr.Scoped)
		if !network {
			attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		}
	}
	if k.landlock >= 6 {
		length = unsafe.Offsetof(attr.Quiet_access_fs)
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), length, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("landlock_create_ruleset", errno)
	}
	return int(fd), nil
}

// grants adds rights to a ruleset until one fails.
type grants struct {
	rules int
	known uint64
	err   error
}

func (g *grants) add(paths []string, rights uint64, optional bool) {
	for _, p := range paths {
		if g.err != nil {
			return
		}
		if err := g.grant(p, rights); err != nil && (!optional || !errors.Is(err, fs.ErrNotExist)) {
			g.err = fmt.Errorf("grant %s: %w", p, err)
		}
	}
}

func (g *grants) grant(path string, rights uint64) (err error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= onFiles
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights & g.known, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(g.rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_add_rule", errno)
	}
	return nil
}
