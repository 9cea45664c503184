package store

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// drip gives a byte at a time, after a while, until it has given n; then nothing.
type drip struct {
	ctx   context.Context //nolint:containedctx // as a response's body has that of its request
	every time.Duration
	n     int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.n == 0 {
		<-d.ctx.Done()
		return 0, d.ctx.Err()
	}
	d.n--
	time.Sleep(d.every)
	return copy(p, "x"), nil
}

// A store that is slow is waited for; one that stands still is not.
func TestAStoreThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, dog := watch(t.Context(), time.Minute)
		defer dog.stop()
		begun := time.Now()
		n, err := io.Copy(io.Discard, dog.reading(&drip{ctx, 50 * time.Second, 10}))
		if n != 10 || err == nil || !strings.Contains(dog.why(err).Error(), "the store has sent nothing for 1m0s") {
			t.Errorf("%d bytes, %v", n, dog.why(err))
		}
		if took := time.Since(begun); took < 560*time.Second || took > 570*time.Second {
			t.Errorf("took %v", took)
		}
	})
	ctx, dog := watch(t.Context(), 0)
	if n, err := io.Copy(io.Discard, dog.reading(bytes.NewReader([]byte("abc")))); n != 3 || err != nil || ctx.Err() != nil {
		t.Errorf("%d, %v", n, err)
	}
	dog.stop()
}

// stuck is a shelf in whose midst somebody stands.
type stuck struct {
	shelf
	freed chan struct{}
}

func (s stuck) Close() error { <-s.freed; return nil }

// silent is a shelf that never answers.
type silent struct{ shelf }

func (silent) open(ctx context.Context, _ string) (io.ReadCloser, int64, error) {
	<-ctx.Done()
	return nil, 0, ctx.Err()
}

func (silent) create(ctx context.Context, _ string, _ []byte) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func (silent) size(ctx context.Context, _ string) (int64, error) { <-ctx.Done(); return 0, ctx.Err() }

func (silent) remove(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }

// What is small is not waited for longer than what is large.
func TestAStoreThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Stores{Stall: time.Minute, all: []*store{{scheme: "mem", shelf: silent{}}}}
		for name, do := range map[string]func() error{
			"read":   func() error { _, err := s.Read(t.Context(), "mem:///a", 1); return err },
			"create": func() error { _, err := s.Create(t.Context(), "mem:///a", nil); return err },
			"size":   func() error { _, err := s.Size(t.Context(), "mem:///a"); return err },
			"remove": func() error { return s.Remove(t.Context(), "mem:///a") },
		} {
			begun := time.Now()
			if err := do(); err == nil || !strings.Contains(err.Error(), "the store has sent nothing for 1m0s") || time.Since(begun) != time.Minute {
				t.Errorf("%s: %v after %s", name, err, time.Since(begun))
			}
		}
	})
}

// A store that does not answer does not keep a worker from its end.
func TestCloseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed := make(chan struct{})
		s := &Stores{all: []*store{{shelf: stuck{freed: freed}}}}
		begun := time.Now()
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "still in use 5s after the end") || time.Since(begun) != closing {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		close(freed)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
