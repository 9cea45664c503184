package metrics

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"skynet/controller"
	"skynet/dashboard/health"
	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// tickBuckets are s: a tick is a fraction of a second on one machine and some seconds
// on AWS; reading ends after 20.
var tickBuckets = []float64{0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60}

// Fleet is what is told of one fleet. Its ticks come from one goroutine.
type Fleet struct {
	name   string
	dry    bool
	now    func() time.Time
	ticks  prometheus.Observer
	counts counts
	seen   atomic.Pointer[view] // nil while this process does not act
}

// counts only grow. They are arrays, so that a view has its own by assignment.
type counts struct {
	outcomes [3]int
	guards   [len(guards)]int
	deeds    [len(kinds)][len(endings)]int
	exits    [int(fleet.CauseSlept) + 1]int
	refused  int
	died     int
}

// view is a fleet as a tick left it. Nothing in it is changed again.
type view struct {
	counts  counts
	began   time.Time // when this process began to act
	ended   time.Time // the last tick, zero before the first
	success time.Time // the last one that could decide and act
	report  controller.Report
	health  health.Fleet
	terms   health.Terms
}

// The values of labels, all of them told from the start: a counter that begins at 1
// has no increase.
var (
	outcomes = [3]string{"decided", "blind", "failed"}
	guards   = [...]string{"bounds", "floor", "budget", "limits", "freeze", "blind", "quorum", "breaker", "launch", "release", "billing", "guards"}
	kinds    = [...]journal.Kind{journal.Launch, journal.Wake, journal.Recall, journal.Drain, journal.Sleep, journal.Terminate}
	endings  = [...]string{"done", "failed", "planned"}
)

// Fleet opens a fleet: this process begins to act on it.
func (m *Metrics) Fleet(name string) *Fleet {
	m.opening.Lock()
	defer m.opening.Unlock()
	list := *m.fleets.Load()
	i := slices.IndexFunc(list, func(f *Fleet) bool { return f.name == name })
	if i < 0 {
		f := &Fleet{name: name, dry: m.options.Dry, now: m.options.Now, ticks: m.ticks.WithLabelValues(name)}
		list = append(slices.Clone(list), f)
		m.fleets.Store(&list)
		i = len(list) - 1
	}
	list[i].seen.Store(&view{counts: list[i].counts, began: m.options.Now()})
	return list[i]
}

func (f *Fleet) close() { f.seen.Store(nil) }

// Tick takes what a tick brought. What it is given must not be changed afterwards.
func (f *Fleet) Tick(r controller.Report, t health.Terms, h health.Fleet) {
	before := f.seen.Load()
	if before == nil { // the last tick of a turn that has ended
		return
	}
	now := f.now()
	f.ticks.Observe(r.Took.Seconds())
	f.counts.add(r, h, f.dry)
	r.Snapshot.Recent = nil // a day of ticks: nobody asks here
	v := &view{counts: f.counts, began: before.began, success: before.success, ended: now, report: r, health: h, terms: t}
	if r.Err == nil {
		v.success = now
	}
	f.seen.CompareAndSwap(before, v)
}

func (c *counts) add(r controller.Report, h health.Fleet, dry bool) {
	switch {
	case r.Err != nil:
		c.outcomes[2]++
	case h.Blind != "":
		c.outcomes[1]++
	default:
		c.outcomes[0]++
	}
	c.died += len(r.Snapshot.Died)
	c.refused += r.Deeds.Refused
	for i, g := range guards {
		if softens(r.Decision, g) {
			c.guards[i]++
		}
	}
	if r.Err == nil {
		c.do(r.Decision, r.Deeds, dry)
	}
}

// do counts, by kind, what was to be done and what was.
func (c *counts) do(d policy.Decision, did signals.Deeds, dry bool) {
	for i, n := range [len(kinds)][2]int{
		{d.Launch, len(did.Launched)}, {len(d.Wake), len(did.Woken)}, {len(d.Recall), len(did.Recalled)},
		{len(d.Drain), len(did.Drained)}, {len(d.Sleep), len(did.Slept)}, {len(d.Terminate), len(did.Terminated)},
	} {
		asked, done := n[0], n[1]
		c.deeds[i][0] += done
		if missing := max(0, asked-done); dry {
			c.deeds[i][2] += missing
		} else {
			c.deeds[i][1] += missing
		}
	}
	for _, x := range did.Terminated {
		if int(x.Cause) < len(c.exits) {
			c.exits[x.Cause]++
		}
	}
}

// softens reports whether a guard, cap or bound has changed a decision: it has said so
// after the policies.
func softens(d policy.Decision, by string) bool {
	return slices.ContainsFunc(d.Arguments(), func(r policy.Reason) bool { return r.By == by })
}

// stale is after how many intervals, and how long at least, what a tick knew is told
// no more: ticks have stopped.
const (
	staleTicks = 5
	staleAfter = 5 * time.Minute
)

func (f *Fleet) collect(out sink, o Options) {
	v := f.seen.Load()
	if v == nil {
		return
	}
	if h, ok := f.ticks.(prometheus.Metric); ok {
		out <- h
	}
	v.counts.tell(out, f.name)
	success := v.success
	if success.IsZero() {
		success = v.began
	}
	out.put(tickLastSuccess, seconds(success), f.name)
	if v.ended.IsZero() {
		return
	}
	out.put(tickLast, seconds(v.ended), f.name)
	if o.Now().Sub(v.ended) > max(staleTicks*o.Interval, staleAfter) {
		return
	}
	out.tell(v.report.Snapshot)
	v.tellWorkers(out)
	v.tellOrders(out)
	if v.health.Decided {
		v.tellDecision(out)
		v.tellHealth(out)
	}
}

func (c *counts) tell(out sink, name string) {
	for i, o := range outcomes {
		out.put(ticksTotal, float64(c.outcomes[i]), name, o)
	}
	for i, g := range guards {
		out.put(guardSoftened, float64(c.guards[i]), name, g)
	}
	for i, k := range kinds {
		for j, e := range endings {
			out.put(deeds, float64(c.deeds[i][j]), name, string(k), e)
		}
	}
	for cause, n := range c.exits {
		out.put(exits, float64(n), name, fleet.Cause(cause).String())
	}
	out.put(refused, float64(c.refused), name)
	out.put(died, float64(c.died), name)
}
