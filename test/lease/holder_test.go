package lease

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"skynet/lease"
	"skynet/lease/s3"
)

// What the holders' lease is like: as a daemon's, at a thirtieth of its times.
const (
	lasts = 2 * time.Second
	grace = time.Second
	pace  = 50 * time.Millisecond // from act to act
)

// hold is the program of a holder: it stands by, writes down what it is about to do,
// does it, which is a line in a file, and so on until it is told to stop.
func hold(name, file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	store, err := s3.New(cfg, "s3://state/lease")
	if err != nil {
		return err
	}
	to, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	l := lease.New(store, store, lease.Options{
		Holder: name + "/" + strconv.Itoa(os.Getpid()), Lasts: lasts, Grace: grace, Look: 100 * time.Millisecond,
	})
	for {
		if err := l.Acquire(ctx, nil); err != nil {
			return endOf(ctx, err)
		}
		if err := turn(ctx, l, name, to); err != nil {
			return err
		}
	}
}

// turn acts until the lease is lost or ctx ends.
func turn(ctx context.Context, l *lease.Lease, name string, to *os.File) error {
	held, lost := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Hold(held); err != nil {
			fmt.Fprintf(to, "%d %s lost\n", time.Now().UnixNano(), name)
		}
		lost()
	})
	for held.Err() == nil {
		if err := act(held, l, name, to); err != nil && !errors.Is(err, lease.ErrNotHeld) && held.Err() == nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		}
		time.Sleep(pace)
	}
	lost()
	wg.Wait()
	return l.Release(context.WithoutCancel(ctx))
}

func act(ctx context.Context, l *lease.Lease, name string, to *os.File) error {
	if err := l.Note(ctx, []byte(name)); err != nil {
		return err
	}
	_, cancel, err := l.Guard(ctx, grace)
	if err != nil {
		return err
	}
	defer cancel()
	_, err = fmt.Fprintf(to, "%d %s %d\n", time.Now().UnixNano(), name, l.State().Term)
	return err
}

func endOf(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}
