//go:build linux

package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// echoes answers each line with the same, until its caller has no more to say.
func echoes(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _, _ = c.Write([]byte("over\n")); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

func TestTheWireDoesWhatItIsToldTo(t *testing.T) {
	w, err := tap(echoes(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.heal(); w.cut(); _ = w.Close() })
	call := func() (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := net.Dial("tcp", w.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		return c, bufio.NewReader(c)
	}
	says := func(c net.Conn, r *bufio.Reader, want string) {
		t.Helper()
		if line, err := r.ReadString('\n'); err != nil || strings.TrimSpace(line) != want {
			t.Fatalf("heard %q, %v; want %q", line, err, want)
		}
	}
	c, r := call()
	_, _ = c.Write([]byte("one\n"))
	says(c, r, "one")

	w.swallow()
	_, _ = c.Write([]byte("two\n"))
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if line, err := r.ReadString('\n'); err == nil {
		t.Errorf("swallowed, and heard %q", line)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	w.heal()
	says(c, r, "two")

	w.half()
	says(c, r, "over") // the server has heard the end, and is still heard

	c, r = call()
	_, _ = c.Write([]byte("three\n"))
	says(c, r, "three")
	w.cut()
	if line, err := r.ReadString('\n'); err == nil {
		t.Errorf("cut, and heard %q", line)
	}
	_, r = call()
	if line, err := r.ReadString('\n'); err == nil {
		t.Errorf("shut, and heard %q", line)
	}
	w.heal()
	c, r = call()
	_, _ = c.Write([]byte("four\n"))
	says(c, r, "four")
}
