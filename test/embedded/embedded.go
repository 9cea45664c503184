// Package embedded gives tests a queue of a server of their own, as the controller
// embeds one.
package embedded

import (
	"context"
	"testing"

	"skynet/queue/nats"
)

// Queue starts a server in a folder, and returns it with a queue of it. Both end with
// the test.
func Queue(tb testing.TB, dir string, c nats.Config) (*nats.Server, *nats.Queue) {
	tb.Helper()
	server, err := nats.Start(context.Background(), nats.ServerOptions{Dir: dir})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Shutdown)
	conn, err := nats.Dial(context.Background(), nats.DialOptions{URL: server.URL(), TokenFile: server.TokenFile()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(conn.Close)
	q, err := conn.Queue(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return server, q
}
