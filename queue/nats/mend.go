package nats

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// room is how much must be writable before the server is started anew: what a
	// few writes take would be gone at once.
	room = 1 << 20
	// longestWait bounds the pause between looks whether there is room again, which
	// begins with a breath and doubles.
	longestWait = 5 * time.Second
)

// tend starts the server anew whenever a stream has stopped writing. Its clients
// find it again by themselves; items that it took are on disk.
func (s *Server) tend(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.ears.broken:
		}
		s.ears.warn("items cannot be written down, and none is taken until they can: make room in " + s.dir)
		if s.restart(ctx) {
			s.ears.warn("items can be written down again: the queue server was started anew")
		}
	}
}

// restart waits for room and starts the server anew, until that works or ctx ends.
func (s *Server) restart(ctx context.Context) bool {
	for wait := breath; ; wait = min(2*wait, longestWait) {
		if writable(s.dir) == nil {
			s.end()
			s.ears.forget()
			err := s.run(ctx)
			if err == nil {
				return true
			}
			s.ears.warn(fmt.Sprintf("the queue server cannot be started anew: %v", err))
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// writable reports why nothing can be written in a folder.
func writable(dir string) (err error) {
	f, err := os.CreateTemp(dir, ".room-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := f.Write(make([]byte, room)); err != nil {
		return err
	}
	return f.Sync()
}
