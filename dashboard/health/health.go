// Package health says of a tick's report how a fleet fares: whether waits are as
// promised, the breaker, what of the budget is used, blind or failed, which versions
// its workers run. Metrics, notifications and the page say the same because they
// ask here. It is pure: no clock, no I/O.
package health

import (
	"time"

	"skynet/controller"
	"skynet/fleet"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
)

// Terms are what a fleet is held to: what its policy file says.
type Terms struct {
	Queues   []string
	Wait     time.Duration            // an item may wait so long
	Waits    map[string]time.Duration // where it is another for a queue
	Quantile float64                  // so large a share starts within it, 0–1
	Bounds   policy.Bounds
	Hourly   float64 // money an hour, 0: no such budget
	Daily    float64 // money a day, 0: no such budget
	Breaker  policy.Breaker
}

// TermsOf are those of a policy, for a fleet that serves these queues.
func TermsOf(p file.Policy, queues []string) Terms {
	t := Terms{
		Queues: queues, Bounds: p.Engine.Bounds,
		Wait: p.Signals.Promise.Wait, Quantile: 1 - p.Signals.Promise.Late, Waits: map[string]time.Duration{},
	}
	for name, promise := range p.Signals.Promises {
		t.Waits[name] = promise.Wait
	}
	for _, c := range p.Engine.Caps {
		if b, ok := c.(policy.Budget); ok {
			t.Hourly, t.Daily = b.Hourly, b.Daily
		}
	}
	for _, g := range p.Engine.Guards {
		if b, ok := g.(policy.Breaker); ok {
			t.Breaker = b
		}
	}
	return t
}

// Promise is one queue's objective, and how it is kept.
type Promise struct {
	Queue    string
	Wait     time.Duration
	Quantile float64 // 0–1
	// Within is the share of the items started in the last five minutes that had not
	// waited longer, 0–1: an estimate from the waits' median, p95 and p99.
	Within float64
	Known  bool   // whether Within is
	Missed string // what is wrong, "" where the objective is kept or nothing is known
}

// Spending is one budget and what of it is used, in money.
type Spending struct {
	Period string // hour or day
	Limit  float64
	Used   float64
	Known  bool // whether Used is
}

// Fleet is how a fleet fares after a tick.
type Fleet struct {
	Name     string
	At       time.Time
	Decided  bool   // there was a decision
	Failed   string // why nothing could be decided or done, "" where it could
	Blind    string // which policies could not tell, and why
	Promises []Promise
	Spending []Spending
	Capped   string // what the budget took away, "" where it did not
	Dead     int    // launches in a row that never became workers
	Open     bool   // the breaker is: one probe at a time is launched
	Deaths   string // how many launches never became workers and of what they died, where the breaker is open
	Pause    *signals.Pause
	Floor    *signals.Floor
	Versions map[string]int // workers heard of, by the version of their agent
}

// Look says how a fleet fares. versions are those of its workers, by what they say.
func Look(r controller.Report, t Terms, versions map[string]int) Fleet {
	s, d := r.Snapshot, r.Decision
	f := Fleet{Name: s.Fleet, At: s.Now, Decided: d.Failed == "" && d.ID != "", Versions: versions, Pause: s.Orders.Pause, Floor: s.Orders.Floor}
	if r.Err != nil {
		f.Failed = r.Err.Error()
	}
	if !f.Decided { // of an earlier tick nothing is repeated as if it were known now
		return f
	}
	f.Blind, f.Capped = d.Blindness(), d.Said(policy.Budget{}.Name())
	for _, q := range t.Queues {
		f.Promises = append(f.Promises, promise(s, t, q))
	}
	f.Spending = spending(s, t)
	if t.Breaker.Dead > 0 {
		f.Dead = t.Breaker.DeadInARow(s)
		f.Open = f.Dead >= t.Breaker.Dead
	}
	if f.Open {
		f.Deaths = t.Breaker.Said(s)
	}
	return f
}

// Versions counts workers that serve or drain by the version that last says.
func Versions(ws []fleet.Worker, last func(fleet.ID) (fleet.Heartbeat, time.Time, bool)) map[string]int {
	count := map[string]int{}
	for i := range ws {
		if !ws[i].State.Billed() || ws[i].Heard.IsZero() {
			continue
		}
		if beat, _, ok := last(ws[i].ID); ok && beat.Version != "" {
			count[beat.Version]++
		}
	}
	return count
}
