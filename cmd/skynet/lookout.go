package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/config/redact"
	"skynet/controller"
	"skynet/dashboard/health"
	"skynet/dashboard/metrics"
	"skynet/dashboard/notify"
	"skynet/dashboard/traces"
	"skynet/policy/file"
)

// lookout tells others of what the daemon does: metrics, notifications and traces. It
// outlives the turns of a daemon that shares a lease. A daemon without one (nil) tells
// nobody, and pays nothing.
type lookout struct {
	metrics *metrics.Metrics
	traces  *traces.Tracer   // nil where the settings name no collector
	people  *notify.Notifier // nil where the settings name nobody
	log     *zap.Logger
}

// openLookout makes the lookout that the settings ask for, which are in that file.
func openLookout(ctx context.Context, cfg config.Config, file string, log *zap.Logger, dry bool) (*lookout, error) {
	o := &lookout{log: log, metrics: metrics.New(metrics.Options{Version: wire.Version(), Interval: cfg.Interval.Std(), Dry: dry})}
	if err := o.openTraces(ctx, cfg); err != nil {
		return nil, err
	}
	if dry {
		return o, nil // what it would have done is nobody's concern
	}
	o.people = notify.Start(targets(cfg), notify.Options{
		Watch: watchOfPeople(cfg, file), File: filepath.Join(cfg.StateDir, "notified.json"), Told: o.told,
	})
	return o, nil
}

// told counts and logs what became of a message to a person.
func (o *lookout) told(target, outcome string, m notify.Message, err error) {
	o.metrics.Notified(target, outcome)
	fields := []zap.Field{zap.String(keyFleet, m.Fleet), zap.String("to", target), zap.String("occasion", m.Occasion), zap.String("state", m.State), zap.String("said", m.Said)}
	if err != nil {
		o.log.Warn("a message could not be delivered", append(fields, zap.Error(err))...)
		return
	}
	o.log.Info("a message was delivered", fields...)
}

func (o *lookout) openTraces(ctx context.Context, cfg config.Config) (err error) {
	if cfg.Telemetry == nil {
		return nil
	}
	o.traces, err = traces.New(ctx, traces.Options{
		Endpoint: cfg.Telemetry.Endpoint, Version: wire.Version(),
		Warn: func(err error) {
			o.log.Warn("traces cannot be sent", zap.Error(redact.Error(err, collectorSecrets()...)))
		},
	})
	return err
}

// collectorSecrets are the values of the headers that the exporter takes from the
// environment, which a collector may repeat in its refusal.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
func collectorSecrets() (secrets []string) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for pair := range strings.SplitSeq(os.Getenv(name), ",") {
			_, value, _ := strings.Cut(pair, "=")
			plain, err := url.PathUnescape(value)
			if err != nil {
				plain = value
			}
			secrets = append(secrets, value, plain)
		}
	}
	return secrets
}

// close sends what has not been sent, for some seconds at most.
func (o *lookout) close() {
	if o == nil {
		return
	}
	o.people.Close()
	if err := o.traces.Close(); err != nil {
		o.log.Warn("the last traces cannot be sent", zap.Error(redact.Error(err, collectorSecrets()...)))
	}
}

// metrics answers scrapes.
func (d *daemon) metrics() http.Handler {
	if d.lookout == nil {
		return http.NotFoundHandler()
	}
	return d.lookout.metrics.Handler()
}

// act says that this daemon's turn to act begins; what it returns, that it is over.
func (d *daemon) act() (end func()) {
	o := d.lookout
	if o == nil {
		return func() {}
	}
	o.metrics.Act(true)
	o.metrics.Refusals(d.ears.Refusals)
	o.people.Act(d.fleetNames()...)
	return func() {
		o.metrics.Act(false)
		if d.turn.lost() { // else the next start goes on from what was told
			o.people.Act()
		}
	}
}

// sight is what is seen of one fleet. On nil its methods do nothing.
type sight struct {
	*lookout
	fleet string
	terms atomic.Pointer[health.Terms] // of the policy that runs
	steps *traces.Recorder
}

// sight opens a fleet.
func (o *lookout) sight(fleet string) *sight {
	if o == nil {
		return nil
	}
	return &sight{lookout: o, fleet: fleet, steps: o.traces.Recorder(fleet)}
}

// hold takes what the fleet is held to from now on.
func (s *sight) hold(p file.Policy, f config.Fleet) {
	if s != nil {
		t := health.TermsOf(p, f.Queues)
		s.terms.Store(&t)
	}
}

// watch has every tick of a loop told.
func (s *sight) watch(l *loop) {
	if s == nil {
		return
	}
	told := s.metrics.Fleet(s.fleet)
	l.Watch(func(r controller.Report) {
		terms := s.terms.Load()
		if terms == nil {
			terms = &health.Terms{}
		}
		h := health.Look(r, *terms, health.Versions(r.Snapshot.Workers, l.daemon.ears.Last))
		told.Tick(r, *terms, h)
		s.people.See(h)
		s.trace(r)
	})
}

// trace sends a tick's trace.
func (s *sight) trace(r controller.Report) {
	d := r.Decision
	s.steps.Tick(r.Snapshot.Now, r.Err, traces.Text("skynet.decision", d.ID), traces.Text("skynet.action", d.Action()),
		traces.Count("skynet.have", d.Have), traces.Count("skynet.want", d.Want), traces.Yes("skynet.blind", d.Blind))
}

// step notes that something is asked of a system for the fleet's sake. What it returns
// ends it.
func (s *sight) step(ctx context.Context, system, name string, attrs ...traces.Attr) (context.Context, func(error, ...traces.Attr)) {
	begun := time.Now()
	ctx, end := s.steps.Begin(ctx, system+" "+name, attrs...)
	return ctx, func(err error, more ...traces.Attr) {
		s.metrics.Calls.Done(system, name, time.Since(begun), err)
		end(err, more...)
	}
}

// errUnknown stands for a source that could tell nothing: its signals say why.
var errUnknown = errors.New("all its signals are unknown")
