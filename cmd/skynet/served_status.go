package main

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"skynet/config"
	"skynet/controller"
	"skynet/dashboard"
	"skynet/dashboard/health"
	"skynet/fleet"
	"skynet/journal"
	"skynet/policy/file"
	"skynet/signals"
)

// Status implements dashboard.Views.
func (f *front) Status(ctx context.Context) (dashboard.Status, error) {
	now := time.Now()
	f.mu.Lock()
	s := dashboard.Status{
		Version: f.version(), Now: now.UTC(), Interval: f.cfg.Interval.Std().Seconds(), Host: f.host, DryRun: f.dry, Standby: f.standby,
		Fleets: []dashboard.Fleet{},
	}
	f.mu.Unlock()
	orders, err := readOrders(ordersFile(f.cfg.StateDir))
	if err != nil {
		return s, err
	}
	for _, fl := range f.cfg.Fleets {
		one, err := f.fleet(ctx, fl, orders[fl.Name].In(now))
		if err != nil {
			return s, err
		}
		s.Fleets = append(s.Fleets, one)
	}
	return s, nil
}

// fleet is a fleet as its last tick knew it.
func (f *front) fleet(ctx context.Context, fl config.Fleet, orders signals.Standing) (dashboard.Fleet, error) {
	f.mu.Lock()
	r, ticked := f.ticks[fl.Name]
	rules, ruled := f.rules[fl.Name]
	past, acting := f.past, f.daemon
	f.mu.Unlock()
	v := fleetView{fleet: fl, orders: orders, beats: beatsOf(acting), report: r, ticked: ticked, took: ticked}
	if ruled {
		v.rules = &rules
	}
	if !ticked && past != nil {
		list, err := past.Records(ctx, fl.Name, time.Time{}, 1)
		if err != nil {
			return dashboard.Fleet{}, err
		}
		v.remember(list)
	}
	return v.show(), nil
}

// beatsOf looks up what workers said last, where anybody hears them.
func beatsOf(d *daemon) func(fleet.ID) (fleet.Heartbeat, time.Time, bool) {
	if d == nil || d.ears == nil {
		return func(fleet.ID) (b fleet.Heartbeat, at time.Time, ok bool) { return b, at, false }
	}
	return d.ears.Last
}

// fleetView is what there is to show of a fleet.
type fleetView struct {
	fleet  config.Fleet
	rules  *file.Policy // nil: not read yet
	orders signals.Standing
	beats  func(fleet.ID) (fleet.Heartbeat, time.Time, bool)
	report controller.Report // of the last tick
	ticked bool              // there was one
	took   bool              // how long it took is known
}

// remember takes the last tick from the journal.
func (v *fleetView) remember(list []journal.Record) {
	if len(list) == 0 {
		return
	}
	last := list[len(list)-1]
	v.ticked, v.report = true, controller.Report{Snapshot: last.Snapshot, Decision: last.Decision, Deeds: last.Deeds()}
}

// failed is why the last tick brought no decision, or no deed.
func (v *fleetView) failed() string {
	if v.report.Err != nil {
		return v.report.Err.Error()
	}
	return v.report.Decision.Failed
}

func (v *fleetView) show() dashboard.Fleet {
	out := dashboard.Fleet{
		Name: v.fleet.Name, Queues: []dashboard.Queue{}, Reasons: []dashboard.Reason{}, States: map[string]int{}, Versions: map[string]int{},
		Workers: []dashboard.Worker{}, Standing: standingOf(v.orders), Unknown: map[string]string{},
	}
	fares := health.Fleet{}
	if v.rules != nil {
		terms := health.TermsOf(*v.rules, v.fleet.Queues)
		fares = health.Look(v.report, terms, nil)
		out.Bounds = &dashboard.Bounds{Min: terms.Bounds.Min, Max: terms.Bounds.Max}
		out.Budget = budgetOf(terms)
		if fares.Open {
			out.Breaker = new(breakerSaid(v.report, fares))
		}
	}
	for _, q := range v.fleet.Queues {
		out.Queues = append(out.Queues, v.queue(q, fares))
	}
	if !v.ticked {
		return out
	}
	v.lastTick(&out)
	v.money(&out)
	v.crew(&out)
	return out
}

func budgetOf(t health.Terms) *dashboard.Budget {
	if t.Hourly == 0 && t.Daily == 0 {
		return nil
	}
	b := &dashboard.Budget{}
	if t.Hourly > 0 {
		b.Hourly = &t.Hourly
	}
	if t.Daily > 0 {
		b.Daily = &t.Daily
	}
	return b
}

// breakerSaid is why the breaker is open: what it said itself, where it had to.
func breakerSaid(r controller.Report, h health.Fleet) string {
	for _, a := range r.Decision.Arguments() {
		if a.By == "breaker" {
			return a.Said
		}
	}
	return h.Deaths + ": one probe at a time is launched"
}

// lastTick tells what the last tick decided.
func (v *fleetView) lastTick(out *dashboard.Fleet) {
	s, d := v.report.Snapshot, v.report.Decision
	out.LastTick = &dashboard.LastTick{ID: d.ID, At: s.Now.UTC()}
	if v.took {
		out.LastTick.Took = new(v.report.Took.Seconds())
	}
	if why := v.failed(); why != "" {
		out.LastTick.Error = &why
	}
	if d.Failed != "" || d.ID == "" {
		out.Headline = "no decision"
		return
	}
	out.Have, out.Want, out.Headline = &d.Have, &d.Want, headline(d)
	for _, r := range d.Reasons {
		out.Reasons = append(out.Reasons, dashboard.Reason{By: r.By, Said: r.Said})
	}
	out.Blind, out.WhyBlind = d.Blind, d.Blindness()
}

func (v *fleetView) money(out *dashboard.Fleet) {
	k := lookup{v.report.Snapshot, out.Unknown}
	out.CostHourly = k.number("cost_hourly", "cost.per_hour")
	out.SpentToday = k.number("spent_today", "cost.today")
}

// crew tells of the workers. Where they could not be listed nothing is known of them.
func (v *fleetView) crew(out *dashboard.Fleet) {
	s := v.report.Snapshot
	if v.report.Decision.Failed != "" && len(s.Workers) == 0 {
		out.Unknown["workers"] = v.failed()
		return
	}
	jobs, slots := 0, 0
	for _, w := range s.Workers {
		out.States[w.State.String()]++
		if w.State.Billed() {
			jobs, slots = jobs+w.Jobs, slots+w.Slots
		}
		out.Workers = append(out.Workers, v.worker(w))
	}
	out.Jobs, out.Slots = &jobs, &slots
	maps.Copy(out.Versions, health.Versions(s.Workers, v.beats))
}

func (v *fleetView) worker(w fleet.Worker) dashboard.Worker {
	out := dashboard.Worker{
		ID: string(w.ID), State: w.State.String(), Jobs: w.Jobs, Slots: w.Slots, Type: w.Type, Zone: w.Zone, Spot: w.Spot,
		Launched: someTime(w.Launched), Heard: someTime(w.Heard), Silent: w.Silent,
	}
	if beat, _, ok := v.beats(w.ID); ok && beat.Version != "" {
		out.Version = &beat.Version
	}
	if w.Drain != "" {
		out.Drain = &w.Drain
	}
	return out
}

// queue tells of one queue.
func (v *fleetView) queue(name string, fares health.Fleet) dashboard.Queue {
	q := dashboard.Queue{Name: name, Unknown: map[string]string{}}
	if v.rules != nil {
		q.Objective = promiseTo(*v.rules, name)
	}
	if i := slices.IndexFunc(fares.Promises, func(p health.Promise) bool { return p.Queue == name }); i >= 0 {
		p := fares.Promises[i]
		if q.Missed = p.Missed; p.Known {
			q.Within = new(share(p.Within)) // an estimate
		}
	}
	k := lookup{v.report.Snapshot, q.Unknown}
	for _, n := range []struct {
		to     **float64
		key    string
		signal string
	}{
		{&q.Visible, "visible", "queue.visible"}, {&q.InFlight, "in_flight", "queue.in_flight"}, {&q.Delayed, "delayed", "queue.delayed"},
		{&q.Dead, "dead", "queue.dead"}, {&q.OldestAge, "oldest_age", "queue.oldest_age"},
		{&q.ArrivedPerMinute, "arrived_per_minute", "queue.arrival_rate"}, {&q.WorkSecondsMean, "work_seconds_mean", "work.seconds_mean"},
		{&q.WaitP50, "wait_p50", "work.wait_p50"}, {&q.WaitP95, "wait_p95", "work.wait_p95"}, {&q.WaitP99, "wait_p99", "work.wait_p99"},
	} {
		*n.to = k.number(n.key, signals.OfQueue(n.signal, name))
	}
	if q.ArrivedPerMinute != nil {
		*q.ArrivedPerMinute *= 60
	}
	if q.Within == nil && v.rules != nil {
		q.Unknown["within"] = "the waits of the last five minutes are not known"
	}
	return q
}

// promiseTo is the wait that a policy file promises to a queue; of a queue that it
// does not name, to all.
func promiseTo(p file.Policy, queue string) *dashboard.Objective {
	o := p.Signals
	wait := o.Promise.Wait
	if own, ok := o.Promises[queue]; ok {
		wait = own.Wait
	}
	return &dashboard.Objective{Wait: wait.Seconds(), Quantile: math.Round((1-o.Promise.Late)*1e9) / 1e9}
}

// lookup looks signals up, and notes why one is not known.
type lookup struct {
	signals.Snapshot
	why map[string]string
}

func (k lookup) number(key, signal string) *float64 {
	if k.Now.IsZero() {
		k.why[key] = "there was no tick yet"
		return nil
	}
	v, err := k.Value(signal)
	if err != nil {
		k.why[key] = strings.TrimPrefix(err.Error(), signal+" is ")
		return nil
	}
	return &v
}

// standingOf are orders as they are shown.
func standingOf(s signals.Standing) (out dashboard.Standing) {
	if p := s.Pause; p != nil {
		out.Pause = &dashboard.Pause{Until: p.Until.UTC(), Why: p.Why, By: p.By, Since: someTime(p.Since)}
	}
	if f := s.Floor; f != nil {
		out.Floor = &dashboard.Floor{Workers: f.Want, Until: f.Until.UTC(), Why: f.Why, By: f.By, Since: someTime(f.Since)}
	}
	return out
}

// someTime is a time, or null where there is none.
func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
