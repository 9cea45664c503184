package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
	"skynet/policy"
	"skynet/signals"
)

// named gives n IDs: i-0, i-1 …
func named(n int) (ids []fleet.ID) {
	for i := range n {
		ids = append(ids, fleet.ID(fmt.Sprintf("i-%d", i)))
	}
	return ids
}

// crew is n workers at work since an hour, i-0, i-1 …, changed by change.
func crew(n int, change ...func(i int, w *fleet.Worker)) (ws []fleet.Worker) {
	for i, id := range named(n) {
		w := fleet.Worker{ID: id, State: fleet.Working, Slots: 1, Launched: ago(time.Hour), Heard: noon}
		for _, c := range change {
			c(i, &w)
		}
		ws = append(ws, w)
	}
	return ws
}

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func minutesAgo(n int) time.Time { return ago(time.Duration(n) * time.Minute) }

// history is a tick a minute up to a minute ago, the oldest first.
func history(ticks ...signals.Tick) signals.Snapshot {
	for i := range ticks {
		ticks[i].At = minutesAgo(len(ticks) - i)
	}
	return signals.Snapshot{Fleet: "render", Now: noon, Recent: ticks}
}

func asked(n int) signals.Tick { return signals.Tick{Deeds: signals.Deeds{Asked: n}} }

// soften asks a guard and checks that it gives a reason exactly when it takes
// something away.
func soften(t *testing.T, g policy.Guard, s signals.Snapshot, d policy.Decision) policy.Decision {
	t.Helper()
	got := g.Soften(s.Freeze(), d)
	said := len(got.Reasons) > len(d.Reasons)
	if less := todo(got) < todo(d); less != said {
		t.Errorf("does %d instead of %d, reasons: %v", todo(got), todo(d), got.Reasons)
	}
	for _, r := range got.Reasons {
		if r.By != g.Name() {
			t.Errorf("%s speaks as %s", g.Name(), r.By)
		}
	}
	return got
}

func todo(d policy.Decision) int {
	return d.Launch + len(d.Recall) + len(d.Wake) + letGo(d)
}

func TestLaunchLimit(t *testing.T) {
	guard := policy.LaunchLimit{PerTick: 4, PerHour: 10}
	quiet := slices.Repeat([]signals.Tick{{}}, 59)
	for _, c := range []struct {
		name         string
		past         signals.Snapshot
		wake, launch int // asked for
		wakes, buys  int // allowed
	}{
		{"within both", history(), 1, 3, 1, 3},
		{"over the tick's", history(), 0, 5, 0, 4},
		{"wakes count as launches", history(), 2, 5, 2, 2},
		{"wakes come first", history(), 6, 5, 4, 0},
		{"within what the hour leaves", history(asked(4), asked(4)), 0, 2, 0, 2},
		{"over what the hour leaves", history(asked(4), asked(4)), 0, 4, 0, 2},
		{"the hour is spent", history(asked(5), asked(5)), 1, 1, 0, 0},
		{"the hour is overspent", history(asked(50)), 1, 1, 0, 0},
		{"an hour ago is over", history(append([]signals.Tick{asked(10)}, quiet...)...), 0, 4, 0, 4},
		{"not quite an hour ago is not", history(append([]signals.Tick{asked(10)}, quiet[1:]...)...), 0, 4, 0, 0},
		{"refused ones are spent", history(signals.Tick{Deeds: signals.Deeds{Asked: 10, Failures: []string{"launch: no capacity"}}}), 0, 1, 0, 0},
		{"those that died are spent", history(signals.Tick{Deeds: signals.Deeds{Asked: 10}, Died: named(10)}), 0, 1, 0, 0},
		{"nothing is asked", history(asked(50)), 0, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := policy.Decision{Wake: named(c.wake), Launch: c.launch, Drain: named(1), Recall: named(2)}
			d := soften(t, guard, c.past, before)
			if d.Launch != c.buys || !slices.Equal(d.Wake, named(c.wakes)) {
				t.Errorf("wakes %v and launches %d, want %d and %d", d.Wake, d.Launch, c.wakes, c.buys)
			}
			if len(d.Drain) != 1 || len(d.Recall) != 2 {
				t.Errorf("touches what is not its own: %+v", d)
			}
		})
	}
}

// wants is a history of wants, one tick a minute.
func wants(n ...int) (ticks []signals.Tick) {
	for _, w := range n {
		ticks = append(ticks, signals.Tick{Have: 10, Want: w})
	}
	return ticks
}

func TestReleaseAfter(t *testing.T) {
	const after = 5 * time.Minute
	every := func(d time.Duration, ticks []signals.Tick) signals.Snapshot {
		s := history(ticks...)
		for i := range s.Recent {
			s.Recent[i].At = ago(d * time.Duration(len(ticks)-i))
		}
		return s
	}
	blind := func(s signals.Snapshot, i int) signals.Snapshot {
		s.Recent[i].Blind, s.Recent[i].Want = true, s.Recent[i].Have // as policy.Remember writes it
		return s
	}
	without := func(s signals.Snapshot, from, to int) signals.Snapshot {
		s.Recent = slices.Delete(s.Recent, from, to)
		return s
	}
	for _, c := range []struct {
		name   string
		past   signals.Snapshot
		after  time.Duration
		drains int // of 6 (have 10, want 4)
	}{
		{"no window", history(), 0, 6},
		{"no history: a first start", history(), after, 0},
		{"not a full window", history(wants(4, 4, 4, 4)...), after, 0},
		{"a full window", history(wants(4, 4, 4, 4, 4)...), after, 6},
		{"the want was higher within it", history(wants(4, 7, 4, 4, 4)...), after, 3},
		{"the want was higher before it", history(wants(9, 4, 4, 4, 4, 4)...), after, 6},
		{"the want was higher at its very start", history(wants(9, 4, 4, 4, 4)...), after, 1},
		{"the want was above what there is", history(wants(4, 20, 4, 4, 4)...), after, 0},
		{"the want was lower", history(wants(1, 1, 1, 1, 1)...), after, 6},
		{"a blind tick counts as wanting what it had", blind(history(wants(4, 4, 4, 4, 4)...), 2), after, 0},
		{"a tick or two failed", without(history(wants(4, 4, 4, 4, 4, 4, 4)...), 2, 4), after, 6},
		{"down for three minutes", without(history(wants(4, 4, 4, 4, 4, 4, 4)...), 2, 5), after, 0},
		{"down for as long as the window", without(history(wants(4, 4, 4, 4, 4, 4, 4, 4)...), 3, 7), after, 0},
		{"down for longer than the window", without(history(wants(4, 4, 4, 4, 4, 4, 4, 4, 4)...), 3, 8), after, 0},
		{"just back, down for longer", without(history(wants(4, 4, 4, 4, 4, 4, 4, 4)...), 2, 8), after, 0},
		{"an hour ago is not news", every(time.Hour, wants(4)), after, 0},

		// The window may be shorter than the interval, and ticks are never quite on time.
		{"as long as the interval", history(wants(4, 4, 4)...), time.Minute, 6},
		{"as long as the interval, with a tick a moment late", late(history(wants(4, 4, 4)...)), time.Minute, 6},
		{"shorter than the interval", every(10*time.Minute, wants(9, 4, 4)), after, 6},
		{"shorter than the interval, wanted at the last tick", every(10*time.Minute, wants(4, 4, 9)), after, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := policy.Decision{Have: 10, Raw: 4, Want: 4, Drain: named(6), Terminate: []fleet.Exit{{ID: "i-9"}}}
			got := soften(t, policy.Release{After: c.after}, c.past, d)
			if !slices.Equal(got.Drain, named(c.drains)) {
				t.Errorf("drains %v, want the first %d", got.Drain, c.drains)
			}
			if len(got.Terminate) != 1 {
				t.Error("keeps one that has drained: only drains are held back")
			}
		})
	}
}

func late(s signals.Snapshot) signals.Snapshot {
	last := len(s.Recent) - 1
	s.Recent[last].At = s.Recent[last].At.Add(3 * time.Millisecond)
	return s
}

func TestReleaseObeysALoweredMaximum(t *testing.T) {
	d := policy.Decision{Have: 10, Raw: 9, Want: 4, Drain: named(6)} // 9 are wanted, 4 may be
	got := soften(t, policy.Release{After: 5 * time.Minute}, history(wants(9, 9, 9, 9, 9)...), d)
	if len(got.Drain) != 6 {
		t.Errorf("drains %d of the 6 that the maximum forbids", len(got.Drain))
	}
}

func TestReleaseSparesTheYoung(t *testing.T) {
	s := signals.Snapshot{Now: noon, Workers: crew(4, func(i int, w *fleet.Worker) {
		switch i {
		case 1:
			w.Launched = ago(time.Minute)
		case 2:
			w.Woken = ago(time.Minute) // launched an hour ago: young again
		case 3:
			w.Launched = ago(2 * time.Minute)
		}
	})}
	got := soften(t, policy.Release{MinAge: 2 * time.Minute}, s, policy.Decision{Have: 4, Drain: named(4)})
	if !slices.Equal(got.Drain, []fleet.ID{"i-0", "i-3"}) {
		t.Errorf("drains %v", got.Drain)
	}
}

// half is an Amount that depends on what there is.
type half struct{}

func (half) Of(have int) int { return have / 2 }

func TestReleasePerTick(t *testing.T) {
	for _, c := range []struct {
		amount       policy.Amount
		have, drains int
	}{
		{nil, 10, 6},
		{policy.Count(2), 10, 2},
		{policy.Count(7), 10, 6},
		{half{}, 10, 5},
		{half{}, 4, 2},
		{half{}, 20, 6},
	} {
		d := policy.Decision{Have: c.have, Drain: named(6)}
		if got := soften(t, policy.Release{PerTick: c.amount}, history(), d); !slices.Equal(got.Drain, named(c.drains)) {
			t.Errorf("%v of %d: drains %v, want %d", c.amount, c.have, got.Drain, c.drains)
		}
	}
}

// everything is a decision that lets go of workers in every way, and buys.
func everything() policy.Decision {
	return policy.Decision{Launch: 3, Recall: []fleet.ID{"r"}, Wake: []fleet.ID{"w"}, Drain: []fleet.ID{"a"}, Sleep: []fleet.ID{"b"}, Terminate: []fleet.Exit{{ID: "c"}}}
}

func held(t *testing.T, d policy.Decision) bool {
	t.Helper()
	if d.Launch != 3 || len(d.Recall) != 1 || len(d.Wake) != 1 {
		t.Errorf("buying for demand must go on: %+v", d)
	}
	return letGo(d) == 0
}

func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		silent, heard int
		holds         bool
	}{
		{0, 0, false}, {0, 9, false},
		{1, 0, false}, {1, 1, false}, {1, 8, false}, // one alone may well have died
		{2, 0, true}, {2, 7, true}, {2, 8, false}, {2, 9, false}, // more than a fifth
		{9, 0, true}, {20, 80, false}, {21, 79, true},
	} {
		t.Run(fmt.Sprintf("%d of %d silent", c.silent, c.silent+c.heard), func(t *testing.T) {
			s := signals.Snapshot{Now: noon, Workers: crew(c.silent+c.heard, func(i int, w *fleet.Worker) { w.Silent = i < c.silent })}
			// Those who owe us no word do not count either way.
			s.Workers = append(s.Workers,
				fleet.Worker{ID: "starting", State: fleet.Starting}, fleet.Worker{ID: "asleep", State: fleet.Asleep, Heard: noon},
				fleet.Worker{ID: "leaving", State: fleet.Leaving, Heard: noon})
			if got := held(t, soften(t, policy.Quorum{Share: .8}, s, everything())); got != c.holds {
				t.Errorf("holds: %v", got)
			}
		})
	}
}

// A quorum that is never reached again must not hold the fleet for ever.
func TestQuorumGivesUpOneSilentWorkerAnHour(t *testing.T) {
	const long = 61 * time.Minute
	exit := func(id fleet.ID, c fleet.Cause) fleet.Exit { return fleet.Exit{ID: id, Cause: c} }
	const silent, deadline = fleet.CauseSilent, fleet.CauseDeadline
	for _, c := range []struct {
		name    string
		due     fleet.Cause     // of those that are silent
		unheard []time.Duration // of those that are silent
		last    time.Duration   // since another was let go; 0: never
		known   time.Duration   // how far back ticks go
		want    []fleet.Exit
	}{
		{"not yet", silent, []time.Duration{59 * time.Minute, 30 * time.Minute}, 0, 2 * time.Hour, nil},
		{"the one that is silent longest", silent, []time.Duration{long, 2 * long}, 0, 2 * time.Hour, []fleet.Exit{exit("i-1", silent)}},
		{"one that was draining when it fell silent", deadline, []time.Duration{long, 2 * long}, 0, 2 * time.Hour, []fleet.Exit{exit("i-1", deadline)}},
		{"one that fell silent after it had drained", fleet.CauseDrained, []time.Duration{long, 2 * long}, 0, 2 * time.Hour, []fleet.Exit{exit("i-1", fleet.CauseDrained)}},
		{"not a second one within the hour", silent, []time.Duration{long, 2 * long}, 59 * time.Minute, 2 * time.Hour, nil},
		{"nor one of those that were draining", deadline, []time.Duration{long, 2 * long}, 59 * time.Minute, 2 * time.Hour, nil},
		{"a second one after it", silent, []time.Duration{long, 2 * long}, long, 2 * time.Hour, []fleet.Exit{exit("i-1", silent)}},
		{"not if it is not known what the hour saw", silent, []time.Duration{long, 2 * long}, 0, 50 * time.Minute, nil},
		{"nobody, if it is not silent for long, whatever its deadline", deadline, []time.Duration{30 * time.Minute, 30 * time.Minute}, 0, 2 * time.Hour, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := signals.Snapshot{Now: noon, Workers: crew(6, func(i int, w *fleet.Worker) {
				if i < len(c.unheard) {
					w.Silent, w.Unheard = true, c.unheard[i]
				}
			})}
			for ago := c.known; ago > 0; ago -= time.Minute {
				tick := signals.Tick{At: noon.Add(-ago)}
				if ago == c.last {
					tick.Deeds.Terminated = []fleet.Exit{exit("i-99", c.due)}
				}
				s.Recent = append(s.Recent, tick)
			}
			d := policy.Decision{Have: 6, Drain: []fleet.ID{"i-4"}, Terminate: []fleet.Exit{exit("i-0", c.due), exit("i-1", c.due), exit("i-4", deadline), exit("i-5", fleet.CauseDrained)}}
			got := policy.Restrain(d, policy.Quorum{Share: .8}.Soften(s, d), "quorum")
			if !slices.Equal(got.Terminate, c.want) || len(got.Drain) > 0 {
				t.Errorf("lets go %v, drains %v, want %v: %v", got.Terminate, got.Drain, c.want, got.Reasons)
			}
		})
	}
}

// Who has drained and is kept asleep rather than ended is due as well.
func TestQuorumPutsOneSilentWorkerToSleep(t *testing.T) {
	s := signals.Snapshot{Now: noon, Workers: crew(3, func(i int, w *fleet.Worker) {
		w.Silent, w.Unheard = i < 2, time.Duration(i+1)*61*time.Minute
	})}
	for ago := 2 * time.Hour; ago > 0; ago -= time.Minute {
		s.Recent = append(s.Recent, signals.Tick{At: noon.Add(-ago)})
	}
	d := policy.Decision{Have: 1, Sleep: []fleet.ID{"i-0", "i-1", "i-2"}}
	if got := policy.Restrain(d, policy.Quorum{Share: .8}.Soften(s, d), "quorum"); !slices.Equal(got.Sleep, []fleet.ID{"i-1"}) {
		t.Errorf("puts %v to sleep: %v", got.Sleep, got.Reasons)
	}
	s.Recent[100].Deeds.Slept = []fleet.ID{"i-9"}
	if got := policy.Restrain(d, policy.Quorum{Share: .8}.Soften(s, d), "quorum"); len(got.Sleep) > 0 {
		t.Errorf("puts %v to sleep though another was within the hour", got.Sleep)
	}
}

func TestBlind(t *testing.T) {
	for _, blind := range []bool{true, false} {
		d := everything()
		d.Blind = blind
		if got := held(t, soften(t, policy.Blind{}, history(), d)); got != blind {
			t.Errorf("blind %v, lets nobody go: %v", blind, got)
		}
	}
	d := soften(t, policy.Blind{}, history(), policy.Decision{Blind: true, Launch: 1})
	if len(d.Reasons) != 0 {
		t.Errorf("speaks though there was nothing to hold: %v", d.Reasons)
	}
}

func TestBreaker(t *testing.T) {
	died := func(n int) signals.Tick { return signals.Tick{Died: named(n)} }
	probe := signals.Tick{Deeds: signals.Deeds{Asked: 1}}
	born := func(n, died int) signals.Tick { return signals.Tick{Born: named(n), Died: named(died)} }
	onTheWay := func(s signals.Snapshot, state fleet.State) signals.Snapshot {
		s.Workers = []fleet.Worker{{ID: "i-new", State: state}}
		return s
	}
	open := func(s signals.Snapshot) signals.Snapshot { s.Open = 1; return s }
	now := func(s signals.Snapshot, born, died int) signals.Snapshot {
		s.Born, s.Died = named(born), named(died)
		return s
	}
	hourAgo := history(append([]signals.Tick{died(9)}, slices.Repeat([]signals.Tick{{}}, 59)...)...)
	for _, c := range []struct {
		name    string
		s       signals.Snapshot
		allowed int
	}{
		{"closed at first", history(), 6},
		{"two have died", history(died(1), died(1)), 6},
		{"three have died", history(died(1), died(1), died(1)), 1},
		{"three at once", history(died(3)), 1},
		{"the third just now", now(history(died(2)), 0, 1), 1},
		{"a probe is on its way", onTheWay(history(died(3)), fleet.Starting), 0},
		{"a probe is waking", onTheWay(history(died(3)), fleet.Waking), 0},
		{"a probe was sent, its answer is lost", open(history(died(3))), 0},
		{"the probe died too: the next comes a minute after it", history(died(3), probe, died(1)), 1},
		{"three probes have died: four minutes", history(died(3), died(1), died(1), died(1), probe, signals.Tick{}, signals.Tick{}), 0},
		{"and then the next", history(died(3), died(1), died(1), died(1), probe, signals.Tick{}, signals.Tick{}, signals.Tick{}), 1},
		{"after many a quarter of an hour", history(append(slices.Repeat([]signals.Tick{died(1)}, 20), append([]signals.Tick{probe}, slices.Repeat([]signals.Tick{{}}, 13)...)...)...), 0},
		{"and no longer", history(append(slices.Repeat([]signals.Tick{died(1)}, 20), append([]signals.Tick{probe}, slices.Repeat([]signals.Tick{{}}, 14)...)...)...), 1},
		{"a probe that works ends it", history(died(3), died(1), died(1), died(1), probe, born(1, 0), died(3)), 1},
		{"the probe works", history(died(3), born(1, 0)), 6},
		{"the probe works since just now", now(history(died(3)), 1, 0), 6},
		{"one works, others died beside it", now(history(died(1)), 1, 5), 6},
		{"the same, a tick later", history(died(1), born(1, 5)), 6},
		{"and then three more died", history(born(1, 5), died(3)), 1},
		{"an hour ago is over", hourAgo, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := soften(t, policy.Breaker{Dead: 3}, c.s, policy.Decision{Wake: named(2), Launch: 4, Drain: named(1), Recall: named(1)})
			if got := len(d.Wake) + d.Launch; got != c.allowed || len(d.Drain) != 1 || len(d.Recall) != 1 {
				t.Errorf("allows %d, want %d: %+v", got, c.allowed, d)
			}
		})
	}
	if d := soften(t, policy.Breaker{Dead: 3}, history(died(3)), policy.Decision{Drain: named(1)}); len(d.Reasons) > 0 {
		t.Errorf("speaks though nothing is bought: %v", d.Reasons)
	}
}

// An operator reads the reasons: the numbers belong in them.
func TestReasonsSayTheNumbers(t *testing.T) {
	s := history(asked(8))
	s.Workers = crew(9, func(i int, w *fleet.Worker) { w.Silent = i < 2 })
	for _, c := range []struct {
		guard policy.Guard
		d     policy.Decision
		want  string
	}{
		{policy.LaunchLimit{PerTick: 4, PerHour: 10}, policy.Decision{Launch: 6}, "launch or wake 2 instead of 6: 8 of 10 this hour are spent, the first of them until 12:59:00Z"},
		{policy.LaunchLimit{PerTick: 4, PerHour: 100}, policy.Decision{Launch: 6}, "launch or wake 4 instead of 6: at most 4 a tick"},
		{policy.Quorum{Share: .8}, policy.Decision{Drain: named(3)}, "let nobody go instead of 3: 2 of 9 workers are silent, more likely we are deaf"},
		{policy.Release{PerTick: policy.Count(2)}, policy.Decision{Have: 9, Drain: named(5)}, "drain 2 instead of 5: at most so many a tick"},
		{policy.Release{After: time.Hour}, policy.Decision{Have: 9, Drain: named(5)}, "drain nobody instead of 5: less than 1h of history"},
	} {
		got := c.guard.Soften(s, c.d).Reasons
		if diff := cmp.Diff([]policy.Reason{{By: c.guard.Name(), Said: c.want}}, got); diff != "" {
			t.Error(diff)
		}
	}
}

// Where only numbers are known the workers have no past: guards about single
// workers and the quorum find nothing against them.
func TestWorkersWithoutAPastAreNotHeldBack(t *testing.T) {
	s := history(slices.Repeat([]signals.Tick{{Have: 8}}, 9)...)
	for i := range 8 {
		w := fleet.Worker{ID: fleet.ID(fmt.Sprint("worker-", i)), State: fleet.Working, Heard: noon}
		if i == 7 {
			w = fleet.Worker{ID: w.ID, State: fleet.Starting}
		}
		s.Workers = append(s.Workers, w)
	}
	for want, deeds := range map[int]string{3: "drain worker-0 worker-1 worker-2 worker-3 worker-4", 8: "", 11: "launch 3"} {
		e := policy.Engine{
			Bounds: policy.Bounds{Max: 20}, Policies: []policy.Policy{says{n: want}}, Plan: policy.DefaultPlan(),
			Guards: []policy.Guard{
				policy.Blind{}, policy.Quorum{Share: .8}, policy.Release{After: 5 * time.Minute, MinAge: 2 * time.Minute},
				policy.LaunchLimit{PerTick: 20, PerHour: 80}, policy.Breaker{Dead: 3}, policy.Freeze{},
			},
		}
		if d := e.Decide(s); told(d) != deeds {
			t.Errorf("of 8 wants %d: %q, want %q: %v", want, told(d), deeds, d.Reasons)
		}
	}
}
