package wire

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// A tick that asks for a hundred queues at once finds the connections of the tick
// before.
func TestConnectionsAreKeptFromTickToTick(t *testing.T) {
	const atOnce = 100
	var opened atomic.Int64
	var together sync.WaitGroup // no answer before all have asked: a connection for each
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	c, err := AWS(t.Context(), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		together.Add(atOnce)
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
				if answer, err := c.HTTPClient.Do(r); err != nil {
					t.Error(err)
				} else {
					_ = answer.Body.Close()
				}
			})
		}
		all.Wait()
	}
	if n := opened.Load(); n > atOnce+atOnce/4 {
		t.Errorf("%d connections for three ticks of %d requests", n, atOnce)
	}
}
