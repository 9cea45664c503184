package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"skynet/config"
	"skynet/controller"
	"skynet/fleet/roster"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/exec"
	"skynet/signals/forecast"
)

// loop is one fleet's controller and what it takes to give it another policy.
type loop struct {
	*controller.Controller
	daemon *daemon
	fleet  config.Fleet
	lasts  *signals.Collector // of the sources, which outlive a policy: some count from one reading to the next
	log    *zap.Logger
	sight  *sight  // tells others of its ticks
	read   version // of the policy file that runs
	ahead  *forecast.Forecaster
	asked  *exec.Advisers   // the programs that its policies ask
	former []*exec.Advisers // those of earlier policies: some may still run
	looks  chan chan struct{}
	deep   bool // workers that sleep hibernate, as the cloud was told at the start
}

func (d *daemon) openFleets(ctx context.Context) error {
	d.onClose(d.endPrograms)
	if d.limits() != (policy.Limits{}) {
		d.ledger = controller.NewLedger(d.fleetNames()...)
	}
	for _, f := range d.cfg.Fleets {
		l, err := d.loop(ctx, f)
		if err != nil {
			return fmt.Errorf("fleet %s: %w", f.Name, err)
		}
		d.fleets = append(d.fleets, l)
	}
	d.front.acts(d)
	return nil
}

// loop puts one fleet's loop together.
func (d *daemon) loop(ctx context.Context, f config.Fleet) (*loop, error) {
	l := &loop{daemon: d, fleet: f, log: d.log.With(zap.String(keyFleet, f.Name)), sight: d.lookout.sight(f.Name), looks: make(chan chan struct{})}
	l.lasts = signals.NewCollector(l.sight.sources(d.sources(f))...)
	p, text, err := l.loadText()
	if err != nil {
		return nil, err
	}
	l.deep = p.Hibernate
	l.keep(text)
	d.front.decidesBy(f.Name, p)
	l.lookAhead(ctx, p)
	l.Controller = controller.New(controller.Fleet{Name: f.Name, Interval: d.cfg.Interval.Std()}, l.world(p), l.rules(p, l.read), l.sight.journal(d.ticks()))
	workers, err := l.Resume(ctx, time.Now())
	if err != nil {
		return nil, fmt.Errorf("read what an earlier run left in the journal: %w", err)
	}
	d.ears.Prime(workers)
	if err := d.seed(ctx, f.Name); err != nil {
		return nil, err
	}
	l.Watch(d.supervisor.ended)
	if d.dry {
		l.Watch(logDryTicks(d.log))
	} else {
		l.Watch(logTicks(d.log))
		l.Watch(logRoom(l.log, d.journal))
		d.publish(f.Name, l.Watch)
	}
	d.front.watch(f.Name, l.Watch)
	l.sight.watch(l)
	return l, nil
}

// world is what the loop reads and acts on under a policy.
func (l *loop) world(p file.Policy) controller.World {
	d := l.daemon
	w := controller.World{
		Cloud:   d.grounds[l.fleet.Name],
		Roster:  &roster.Roster{Registry: d.grounds[l.fleet.Name], Ears: d.ears, Silence: p.Silent},
		Signals: l.lasts,
		Orders:  d.orders,

		Forecaster: l.ahead,
	}
	if programs := programsOf(p); len(programs) > 0 {
		l.asked = exec.New(programs...)
		w.Advisers = l.asked
	}
	if d.ledger != nil {
		w.Account = d.ledger
	}
	if d.dry {
		return l.sight.world(controller.ReadOnly(w))
	}
	return l.sight.world(d.fenced(w))
}

// rules are how the loop decides under a policy.
func (l *loop) rules(p file.Policy, v version) controller.Rules {
	set, known := p.Signals, settingsOf(l.fleet)
	set.Queues, set.Slots, set.Prices, set.Interval = known.Queues, known.Slots, known.Prices, l.daemon.cfg.Interval.Std()
	e := p.Engine
	if limits := l.daemon.limits(); limits != (policy.Limits{}) {
		e.Guards = append(e.Guards[:len(e.Guards):len(e.Guards)], limits)
	}
	l.sight.hold(p, l.fleet)
	return controller.Rules{Decider: l.sight.decider(e), Signals: set, Version: v.String()}
}

// limits are those over all fleets.
func (d *daemon) limits() policy.Limits {
	return policy.Limits{Instances: d.cfg.Limits.Instances, Hourly: d.cfg.Limits.Hourly}
}

// sources are a fleet's sources, none of which depends on its policy.
func (d *daemon) sources(f config.Fleet) []signals.Source {
	interval := d.cfg.Interval.Std()
	list := []signals.Source{d.ears.Source(f.Name, f.Queues, interval)}
	for _, name := range f.Queues {
		list = append(list, d.queueSources(name)...)
	}
	if f.EC2 != nil && f.EC2.Spot != nil {
		list = append(list, spotPrice{d.ec2.SpotPrices, f.Name, interval})
	}
	return append(list, d.shared().own...)
}

// seed tells the ledger what a fleet used when the daemon stopped.
func (d *daemon) seed(ctx context.Context, fleetName string) error {
	if d.ledger == nil {
		return nil
	}
	last, err := d.journal.Records(ctx, fleetName, time.Time{}, seedTicks)
	if err != nil {
		return fmt.Errorf("read what an earlier run left in the journal: %w", err)
	}
	if u, ok := controller.Used(last); ok {
		d.ledger.Seed(fleetName, u)
	}
	return nil
}

// seedTicks is how many of the last ticks are read for it: some may have failed.
const seedTicks = 10

func (d *daemon) fleetNames() []string {
	names := make([]string, len(d.cfg.Fleets))
	for i, f := range d.cfg.Fleets {
		names[i] = f.Name
	}
	return names
}

// endPrograms ends what policies ask.
func (d *daemon) endPrograms() error {
	var errs []error
	for _, l := range d.fleets {
		for _, a := range l.former {
			errs = append(errs, a.Close())
		}
		if l.asked != nil {
			errs = append(errs, l.asked.Close())
		}
	}
	return errors.Join(errs...)
}

// priced wants a price where the policy speaks of money.
func priced(p file.Policy, f config.Fleet) error {
	if p.Money == "" || len(f.Prices) > 0 {
		return nil
	}
	return fmt.Errorf("%s: %s: fleet %s has no prices, so nothing would be bought; add prices: [{type: …, hourly: …}] to it in the settings", f.Policy, p.Money, f.Name)
}
