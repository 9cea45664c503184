package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
)

// Loopback is the only address that the embedded server listens on: items and
// heartbeats are nobody else's business, and the connection is not encrypted.
const Loopback = "127.0.0.1"

// ServerOptions says where the embedded server lives. Only Dir is required.
type ServerOptions struct {
	Dir   string       // its own folder: items, port, token and lock
	Port  int          // 0: the port used last time, or any free one
	Token string       // "": the token used last time, or a new random one
	Warn  func(string) // hears the server's warnings and errors; nil: nobody does
}

// Server is an embedded NATS JetStream server.
type Server struct {
	dir  string
	port int
	nats *server.Server
	lock *flock.Flock
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
	s := &Server{dir: opts.Dir, lock: lock}
	if err := s.start(ctx, opts); err != nil {
		s.Shutdown()
		return nil, fmt.Errorf("start queue server in %s: %w", opts.Dir, err)
	}
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

func (s *Server) start(ctx context.Context, opts ServerOptions) error {
	token, err := keptToken(s.TokenFile(), opts.Token)
	if err != nil {
		return err
	}
	port, err := choosePort(s.portFile(), opts.Port)
	if err != nil {
		return err
	}
	ears := newEars(opts.Warn)
	if s.nats, err = server.NewServer(settings(s.dir, port, token)); err != nil {
		return err
	}
	s.nats.SetLoggerV2(ears, false, false, false)
	go s.nats.Start()
	if err := s.ready(ctx, ears); err != nil {
		return err
	}
	s.port = s.nats.Addr().(*net.TCPAddr).Port
	return writeKept(s.portFile(), strconv.Itoa(s.port))
}

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
		SyncAlways:    true, // the default is to sync every two minutes
		NoSigs:        true, // signals belong to the process that embeds us
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
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	_ = s.lock.Unlock() // the lock ends with the process in any case
}

// URL is what Dial and the workers connect to. It is the same after a restart.
func (s *Server) URL() string {
	return "nats://" + net.JoinHostPort(Loopback, strconv.Itoa(s.port))
}

// TokenFile is the file that holds the token; only its owner may read it.
func (s *Server) TokenFile() string { return filepath.Join(s.dir, "token") }

func (s *Server) portFile() string { return filepath.Join(s.dir, "port") }
