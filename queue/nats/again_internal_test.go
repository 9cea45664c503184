package nats

import (
	"context"
	"errors"
	"fmt"
	"testing"

	client "github.com/nats-io/nats.go"
)

// TestWhyLettersWereLeft is told in words of what is so, rather than of how it showed.
func TestWhyLettersWereLeft(t *testing.T) {
	t.Parallel()
	const doubt = "up to %d may be in both"
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		ctx    context.Context
		err    error
		failed int
		want   string
	}{
		"silence":         {t.Context(), fmt.Errorf("item a: %w", client.ErrReconnectBufExceeded), 64, "the queue server does not answer any more; up to 64 may be in both"},
		"silence at once": {t.Context(), context.DeadlineExceeded, 0, "the queue server does not answer any more; what is left is untouched"},
		"trouble":         {t.Context(), errors.New("disk full"), 2, "the queue server does not answer any more; up to 2 may be in both: disk full"},
		"refused":         {t.Context(), client.ErrConnectionClosed, 1, "nats: connection closed"},
		"all refused":     {t.Context(), client.ErrConnectionClosed, 3, "nats: connection closed; 2 failed like it"},
		"stopped":         {ended, context.Canceled, 5, "stopped before the end; up to 5 may be in both"},
	} {
		if got := halted(c.ctx, c.err, c.failed, doubt).Error(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
