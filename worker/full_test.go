package worker_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestAFullDiskTakesNoItems: one worker without room must not fail a whole batch
// while others have some.
func TestAFullDiskTakesNoItems(t *testing.T) {
	for name, full := range map[string]error{
		"ours":         fmt.Errorf("scratch: %w", syscall.ENOSPC),
		"a program's":  errors.New("encode: av_interleaved_write_frame(): No space left on device"),
		"another kind": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue()
				fill(q, 10)
				reason := full
				if reason == nil {
					reason = errors.New("not an image")
				}
				w := start(t, 1, craft(func(context.Context, string, []byte) error { return reason }), only(q)).run()
				after(30 * time.Second)
				if n := q.Count("fail"); full != nil && n != 1 || full == nil && n < 10 {
					t.Errorf("%d tries failed within half a minute", n)
				}
				after(time.Minute)
				if n := q.Count("fail"); full != nil && n != 2 {
					t.Errorf("%d tries failed, want another after the rest", n)
				}
				_ = w.end()
			})
		})
	}
}
