package dashboard

import (
	"net"
	"sync"
)

// boundedConn gives its place back, once.
type boundedConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.once.Do(c.leave)
	return c.Conn.Close()
}

// CloseWrite says that no more comes, and leaves the other side the time to read what
// has: net/http asks for it before it hangs up on who sends too much, whose system
// would drop a refusal that was not read yet.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
