package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
)

// Loopback is the only address that the embedded server listens on: items and
// heartbeats are nobody else's business, and the connection is not encrypted.
const Loopback = "127.0.0.1"

// mostConnections is how many clients there may be: others on this machine, who may
// connect without a token and wait for their refusal, must leave files to the journal.
// There are never thousands of workers on one machine.
const mostConnections = 4096

// ServerOptions says where the embedded server lives. Only Dir is required.
type ServerOptions struct {
	Dir   string       // its own folder: items, port, token and lock
	Port  int          // 0: the port used last time, or any free one
	Token string       // "": the token used last time, or a new random one
	Warn  func(string) // hears the server's warnings and errors; nil: nobody does
}

// Server is an embedded NATS JetStream server. Where its disk cannot be written to
// for a while, it starts anew when it can.
type Server struct {
	dir   string
	port  int
	token string
	ears  *ears
	nats  *server.Server // tend's alone, once that runs
	lock  *flock.Flock

	stop    context.CancelFunc
	tending sync.WaitGroup
}

// Start runs a server on opts.Dir and returns when it answers, or with an error
// when ctx ends first. Items are on disk when a Send returns, so that they
// survive the death of the process. A folder that another server uses, or a
// port that another program uses, is an error that says so.
func Start(ctx context.Context, opts ServerOptions) (*Server, error) {
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start queue server: %w", err)
	}
	lock, err := lockDir(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start queue server: %w", err)
	}
	tending, stop := context.WithCancel(context.Background())
	s := &Server{dir: opts.Dir, lock: lock, ears: newEars(opts.Warn), stop: stop}
	if err := s.start(ctx, opts); err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("start queue server in %s: %w", opts.Dir, err)
	}
	s.tending.Go(func() { s.tend(tending) })
	return s, nil
}

// lockDir keeps a second server out: JetStream itself opens a store twice
// without an error, and then loses items.
func lockDir(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	mine, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if !mine {
		return nil, fmt.Errorf("%s is in use by another queue server; stop it, or choose another state directory", dir)
	}
	return lock, nil
}

func (s *Server) start(ctx context.Context, opts ServerOptions) (err error) {
	if s.token, err = keptToken(s.TokenFile(), opts.Token); err != nil {
		return err
	}
	if s.port, err = choosePort(s.portFile(), opts.Port); err != nil {
		return err
	}
	if err := s.run(ctx); err != nil {
		return err
	}
	s.port = s.nats.Addr().(*net.TCPAddr).Port
	return writeKept(s.portFile(), strconv.Itoa(s.port))
}

// run starts the server itself and returns when it answers.
func (s *Server) run(ctx context.Context) (err error) {
	if s.nats, err = server.NewServer(settings(s.dir, s.port, s.token)); err != nil {
		return err
	}
	s.nats.SetLoggerV2(s.ears, false, false, false)
	go s.nats.Start()
	return s.ready(ctx, s.ears)
}

// noLimit is more bytes than any disk has, and far enough from the largest number
// that the server may add to it.
const noLimit = 1 << 60

func settings(dir string, port int, token string) *server.Options {
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return &server.Options{
		ServerName:    "skynet",
		Host:          Loopback,
		Port:          port,
		Authorization: token,
		JetStream:     true,
		StoreDir:      dir,
		// The disk is the limit. The default is three quarters of what was free at
		// the start, for good: one that starts as the disk is full would take nothing
		// when there is room again.
		JetStreamMaxStore: noLimit,
		SyncAlways:        true, // the default is to sync every two minutes
		NoSigs:            true, // signals belong to the process that embeds us
		MaxConn:           mostConnections,
	}
}

// ready waits until clients can connect. There is no time limit but the
// caller's: a large store takes a while to check after a crash.
func (s *Server) ready(ctx context.Context, e *ears) error {
	for !s.nats.ReadyForConnections(20 * time.Millisecond) {
		select {
		case reason := <-e.fatal:
			return errors.New(reason)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		default:
		}
	}
	return nil
}

// Shutdown closes all connections, writes what is open and waits for it. It may
// be called more than once.
func (s *Server) Shutdown() {
	s.stop()
	s.tending.Wait()
	s.end()
	_ = s.lock.Unlock() // the lock ends with the process in any case
}

// end ends the server itself.
func (s *Server) end() {
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
}

// URL is what Dial and the workers connect to. It is the same after a restart.
func (s *Server) URL() string {
	return "nats://" + net.JoinHostPort(Loopback, strconv.Itoa(s.port))
}

// TokenFile is the file that holds the token; only its owner may read it.
func (s *Server) TokenFile() string { return filepath.Join(s.dir, "token") }

func (s *Server) portFile() string { return filepath.Join(s.dir, "port") }
