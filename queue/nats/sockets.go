package nats

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// socket is a line of the kernel's tables of TCP sockets, proc/net/tcp and tcp6:
// https://docs.kernel.org/networking/proc_net_tcp.html
type socket struct {
	local, remote netip.AddrPort // IPv4 as such in both tables
	listens       bool
	uid           uint32 // whose it is, as this user namespace calls them
	inode         uint64 // 0: no process has it, or has it yet
}

// Columns of these tables, and the state of one that listens (TCP_LISTEN).
const (
	atLocal, atRemote, atState, atUID, atInode = 1, 2, 3, 7, 9
	listening                                  = "0A"
)

// readSocket makes a socket of a line, and says false of any other.
func readSocket(line string) (s socket, ok bool) {
	column := strings.Fields(line)
	if len(column) <= atInode {
		return s, false
	}
	uid, err := strconv.ParseUint(column[atUID], 10, 32)
	if err != nil {
		return s, false
	}
	if s.inode, err = strconv.ParseUint(column[atInode], 10, 64); err != nil {
		return s, false
	}
	s.uid, s.listens = uint32(uid), column[atState] == listening
	var local, remote bool
	s.local, local = readAddress(column[atLocal])
	s.remote, remote = readAddress(column[atRemote])
	return s, local && remote
}

// readAddress reads what the kernel writes of an address: words of four bytes as this
// processor has them in memory, then the port.
func readAddress(text string) (at netip.AddrPort, ok bool) {
	words, number, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(number, 16, 16)
	if err != nil {
		return at, false
	}
	raw, err := hex.DecodeString(words)
	if err != nil {
		return at, false
	}
	for w := raw; len(w) >= 4; w = w[4:] {
		binary.NativeEndian.PutUint32(w, binary.BigEndian.Uint32(w))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), ok
}

// ends is what one table holds of a connection: whether our end is there, the other
// end, and who listens where that is.
type ends struct {
	ours      bool
	other     *socket
	listeners []socket
}

// readEnds looks for a connection in a table. Lines that it does not understand are
// none of ours.
func readEnds(table io.Reader, ours, theirs netip.AddrPort) (e ends, err error) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		s, ok := readSocket(lines.Text())
		switch {
		case !ok:
		case s.listens && s.local.Port() == theirs.Port():
			e.listeners = append(e.listeners, s)
		case s.local == ours && s.remote == theirs:
			e.ours = true
		case s.local == theirs && s.remote == ours:
			e.other = &s
		}
	}
	return e, lines.Err()
}

// whose are the users behind the other end: who has it, and who listens there. Of a
// connection that waits to be accepted older kernels (Debian 12's) say that it is
// root's, so that counts for nothing; and what the kernel accepts in its own name, as
// for SMC, may be root's as well. So there must be a listener, which counts as much.
func (e ends) whose() (uids []uint32, ok bool) {
	if e.other == nil {
		return nil, false
	}
	for _, l := range e.nearest() {
		uids = append(uids, l.uid)
	}
	ok = len(uids) > 0
	if e.other.inode != 0 {
		uids = append(uids, e.other.uid)
	}
	return uids, ok
}

// nearest are the listeners that the kernel may have given the connection to: those at
// its very address, else those at any.
func (e ends) nearest() []socket {
	var here, anywhere []socket
	for _, l := range e.listeners {
		switch {
		case l.local == e.other.local:
			here = append(here, l)
		case l.local.Addr().IsUnspecified():
			anywhere = append(anywhere, l)
		}
	}
	if len(here) > 0 {
		return here
	}
	return anywhere
}

var (
	// errHidden: the tables of this system tell nothing of the connection.
	errHidden = errors.New("the kernel does not tell whose sockets are whose")
	// errNobody: our end is there, the other is nobody's.
	errNobody = errors.New("nobody has taken the connection")
)

// looks is how often the tables are read: the kernel writes them page by page, and what
// moves between two pages is missed.
const looks = 3

// servedBy returns the users behind the other end of a connection on this machine, by
// the tables in a folder.
func servedBy(folder string, ours, theirs netip.AddrPort) (uids []uint32, err error) {
	seen := false
	for range looks {
		for _, table := range []string{"tcp", "tcp6"} {
			e, err := lookUp(filepath.Join(folder, table), ours, theirs)
			if err != nil {
				continue // not there, or closed to us
			}
			if uids, ok := e.whose(); ok {
				return uids, nil
			}
			seen = seen || e.ours || e.other != nil
		}
	}
	if seen {
		return nil, errNobody
	}
	return nil, errHidden
}

func lookUp(file string, ours, theirs netip.AddrPort) (e ends, err error) {
	f, err := os.Open(file)
	if err != nil {
		return e, err
	}
	defer f.Close()
	return readEnds(f, ours, theirs)
}
