package recording_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"skynet/controller"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
	"skynet/simulate/recording"
	"skynet/simulate/scenario"
)

const rough = `fleet:
  slots: 4
  boot: {median: 90s, p95: 180s}
  types: [{name: c7i.large, price: 0.2, spot: 0.07}]
  spot: {base_on_demand: 3, share: 60%}
faults: {dead_on_arrival: 40%, launch_refused: 10%, interruptions_per_hour: 10%, heartbeat_loss: 5%, api_errors: 30%}
`

const careful = `objective: {wait: 1m, quantile: 0.99}
bounds: {min: 1, max: 60}
sleep: {keep: 5}
guards: {budget: {hourly: 2.2, daily: 20}}
`

// deciding fails the test when a decision, all of its words included, is another, or
// when something else is remembered at it.
type deciding struct {
	policy.Engine
	t    *testing.T
	want map[time.Time]policy.Decision
	knew map[time.Time][]signals.Tick
}

func (d deciding) Decide(s signals.Snapshot) policy.Decision {
	got := d.Engine.Decide(s)
	if want := d.want[s.Now]; !reflect.DeepEqual(journal.Record{Decision: got}.Clone(), journal.Record{Decision: want}.Clone()) {
		d.t.Errorf("%s:\ngot  %+v\nwant %+v", s.Now, got, want)
	}
	d.remembered(s)
	return got
}

// remembered compares the last few ticks, and how many there are. What was said of
// an answer that was lost is not in the journal.
func (d deciding) remembered(s signals.Snapshot) {
	knew := d.knew[s.Now]
	if len(knew) != len(s.Recent) {
		d.t.Errorf("%s: remembers %d ticks of %d", s.Now, len(s.Recent), len(knew))
		return
	}
	plain := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(signals.Deeds{}, "Failures"), cmpopts.IgnoreFields(signals.Tick{}, "Signals")}
	from := max(0, len(knew)-2)
	if diff := cmp.Diff(knew[from:], s.Recent[from:], plain); diff != "" {
		d.t.Errorf("%s: %s", s.Now, diff)
	}
}

// The same policy decides its own journal as it did, to the word, whatever went wrong
// then.
func TestReplayOfTheSameChangesNothing(t *testing.T) {
	late, slept, woken, said := 0, int64(0), int64(0), map[string]bool{}
	for seed := range 3 {
		sc := day(t, rough)
		sc.Seed, sc.End = seed, 5*time.Hour
		p := read(t, sc, careful)
		knew := map[time.Time][]signals.Tick{}
		j, r := recordWatched(t, sc, p, func(_ string, rep controller.Report) { knew[rep.Snapshot.Now] = rep.Snapshot.Recent })
		slept, woken = slept+r.Sleeps, woken+r.Wakes
		want := map[time.Time]policy.Decision{}
		list, err := j.Records(t.Context(), "fleet", time.Time{}, 0)
		for _, rec := range list {
			want[rec.Snapshot.Now] = rec.Decision
			for _, reason := range rec.Decision.Reasons {
				said[reason.By] = true
			}
			for _, o := range rec.Outcomes {
				if o.At.After(rec.Snapshot.Now) {
					late++
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		again := deciding{p.Engine, t, want, knew}
		sum, err := recording.Replay(t.Context(), j, recording.Options{}, again, nil)
		if err != nil || sum.Changed != 0 || sum.Reargued != 0 || sum.Ticks < 200 || sum.Undecided == 0 || sum.Same != sum.Ticks {
			t.Errorf("%+v, %v", sum, err)
		}
		part, err := recording.Replay(t.Context(), j, recording.Options{Since: 2 * time.Hour}, again, nil)
		if err != nil || part.Changed != 0 || part.Ticks+part.Undecided != 121 {
			t.Errorf("%+v, %v", part, err)
		}
	}
	if late < 5 || slept == 0 || woken == 0 || !said["budget"] || !said["breaker"] {
		t.Errorf("%d answers were lost, %d slept, %d were woken, and these spoke: %v", late, slept, woken, said)
	}
}

// Another policy's decisions are listed with both arguments.
func TestReplayOfAnotherPolicy(t *testing.T) {
	sc := short(day(t, plainFleet))
	j, _ := record(t, sc, read(t, sc, plain))
	other := read(t, sc, "bounds: {min: 1, max: 40}\npolicies: [{type: backlog, per_worker: 10}, {type: schedule, cron: \"0 3 * * *\", for: 2h, want: 39}]\n").Engine
	var got []recording.Change
	sum, err := recording.Replay(t.Context(), j, recording.Options{}, other, func(c recording.Change) error {
		got = append(got, c)
		return nil
	})
	if err != nil || sum.Changed == 0 || sum.Changed != len(got) || sum.Same+sum.Changed != sum.Ticks || sum.BuysMore == 0 || sum.LetsGoLess == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	counted := map[recording.Kind]int{}
	for _, c := range got {
		for _, k := range c.Kinds {
			counted[k]++
		}
		if len(c.Kinds) == 0 || c.Then.ID != c.Now.ID || c.Then.Have != c.Now.Have || len(c.Now.Reasons) == 0 || len(c.Then.Reasons) == 0 {
			t.Errorf("%+v", c)
		}
	}
	if counted[recording.BuysMore] != sum.BuysMore || counted[recording.BuysLess] != sum.BuysLess || counted[recording.Otherwise] != sum.Otherwise ||
		counted[recording.LetsGoMore] != sum.LetsGoMore || counted[recording.LetsGoLess] != sum.LetsGoLess {
		t.Errorf("%v, %+v", counted, sum)
	}
	enough := errors.New("enough")
	if _, err := recording.Replay(t.Context(), j, recording.Options{}, other, func(recording.Change) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// short is a scenario's first hours.
func short(sc scenario.Scenario) scenario.Scenario {
	sc.End = 6 * time.Hour
	return sc
}

func TestReplayRefuses(t *testing.T) {
	engine := read(t, scenario.Scenario{Queues: []scenario.Queue{{Name: "photos"}}}, plain).Engine
	none := func(recording.Change) error { return nil }
	imported := keep(t, importOf(t).all())
	two := made(t, 2, func(i int) (time.Duration, map[string]float64) { return time.Duration(i) * time.Minute, nil })
	other := ticks(1, func(int) (time.Duration, map[string]float64) { return 0, nil })
	other[0].Snapshot.Fleet, other[0].Decision.Fleet, other[0].Decision.ID = "second", "second", "second"
	if err := two.WriteAll(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for want, j := range map[string]recording.Journal{
		"is empty": keep(t, nil), "was imported": imported, "several fleets": two,
	} {
		if _, err := recording.Replay(t.Context(), j, recording.Options{}, engine, none); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
