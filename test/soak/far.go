//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"skynet/queue/nats"
)

// serveQueue is a queue server in a process of its own, until SIGTERM.
func serveQueue(args []string) int {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: soak queue FOLDER PORT")
		return 2
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	s, err := nats.Start(ctx, nats.ServerOptions{Dir: args[0], Port: port, Warn: func(said string) { fmt.Fprintln(os.Stderr, said) }})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	<-ctx.Done()
	s.Shutdown()
	return 0
}

// wire stands between programs and a server, and passes on what it is told to. At
// first that is everything.
type wire struct {
	net.Listener
	to string

	mu    sync.Mutex
	pairs map[*pair]bool
	delay time.Duration // of everything that is passed on
	shut  bool          // who calls is hung up on
	hole  chan struct{} // not nil: nothing is passed on until it is closed
}

// pair is one connection and its continuation.
type pair struct{ caller, server *net.TCPConn }

func tap(to string) (*wire, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(nats.Loopback, "0"))
	if err != nil {
		return nil, err
	}
	w := &wire{Listener: l, to: to, pairs: map[*pair]bool{}}
	go w.serve()
	return w, nil
}

func (w *wire) serve() {
	for {
		c, err := w.Accept()
		if err != nil {
			return
		}
		go w.connect(c.(*net.TCPConn))
	}
}

func (w *wire) connect(caller *net.TCPConn) {
	s, err := net.DialTimeout("tcp", w.to, 5*time.Second)
	if err != nil {
		_ = caller.Close()
		return
	}
	p := &pair{caller, s.(*net.TCPConn)}
	w.mu.Lock()
	if w.shut {
		w.mu.Unlock()
		p.close()
		return
	}
	w.pairs[p] = true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.pass(p.server, p.caller) })
	both.Go(func() { w.pass(p.caller, p.server) })
	both.Wait()
	w.mu.Lock()
	delete(w.pairs, p)
	w.mu.Unlock()
	p.close()
}

func (p *pair) close() { _ = p.caller.Close(); _ = p.server.Close() }

// pass copies one direction to its end, and passes the end on.
func (w *wire) pass(to, from *net.TCPConn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			w.wait()
			if _, err := to.Write(buf[:n]); err != nil {
				_ = from.Close()
				return
			}
		}
		if errors.Is(err, io.EOF) {
			_ = to.CloseWrite()
			return
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

func (w *wire) wait() {
	w.mu.Lock()
	delay, hole := w.delay, w.hole
	w.mu.Unlock()
	time.Sleep(delay)
	if hole != nil {
		<-hole
	}
}

// cut hangs up on everybody, and on whoever calls until heal.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut = true
	for p := range w.pairs {
		p.close()
	}
}

// half ends what goes to the server: it hears nobody any more, and they hear it.
func (w *wire) half() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.pairs {
		_ = p.server.CloseWrite()
	}
}

// slow delays everything.
func (w *wire) slow(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = by
}

// swallow lets nothing through, with no sign of it to either side.
func (w *wire) swallow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hole == nil {
		w.hole = make(chan struct{})
	}
}

// heal passes everything on again.
func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut, w.delay = false, 0
	if w.hole != nil {
		close(w.hole)
		w.hole = nil
	}
}
