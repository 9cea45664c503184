package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// plan decides for a want with nothing in the way: no guards.
func plan(p policy.Plan, want, maximum int, s signals.Snapshot) policy.Decision {
	s.Fleet, s.Now = "render", noon
	return policy.Engine{Bounds: policy.Bounds{Max: maximum}, Policies: []policy.Policy{says{n: want}}, Plan: p}.Decide(s)
}

func in(state fleet.State, change ...func(*fleet.Worker)) fleet.Worker {
	w := fleet.Worker{State: state, Slots: 1, Launched: ago(2 * time.Hour)}
	switch state {
	case fleet.Starting, fleet.Waking:
	case fleet.Asleep:
		w.AsleepSince = ago(time.Hour)
	case fleet.Draining, fleet.Drained:
		w.Drain, w.DrainingSince = "d", ago(time.Minute)
		fallthrough
	default:
		w.Heard = noon
	}
	for _, c := range change {
		c(&w)
	}
	return w
}

func jobs(n int) func(*fleet.Worker)              { return func(w *fleet.Worker) { w.Jobs = n } }
func unheard(d time.Duration) func(*fleet.Worker) { return func(w *fleet.Worker) { w.Unheard = d } }
func draining(d time.Duration) func(*fleet.Worker) {
	return func(w *fleet.Worker) { w.DrainingSince = ago(d) }
}
func sleeping(d time.Duration) func(*fleet.Worker) {
	return func(w *fleet.Worker) { w.AsleepSince = ago(d) }
}
func launched(d time.Duration) func(*fleet.Worker) {
	return func(w *fleet.Worker) { w.Launched = ago(d) }
}
func atRisk(w *fleet.Worker)      { w.AtRisk = true }
func silent(w *fleet.Worker)      { w.Silent = true }
func impaired(w *fleet.Worker)    { w.Impaired = true }
func spot(w *fleet.Worker)        { w.Spot = true }
func interrupted(w *fleet.Worker) { w.Interrupted = true }
func never(w *fleet.Worker)       { w.Heard = time.Time{} }
func byHand(w *fleet.Worker)      { w.Drain = "by hand"; w.DrainingSince = time.Time{} }
func byItself(w *fleet.Worker)    { w.Drain = ""; w.DrainingSince = time.Time{} }

// of lists workers by name: of("a", in(…), "b", in(…)).
func of(pairs ...any) (s signals.Snapshot) {
	for i := 0; i < len(pairs); i += 2 {
		w := pairs[i+1].(fleet.Worker)
		w.ID = fleet.ID(pairs[i].(string))
		s.Workers = append(s.Workers, w)
	}
	return s
}

// told writes a decision's deeds in short: "recall b wake c launch 2".
func told(d policy.Decision) string {
	var deeds []string
	list := func(what string, ids []fleet.ID) {
		if len(ids) > 0 {
			deeds = append(deeds, strings.Trim(fmt.Sprint(what, " ", ids), "[]"))
		}
	}
	list("recall", d.Recall)
	list("wake", d.Wake)
	if d.Launch != 0 {
		deeds = append(deeds, fmt.Sprint("launch ", d.Launch))
	}
	list("drain", d.Drain)
	list("sleep", d.Sleep)
	for _, x := range d.Terminate {
		deeds = append(deeds, fmt.Sprint(x.ID, " ", x.Cause))
	}
	return strings.ReplaceAll(strings.Join(deeds, ", "), "[", "")
}

// vain has a worker woken in vain so long ago.
func vain(before time.Duration, id fleet.ID, s signals.Snapshot) signals.Snapshot {
	s.Recent = []signals.Tick{{At: ago(before), Deeds: signals.Deeds{Asked: 1, Refused: 1, Unwoken: []fleet.ID{id}}}}
	return s
}

func TestPlan(t *testing.T) {
	usual := policy.Plan{Boot: 15 * time.Minute, Silence: 10 * time.Minute, Drain: 45 * time.Minute, Keep: 2, AtMost: 12 * time.Hour}
	with := func(s signals.Snapshot, open int) signals.Snapshot { s.Open = open; return s }
	for _, c := range []struct {
		name          string
		want, maximum int
		s             signals.Snapshot
		deeds         string
	}{
		{"nothing to do", 1, 9, of("a", in(fleet.Working)), ""},

		// Growth: who drains is recalled first, the last asked first; then sleepers
		// wake, the last to fall asleep first; then some are bought.
		{"launch", 3, 9, of("a", in(fleet.Working)), "launch 2"},
		{"recall the last asked", 2, 9, of("a", in(fleet.Working), "b", in(fleet.Draining, draining(5*time.Minute)), "c", in(fleet.Draining)), "recall c"},
		{"recall in that order", 3, 9, of("a", in(fleet.Draining, draining(2*time.Minute)), "b", in(fleet.Draining), "c", in(fleet.Draining, draining(3*time.Minute))), "recall b a c"},
		{"recall who has drained", 1, 9, of("a", in(fleet.Drained)), "recall a"},
		{"wake the last asleep", 1, 9, of("a", in(fleet.Asleep, sleeping(3*time.Hour)), "b", in(fleet.Asleep)), "wake b"},
		{"recall, wake, launch", 4, 9, of("a", in(fleet.Draining), "b", in(fleet.Asleep), "c", in(fleet.Asleep)), "recall a, wake b c, launch 1"},
		{"who was woken in vain sleeps on, another is woken", 2, 9, vain(5*time.Minute-1, "b", of("a", in(fleet.Asleep, sleeping(3*time.Hour)), "b", in(fleet.Asleep))), "wake a, launch 1"},
		{"and is woken again after minutes", 1, 9, vain(5*time.Minute, "b", of("a", in(fleet.Asleep, sleeping(3*time.Hour)), "b", in(fleet.Asleep))), "wake b"},
		{"who falls asleep cannot be woken yet", 1, 9, of("a", in(fleet.Stopping)), "launch 1"},
		{"who is interrupted is not recalled", 1, 9, of("a", in(fleet.Draining, interrupted)), "launch 1"},
		{"nor who goes by itself", 1, 9, of("a", in(fleet.Draining, byItself)), "launch 1"},
		{"nor who is silent", 1, 9, of("a", in(fleet.Draining, silent, unheard(4*time.Minute))), "launch 1"},
		{"a drain by hand is a drain", 1, 9, of("a", in(fleet.Draining, byHand)), "recall a"},

		// What is on its way is capacity, and is bought once.
		{"pending counts", 3, 9, of("a", in(fleet.Starting), "b", in(fleet.Waking)), "launch 1"},
		{"unlisted launches count", 3, 9, with(of("a", in(fleet.Working)), 1), "launch 1"},
		{"open orders for more than is missing", 3, 9, with(of("a", in(fleet.Working)), 5), ""},
		{"open orders do not make anybody drain", 1, 9, with(of("a", in(fleet.Working)), 5), ""},
		{"silent ones are capacity", 2, 9, of("a", in(fleet.Working, silent, unheard(4*time.Minute)), "b", in(fleet.Working)), ""},

		// The maximum bounds what is paid for.
		{"the maximum", 9, 3, of("a", in(fleet.Working)), "launch 2"},
		{"draining ones are paid for", 3, 3, of("a", in(fleet.Working), "b", in(fleet.Draining, interrupted), "c", in(fleet.Draining, byItself)), ""},
		{"a recall costs nothing", 2, 2, of("a", in(fleet.Working), "b", in(fleet.Draining)), "recall b"},
		{"open orders are paid for", 3, 3, with(of("a", in(fleet.Working), "b", in(fleet.Draining, interrupted)), 1), ""},
		{"who sleeps is not", 2, 2, of("a", in(fleet.Working), "b", in(fleet.Asleep), "c", in(fleet.Asleep)), "wake b"},
		{"a wake is paid for", 3, 3, of("a", in(fleet.Working), "b", in(fleet.Asleep), "c", in(fleet.Draining, interrupted)), "wake b"},
		{"nobody knows what state it is in, so it is paid for", 2, 2, of("a", in(fleet.Unknown)), "launch 1"},

		// Shrinking: idle ones first, then the least busy, the oldest among equals.
		{"idle first", 1, 9, of("a", in(fleet.Working, jobs(1)), "b", in(fleet.Working)), "drain b"},
		{"the least busy", 1, 9, of("a", in(fleet.Working, jobs(3)), "b", in(fleet.Working, jobs(2)), "c", in(fleet.Working, jobs(1))), "drain c b"},
		{"one that the cloud expects to take, among equals", 2, 9, of("a", in(fleet.Working), "b", in(fleet.Working, launched(5*time.Hour)), "c", in(fleet.Working, atRisk)), "drain c"},
		{"an idle one before it", 1, 9, of("a", in(fleet.Working), "b", in(fleet.Working, jobs(1), atRisk)), "drain a"},
		{"the oldest among equals", 2, 9, of("a", in(fleet.Working), "b", in(fleet.Working, launched(5*time.Hour)), "c", in(fleet.Working)), "drain b"},
		{"all", 0, 9, of("a", in(fleet.Working), "b", in(fleet.Working)), "drain a b"},
		{"not those on their way", 0, 9, of("a", in(fleet.Starting), "b", in(fleet.Waking), "c", in(fleet.Working)), "drain c"},
		{"nor the silent", 0, 9, of("a", in(fleet.Working, silent, unheard(4*time.Minute)), "b", in(fleet.Working)), "drain b"},
		{"who leaves anyway counts", 1, 9, of("a", in(fleet.Working, silent, impaired), "b", in(fleet.Working), "c", in(fleet.Working)), "drain b, a silent"},
		{"who leaves and was no capacity does not", 1, 9, of("a", in(fleet.Draining, jobs(1), draining(time.Hour)), "b", in(fleet.Working), "c", in(fleet.Working)), "drain b, a deadline"},
		{"nor is it replaced in the same tick", 2, 9, of("a", in(fleet.Working, silent, impaired), "b", in(fleet.Working)), "a silent"},

		// Who has drained is let go, or sleeps if there is a bed.
		{"drained with no want for it", 0, 9, of("a", in(fleet.Drained), "b", in(fleet.Drained), "c", in(fleet.Drained)), "sleep a b, c drained"},
		{"beds are taken", 0, 9, of("a", in(fleet.Asleep), "b", in(fleet.Stopping), "c", in(fleet.Drained)), "c drained"},
		{"one bed is free", 0, 9, of("a", in(fleet.Asleep), "b", in(fleet.Drained), "c", in(fleet.Drained)), "sleep b, c drained"},
		{"Spot never sleeps", 0, 9, of("a", in(fleet.Drained, spot), "b", in(fleet.Drained)), "sleep b, a drained"},
		{"nor who is interrupted", 0, 9, of("a", in(fleet.Drained, interrupted)), "a drained"},
		{"draining ones stay", 0, 9, of("a", in(fleet.Draining), "b", in(fleet.Draining, jobs(1))), ""},

		// Deadlines, each on its own evidence.
		{"on its way in time", 1, 9, of("a", in(fleet.Starting, unheard(15*time.Minute))), ""},
		{"dead on arrival", 1, 9, of("a", in(fleet.Starting, unheard(15*time.Minute+1))), "a dead"},
		{"never woke", 1, 9, of("a", in(fleet.Waking, unheard(16*time.Minute))), "a dead"},
		{"asked to drain, never heard", 0, 9, of("a", in(fleet.Draining, never, unheard(16*time.Minute))), "a dead"},
		{"sleeps in time", 0, 9, of("a", in(fleet.Asleep, sleeping(12*time.Hour))), ""},
		{"slept too long", 0, 9, of("a", in(fleet.Asleep, sleeping(12*time.Hour+1))), "a slept"},
		{"slept too long, is not woken", 1, 9, of("a", in(fleet.Asleep, sleeping(13*time.Hour))), "launch 1, a slept"},
		{"drains in time", 0, 9, of("a", in(fleet.Draining, jobs(1), draining(45*time.Minute))), ""},
		{"drains too long", 0, 9, of("a", in(fleet.Draining, jobs(1), draining(45*time.Minute+1))), "a deadline"},
		{"drains too long, is not recalled", 1, 9, of("a", in(fleet.Draining, jobs(1), draining(time.Hour))), "launch 1, a deadline"},
		{"drains by hand: nobody knows since when", 0, 9, of("a", in(fleet.Draining, jobs(1), byHand)), ""},
		{"silent is not enough", 1, 9, of("a", in(fleet.Working, silent, unheard(10*time.Minute))), ""},
		{"silent for too long", 1, 9, of("a", in(fleet.Working, silent, unheard(10*time.Minute+1))), "a silent"},
		{"silent, and the cloud agrees", 1, 9, of("a", in(fleet.Working, silent, impaired, unheard(4*time.Minute))), "a silent"},
		{"impaired alone is not enough", 1, 9, of("a", in(fleet.Working, impaired)), ""},
		{"silent while it drains", 0, 9, of("a", in(fleet.Draining, silent, unheard(11*time.Minute))), "a silent"},
		{"silent while it goes by itself", 0, 9, of("a", in(fleet.Draining, byItself, silent, unheard(11*time.Minute))), "a silent"},
		{"leaving already", 0, 9, of("a", in(fleet.Leaving, unheard(time.Hour))), ""},
		{"nobody knows its state", 0, 9, of("a", in(fleet.Unknown, unheard(time.Hour))), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := told(plan(usual, c.want, c.maximum, c.s)); got != c.deeds {
				t.Errorf("%q, want %q", got, c.deeds)
			}
		})
	}
}

// Of many that are alike those go whose IDs come first, however they are sorted.
func TestAmongEqualsTheIDDecides(t *testing.T) {
	s := signals.Snapshot{Workers: crew(300, func(i int, w *fleet.Worker) { w.Jobs = i * 7 % 3 })}
	d := plan(policy.DefaultPlan(), 0, 999, s)
	for i := range 3 {
		if alike := d.Drain[i*100 : (i+1)*100]; !slices.IsSorted(alike) {
			t.Errorf("with %d in hand drains %v", i, alike)
		}
	}
}

func TestZeroMeansNever(t *testing.T) {
	p := policy.DefaultPlan()
	s := of("a", in(fleet.Draining, jobs(1), draining(99*time.Hour)), "b", in(fleet.Asleep, sleeping(999*time.Hour)), "c", in(fleet.Drained))
	if got := told(plan(p, 0, 9, s)); got != "c drained" {
		t.Errorf("%q", got)
	}
}

// Many silent workers are more likely our fault than theirs: a tenth of the
// fleet is replaced in a tick, at least one. Other exits have no such budget.
func TestTheBudgetOfReplacements(t *testing.T) {
	for _, c := range []struct{ all, silent, replaced int }{{1, 1, 1}, {9, 4, 1}, {20, 1, 1}, {20, 5, 2}, {100, 50, 10}} {
		s := signals.Snapshot{Workers: crew(c.all, func(i int, w *fleet.Worker) {
			if i < c.silent {
				w.Silent, w.Unheard = true, time.Hour
			}
		})}
		if d := plan(policy.DefaultPlan(), c.all, 200, s); len(d.Terminate) != c.replaced || d.Launch != 0 {
			t.Errorf("%d of %d silent: %q, want %d replaced", c.silent, c.all, told(d), c.replaced)
		}
	}
	dead := signals.Snapshot{Workers: crew(20, func(_ int, w *fleet.Worker) {
		*w = in(fleet.Starting, unheard(time.Hour), func(n *fleet.Worker) { n.ID = w.ID })
	})}
	if d := plan(policy.DefaultPlan(), 20, 200, dead); len(d.Terminate) != 20 {
		t.Errorf("dead on arrival: %q", told(d))
	}
}

func TestEveryDeedHasItsReason(t *testing.T) {
	s := of("a", in(fleet.Draining), "b", in(fleet.Asleep), "c", in(fleet.Asleep, sleeping(13*time.Hour)),
		"d", in(fleet.Starting, unheard(16*time.Minute)), "e", in(fleet.Working, silent, impaired, unheard(5*time.Minute)),
		"f", in(fleet.Draining, draining(time.Hour), jobs(2)))
	s.Open = 1
	p := policy.Plan{Boot: 15 * time.Minute, Silence: 10 * time.Minute, Drain: 45 * time.Minute, AtMost: 12 * time.Hour}
	var said []string
	for _, r := range plan(p, 9, 6, s).Reasons {
		if r.By == "plan" {
			said = append(said, r.Said)
		}
	}
	want := []string{
		"c has slept for 13h, at most 12h is kept",
		"d is dead on arrival: on its way, listened for in vain for 16m, at most 15m is given",
		"e is replaced: silent for 5m, and the cloud's checks of it fail",
		"f has been draining for 1h with 2 in hand, the deadline is 45m",
		"1 asked for without an answer so far count as on their way",
		"recall 1 draining before buying any: a",
		"wake 1 sleeping: b",
		"1 fewer than wanted: 5 are billed already or asked for, at most 6 may be",
	}
	if !slices.Equal(said, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}
