package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/controller"
	"skynet/dashboard/traces"
	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/queue"
	"skynet/signals"
	"skynet/signals/web"
)

// What is watched does what it did before.
var (
	_ controller.Cloud    = watchedCloud{}
	_ controller.Roster   = watchedRoster{}
	_ controller.Journal  = watchedJournal{}
	_ controller.Decider  = watchedDecider{}
	_ controller.Advisers = watchedAdvisers{}
	_ signals.Source      = watchedSource{}
	_ queue.Gauge         = watchedGauge{}
)

// world is one of which every call is counted and noted.
func (s *sight) world(w controller.World) controller.World {
	if s == nil {
		return w
	}
	c := watchedCloud{w.Cloud, s}
	if d, drafts := w.Cloud.(controller.Drafter); drafts {
		w.Cloud = struct {
			watchedCloud
			controller.Drafter
		}{c, d}
	} else {
		w.Cloud = c
	}
	w.Roster = watchedRoster{w.Roster, s}
	if w.Advisers != nil {
		w.Advisers = watchedAdvisers{w.Advisers, s}
	}
	return w
}

// onSome watches a call about some workers.
func onSome(ctx context.Context, s *sight, name string, asked int, do func(context.Context) ([]fleet.ID, error)) ([]fleet.ID, error) {
	ctx, end := s.step(ctx, "fleet", name, traces.Count("skynet.asked", asked))
	done, err := do(ctx)
	end(err, traces.Count("skynet.done", len(done)))
	return done, err
}

type watchedCloud struct {
	of controller.Cloud
	s  *sight
}

func (c watchedCloud) Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	return onSome(ctx, c.s, "launch", o.Count, func(ctx context.Context) ([]fleet.ID, error) { return c.of.Launch(ctx, o) })
}

func (c watchedCloud) Wake(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return onSome(ctx, c.s, "wake", len(ids), func(ctx context.Context) ([]fleet.ID, error) { return c.of.Wake(ctx, ids) })
}

func (c watchedCloud) Sleep(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return onSome(ctx, c.s, "sleep", len(ids), func(ctx context.Context) ([]fleet.ID, error) { return c.of.Sleep(ctx, ids) })
}

func (c watchedCloud) Terminate(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return onSome(ctx, c.s, "terminate", len(ids), func(ctx context.Context) ([]fleet.ID, error) { return c.of.Terminate(ctx, ids) })
}

type watchedRoster struct {
	of controller.Roster
	s  *sight
}

func (r watchedRoster) Workers(ctx context.Context, fleetName string) ([]fleet.Worker, error) {
	ctx, end := r.s.step(ctx, "fleet", "list")
	ws, err := r.of.Workers(ctx, fleetName)
	end(err, traces.Count("skynet.workers", len(ws)))
	return ws, err
}

func (r watchedRoster) Drain(ctx context.Context, ids []fleet.ID, decision string) ([]fleet.ID, error) {
	return onSome(ctx, r.s, "drain", len(ids), func(ctx context.Context) ([]fleet.ID, error) { return r.of.Drain(ctx, ids, decision) })
}

func (r watchedRoster) Recall(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	return onSome(ctx, r.s, "recall", len(ids), func(ctx context.Context) ([]fleet.ID, error) { return r.of.Recall(ctx, ids) })
}

type watchedAdvisers struct {
	of controller.Advisers
	s  *sight
}

func (a watchedAdvisers) Ask(ctx context.Context, snap signals.Snapshot) []signals.Advice {
	ctx, end := a.s.step(ctx, "programs", "ask")
	list := a.of.Ask(ctx, snap)
	var err error
	for _, one := range list {
		if one.Unknown != "" {
			err = fmt.Errorf("%s: %s", one.Policy, one.Unknown)
		}
	}
	end(err)
	return list
}

// journal is one of which every call is counted and noted.
func (s *sight) journal(j controller.Journal) controller.Journal {
	if s == nil {
		return j
	}
	return watchedJournal{j, s}
}

type watchedJournal struct {
	of controller.Journal
	s  *sight
}

func (j watchedJournal) Write(ctx context.Context, r journal.Record) error {
	ctx, end := j.s.step(ctx, "journal", "write")
	err := j.of.Write(ctx, r)
	end(err)
	return err
}

func (j watchedJournal) Settle(ctx context.Context, o journal.Outcome) error {
	ctx, end := j.s.step(ctx, "journal", "settle")
	err := j.of.Settle(ctx, o)
	end(err)
	return err
}

func (j watchedJournal) Unsettled(ctx context.Context, fleetName string) ([]journal.Intent, error) {
	ctx, end := j.s.step(ctx, "journal", "unsettled")
	list, err := j.of.Unsettled(ctx, fleetName)
	end(err)
	return list, err
}

func (j watchedJournal) Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]journal.Record, error) {
	ctx, end := j.s.step(ctx, "journal", "read")
	list, err := j.of.Records(ctx, fleetName, since, limit)
	end(err, traces.Count("skynet.ticks", len(list)))
	return list, err
}

// decider is one whose deciding is noted, where there are traces.
func (s *sight) decider(d controller.Decider) controller.Decider {
	if s == nil || s.steps == nil {
		return d
	}
	return watchedDecider{d, s.steps}
}

type watchedDecider struct {
	controller.Decider
	steps *traces.Recorder
}

func (d watchedDecider) Decide(s signals.Snapshot) policy.Decision {
	_, end := d.steps.Begin(context.Background(), "decide", traces.Count("skynet.workers", len(s.Workers)), traces.Count("skynet.signals", len(s.Signals)))
	decision := d.Decider.Decide(s)
	end(nil)
	return decision
}

// sources are those of which every reading is counted and noted.
func (s *sight) sources(list []signals.Source) []signals.Source {
	if s == nil {
		return list
	}
	watched := make([]signals.Source, len(list))
	for i, one := range list {
		kind, about := kindOf(one)
		watched[i] = watchedSource{one, kind, about, s}
	}
	return watched
}

// kindOf says what a source is, in few words for metrics, and what it is about: as
// many as there are queues or own signals, for traces.
func kindOf(one signals.Source) (kind, about string) {
	names := one.Names()
	if len(names) == 0 {
		return "empty", ""
	}
	about = names[0]
	if rest, ok := strings.CutPrefix(about, "queues."); ok {
		about, _, _ = strings.Cut(rest, ".")
	}
	switch one.(type) {
	case *web.Source:
		return "http", about
	case spotPrice:
		return "spot_price", ""
	}
	has := func(part string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, part) })
	}
	switch {
	case has(".wait_p95"):
		return "heartbeats", ""
	case has(".visible"):
		return "queue", about
	}
	return "cloudwatch", about
}

type watchedSource struct {
	signals.Source
	kind, about string
	s           *sight
}

func (w watchedSource) Read(ctx context.Context, now time.Time) []signals.Signal {
	ctx, end := w.s.step(ctx, "source", w.kind, traces.Text("skynet.about", w.about))
	list := w.Source.Read(ctx, now)
	var err error
	if len(list) > 0 && !slices.ContainsFunc(list, func(one signals.Signal) bool { return one.Unknown == "" }) {
		err = errUnknown
	}
	end(err, traces.Count("skynet.signals", len(list)))
	return list
}

// gauge is a queue each of whose measurings is counted.
func (o *lookout) gauge(q queue.Gauge) queue.Gauge {
	if o == nil {
		return q
	}
	return watchedGauge{q, o}
}

type watchedGauge struct {
	queue.Gauge
	o *lookout
}

func (g watchedGauge) Depth(ctx context.Context) (queue.Depth, error) {
	begun := time.Now()
	ctx, end := traces.Below(ctx, "queue depth", traces.Text("skynet.queue", g.Name()))
	d, err := g.Gauge.Depth(ctx)
	end(err)
	g.o.metrics.Calls.Done("queue", "depth", time.Since(begun), err)
	return d, err
}

// mail is one each of whose collections is counted.
func (o *lookout) mail(m queue.Mail) queue.Mail {
	if o == nil || m == nil {
		return m
	}
	return watchedMail{m, o}
}

type watchedMail struct {
	queue.Mail
	o *lookout
}

func (m watchedMail) Collect(ctx context.Context, limit int, wait time.Duration) ([]queue.Letter, error) {
	begun := time.Now()
	letters, err := m.Mail.Collect(ctx, limit, wait)
	if ctx.Err() == nil { // else the daemon ends
		m.o.metrics.Calls.Done("queue", "collect", time.Since(begun), err)
	}
	return letters, err
}
