package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// decider is a way of deciding: the engine's own, or a broken one.
type decider func(policy.Engine, signals.Snapshot) policy.Decision

// law says what no decision may do. It is given a way of deciding rather than
// one decision, because some laws compare two.
type law struct {
	name  string
	holds func(e policy.Engine, s signals.Snapshot, decide decider) error
}

var laws = []law{
	{"blind lets nobody go", blindLetsNobodyGo},
	{"guards only soften", guardsOnlySoften},
	{"idle first, then the least busy", idleFirst},
	{"the busy stay", busyStay},
	{"every exit has its evidence", exitsHaveEvidence},
	{"bounds are not crossed", boundsHold},
	{"launches stay within their budgets", budgetsHold},
	{"recall before wake before launch", cheapestFirst},
	{"nobody is in two lists", oneDeedEach},
	{"order does not matter", orderDoesNotMatter},
	{"JSON does not matter", jsonDoesNotMatter},
	{"a deaf quorum holds", quorumHolds},
	{"a pause does nothing", pauseHolds},
	{"a floor is kept within the bounds", floorHolds},
	{"a blind tick wants no fewer than there are", blindWantsWhatThereIs},
	{"nothing is bought beyond the budget", budgetHolds},
	{"unknown money buys nothing", unknownMoneyBuysNothing},
	{"all fleets together keep the limits", limitsHold},
	{"paid hours are used", paidHoursAreUsed},
	{"whom the operator names is drained", namedAreDrained},
	{"the forgotten are left alone", forgottenAreLeftAlone},
}

// find gives an engine's guard or cap of a type.
func find[T, E any](list []E) (found T, ok bool) {
	for _, g := range list {
		if found, ok = any(g).(T); ok {
			return found, true
		}
	}
	return found, false
}

func decideTruly(e policy.Engine, s signals.Snapshot) policy.Decision { return e.Decide(s) }

func TestLaws(t *testing.T) {
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				e, s := anyEngine().Draw(t, "engine"), anySnapshot().Draw(t, "snapshot")
				if err := l.holds(e, s, decideTruly); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func known(s signals.Snapshot) map[fleet.ID]fleet.Worker {
	at := map[fleet.ID]fleet.Worker{}
	for _, w := range s.Workers {
		at[w.ID] = w
	}
	return at
}

// needsUnknown reports that the policy which reads the queue cannot: other
// policies are blind when they say so.
func needsUnknown(s signals.Snapshot) bool {
	s = s.Freeze()
	_, err := s.Value("queue.visible")
	inFlight, err2 := s.Value("queue.in_flight")
	_, err3 := s.Value("fleet.slots")
	return err != nil || err2 != nil || err3 != nil && inFlight > 0
}

func letGo(d policy.Decision) int { return len(d.Drain) + len(d.Sleep) + len(d.Terminate) }

func blindLetsNobodyGo(e policy.Engine, s signals.Snapshot, decide decider) error {
	if d := decide(e, s); needsUnknown(s) && letGo(d) > 0 {
		return fmt.Errorf("blind, yet lets go: %+v", d)
	}
	return nil
}

func quorumHolds(e policy.Engine, s signals.Snapshot, decide decider) error {
	silent, all := 0, 0
	for _, w := range s.Workers {
		if !w.Heard.IsZero() && w.State.Billed() {
			all++
			if w.Silent {
				silent++
			}
		}
	}
	if d := decide(e, s); silent >= 2 && 5*silent > all && letGo(d) > 0 {
		return fmt.Errorf("%d of %d silent, yet lets go: %+v", silent, all, d)
	}
	return nil
}

// guardsOnlySoften compares the decision with that of an engine without
// guards.
func guardsOnlySoften(e policy.Engine, s signals.Snapshot, decide decider) error {
	bare := e
	bare.Guards = nil
	before, after := bare.Decide(s), decide(e, s)
	slept := slices.Concat(before.Sleep, exitIDs(before.Terminate))
	switch {
	case after.Launch > before.Launch:
		return fmt.Errorf("launches %d instead of %d", after.Launch, before.Launch)
	case !subset(after.Wake, before.Wake), !subset(after.Recall, before.Recall), !subset(after.Drain, before.Drain),
		!subset(after.Terminate, before.Terminate), !subset(after.Sleep, slept):
		return fmt.Errorf("does more than %+v: %+v", before, after)
	}
	return nil
}

func subset[T comparable](a, b []T) bool {
	return !slices.ContainsFunc(a, func(v T) bool { return !slices.Contains(b, v) })
}

func exitIDs(xs []fleet.Exit) (ids []fleet.ID) {
	for _, x := range xs {
		ids = append(ids, x.ID)
	}
	return ids
}

func idleFirst(e policy.Engine, s signals.Snapshot, decide decider) error {
	d, at := decide(e, s), known(s)
	release, _ := find[policy.Release](e.Guards)
	_, hourly := find[policy.Billing](e.Guards)
	for _, id := range d.Drain {
		if w := at[id]; w.State != fleet.Working || w.Silent {
			return fmt.Errorf("drains %+v, which is not known to serve", w)
		}
		for _, other := range s.Workers {
			spared := other.State == fleet.Working && !other.Silent && s.Now.Sub(other.Launched) >= release.MinAge && !hourly &&
				!slices.Contains(d.Drain, other.ID) && !slices.Contains(exitIDs(d.Terminate), other.ID)
			if spared && !byName(s, id) && other.Jobs < at[id].Jobs {
				return fmt.Errorf("drains %s with %d in hand, spares %s with %d", id, at[id].Jobs, other.ID, other.Jobs)
			}
		}
	}
	return nil
}

func busyStay(e policy.Engine, s signals.Snapshot, decide decider) error {
	d, at := decide(e, s), known(s)
	for _, id := range d.Sleep {
		if at[id].Jobs > 0 || at[id].State != fleet.Drained {
			return fmt.Errorf("puts %+v to sleep", at[id])
		}
	}
	for _, x := range d.Terminate {
		w := at[x.ID]
		heard := !w.Heard.IsZero() && !w.Silent && !w.Impaired
		overdue := e.Plan.Drain > 0 && s.Now.Sub(w.DrainingSince) > e.Plan.Drain && w.State == fleet.Draining
		if heard && w.Jobs > 0 && !overdue {
			return fmt.Errorf("terminates busy %+v as %s", w, x.Cause)
		}
	}
	return nil
}

func exitsHaveEvidence(e policy.Engine, s signals.Snapshot, decide decider) error {
	d, at := decide(e, s), known(s)
	for _, x := range d.Terminate {
		if w := at[x.ID]; !evidence(e.Plan, w, x.Cause, s.Now) {
			return fmt.Errorf("no evidence of %s for %+v", x.Cause, w)
		}
	}
	return nil
}

func evidence(p policy.Plan, w fleet.Worker, c fleet.Cause, now time.Time) bool {
	switch c {
	case fleet.CauseDrained:
		return w.State == fleet.Drained && w.Jobs == 0
	case fleet.CauseDeadline:
		return w.State == fleet.Draining && p.Drain > 0 && now.Sub(w.DrainingSince) > p.Drain
	case fleet.CauseSilent:
		return w.Silent && (w.Impaired || w.Unheard > p.Silence)
	case fleet.CauseDead:
		return w.Heard.IsZero() && w.Unheard > p.Boot
	case fleet.CauseSlept:
		return w.State == fleet.Asleep && p.AtMost > 0 && now.Sub(w.AsleepSince) > p.AtMost
	}
	return false
}

func boundsHold(e policy.Engine, s signals.Snapshot, decide decider) error {
	d := decide(e, s)
	bought := len(d.Wake) + d.Launch
	if billed := s.Billed() + s.Open; bought > 0 && billed+bought > e.Bounds.Max {
		return fmt.Errorf("%d are billed, %d more would be above %d", billed, bought, e.Bounds.Max)
	}
	if left := s.Have() - len(d.Drain); chosenOf(s, d) > 0 && left < e.Bounds.Min {
		return fmt.Errorf("drains %d of %d, below the minimum of %d", len(d.Drain), s.Have(), e.Bounds.Min)
	}
	if d.Want < e.Bounds.Min || d.Want > e.Bounds.Max {
		return fmt.Errorf("wants %d outside %+v", d.Want, e.Bounds)
	}
	return nil
}

func budgetsHold(e policy.Engine, s signals.Snapshot, decide decider) error {
	d := decide(e, s)
	limit, _ := find[policy.LaunchLimit](e.Guards)
	spent := 0
	for _, t := range s.Recent {
		if t.At.After(s.Now.Add(-time.Hour)) {
			spent += t.Deeds.Asked
		}
	}
	n := len(d.Wake) + d.Launch
	if n > limit.PerTick || n > 0 && spent+n > limit.PerHour {
		return fmt.Errorf("buys %d with %d spent this hour: %+v", n, spent, limit)
	}
	return nil
}

// cheapestFirst holds for the plan: a guard may well stop a wake.
func cheapestFirst(e policy.Engine, s signals.Snapshot, decide decider) error {
	e.Guards = nil
	d := decide(e, s)
	for _, w := range s.Workers {
		if byName(s, w.ID) {
			continue
		}
		draining := (w.State == fleet.Draining || w.State == fleet.Drained) && !w.Interrupted && !w.Silent
		gone := slices.Contains(exitIDs(d.Terminate), w.ID)
		if draining && !gone && len(d.Wake)+d.Launch > 0 && !slices.Contains(d.Recall, w.ID) {
			return fmt.Errorf("buys while %s could be recalled", w.ID)
		}
		if w.State == fleet.Asleep && !gone && d.Launch > 0 && !slices.Contains(d.Wake, w.ID) {
			return fmt.Errorf("launches while %s sleeps", w.ID)
		}
	}
	return nil
}

func oneDeedEach(e policy.Engine, s signals.Snapshot, decide decider) error {
	d := decide(e, s)
	seen := map[fleet.ID]bool{}
	for _, id := range slices.Concat(d.Recall, d.Wake, d.Drain, d.Sleep, exitIDs(d.Terminate)) {
		if seen[id] {
			return fmt.Errorf("two deeds on %s: %+v", id, d)
		}
		seen[id] = true
	}
	return nil
}

func orderDoesNotMatter(e policy.Engine, s signals.Snapshot, decide decider) error {
	shuffled := s
	shuffled.Workers, shuffled.Signals = slices.Clone(s.Workers), slices.Clone(s.Signals)
	r := rand.New(rand.NewPCG(1, uint64(len(s.Workers))))
	r.Shuffle(len(s.Workers), reflect.Swapper(shuffled.Workers))
	r.Shuffle(len(s.Signals), reflect.Swapper(shuffled.Signals))
	slices.Reverse(shuffled.Signals)
	return same(decide(e, s), decide(e, shuffled))
}

func jsonDoesNotMatter(e policy.Engine, s signals.Snapshot, decide decider) error {
	var back signals.Snapshot
	if err := trip(s, &back); err != nil {
		return err
	}
	d := decide(e, s)
	if err := same(d, decide(e, back)); err != nil {
		return err
	}
	var again policy.Decision
	if err := trip(d, &again); err != nil {
		return err
	}
	return same(d, again)
}

func trip(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

func same(a, b policy.Decision) error {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) {
		return fmt.Errorf("two decisions:\n%s\n%s", x, y)
	}
	return nil
}

func pauseHolds(e policy.Engine, s signals.Snapshot, decide decider) error {
	p := s.Orders.Pause
	if d := decide(e, s); p != nil && p.Until.After(s.Now) && todo(d) > 0 {
		return fmt.Errorf("paused until %s, does %+v", p.Until, d)
	}
	return nil
}

func floorHolds(e policy.Engine, s signals.Snapshot, decide decider) error {
	f, d := s.Orders.Floor, decide(e, s)
	if f == nil || !f.Until.After(s.Now) || len(e.Caps) > 0 {
		return nil
	}
	floor := min(f.Want, e.Bounds.Max)
	if d.Want < floor {
		return fmt.Errorf("wants %d, the floor is %d: %+v", d.Want, f.Want, d)
	}
	if left := s.Have() - len(d.Drain); chosenOf(s, d) > 0 && left < floor {
		return fmt.Errorf("drains %d of %d, the floor is %d", len(d.Drain), s.Have(), f.Want)
	}
	return nil
}

func blindWantsWhatThereIs(e policy.Engine, s signals.Snapshot, decide decider) error {
	d := decide(e, s)
	partly := slices.ContainsFunc(e.Policies, func(p policy.Policy) bool { return p.Name() == "says" })
	if blind := needsUnknown(s) || partly; blind != d.Blind {
		return fmt.Errorf("blind is %v, not %v", d.Blind, blind)
	}
	if d.Blind && (d.Raw < s.Have() || letGo(d) > 0) {
		return fmt.Errorf("blind, has %d: %+v", s.Have(), d)
	}
	return nil
}

// owed is what the fleet is about to have and to cost an hour, with what it buys,
// and what is spent today with an hour more of what there is.
func owed(s signals.Snapshot, d policy.Decision) (n int, hourly, today float64, err error) {
	s = s.Freeze()
	var v [3]float64
	for i, name := range []string{"cost.per_hour", "cost.per_instance", "cost.today"} {
		if v[i], err = s.Value(name); err != nil {
			break
		}
	}
	bought := s.Open + len(d.Wake) + d.Launch
	return s.Billed() + bought, v[0] + float64(bought)*v[1], v[2] + v[0], err
}

func buys(d policy.Decision) bool { return len(d.Wake)+d.Launch > 0 }

func budgetHolds(e policy.Engine, s signals.Snapshot, decide decider) error {
	b, _ := find[policy.Budget](e.Caps)
	d := decide(e, s)
	n, hourly, today, err := owed(s, d)
	if err == nil && buys(d) && n > e.Bounds.Min &&
		(b.Hourly > 0 && hourly > b.Hourly*1.000001 || b.Daily > 0 && today >= b.Daily) {
		return fmt.Errorf("%d cost %g an hour, %g today with one more: %+v of %+v", n, hourly, today, d, b)
	}
	return nil
}

// unknownMoneyBuysNothing beyond the minimum, which any budget allows.
func unknownMoneyBuysNothing(e policy.Engine, s signals.Snapshot, decide decider) error {
	b, set := find[policy.Budget](e.Caps)
	d, f := decide(e, s), s.Freeze()
	_, errNow := f.Value("cost.per_hour")
	_, errEach := f.Value("cost.per_instance")
	_, errToday := f.Value("cost.today")
	unknown := errNow != nil || b.Hourly > 0 && errEach != nil || b.Daily > 0 && errToday != nil
	if n, _, _, _ := owed(s, d); set && unknown && buys(d) && n > e.Bounds.Min {
		return fmt.Errorf("%d without knowing what they cost: %+v", n, d)
	}
	return nil
}

func limitsHold(e policy.Engine, s signals.Snapshot, decide decider) error {
	l, set := find[policy.Limits](e.Guards)
	d := decide(e, s)
	if !set || !buys(d) {
		return nil
	}
	n, hourly, _, _ := owed(s, d)
	each, _ := s.Freeze().Value("cost.per_instance")
	switch {
	case s.Others == nil, s.Others.Unknown != "":
		return fmt.Errorf("buys without knowing what others have: %+v", d)
	case l.Instances > 0 && n+s.Others.Instances > l.Instances:
		return fmt.Errorf("%d here and %d elsewhere, above %d: %+v", n, s.Others.Instances, l.Instances, d)
	case l.Hourly > 0 && s.Others.Unpriced != "":
		return fmt.Errorf("buys without knowing what others cost: %+v", d)
	case l.Hourly > 0 && each > 0 && hourly+s.Others.Hourly > l.Hourly*1.000001:
		return fmt.Errorf("%g here and %g elsewhere, above %g: %+v", hourly, s.Others.Hourly, l.Hourly, d)
	}
	return nil
}

// paidHoursAreUsed: with hourly billing no idle worker drains before the last
// minutes of an hour, whoever lowers the want.
func paidHoursAreUsed(e policy.Engine, s signals.Snapshot, decide decider) error {
	_, set := find[policy.Billing](e.Guards)
	d, at := decide(e, s), known(s)
	for _, id := range d.Drain {
		w := at[id]
		began := w.Launched
		if w.Woken.After(began) {
			began = w.Woken
		}
		if into := s.Now.Sub(began) % time.Hour; set && w.Jobs == 0 && !byName(s, id) && into < 55*time.Minute {
			return fmt.Errorf("drains %s, %s into its hour", id, into)
		}
	}
	return nil
}

// byName reports that the operator wants this very worker drained: then it does not
// matter what it has in hand, nor how few are left for a while.
func byName(s signals.Snapshot, id fleet.ID) bool {
	_, yes := s.Orders.Drains(id, s.Now)
	return yes
}

// chosenOf counts the drains that nobody has ordered.
func chosenOf(s signals.Snapshot, d policy.Decision) (n int) {
	for _, id := range d.Drain {
		if !byName(s, id) {
			n++
		}
	}
	return n
}

// namedAreDrained as soon as they are known to serve, unless the whole fleet is held,
// and nothing brings them back.
func namedAreDrained(e policy.Engine, s signals.Snapshot, decide decider) error {
	e.Guards = slices.DeleteFunc(slices.Clone(e.Guards), func(g policy.Guard) bool {
		return slices.Contains([]string{"blind", "quorum", "freeze"}, g.Name())
	})
	d := decide(e, s)
	for _, w := range s.Workers {
		if !byName(s, w.ID) {
			continue
		}
		serves := w.State == fleet.Working && !w.Silent && !slices.Contains(exitIDs(d.Terminate), w.ID)
		switch {
		case serves && !slices.Contains(d.Drain, w.ID):
			return fmt.Errorf("does not drain %+v", w)
		case slices.Contains(slices.Concat(d.Recall, d.Wake, d.Sleep), w.ID):
			return fmt.Errorf("keeps %+v: %+v", w, d)
		}
	}
	return nil
}

// forgottenAreLeftAlone: whatever the cloud lists of them, it is decided as though
// they were not there.
func forgottenAreLeftAlone(e policy.Engine, s signals.Snapshot, decide decider) error {
	listed, gone := s, s
	listed.Workers, gone.Workers = slices.Clone(s.Workers), nil
	var forgotten []fleet.ID
	for i, w := range s.Workers {
		if _, yes := s.Orders.Forgets(w.ID, s.Now); !yes {
			gone.Workers = append(gone.Workers, w)
			continue
		}
		forgotten = append(forgotten, w.ID)
		l := &listed.Workers[i]
		l.State = []fleet.State{fleet.Working, fleet.Drained, fleet.Starting, fleet.Asleep, fleet.Draining}[i%5]
		l.Unheard, l.Silent = 2*time.Hour, i%2 == 0
	}
	d, without := decide(e, listed), decide(e, gone)
	for _, id := range slices.Concat(d.Recall, d.Wake, d.Drain, d.Sleep, exitIDs(d.Terminate)) {
		if slices.Contains(forgotten, id) {
			return fmt.Errorf("%s is forgotten: %+v", id, d)
		}
	}
	d.Reasons, without.Reasons = nil, nil
	return same(d, without)
}
