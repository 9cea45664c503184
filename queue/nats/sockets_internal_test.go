package nats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written is a socket as the kernel writes it, in the table of IPv4 or that of IPv6.
func written(s socket, six bool) string {
	state := "01"
	if s.listens {
		state = listening
	}
	return fmt.Sprintf("   0: %s %s %s 00000000:00000000 00:00000000 00000000 %5d        0 %d 1 0000000000000000 100 0 0 10 0\n",
		address(s.local, six), address(s.remote, six), state, s.uid, s.inode)
}

func address(at netip.AddrPort, six bool) string {
	raw := at.Addr().AsSlice()
	if six {
		all := at.Addr().As16()
		raw = all[:]
	}
	text := ""
	for w := raw; len(w) > 0; w = w[4:] {
		text += fmt.Sprintf("%08X", binary.NativeEndian.Uint32(w))
	}
	return fmt.Sprintf("%s:%04X", text, at.Port())
}

var (
	ours   = netip.MustParseAddrPort("127.0.0.1:40000")
	theirs = netip.MustParseAddrPort("127.0.0.1:4222")
	any4   = netip.MustParseAddrPort("0.0.0.0:4222")
	any6   = netip.MustParseAddrPort("[::]:4222")
	none   = netip.MustParseAddrPort("0.0.0.0:0")
)

func listener(at netip.AddrPort, uid uint32) socket {
	return socket{local: at, remote: none, listens: true, uid: uid, inode: 7}
}

func end(uid uint32, inode uint64) socket {
	return socket{local: theirs, remote: ours, uid: uid, inode: inode}
}

func TestWhoServesAConnection(t *testing.T) {
	t.Parallel()
	our := socket{local: ours, remote: theirs, uid: 999, inode: 5}
	for name, c := range map[string]struct {
		four, six []socket
		want      []uint32
		err       error
	}{
		"accepted":                      {four: []socket{listener(theirs, 999), our, end(999, 8)}, want: []uint32{999, 999}},
		"waits to be accepted":          {four: []socket{listener(theirs, 1001), our, end(1001, 0)}, want: []uint32{1001}},
		"waits, on an older kernel":     {four: []socket{listener(theirs, 1001), our, end(0, 0)}, want: []uint32{1001}},
		"the kernel took it for a user": {four: []socket{listener(theirs, 1001), our, end(0, 8)}, want: []uint32{1001, 0}},
		"a user took it from root":      {four: []socket{listener(theirs, 0), our, end(1001, 8)}, want: []uint32{0, 1001}},
		"listens everywhere":            {four: []socket{listener(any4, 1001), our, end(1001, 8)}, want: []uint32{1001, 1001}},
		"listens everywhere, by IPv6":   {four: []socket{our}, six: []socket{listener(any6, 1001), end(0, 0)}, want: []uint32{1001}},
		"another listens by IPv6":       {four: []socket{listener(theirs, 999), our, end(999, 0)}, six: []socket{listener(any6, 1001)}, want: []uint32{999}},
		"another listens elsewhere": {four: []socket{listener(netip.MustParseAddrPort("127.0.0.2:4222"), 1001), listener(any4, 999),
			listener(netip.MustParseAddrPort("127.0.0.1:4223"), 1001), listener(netip.MustParseAddrPort("0.0.0.0:4223"), 1001), our, end(999, 0)}, want: []uint32{999}},
		"two listen at the very address": {four: []socket{listener(theirs, 999), listener(theirs, 1001), our, end(999, 0)}, want: []uint32{999, 1001}},
		"nobody listens any more":        {four: []socket{our, end(0, 8)}, err: errNobody},
		"nobody has it":                  {four: []socket{listener(theirs, 999), our}, err: errNobody},
		"a connection to another port": {four: []socket{listener(theirs, 999), our,
			{local: netip.MustParseAddrPort("127.0.0.1:4223"), remote: ours, uid: 999, inode: 9}}, err: errNobody},
		"another's connection of the same number": {four: []socket{listener(any4, 999), our, end(999, 8),
			{local: netip.MustParseAddrPort("127.0.0.1:4223"), remote: ours, uid: 1001, inode: 9}}, want: []uint32{999, 999}},
		"a table of somewhere else": {four: []socket{listener(theirs, 999)}, err: errHidden},
		"empty tables":              {err: errHidden},
	} {
		t.Run(name, func(t *testing.T) {
			uids, err := servedBy(tables(t, c.four, c.six), ours, theirs)
			if !slices.Equal(uids, c.want) || !errors.Is(err, c.err) {
				t.Errorf("served by %v, %v, want %v, %v", uids, err, c.want, c.err)
			}
		})
	}
	if _, err := servedBy(filepath.Join(t.TempDir(), "none"), ours, theirs); !errors.Is(err, errHidden) {
		t.Errorf("without tables: %v", err)
	}
}

// tables is a folder of both.
func tables(t *testing.T, four, six []socket) string {
	t.Helper()
	dir := t.TempDir()
	for name, of := range map[string][]socket{"tcp": four, "tcp6": six} {
		text := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
		for _, s := range of {
			text += written(s, name == "tcp6")
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestUserNamespaces: nobody is a user where the namespace has one of that number, and
// stands for all that it does not know elsewhere.
func TestUserNamespaces(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"         0          0 4294967295\n": true,
		"0 0 1\n999 999 1\n":                 false,
		"0 100000 65536\n":                   true,
		"0 100000 65534\n":                   false,
		"65534 1000 1\n":                     true,
		"":                                   false,
		"what 0 4294967295\n1 2\n":           false,
	} {
		file := filepath.Join(t.TempDir(), "uid_map")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := somebody(file); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if !somebody(filepath.Join(t.TempDir(), "none")) {
		t.Error("without user namespaces nobody is nobody")
	}
}

// FuzzSocket: a line of the kernel's table is refused, or a socket of two addresses that
// is the same when it is written and read again.
func FuzzSocket(f *testing.F) {
	f.Add("   0: 0100007F:CE71 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 10309489 1 0 100 0 0 10 0")
	f.Add("   1: 0000000000000000FFFF00000100007F:8C53 0000000000000000FFFF00000100007F:B97C 01 00000000:00000000 00:00000000 00000000  1001        0 0 1 0 20 4 0 10 -1")
	f.Add("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode")
	f.Fuzz(func(t *testing.T, line string) {
		s, ok := readSocket(line)
		if !ok {
			return
		}
		if !s.local.IsValid() || !s.remote.IsValid() || s.local.Addr().Is4In6() || s.remote.Addr().Is4In6() {
			t.Fatalf("%q is %+v", line, s)
		}
		six := strings.Contains(s.local.String()+s.remote.String(), "[")
		if again, ok := readSocket(written(s, six)); !ok || again != s {
			t.Errorf("%q is %+v, and then %+v", line, s, again)
		}
	})
}
