package policy_test

import (
	"slices"
	"testing"

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
