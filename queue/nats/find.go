package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// ErrNotRunning says that the embedded server of a folder does not run.
var ErrNotRunning = errors.New("no queue server runs")

// Find says how another process reaches the server that lives in a folder: its URL, and
// the file that holds its token. It is ErrNotRunning where nobody listens at its port.
func Find(ctx context.Context, dir string) (url, tokenFile string, err error) {
	s := &Server{dir: dir}
	port, err := readKept(s.portFile())
	if err != nil {
		return "", "", fmt.Errorf("find the queue server: %w", err)
	}
	if s.port, err = strconv.Atoi(port); err != nil || s.port < 1 {
		return "", "", fmt.Errorf("%w in %s: it has no port yet", ErrNotRunning, dir)
	}
	address := net.JoinHostPort(Loopback, port)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", "", fmt.Errorf("%w in %s: nobody listens at %s", ErrNotRunning, dir, address)
	}
	return s.URL(), s.TokenFile(), c.Close()
}
