package main

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/controller"
	"skynet/fleet/ec2"
	"skynet/fleet/local"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/queue"
	"skynet/queue/nats"
	"skynet/signals"
	"skynet/signals/heartbeats"
)

// What is wired here satisfies what its users ask for.
var (
	_ controller.Roster  = (*roster.Roster)(nil)
	_ controller.Signals = (*signals.Collector)(nil)
	_ controller.Journal = (*sqlite.Journal)(nil)
	_ controller.Journal = (*journal.Memory)(nil)
	_ roster.Ears        = (*heartbeats.Ears)(nil)
)

// pruneEvery is how often old records are dropped from the journal.
const pruneEvery = 10 * time.Minute

// daemon is every part of a running controller.
type daemon struct {
	cfg         config.Config
	log         *zap.Logger
	dry         bool
	whileParent bool     // workers end with this process: the demo's
	me          string   // in a lease: this process, whichever turn it is at
	again       bool     // has had a turn before, and lost it
	ran         bool     // has had its turn
	lookout     *lookout // what tells others of it; nil where nobody is told
	front       *front   // what others see of it; nil where nothing is served
	supervisor  *supervisor

	aws     aws.Config // where the settings have an account
	lines   *wire.Lines
	queues  map[string]queue.Queue
	mail    queue.Mail
	events  queue.Mail // what EC2 tells by EventBridge; nil where it does not
	told    wave       // how much of it was told in the log
	ears    *heartbeats.Ears
	local   *local.Fleet      // nil where nothing runs on this machine
	ec2     *ec2.Fleet        // nil where nothing runs on EC2
	grounds map[string]ground // by fleet
	journal journal.Journal
	turn    *turn // nil where the lock on the folder is the lease
	fleets  []*loop
	orders  *orders
	own     *sourcesOf         // what is measured for all fleets together
	ledger  *controller.Ledger // what all fleets use together, where limits over all are set

	ends []func() error // what is to be ended, in reverse order
}

// open starts every part but the loops. On an error nothing stays open.
func (d *daemon) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	d.ears = heartbeats.New()
	for _, step := range []func(context.Context) error{
		d.openAWS, d.takeLease, d.openLease, d.readOrders, d.openQueues, d.openJournal, d.openGrounds, d.openEvents, d.warnOfStrays, d.standBy, d.openFleets,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// onClose remembers how to end a part.
func (d *daemon) onClose(f func() error) { d.ends = append(d.ends, f) }

// close ends the parts, the last opened first. The fleet stays as it is.
func (d *daemon) close() error {
	var errs []error
	for i := len(d.ends) - 1; i >= 0; i-- {
		errs = append(errs, d.ends[i]())
	}
	d.ends = nil
	return errors.Join(errs...)
}

func (d *daemon) takeLease(context.Context) error {
	release, err := lockFolder(d.cfg.StateDir)
	if err != nil {
		return err
	}
	d.onClose(release)
	if what := openToOthers(d.cfg.StateDir); what != "" {
		d.log.Warn("every user of this machine may "+what+" the state folder: chmod 0700", zap.String("folder", d.cfg.StateDir))
	}
	return nil
}

func (d *daemon) readOrders(context.Context) (err error) {
	d.orders, err = openOrders(d.cfg.StateDir, d.log)
	return err
}

func (d *daemon) openQueues(ctx context.Context) (err error) {
	d.lines = wire.NewLines(d.cfg.NATS.TokenFile, d.log, d.embed)
	d.lines.AWS = d.lookout.aws()
	d.onClose(d.lines.Close)
	d.queues = map[string]queue.Queue{}
	for _, q := range d.cfg.Queues {
		if d.queues[q.Name], err = d.lines.Queue(ctx, q); err != nil {
			return err
		}
	}
	if d.mail, err = d.lines.Heartbeats(ctx, d.cfg.Heartbeats); err != nil {
		return err
	}
	return d.checkQueues(ctx)
}

// checkQueues warns of what is odd in the settings that queues have of their own.
func (d *daemon) checkQueues(ctx context.Context) error {
	opened := []any{d.mail}
	for _, q := range d.cfg.Queues {
		opened = append(opened, d.queues[q.Name])
	}
	for _, q := range opened {
		warnings, err := wire.Check(ctx, q)
		if err != nil {
			return err
		}
		for _, w := range warnings {
			d.log.Warn(w)
		}
	}
	return nil
}

// embed starts the embedded queue server.
func (d *daemon) embed(ctx context.Context) (*nats.Server, error) {
	return nats.Start(ctx, nats.ServerOptions{Dir: filepath.Join(d.cfg.StateDir, "nats"), Warn: d.lines.Warn})
}

// openJournal opens the record of every tick. A dry run writes none: it would
// mix what was done with what would have been.
func (d *daemon) openJournal(context.Context) error {
	if d.dry {
		d.journal = journal.NewMemory(2 * time.Hour)
		return d.front.opened(d, d.journal)
	}
	keep := d.cfg.Journal
	j, err := sqlite.Open(filepath.Join(d.cfg.StateDir, "journal.db"), sqlite.Options{
		Details: keep.Details.Std(), Minutes: keep.Minutes.Std(), Hours: keep.Hours.Std(),
	})
	if err != nil {
		return err
	}
	d.journal = j
	d.onClose(j.Close)
	return d.front.opened(d, j)
}

// run runs the loops until ctx ends, and returns when the last tick has.
func (d *daemon) run(ctx context.Context) {
	defer d.act()()
	var wg sync.WaitGroup
	wg.Go(func() {
		d.ears.Listen(ctx, d.lookout.mail(d.mail), d.complainOfMail)
	})
	wg.Go(func() { d.hearEvents(ctx) })
	wg.Go(func() { d.reap(ctx) })
	wg.Go(func() { d.prune(ctx) })
	wg.Go(func() { d.obeyHangups(ctx) })
	for _, l := range d.fleets {
		wg.Go(func() { l.Run(ctx) })
		wg.Go(func() { l.reload(ctx) })
	}
	wg.Wait()
}

// complainOfMail logs what is wrong with the queue of heartbeats.
func (d *daemon) complainOfMail(err error) {
	if errors.Is(err, heartbeats.ErrForged) {
		d.log.Warn("somebody posts heartbeats that are not their own", zap.Error(err))
		return
	}
	d.log.Warn("cannot hear the workers", zap.Error(err))
}

// pruner is a journal that forgets.
type pruner interface {
	Prune(ctx context.Context, now time.Time) error
}

func (d *daemon) prune(ctx context.Context) {
	p, ok := d.journal.(pruner)
	if !ok {
		return
	}
	every := time.NewTicker(pruneEvery)
	defer every.Stop()
	for {
		if err := p.Prune(ctx, time.Now()); err != nil && ctx.Err() == nil {
			d.log.Warn("old records cannot be dropped from the journal", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}
