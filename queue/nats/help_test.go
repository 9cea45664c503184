package nats_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"skynet/queue"
	"skynet/queue/nats"
)

func sendAll(t *testing.T, q *nats.Queue, n int) map[string]bool {
	t.Helper()
	sent := make(map[string]bool)
	for i := range n {
		id, err := q.Send(t.Context(), strconv.AppendInt(nil, int64(i), 10))
		must(t, err)
		sent[id] = true
	}
	return sent
}

func received(t *testing.T, q *nats.Queue) *queue.Item {
	t.Helper()
	it, err := q.Receive(t.Context(), 10*time.Second)
	if err != nil || it == nil {
		t.Fatalf("received %+v, %v", it, err)
	}
	return it
}

func depth(t *testing.T, q *nats.Queue) queue.Depth {
	t.Helper()
	d, err := q.Depth(t.Context())
	must(t, err)
	return d
}

// wantError wants an error that says all of these things.
func wantError(t *testing.T, err error, said ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one about %q", said)
	}
	for _, s := range said {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	return strings.TrimSpace(string(b))
}
