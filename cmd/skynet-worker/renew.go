package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"aead.dev/minisign"
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/worker"
	"skynet/worker/bundle"
	"skynet/worker/store"
)

var _ bundle.Place = store.Place{}

// What a program that takes the worker's place is told by its environment.
const (
	envRuns      = "SKYNET_WORKER_BUNDLE"    // its version
	envInstalled = "SKYNET_WORKER_INSTALLED" // the program that was installed, which every way back leads to
)

// startChosen goes on as the version that a start should run, if that is another
// than this program. It returns where this program is to run, with its trial if it
// is under one.
func startChosen(cfg config.Worker, log *zap.Logger) (*bundle.Trial, error) {
	if cfg.Bundle == nil {
		return nil, nil
	}
	home := homeOf(cfg)
	if os.Getenv(envRuns) != "" {
		return home.Trial(wire.Version())
	}
	version, err := home.Choose(time.Now())
	if err != nil || version == "" || version == wire.Version() {
		return nil, err
	}
	err = become(home.Program(version), version)
	// What is installed is better than nothing: the trouble is ours, not the fleet's.
	log.Warn("cannot run the version that is current here; runs the installed one", zap.String("version", version), zap.Error(err))
	return nil, nil
}

func homeOf(cfg config.Worker) bundle.Home {
	return bundle.Home{Folder: filepath.Clean(cfg.Bundle.Folder)}
}

// become puts a program in this process's place. It returns only if that fails.
func become(program, version string) error {
	installed := os.Getenv(envInstalled)
	if installed == "" {
		var err error
		if installed, err = os.Executable(); err != nil {
			return err
		}
	}
	env := append(os.Environ(), envInstalled+"="+installed, envRuns+"="+version)
	args := append([]string{program}, os.Args[1:]...)
	return fmt.Errorf("start %s: %w", program, syscall.Exec(program, args, env))
}

// goBack starts the installed program, which chooses what to run.
func goBack() error {
	installed := os.Getenv(envInstalled)
	for _, name := range []string{envRuns, envInstalled} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	return fmt.Errorf("start %s: %w", installed, syscall.Exec(installed, append([]string{installed}, os.Args[1:]...), os.Environ()))
}

// renewal keeps a worker current.
type renewal struct {
	*bundle.Updater
	trial *bundle.Trial
	next  atomic.Pointer[bundle.Next]
	back  atomic.Bool // the version on trial is bad
}

// renewalOf prepares it, nil where the settings name no bundle.
func renewalOf(ctx context.Context, cfg config.Worker, self worker.Self, trial *bundle.Trial, log *zap.Logger) (*renewal, error) {
	if cfg.Bundle == nil {
		return nil, nil
	}
	place, err := store.OpenPlace(ctx, cfg.Bundle.From)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	u := &bundle.Updater{
		Home: homeOf(cfg), Place: place, Worker: string(self.ID),
		Running: wire.Version(), Every: cfg.Bundle.Every.Std(), Proves: cfg.Bundle.Proves.Std(), Log: log,
	}
	if err := u.Key.UnmarshalText([]byte(cfg.Bundle.Key)); err != nil {
		return nil, fmt.Errorf("bundle: key: %w", err)
	}
	return &renewal{Updater: u, trial: trial}, nil
}

// judges has a trial, if there is one, told what becomes of items.
func (r *renewal) judges(c worker.Craft) worker.Craft {
	if r == nil || r.trial == nil {
		return c
	}
	return judged{c, r.trial}
}

// beside runs the agent, and watches beside it. It returns itself where the agent has
// ended in good order and was not told to: something may take its place.
func (r *renewal) beside(ctx context.Context, a *worker.Agent) (*renewal, error) {
	end := r.start(ctx, a)
	err := a.Run(ctx)
	end()
	if err != nil || ctx.Err() != nil {
		r.giveUp(ctx)
		return nil, err
	}
	return r, nil
}

// start watches beside the agent until what it returns is called.
func (r *renewal) start(ctx context.Context, a *worker.Agent) (end func()) {
	if r == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(ctx, a) })
	return func() {
		cancel()
		watching.Wait()
	}
}

// watch judges the version that runs, if it is on trial, and then waits for a newer
// one, until ctx ends.
func (r *renewal) watch(ctx context.Context, a *worker.Agent) {
	if r.trial != nil {
		r.Judge(ctx, r.trial)
		if r.trial.Bad != nil {
			r.Log.Error("this version is bad, goes back", zap.Error(r.trial.Bad))
			r.back.Store(true)
			a.Renew()
			return
		}
	}
	n, err := r.Wait(ctx)
	if err != nil {
		return
	}
	r.Log.Info("finishes what is in hand, then takes a newer version", zap.String("version", n.Version))
	r.next.Store(&n)
	a.Renew()
	r.Hold(ctx, n)
}

// giveUp is called when the agent was told to stop: what was to take its place would
// have to be told once more.
func (r *renewal) giveUp(ctx context.Context) {
	if r == nil {
		return
	}
	if n := r.next.Load(); n != nil {
		r.Release(ctx, *n)
	}
}

// after is called when the agent has ended in good order, and was not told to. It
// returns only where nothing takes its place.
func (r *renewal) after() error {
	if r.back.Load() {
		return goBack()
	}
	n := r.next.Load()
	if n == nil {
		return nil
	}
	if err := r.Begin(*n); err != nil {
		return err
	}
	return become(n.Program, n.Version)
}

// judged tells the trial what becomes of items.
type judged struct {
	worker.Craft
	trial *bundle.Trial
}

func (j judged) Open(ctx context.Context, t worker.Try) (worker.Piece, error) {
	p, err := j.Craft.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	return judgedPiece{p, j.trial}, nil
}

func (j judged) Failed(ctx context.Context, t worker.Try, err error) error {
	j.trial.Did(err)
	return j.Craft.Failed(ctx, t, err)
}

type judgedPiece struct {
	worker.Piece
	trial *bundle.Trial
}

func (p judgedPiece) Store(ctx context.Context) (worker.Done, error) {
	d, err := p.Piece.Store(ctx)
	if err == nil {
		p.trial.Did(nil)
	}
	return d, err
}

// readKey reads a minisign secret key from a file, which only its owner should read.
func readKey(file string) (key minisign.PrivateKey, err error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return key, fmt.Errorf("--key: %w", err)
	}
	if minisign.IsEncrypted(body) {
		return minisign.DecryptKey(os.Getenv("SKYNET_BUNDLE_PASSWORD"), body)
	}
	if err := key.UnmarshalText(body); err != nil {
		return key, fmt.Errorf("--key: %s is not a secret key of minisign: %w", file, err)
	}
	return key, nil
}
