package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/controller"
	"skynet/fleet/local"
	"skynet/fleet/roster"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/policy/file"
	"skynet/queue"
	"skynet/queue/nats"
	"skynet/signals"
	"skynet/signals/calendar"
	"skynet/signals/derived"
	"skynet/signals/heartbeats"
	"skynet/signals/queues"
)

// What is wired here satisfies what its users ask for.
var (
	_ controller.Cloud   = (*local.Fleet)(nil)
	_ controller.Roster  = (*roster.Roster)(nil)
	_ controller.Signals = (*signals.Collector)(nil)
	_ controller.Journal = (*sqlite.Journal)(nil)
	_ controller.Journal = (*journal.Memory)(nil)
	_ roster.Registry    = (*local.Fleet)(nil)
	_ roster.Ears        = (*heartbeats.Ears)(nil)
)

// pruneEvery is how often old records are dropped from the journal.
const pruneEvery = 10 * time.Minute

// daemon is every part of a running controller.
type daemon struct {
	cfg         config.Config
	log         *zap.Logger
	dry         bool
	whileParent bool // workers end with this process: the demo's

	lines   *wire.Lines
	queues  map[string]queue.Queue
	mail    queue.Mail
	ears    *heartbeats.Ears
	local   *local.Fleet
	journal journal.Journal
	fleets  []*controller.Controller

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
	for _, step := range []func(context.Context) error{d.takeLease, d.openQueues, d.openJournal, d.openLocal, d.warnOfStrays, d.openFleets} {
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
	return nil
}

func (d *daemon) openQueues(ctx context.Context) (err error) {
	d.lines = wire.NewLines(d.cfg.NATS.TokenFile, d.log, d.embed)
	d.onClose(d.lines.Close)
	d.queues = map[string]queue.Queue{}
	for _, q := range d.cfg.Queues {
		if d.queues[q.Name], err = d.lines.Queue(ctx, q); err != nil {
			return err
		}
	}
	d.mail, err = d.lines.Heartbeats(ctx, d.cfg.Heartbeats)
	return err
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
		return nil
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
	return nil
}

func (d *daemon) openLocal(context.Context) error {
	templates := make([]local.Template, 0, len(d.cfg.Fleets))
	for _, f := range d.cfg.Fleets {
		t, err := d.template(f)
		if err != nil {
			return err
		}
		templates = append(templates, t)
	}
	l, err := local.Open(filepath.Join(d.cfg.StateDir, "local"), local.Options{
		Templates: templates, Logs: filepath.Join(d.cfg.StateDir, "logs"), Log: slogTo(d.log),
	})
	if err != nil {
		return err
	}
	d.local = l
	d.onClose(l.Close)
	return nil
}

func (d *daemon) openFleets(ctx context.Context) error {
	for _, f := range d.cfg.Fleets {
		c, err := d.controller(ctx, f)
		if err != nil {
			return fmt.Errorf("fleet %s: %w", f.Name, err)
		}
		d.fleets = append(d.fleets, c)
	}
	return nil
}

// controller puts one fleet's loop together.
func (d *daemon) controller(ctx context.Context, f config.Fleet) (*controller.Controller, error) {
	p, err := file.Load(f.Policy, namesOf(d.cfg, f))
	if err != nil {
		return nil, err
	}
	c := controller.New(controller.Fleet{Name: f.Name, Interval: d.cfg.Interval.Std()}, d.world(f, p), d.rules(f, p), d.journal)
	workers, err := c.Resume(ctx, time.Now())
	if err != nil {
		return nil, fmt.Errorf("read what an earlier run left in the journal: %w", err)
	}
	d.ears.Prime(workers)
	if d.dry {
		c.Watch(logDryTicks(d.log))
	} else {
		c.Watch(logTicks(d.log))
	}
	return c, nil
}

// world is what a fleet's loop reads and acts on.
func (d *daemon) world(f config.Fleet, p file.Policy) controller.World {
	w := controller.World{
		Cloud:   d.local,
		Roster:  &roster.Roster{Registry: d.local, Ears: d.ears, Silence: p.Silent},
		Signals: d.sources(f, p),
	}
	if d.dry {
		return controller.ReadOnly(w)
	}
	return w
}

// rules are how a fleet's loop decides.
func (d *daemon) rules(f config.Fleet, p file.Policy) controller.Rules {
	set := p.Signals
	set.Queues, set.Slots, set.Interval = f.Queues, f.Local.Slots, d.cfg.Interval.Std()
	for _, price := range f.Prices {
		set.Prices = append(set.Prices, derived.Price{Type: price.Type, Hourly: price.Hourly})
	}
	return controller.Rules{Decider: p.Engine, Signals: set}
}

func (d *daemon) sources(f config.Fleet, p file.Policy) *signals.Collector {
	interval := d.cfg.Interval.Std()
	list := []signals.Source{
		d.ears.Source(f.Name, f.Queues, interval),
		calendar.New(p.Signals.Zone, p.Signals.Holidays...),
	}
	for _, name := range f.Queues {
		list = append(list, queues.New(d.queues[name], interval))
	}
	return signals.NewCollector(list...)
}

// run runs the loops until ctx ends, and returns when the last tick has.
func (d *daemon) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		d.ears.Listen(ctx, d.mail, func(err error) { d.log.Warn("cannot hear the workers", zap.Error(err)) })
	})
	wg.Go(func() { d.prune(ctx) })
	for _, c := range d.fleets {
		wg.Go(func() { c.Run(ctx) })
	}
	wg.Wait()
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
