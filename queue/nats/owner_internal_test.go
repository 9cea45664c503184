package nats

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// between is a connection of which only the ends are known.
type between struct {
	net.Conn
	ours, theirs string
}

func (b between) LocalAddr() net.Addr  { return tcpAddress(b.ours) }
func (b between) RemoteAddr() net.Addr { return tcpAddress(b.theirs) }

func tcpAddress(at string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(at)) }

func TestWhoIsShownTheToken(t *testing.T) {
	t.Parallel()
	const here, there = "127.0.0.1:40000", "127.0.0.1:4222"
	our := socket{local: ours, remote: theirs, uid: 999, inode: 5}
	served := func(by, taken uint32) string {
		return tables(t, []socket{listener(theirs, by), our, end(taken, 8)}, nil)
	}
	for name, c := range map[string]struct {
		tables       string
		ours, theirs string
		said         string // "" where the token is shown
	}{
		"the token's owner":                   {served(999, 999), here, there, ""},
		"root":                                {served(0, 0), here, there, ""},
		"root's, who became the owner":        {served(0, 999), here, there, ""},
		"another user":                        {served(1001, 1001), here, there, "user 1001"},
		"another user, for whom root took it": {served(1001, 0), here, there, "user 1001"},
		"another user, who got it from root":  {served(0, 1001), here, there, "user 1001"},
		"in the words of IPv6":                {served(1001, 1001), "[::ffff:127.0.0.1]:40000", "[::ffff:127.0.0.1]:4222", "user 1001"},
		"led elsewhere":                       {tables(t, []socket{our}, nil), here, there, "without a listening socket"},
		"another machine":                     {served(1001, 1001), "192.0.2.1:40000", "192.0.2.2:4222", ""},
		"this machine, by another address": {tables(t, []socket{{local: netip.MustParseAddrPort("192.0.2.1:40000"),
			remote: netip.MustParseAddrPort("192.0.2.1:4222")}}, nil), "192.0.2.1:40000", "192.0.2.1:4222", "without a listening socket"},
		"nothing can be read":      {t.TempDir(), here, there, ""},
		"another machine's tables": {tables(t, nil, nil), here, there, ""},
		"this machine, from another end": {tables(t, []socket{{local: ours, remote: netip.MustParseAddrPort("127.0.0.2:4222")}}, nil),
			here, "127.0.0.2:4222", "without a listening socket"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wary{tables: c.tables, file: "/state/token", owner: 999}
			err := w.look(between{ours: c.ours, theirs: c.theirs})
			if (err == nil) != (c.said == "") {
				t.Fatalf("said %v, want %q", err, c.said)
			}
			if err != nil && (!strings.Contains(err.Error(), c.said) || !strings.Contains(err.Error(), "/state/token, which is for user 999 and root alone")) {
				t.Errorf("said %v, want %q", err, c.said)
			}
		})
	}
	t.Run("users without a number here", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "uid_map")
		if err := os.WriteFile(file, []byte("0 0 1\n999 999 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		w := &wary{tables: served(nobody, nobody), users: file, owner: nobody}
		for _, owner := range []uint32{nobody, 999} {
			w.owner = owner
			err := w.look(between{ours: here, theirs: there})
			if err == nil {
				t.Fatal("one is taken for another")
			}
			for _, not := range []string{"65534", "end that program"} {
				if strings.Contains(err.Error(), not) {
					t.Errorf("says %q: %v", not, err)
				}
			}
			if !strings.Contains(err.Error(), "cannot tell whose server it is: run this as the token's owner") {
				t.Error(err)
			}
		}
		w.owner = nobody
		w.tables = served(999, 999)
		if err := w.look(between{ours: here, theirs: there}); err == nil || !strings.Contains(err.Error(), "user 999") {
			t.Errorf("of another user, whom it knows: %v", err)
		}
		w.tables = served(nobody, nobody)
		w.users = "/none"
		if err := w.look(between{ours: here, theirs: there}); err != nil {
			t.Errorf("where every user has a number: %v", err)
		}
	})
	if err := (&wary{}).look(pipe(t)); err != nil {
		t.Errorf("of what is no TCP: %v", err)
	}
}

func pipe(t *testing.T) net.Conn {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a
}
