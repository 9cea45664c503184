package nats

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// While the controller is down its port is free, and any user of this machine may
// listen there. So whoever would show the token to a server on this machine looks whose
// that is, after it has connected and before it says a word: a connection has two ends,
// and the kernel tells of each to whom it belongs.

const (
	// sockets is where the kernel tells of sockets, those of our own network namespace.
	sockets = "/proc/self/net"
	// users is where it tells which numbers our user namespace has for users.
	users = "/proc/self/uid_map"
	root  = 0
	// nobody stands for every user whom a user namespace has no number for, unless it
	// has given that number to somebody: user_namespaces(7).
	nobody = 65534
)

// stranger is a server to whom the token is not shown, and why.
type stranger string

func (s stranger) Error() string { return string(s) }

// wary dials, and hangs up on strangers.
type wary struct {
	net.Dialer
	tables, users string // where the kernel tells of sockets and of users
	file          string // of the token
	owner         uint32 // of that file
	warn          func(string)

	mu   sync.Mutex
	said string // of a stranger, so that it is said once
}

// Dial connects to a server that may be shown the token.
func (w *wary) Dial(network, address string) (net.Conn, error) {
	c, err := w.Dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	err = w.look(c)
	w.say(err)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// say warns of a stranger once, since it is dialled four times a second.
func (w *wary) say(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != "" && said != w.said {
		w.warn(said)
	}
	w.said = said
}

// look returns why the token is not shown to the other end of c. Of a server on another
// machine, and where the kernel does not tell, nothing is known.
func (w *wary) look(c net.Conn) error {
	ours, theirs := endpoint(c.LocalAddr()), endpoint(c.RemoteAddr())
	if !theirs.IsValid() || !theirs.Addr().IsLoopback() && theirs.Addr() != ours.Addr() {
		return nil
	}
	uids, err := servedBy(w.tables, ours, theirs)
	if errors.Is(err, errHidden) {
		return nil
	}
	if err != nil {
		return w.hold(theirs, "a program without a listening socket on this machine",
			"if connections are led on from this address, name the one where the server itself listens")
	}
	strange := slices.IndexFunc(uids, func(uid uint32) bool { return uid != root && uid != w.owner || !w.known(uid) })
	if strange < 0 {
		return nil
	}
	if !w.known(uids[strange]) {
		return w.hold(theirs, "a program of a user without a number here",
			"this user namespace cannot tell whose server it is: run this as the token's owner, outside of the namespace or, under systemd, without PrivateUsers")
	}
	return w.hold(theirs, fmt.Sprintf("a program of user %d", uids[strange]),
		fmt.Sprintf("end that program (as root, ss -ltnp 'sport = :%d' names it), or, if it is a queue server of your own, give the token's file to the user it runs as",
			theirs.Port()))
}

// hold keeps the token back.
func (w *wary) hold(at netip.AddrPort, who, cure string) error {
	whom := fmt.Sprintf("user %d and root", w.owner)
	switch {
	case w.owner == root:
		whom = "root"
	case !w.known(w.owner):
		whom = "its owner, who has no number here either, and root"
	}
	return stranger(fmt.Sprintf("%s answers at %s, and is not shown the token in %s, which is for %s alone; %s", who, at, w.file, whom, cure))
}

// endpoint is an end of a TCP connection as the kernel's tables have it; of any other it
// is not valid.
func endpoint(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

// known reports whether a number is one user's.
func (w *wary) known(uid uint32) bool { return uid != nobody || somebody(w.users) }

// somebody reports whether a user namespace has a user with the number of nobody, by its
// map: lines of a first number inside, a first number outside, and how many.
func somebody(file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return true // no namespaces
	}
	for line := range strings.Lines(string(text)) {
		column := strings.Fields(line)
		if len(column) != 3 {
			continue
		}
		first, err := strconv.ParseUint(column[0], 10, 32)
		count, wrong := strconv.ParseUint(column[2], 10, 32)
		if err == nil && wrong == nil && first <= nobody && nobody-first < count {
			return true
		}
	}
	return false
}

// newWary returns a dialer for who shows a token, and the token, read from the very file
// whose owner counts.
func newWary(file string, warn func(string)) (w *wary, token string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	about, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(f)
	w = &wary{Dialer: net.Dialer{Timeout: dialling}, tables: sockets, users: users, file: file, warn: warn}
	if of, ok := about.Sys().(*syscall.Stat_t); ok {
		w.owner = of.Uid
	}
	return w, strings.TrimSpace(string(text)), err
}
