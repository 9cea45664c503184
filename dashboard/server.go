package dashboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

const (
	// headerTime, readTime and writeTime are how long a client may take: one that
	// sends a byte a second must not hold a connection.
	headerTime = 5 * time.Second
	readTime   = 10 * time.Second
	writeTime  = 60 * time.Second
	idleTime   = 2 * time.Minute
	mostHeader = 16 << 10
	// mostConnections is how many there may be; more wait until one is free.
	mostConnections = 256
	// mostStreamed is how many requests one connection may have under way, over HTTP/2:
	// the page asks for a few at once. Those that a client resets count until they end.
	mostStreamed = 32
	// endTime is how long requests under way may take when the server ends.
	endTime = 5 * time.Second
)

// Options are what a Server is given. What is named by a path is a file's.
type Options struct {
	Listen      string   // address; one that is not loopback needs Certificate and Key
	Hosts       []string // names by which it may be called besides
	TokenFile   string   // made if it is missing
	Certificate string   // PEM
	Key         string   // PEM

	Views   Views
	Orders  Orders       // nil: nothing can be changed
	Metrics http.Handler // nil: there are none
	Events  *Events
	Log     *slog.Logger
}

// Server serves the page and the API.
type Server struct {
	listener net.Listener
	http     *http.Server
	events   *Events
	tls      bool
	log      *slog.Logger
}

// Open listens, so that an address that cannot be had is known at once. Serve
// answers.
func Open(o Options) (*Server, error) {
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, listening(o.Listen, err)
	}
	s, err := on(l, o)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

// listening says why an address cannot be had.
func listening(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen: %s is in use by another program; stop it, set listen to another port, or to off for no dashboard", address)
	}
	return fmt.Errorf("listen: %w; set listen to an address of this machine, or to off for no dashboard", err)
}

// on serves at a listener.
func on(l net.Listener, o Options) (*Server, error) {
	s := &Server{listener: bounded(l, mostConnections), events: o.Events, log: o.Log}
	open := loopback(l.Addr())
	if !open && o.Certificate == "" {
		return nil, fmt.Errorf("listen: %s can be reached by others; add access: {certificate: …, key: …} for TLS, or write 127.0.0.1", o.Listen)
	}
	made, err := tokens(o.TokenFile).make()
	switch {
	case err != nil:
		return nil, fmt.Errorf("access.token_file: %w; make it yourself, or name a file in a folder that skynet may write", err)
	case made:
		o.Log.Info("made a token: whoever changes something by the dashboard or the API must show it", "file", o.TokenFile)
	case tokens(o.TokenFile).loose():
		o.Log.Warn("everybody on this machine can read the token; chmod o= it", "file", o.TokenFile)
	}
	s.http = &http.Server{
		Handler:           newSite(o, open).routes(),
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: mostHeader,
		HTTP2:          &http.HTTP2Config{MaxConcurrentStreams: mostStreamed},
		ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	if o.Certificate == "" {
		return s, nil
	}
	pair, err := openCertificate(o.Certificate, o.Key, o.Log)
	if err != nil {
		return nil, err
	}
	s.http.TLSConfig, s.tls = pair.config(), true
	return s, nil
}

// loopback reports whether only this machine can reach an address.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// URL is where the page is.
func (s *Server) URL() string {
	scheme := "http"
	if s.tls {
		scheme = "https"
	}
	at := s.listener.Addr().String()
	if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() { // every address of the machine
		at = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return scheme + "://" + at + "/"
}

// Serve answers until ctx ends, and then gives requests under way a while.
func (s *Server) Serve(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() {
		if s.tls {
			ended <- s.http.ServeTLS(s.listener, "", "")
		} else {
			ended <- s.http.Serve(s.listener)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("the dashboard ended: %w", err)
	case <-ctx.Done():
	}
	s.events.End() // they would never end by themselves
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := s.http.Shutdown(ending); err != nil {
		return s.http.Close() // whoever is still there is slow, or dead
	}
	return nil
}

// Close ends a server that never served.
func (s *Server) Close() error { return s.listener.Close() }

// boundedListener has so many connections at once, so that whoever opens
// thousands takes no file of the journal's.
type boundedListener struct {
	net.Listener
	places chan struct{}
	closed context.Context
	close  context.CancelFunc
}

func bounded(l net.Listener, most int) net.Listener {
	ctx, cancel := context.WithCancel(context.Background())
	return &boundedListener{Listener: l, places: make(chan struct{}, most), closed: ctx, close: cancel}
}

// Accept implements net.Listener.
func (b *boundedListener) Accept() (net.Conn, error) {
	select {
	case b.places <- struct{}{}:
	case <-b.closed.Done():
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.places
		return nil, err
	}
	return &boundedConn{Conn: c, leave: func() { <-b.places }}, nil
}

// Close implements net.Listener.
func (b *boundedListener) Close() error {
	b.close()
	return b.Listener.Close()
}
