package policy_test

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// anyWorker draws a worker in any state that a roster can report.
func anyWorker(i int) *rapid.Generator[fleet.Worker] {
	return rapid.Custom(func(t *rapid.T) fleet.Worker {
		ago := func(label string, most int) time.Time {
			return noon.Add(-time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Second)
		}
		w := fleet.Worker{
			ID:       fleet.ID(fmt.Sprintf("i-%02d", i)),
			State:    fleet.State(rapid.IntRange(int(fleet.Unknown), int(fleet.Leaving)).Draw(t, "state")),
			Slots:    4,
			Launched: ago("launched", 5000),
			Spot:     rapid.Bool().Draw(t, "spot"),
			Impaired: rapid.IntRange(0, 9).Draw(t, "impaired") == 0,
			Unheard:  time.Duration(rapid.IntRange(0, 2000).Draw(t, "unheard")) * time.Second,
		}
		switch w.State {
		case fleet.Working, fleet.Draining, fleet.Unknown:
			w.Jobs = rapid.IntRange(0, 4).Draw(t, "jobs")
			w.Heard = noon.Add(-w.Unheard)
			w.Silent = w.Unheard > 200*time.Second
		case fleet.Drained:
			w.Heard = noon.Add(-w.Unheard)
		case fleet.Asleep:
			w.AsleepSince = ago("asleep", 90_000)
		case fleet.Waking:
			w.Woken = ago("woken", 2000)
		}
		if w.State == fleet.Draining || w.State == fleet.Drained {
			w.DrainingSince = ago("draining", 4000)
			w.Drain = fleet.DecisionID("render", w.DrainingSince)
			w.Interrupted = rapid.IntRange(0, 4).Draw(t, "interrupted") == 0
		}
		return w
	})
}

// measures are the signals that are drawn, and how large they become.
var measures = []struct {
	name string
	most int
}{
	{"queue.visible", 60}, {"queue.in_flight", 60}, {"fleet.slots", 60}, {"work.seconds_mean", 900},
	{"cost.per_hour", 40}, {"cost.per_instance", 4}, {"cost.today", 90},
}

// anySnapshot draws a snapshot with workers, signals that may be unknown or
// stale, and an hour or less of history.
func anySnapshot() *rapid.Generator[signals.Snapshot] {
	return rapid.Custom(func(t *rapid.T) signals.Snapshot {
		s := signals.Snapshot{Fleet: "render", Now: noon}
		for i := range rapid.IntRange(0, 14).Draw(t, "workers") {
			s.Workers = append(s.Workers, anyWorker(i).Draw(t, "worker"))
		}
		for _, m := range measures {
			s.Signals = append(s.Signals, anySignal(t, m.name, m.most))
		}
		for i := rapid.IntRange(0, 70).Draw(t, "ticks"); i > 0; i-- {
			s.Recent = append(s.Recent, anyTick(t, noon.Add(-time.Duration(i)*time.Minute)))
		}
		if rapid.IntRange(0, 9).Draw(t, "open?") == 0 {
			s.Open = rapid.IntRange(1, 4).Draw(t, "open")
		}
		s.Born, s.Died = someIDs(t, "born"), someIDs(t, "died")
		s.Boots, s.Wakes = someSeconds(t, "boots"), someSeconds(t, "wakes")
		s.Orders, s.Others, s.Advice = anyOrders(t), anyUsage(t), anyAdvice(t)
		s.Orders.Drain, s.Orders.Forget = someNamed(t, "drain", s.Workers), someNamed(t, "forget", s.Workers)
		return s.WithoutForgotten() // laws count; that it makes no difference is a law of its own
	})
}

func someSeconds(t *rapid.T, label string) []float64 {
	return rapid.SliceOfN(rapid.Float64Range(0, 900), 0, 3).Draw(t, label)
}

// anyOrders are the operator's, expired or not.
func anyOrders(t *rapid.T) (o signals.Standing) {
	until := func(label string) time.Time {
		return noon.Add(time.Duration(rapid.IntRange(-2, 5).Draw(t, label)) * time.Minute)
	}
	if rapid.IntRange(0, 5).Draw(t, "pause?") == 0 {
		o.Pause = &signals.Pause{Until: until("pause"), By: "ann", Why: "new disks"}
	}
	if rapid.IntRange(0, 3).Draw(t, "floor?") == 0 {
		o.Floor = &signals.Floor{Want: rapid.IntRange(-1, 20).Draw(t, "floor"), Until: until("floor until"), By: "bob"}
	}
	return o
}

// someNamed are orders about single workers, expired or not, of some that are not
// there.
func someNamed(t *rapid.T, label string, ws []fleet.Worker) (list []signals.Named) {
	if rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
		return nil
	}
	for range rapid.IntRange(1, 3).Draw(t, label) {
		n := signals.Named{ID: "i-none", By: "cem", Until: noon.Add(time.Duration(rapid.IntRange(-1, 5).Draw(t, label+" until")) * time.Minute)}
		if i := rapid.IntRange(0, 14).Draw(t, label+" whom"); i < len(ws) {
			n.ID = ws[i].ID
		}
		list = append(list, n)
	}
	return list
}

func anyUsage(t *rapid.T) *signals.Usage {
	u := &signals.Usage{Instances: rapid.IntRange(0, 10).Draw(t, "others"), Hourly: rapid.Float64Range(0, 40).Draw(t, "others cost")}
	switch rapid.IntRange(0, 9).Draw(t, "others are") {
	case 0:
		return nil
	case 1:
		u.Unknown = "gallery has not decided yet"
	case 2:
		u.Unpriced = "gallery: no prices"
	}
	return u
}

func anyAdvice(t *rapid.T) (list []signals.Advice) {
	for range rapid.IntRange(0, 2).Draw(t, "advice") {
		list = append(list, signals.Advice{Policy: "mine", Want: rapid.IntRange(-1, 12).Draw(t, "advised"), Because: "so"})
	}
	return list
}

func anySignal(t *rapid.T, name string, most int) signals.Signal {
	switch rapid.IntRange(0, 11).Draw(t, name+" is") {
	case 0:
		return signals.Missing(name, noon, "the queue answered 500")
	case 1:
		return signals.Known(name, 3, noon.Add(-10*time.Minute), time.Minute) // stale
	}
	return signals.Known(name, float64(rapid.IntRange(0, most).Draw(t, name)), noon, time.Minute)
}

func anyTick(t *rapid.T, at time.Time) signals.Tick {
	k := signals.Tick{
		At:   at,
		Have: rapid.IntRange(0, 12).Draw(t, "have"),
		Want: rapid.IntRange(0, 12).Draw(t, "want"),
	}
	if rapid.IntRange(0, 7).Draw(t, "asked?") == 0 {
		k.Deeds.Asked = rapid.IntRange(0, 4).Draw(t, "asked")
	}
	if rapid.IntRange(0, 9).Draw(t, "fates?") == 0 {
		k.Born, k.Died = someIDs(t, "born"), someIDs(t, "died")
	}
	return k
}

func someIDs(t *rapid.T, label string) (ids []fleet.ID) {
	for i := range rapid.IntRange(0, 2).Draw(t, label) {
		ids = append(ids, fleet.ID(fmt.Sprintf("i-%s-%d", label, i)))
	}
	return ids
}

// anyEngine draws settings as a policy file could hold them.
func anyEngine() *rapid.Generator[policy.Engine] {
	return rapid.Custom(func(t *rapid.T) policy.Engine {
		most := rapid.IntRange(1, 12).Draw(t, "max")
		minute := func(label string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Minute
		}
		return policy.Engine{
			Bounds:   policy.Bounds{Min: rapid.IntRange(0, most).Draw(t, "min"), Max: most},
			Policies: anyPolicies(t),
			Caps:     anyCaps(t),
			Plan: policy.Plan{
				Boot: minute("boot", 15) + time.Minute, Silence: 10 * time.Minute, Drain: minute("drain", 45),
				Keep: rapid.IntRange(0, 3).Draw(t, "keep"), AtMost: minute("at most", 720), Hourly: rapid.Bool().Draw(t, "hourly"),
			},
			Guards: append([]policy.Guard{
				policy.Blind{},
				policy.Quorum{Share: 0.8},
				policy.Release{
					PerTick: policy.Count(rapid.IntRange(1, 5).Draw(t, "per tick")),
					After:   minute("after", 5), MinAge: minute("min age", 5),
				},
				policy.LaunchLimit{
					PerTick: rapid.IntRange(1, 6).Draw(t, "launch per tick"),
					PerHour: rapid.IntRange(1, 30).Draw(t, "launch per hour"),
				},
				policy.Breaker{Dead: rapid.IntRange(1, 4).Draw(t, "dead")},
				policy.Freeze{},
			}, someGuards(t)...),
		}
	})
}

// anyPolicies draws one that reads the queue, and perhaps one that can tell only
// a part of what it wants.
func anyPolicies(t *rapid.T) []policy.Policy {
	list := []policy.Policy{policy.Backlog{PerWorker: float64(rapid.IntRange(1, 20).Draw(t, "per_worker"))}}
	if rapid.IntRange(0, 4).Draw(t, "partly?") == 0 {
		list = append(list, says{rapid.IntRange(0, 14).Draw(t, "at least"), errors.New("queues.videos.visible is unknown")})
	}
	return list
}

// anyCaps draws no budget more often than not: it often has the last word.
func anyCaps(t *rapid.T) []policy.Cap {
	switch rapid.IntRange(0, 5).Draw(t, "budget") {
	case 0:
		return []policy.Cap{policy.Budget{Hourly: rapid.Float64Range(0.1, 90).Draw(t, "by the hour")}}
	case 1:
		return []policy.Cap{policy.Budget{Daily: rapid.Float64Range(0.1, 150).Draw(t, "by the day")}}
	case 2:
		return []policy.Cap{policy.Budget{Hourly: 60, Daily: 100}}
	}
	return nil
}

func someGuards(t *rapid.T) (list []policy.Guard) {
	if rapid.IntRange(0, 2).Draw(t, "billing?") == 0 {
		list = append(list, policy.Billing{})
	}
	switch rapid.IntRange(0, 4).Draw(t, "limits") {
	case 0:
		list = append(list, policy.Limits{Instances: rapid.IntRange(1, 25).Draw(t, "limit")})
	case 1:
		list = append(list, policy.Limits{Hourly: rapid.Float64Range(1, 150).Draw(t, "hourly limit")})
	}
	return list
}
