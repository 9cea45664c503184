package main

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/queue/nats"
	"skynet/queue/sqs"
	"skynet/worker"
	"skynet/worker/av"
	"skynet/worker/bundle"
	"skynet/worker/image"
	"skynet/worker/metadata"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

// What is wired here satisfies what its users ask for.
var (
	_ worker.Voice     = (*nats.Mail)(nil)
	_ worker.Voice     = (*sqs.Mail)(nil)
	_ worker.Metadata  = (*metadata.Client)(nil)
	_ worker.Foresight = (*metadata.Client)(nil)
	_ worker.Stores    = (*store.Stores)(nil)
	_ worker.Releaser  = (*wire.Queue)(nil)
)

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Receive items and work on them until told to stop",
		Long: `Receive items and work on them. At SIGTERM, a drain tag on the instance or a Spot
interruption notice it takes no more items, finishes those in hand, and says so.
A second SIGTERM gives back what is in hand and ends at once.

Settings come from the file, then from SKYNET_WORKER_… variables, then from flags.`,
		Example: "  skynet-worker run --config worker.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := settings(c)
			if err != nil {
				return err
			}
			return run(c.Context(), cfg)
		},
	}
	c.Flags().String("config", "", "settings file")
	config.AddFlags[config.Worker](c.Flags())
	return c
}

func settings(c *cobra.Command) (config.Worker, error) {
	path, _ := c.Flags().GetString("config")
	return config.LoadWorker(path, c.Flags())
}

const (
	findInstance = 30 * time.Second // how long the instance's ID is looked for
	reachQueues  = 2 * time.Minute  // how long queues are tried that answer with an error
)

// run runs the agent until a signal, or until another version takes its place.
func run(ctx context.Context, cfg config.Worker) error {
	log, err := wire.Log(os.Stderr, cfg.Log.Level, cfg.Log.Format)
	if err != nil {
		return err
	}
	trial, err := startChosen(cfg, log)
	if err != nil {
		return err
	}
	next, err := work(ctx, cfg, trial, log)
	if err != nil || next == nil {
		return err
	}
	return next.after()
}

// work puts the agent together and runs it. What it returns besides knows what is to
// run in its place; all that was open is closed by then.
func work(ctx context.Context, cfg config.Worker, trial *bundle.Trial, log *zap.Logger) (next *renewal, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, second := stops()
	go func() { <-first; cancel() }()

	md, err := metadata.New(cfg.Metadata)
	if err != nil {
		return nil, err
	}
	self, err := whoAmI(ctx, cfg, md)
	if err != nil {
		return nil, err
	}
	craft, tidy, err := craftOf(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tidy()) }()
	l := wire.NewLines(cfg.NATS.TokenFile, log, nil)
	defer func() { err = errors.Join(err, l.Close()) }()
	feeds, voice, err := reach(ctx, l, cfg, log)
	if err != nil {
		return nil, err
	}
	if next, err = renewalOf(ctx, cfg, self, trial, log); err != nil {
		return nil, err
	}
	a, err := worker.New(self, feeds, next.judges(craft), voice, options(cfg, md, log)...)
	if err != nil {
		return nil, err
	}
	go func() { <-second; a.Abort() }()
	log.Info("runs", zap.String("instance", string(self.ID)), zap.Int("slots", self.Slots), zap.String("version", self.Version))
	defer next.start(ctx, a)()
	return next, a.Run(ctx)
}

// reach opens the queues, and tries again for a while where that fails: the
// controller may be killed, and its queue server with it, just as a worker
// starts. A worker that gave up then would be one more to buy.
func reach(ctx context.Context, l *wire.Lines, cfg config.Worker, log *zap.Logger) (feeds []worker.Feed, voice worker.Voice, err error) {
	for begun, said := time.Now(), false; ; {
		if feeds, voice, err = feedsOf(ctx, l, cfg); err == nil || time.Since(begun) > reachQueues {
			return feeds, voice, err
		}
		if !said {
			log.Warn("cannot reach the queues, tries again", zap.Error(err))
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(time.Second):
		}
	}
}

// feedsOf opens the queues that the worker receives from, and the one that it
// reports to.
func feedsOf(ctx context.Context, l *wire.Lines, cfg config.Worker) ([]worker.Feed, worker.Voice, error) {
	feeds := make([]worker.Feed, 0, len(cfg.Queues))
	for _, q := range cfg.Queues {
		source, err := l.Queue(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		feeds = append(feeds, worker.Feed{Source: source, Weight: q.Weight, Tries: q.Tries})
	}
	voice, err := l.Heartbeats(ctx, cfg.Heartbeats)
	return feeds, voice, err
}

func options(cfg config.Worker, md worker.Metadata, log *zap.Logger) []worker.Option {
	list := []worker.Option{
		worker.WithLog(log), worker.WithMetadata(md, cfg.Poll.Std()),
		worker.WithHeartbeat(cfg.Heartbeat.Std()), worker.WithGrace(cfg.Grace.Std()),
	}
	if cfg.WhileParent {
		list = append(list, worker.WhileParent())
	}
	return list
}

// whoAmI asks the instance metadata. Without an answer the worker cannot be
// counted, drained or let go, so it does not start.
func whoAmI(ctx context.Context, cfg config.Worker, md *metadata.Client) (worker.Self, error) {
	ctx, cancel := context.WithTimeout(ctx, findInstance)
	defer cancel()
	for {
		id, err := md.InstanceID(ctx)
		if err == nil {
			err = tagsEnabled(ctx, md)
		}
		if err == nil {
			return worker.Self{ID: id, Fleet: cfg.Fleet, Version: wire.Version(), Slots: cfg.Slots}, nil
		}
		select {
		case <-ctx.Done():
			return worker.Self{}, fmt.Errorf("no usable instance metadata at %s: %w; on EC2 the instance must allow IMDSv2, elsewhere set metadata to the endpoint", cfg.Metadata, err)
		case <-time.After(time.Second):
		}
	}
}

// tagsEnabled refuses an instance whose tags cannot be read: it would never
// learn that it is asked to drain.
func tagsEnabled(ctx context.Context, md *metadata.Client) error {
	on, err := md.TagsEnabled(ctx)
	if err == nil && !on {
		err = errors.New("instance tags are not in the metadata; set InstanceMetadataTags to enabled in the launch template")
	}
	return err
}

// craftOf is what this worker can do: photographs and video.
func craftOf(ctx context.Context, cfg config.Worker) (craft *worker.Media, tidy func() error, err error) {
	images, err := image.New()
	if err != nil {
		return nil, nil, err
	}
	films := av.New()
	films.Threads = max(1, runtime.NumCPU()/cfg.Slots) // every slot may have a film at once
	if err := films.Check(ctx); err != nil {
		return nil, nil, err
	}
	stores, err := store.Open(ctx, cfg.Stores...)
	if err != nil {
		return nil, nil, err
	}
	scratch, err := worker.OpenScratch(cfg.Scratch)
	if err != nil {
		return nil, nil, errors.Join(err, stores.Close())
	}
	book, err := recipe.Load("")
	if err != nil {
		return nil, nil, errors.Join(err, stores.Close())
	}
	tidy = func() error { return errors.Join(scratch.Close(), stores.Close()) }
	craft = worker.NewMedia(stores, scratch.Folder, book, map[recipe.Medium]worker.Maker{
		recipe.ByImage: makerOf(images), recipe.ByVideo: makerOf(films), recipe.ByAudio: makerOf(films),
	})
	craft.Outputs = cfg.Outputs
	return craft, tidy, craft.Check()
}

// makerOf is a maker that does what recipes say, or one that does one thing only.
func makerOf(m interface {
	Make(ctx context.Context, input, folder string) ([]string, error)
}) worker.Maker {
	if able, ok := m.(worker.Maker); ok {
		return able
	}
	return simple{m.Make}
}

// simple makes what it makes, whatever is asked for.
type simple struct {
	make func(ctx context.Context, input, folder string) ([]string, error)
}

func (s simple) Work(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
	names, err := s.make(ctx, job.Inputs[recipe.Main], job.Folder)
	made := make([]recipe.Made, len(names))
	for i, n := range names {
		made[i] = recipe.Made{Name: n, Type: mime.TypeByExtension(filepath.Ext(n))}
	}
	return made, err
}
