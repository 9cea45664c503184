package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"aead.dev/minisign"
	"go.uber.org/zap"

	"skynet/worker"
	"skynet/worker/bundle"
	"skynet/worker/store"
	"skynet/worker/workertest"
)

// slow is a craft whose work begins, and ends when it may.
type slow struct{ begun, end chan struct{} }

func (s slow) Open(context.Context, worker.Try) (worker.Piece, error) { return s, nil }
func (s slow) Failed(context.Context, worker.Try, error) error        { return nil }
func (s slow) Work(context.Context) error                             { close(s.begun); <-s.end; return nil }
func (s slow) Store(context.Context) (worker.Done, error)             { return worker.Done{}, nil }
func (s slow) Close() error                                           { return nil }

type nobody struct{}

func (nobody) Post(context.Context, []byte) error { return nil }

// TestAWorkerToldToStopTakesNoNewerVersion: a stop that comes while it finishes its
// items for a newer version is a stop, and gives the turn back.
func TestAWorkerToldToStopTakesNoNewerVersion(t *testing.T) {
	for _, told := range []bool{true, false} {
		folder := t.TempDir()
		place, err := store.OpenPlace(t.Context(), "file://"+folder)
		if err != nil {
			t.Fatal(err)
		}
		public, private, err := minisign.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(program, []byte("#!/bin/sh\necho skynet-worker version 2.0\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		r := &renewal{Updater: &bundle.Updater{
			Home: bundle.Home{Folder: filepath.Join(t.TempDir(), "bundles")}, Place: place, Key: public, Worker: "i-1", Running: "1.0",
			Every: time.Millisecond, Log: zap.NewNop(),
		}}
		queue, work := workertest.New("q", time.Minute, time.Minute, 3), slow{make(chan struct{}), make(chan struct{})}
		if _, err := queue.Send(t.Context(), []byte("item")); err != nil {
			t.Fatal(err)
		}
		a, err := worker.New(worker.Self{ID: "i-1", Fleet: "f", Slots: 1}, []worker.Feed{{Source: queue}}, work, nobody{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			<-work.begun
			if _, err := bundle.Publish(t.Context(), place, private, program, "2.0", 1, time.Now()); err != nil {
				t.Error(err)
			}
			for r.next.Load() == nil && t.Context().Err() == nil {
				time.Sleep(time.Millisecond)
			}
			if told {
				stop()
			}
			close(work.end)
		}()
		next, err := r.beside(ctx, a)
		stop()
		if err != nil || (next == nil) != told || queue.Left() != 0 {
			t.Errorf("told %v: %v, %v, %d items left", told, next, err, queue.Left())
		}
		out, err := bundle.Look(t.Context(), place, "2.0")
		if err != nil || (len(out.Turns) == 0) != told || len(out.Good)+len(out.Bad) != 0 {
			t.Errorf("told %v: %+v, %v", told, out, err)
		}
	}
}
