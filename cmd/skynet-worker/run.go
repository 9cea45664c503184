package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/fleet"
	"skynet/queue"
	"skynet/queue/nats"
	"skynet/queue/sqs"
	"skynet/worker"
	"skynet/worker/bundle"
	"skynet/worker/confine"
	"skynet/worker/metadata"
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

// parent is the process that started this one, asked for before anything else: it may
// be gone by the time that we run.
var parent = os.Getppid()

func settings(c *cobra.Command) (config.Worker, error) {
	path, _ := c.Flags().GetString("config")
	return config.LoadWorker(path, c.Flags())
}

const (
	findInstance = 30 * time.Second // how long the instance's ID is looked for
	reachQueues  = 2 * time.Minute  // how long queues are tried that answer with an error
	transfers    = time.Hour        // what an item may take besides its work, when stores are slow but go on
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

	if err := confined(cfg, log); err != nil {
		return nil, err
	}
	self, md, err := identify(ctx, cfg)
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
	feeds, voice, err := reach(ctx, l, cfg, craft, log)
	if err != nil {
		return nil, err
	}
	if err := craft.Check(); err != nil {
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
	return next.beside(ctx, a)
}

// confined says what the kernel lacks to lock programs up, and refuses to go on where
// the settings want all of it.
func confined(cfg config.Worker, log *zap.Logger) error {
	missing := confine.Missing()
	switch {
	case len(missing) == 0:
	case cfg.Confined:
		return fmt.Errorf("programs that work on items cannot be confined as \"confined: true\" wants: %s", strings.Join(missing, "; "))
	default:
		log.Warn("programs that work on items are not confined as they should be", zap.Strings("missing", missing))
	}
	return nil
}

// reach opens the queues, and tries again for a while where that fails: the
// controller may be killed, and its queue server with it, just as a worker
// starts. A worker that gave up then would be one more to buy.
func reach(ctx context.Context, l *wire.Lines, cfg config.Worker, craft *worker.Media, log *zap.Logger) (feeds []worker.Feed, voice worker.Voice, err error) {
	for begun, said := time.Now(), false; ; {
		if feeds, voice, err = feedsOf(ctx, l, cfg, craft); err == nil || time.Since(begun) > reachQueues {
			return feeds, voice, err
		}
		if cfg.WhileParent && os.Getppid() != parent {
			return nil, nil, fmt.Errorf("the process that started this worker is gone: %w", err)
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

// feedsOf opens the queues that the worker receives from, the one that it reports
// to, and those that its craft sends to.
func feedsOf(ctx context.Context, l *wire.Lines, cfg config.Worker, craft *worker.Media) ([]worker.Feed, worker.Voice, error) {
	feeds := make([]worker.Feed, 0, len(cfg.Queues))
	craft.Send = map[string]queue.Sender{}
	for _, q := range cfg.Queues {
		source, err := l.Queue(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		feeds, craft.Send[q.Name] = append(feeds, worker.Feed{Source: source, Weight: q.Weight, Tries: q.Tries}), source
	}
	for _, q := range cfg.Send {
		to, err := l.Queue(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		craft.Send[q.Name] = to
	}
	if cfg.Results != "" {
		q := config.Queue{Name: "results", URL: cfg.Results}
		q.Defaults()
		to, err := l.Queue(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		craft.Results = to
	}
	if cfg.Heartbeats == config.Off {
		return feeds, silence{}, nil
	}
	voice, err := l.Heartbeats(ctx, cfg.Heartbeats)
	return feeds, voice, err
}

func options(cfg config.Worker, md *metadata.Client, log *zap.Logger) []worker.Option {
	list := []worker.Option{
		worker.WithLog(log),
		worker.WithHeartbeat(cfg.Heartbeat.Std()), worker.WithGrace(cfg.Grace.Std()),
		worker.WithItemLimit(2*cfg.Limits.Time.Std() + transfers),
	}
	if md != nil {
		list = append(list, worker.WithMetadata(md, cfg.Poll.Std()))
	}
	if cfg.WhileParent {
		list = append(list, worker.WhileParent(parent))
	}
	return list
}

// silence is the voice of a worker that reports to nobody.
type silence struct{}

func (silence) Post(context.Context, []byte) error { return nil }

// identify finds out which worker this is, and what tells it to drain: nothing does,
// nil, where it runs on no instance.
func identify(ctx context.Context, cfg config.Worker) (worker.Self, *metadata.Client, error) {
	if cfg.Metadata == config.Off {
		host, err := os.Hostname()
		if err != nil {
			return worker.Self{}, nil, fmt.Errorf("find a name for the worker: %w", err)
		}
		id := fleet.ID(fmt.Sprintf("%s-%d", host, os.Getpid()))
		return worker.Self{ID: id, Fleet: cfg.Fleet, Version: wire.Version(), Slots: cfg.Slots}, nil, nil
	}
	md, err := metadata.New(cfg.Metadata)
	if err != nil {
		return worker.Self{}, nil, err
	}
	self, err := whoAmI(ctx, cfg, md)
	return self, md, err
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
			return worker.Self{}, fmt.Errorf("no usable instance metadata at %s: %w; on EC2 the instance must allow IMDSv2, elsewhere set metadata to the endpoint, or to off where there is none", cfg.Metadata, err)
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
