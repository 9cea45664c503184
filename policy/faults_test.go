package policy_test

import (
	"slices"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// faults are ways of deciding wrongly, and the law that must notice.
var faults = []struct {
	name  string
	law   string
	wrong decider
}{
	{"the blind guard is left out", "blind lets nobody go", without("blind")},
	{"the quorum guard is left out", "a deaf quorum holds", without("quorum")},
	{"the launch guard is left out", "launches stay within their budgets", without("launch")},
	{"unknown is read as zero", "blind lets nobody go", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		s.Signals = slices.Clone(s.Signals)
		for i := range s.Signals {
			s.Signals[i] = signals.Known(s.Signals[i].Name, s.Signals[i].Value, s.Now, 0)
		}
		return e.Decide(s)
	}},
	{"a guard asks for more", "guards only soften", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		d := e.Decide(s)
		d.Launch++
		return d
	}},
	{"the busiest are drained first", "idle first, then the least busy", drainBackwards},
	{"a busy worker is let go as drained", "the busy stay", afterwards(func(s signals.Snapshot, d *policy.Decision) {
		for _, w := range s.Workers {
			if w.State == fleet.Working && w.Jobs > 0 {
				d.Terminate = append(d.Terminate, fleet.Exit{ID: w.ID, Cause: fleet.CauseDrained})
			}
		}
	})},
	{"a draining worker is put to sleep", "the busy stay", afterwards(func(s signals.Snapshot, d *policy.Decision) {
		for _, w := range s.Workers {
			if w.State == fleet.Draining {
				d.Sleep = append(d.Sleep, w.ID)
			}
		}
	})},
	{"silence is evidence enough", "every exit has its evidence", afterwards(func(s signals.Snapshot, d *policy.Decision) {
		for _, w := range s.Workers {
			if w.Silent {
				d.Terminate = append(d.Terminate, fleet.Exit{ID: w.ID, Cause: fleet.CauseSilent})
			}
		}
	})},
	{"draining is not billed", "bounds are not crossed", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		s.Workers = slices.DeleteFunc(slices.Clone(s.Workers), func(w fleet.Worker) bool { return w.State == fleet.Draining })
		return e.Decide(s)
	}},
	{"the minimum is forgotten", "bounds are not crossed", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		e.Bounds.Min = 0
		return e.Decide(s)
	}},
	{"draining is not recalled", "recall before wake before launch", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		d := e.Decide(s)
		d.Launch += len(d.Recall)
		d.Recall = nil
		return d
	}},
	{"who leaves is drained too", "nobody is in two lists", afterwards(func(_ signals.Snapshot, d *policy.Decision) {
		for _, x := range d.Terminate {
			d.Drain = append(d.Drain, x.ID)
		}
	})},
	{"the first listed is drained", "order does not matter", afterwards(func(s signals.Snapshot, d *policy.Decision) {
		if len(d.Drain) > 0 {
			d.Drain[0] = s.Workers[0].ID
		}
	})},
	{"memory outside the snapshot", "JSON does not matter", forgetful()},
	{"the pause is left out", "a pause does nothing", without("freeze")},
	{"an exit escapes the pause", "a pause does nothing", afterwards(func(s signals.Snapshot, d *policy.Decision) {
		for _, w := range s.Workers {
			if w.State == fleet.Starting && w.Unheard > 15*time.Minute {
				d.Terminate = append(d.Terminate, fleet.Exit{ID: w.ID, Cause: fleet.CauseDead})
			}
		}
	})},
	{"the floor is forgotten", "a floor is kept within the bounds", seeing(func(s *signals.Snapshot) { s.Orders.Floor = nil })},
	{"a floor is kept above the maximum", "bounds are not crossed", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		if s.Orders.Floor != nil {
			e.Bounds.Max = max(e.Bounds.Max, s.Orders.Floor.Want)
		}
		return e.Decide(s)
	}},
	{"a lower bound is taken for an answer", "a blind tick wants no fewer than there are", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		for i, p := range e.Policies {
			if p, ok := p.(says); ok {
				e.Policies = slices.Clone(e.Policies)
				e.Policies[i] = says{n: p.n}
			}
		}
		return e.Decide(s)
	}},
	{"a blind tick wants as little as it knows of", "a blind tick wants no fewer than there are", func(e policy.Engine, s signals.Snapshot) policy.Decision {
		d := e.Decide(s)
		if d.Blind {
			d.Raw = 0
		}
		return d
	}},
	{"the budget is left out", "nothing is bought beyond the budget", capless},
	{"what is asked for costs nothing", "nothing is bought beyond the budget", seeing(func(s *signals.Snapshot) { s.Open = 0 })},
	{"one more costs nothing", "nothing is bought beyond the budget", seeing(func(s *signals.Snapshot) { reprice(s, "cost.per_instance") })},
	{"today costs nothing", "nothing is bought beyond the budget", seeing(func(s *signals.Snapshot) { reprice(s, "cost.today") })},
	{"unknown money is no money", "unknown money buys nothing", seeing(func(s *signals.Snapshot) {
		reprice(s, "cost.per_hour", "cost.per_instance", "cost.today")
	})},
	{"the limits are left out", "all fleets together keep the limits", without("limits")},
	{"others are forgotten", "all fleets together keep the limits", seeing(func(s *signals.Snapshot) { s.Others = &signals.Usage{} })},
	{"others that are unknown are none", "all fleets together keep the limits", seeing(func(s *signals.Snapshot) {
		if s.Others != nil {
			s.Others = &signals.Usage{Instances: s.Others.Instances, Hourly: s.Others.Hourly}
		}
	})},
	{"what is asked for is nowhere", "all fleets together keep the limits", seeing(func(s *signals.Snapshot) { s.Open = 0 })},
	{"billing is left out", "paid hours are used", without("billing")},
	{"an order to drain is overlooked", "whom the operator names is drained", seeing(func(s *signals.Snapshot) { s.Orders.Drain = nil })},
	{"who is to go is recalled", "whom the operator names is drained", afterwards(func(s signals.Snapshot, d *policy.Decision) {
		for _, w := range s.Workers {
			if w.State == fleet.Draining {
				d.Recall = append(d.Recall, w.ID)
			}
		}
	})},
	{"who is forgotten is counted", "the forgotten are left alone", seeing(func(s *signals.Snapshot) { s.Orders.Forget = nil })},
	{"an order to drain lets go at once", "every exit has its evidence", afterwards(func(s signals.Snapshot, d *policy.Decision) {
		for _, n := range s.Orders.Drain {
			d.Terminate = append(d.Terminate, fleet.Exit{ID: n.ID, Cause: fleet.CauseDrained})
		}
	})},
}

func TestLawsNoticeFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			l := laws[slices.IndexFunc(laws, func(l law) bool { return l.name == f.law })]
			const tries = 3000
			for seed := range tries {
				e, s := anyEngine().Example(seed), anySnapshot().Example(seed+tries)
				if l.holds(e, s, f.wrong) != nil {
					return // noticed
				}
			}
			t.Errorf("the law %q did not notice in %d worlds", l.name, tries)
		})
	}
}

func without(guard string) decider {
	return func(e policy.Engine, s signals.Snapshot) policy.Decision {
		e.Guards = slices.DeleteFunc(slices.Clone(e.Guards), func(g policy.Guard) bool { return g.Name() == guard })
		return e.Decide(s)
	}
}

func capless(e policy.Engine, s signals.Snapshot) policy.Decision {
	e.Caps = nil
	return e.Decide(s)
}

// seeing decides about another snapshot than there is.
func seeing(spoil func(*signals.Snapshot)) decider {
	return func(e policy.Engine, s signals.Snapshot) policy.Decision {
		spoil(&s)
		return e.Decide(s)
	}
}

// reprice has signals cost nothing, known or not.
func reprice(s *signals.Snapshot, names ...string) {
	s.Signals = slices.Clone(s.Signals)
	for i, sig := range s.Signals {
		if slices.Contains(names, sig.Name) {
			s.Signals[i] = signals.Known(sig.Name, 0, s.Now, 0)
		}
	}
}

func afterwards(spoil func(signals.Snapshot, *policy.Decision)) decider {
	return func(e policy.Engine, s signals.Snapshot) policy.Decision {
		d := e.Decide(s)
		spoil(s, &d)
		return d
	}
}

// drainBackwards picks as many as the engine does, from the wrong end.
func drainBackwards(e policy.Engine, s signals.Snapshot) policy.Decision {
	d := e.Decide(s)
	n := len(d.Drain)
	d.Drain = nil
	for _, w := range slices.Backward(byJobs(s)) {
		if w.State == fleet.Working && !w.Silent && len(d.Drain) < n {
			d.Drain = append(d.Drain, w.ID)
		}
	}
	return d
}

func byJobs(s signals.Snapshot) []fleet.Worker {
	return slices.SortedFunc(slices.Values(s.Workers), func(a, b fleet.Worker) int { return a.Jobs - b.Jobs })
}

// forgetful remembers in a variable what it should find in the snapshot.
func forgetful() decider {
	calls := 0
	return func(e policy.Engine, s signals.Snapshot) policy.Decision {
		d := e.Decide(s)
		calls++
		d.Want += calls
		return d
	}
}
