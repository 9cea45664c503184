package derived_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/derived"
)

// says wants a signal's value, the reason why it has none, and its note.
func says(t *testing.T, s signals.Snapshot, name string, want float64, why, note string) {
	t.Helper()
	got, err := s.Value(name)
	if math.Abs(got-want) < 1e-9 {
		got = want
	}
	expect(t, got, err, want, why)
	if sig, _ := signals.Find(s.Signals, name); !strings.Contains(sig.Note, note) || sig.Note != "" && note == "" {
		t.Errorf("%s: note %q, want %q", name, sig.Note, note)
	}
}

func TestBoots(t *testing.T) {
	set := derived.Settings{Priors: derived.DefaultPriors()}
	s := derived.Complete(signals.Snapshot{Now: noon}, set)
	says(t, s, "fleet.boot_seconds", 120, "", "assumed: no boot has been seen yet")
	says(t, s, "fleet.boot_p95", 180, "", "assumed: no boot has been seen yet")
	says(t, s, "fleet.wake_seconds", 60, "", "assumed: no wake has been seen yet")

	booted := func(id fleet.ID, launched, woken, heard time.Time) fleet.Worker {
		return fleet.Worker{ID: id, State: fleet.Working, Launched: launched, Woken: woken, Heard: heard, Booted: heard}
	}
	last := signals.Tick{At: ago(time.Minute), Starting: []fleet.ID{"a", "b", "c", "d", "e", "f"}, Boots: []float64{100}}
	workers := []fleet.Worker{
		booted("a", ago(80*time.Second), time.Time{}, noon),
		booted("f", ago(80*time.Second), time.Time{}, ago(20*time.Second)),
		booted("b", ago(time.Hour), ago(30*time.Second), noon),
		booted("c", ago(48*time.Hour), time.Time{}, noon),          // nobody listened
		booted("d", noon, time.Time{}, ago(time.Second)),           // another clock
		booted("z", ago(10*time.Second), time.Time{}, noon),        // was heard of before
		{ID: "e", State: fleet.Starting, Launched: ago(time.Hour)}, // not heard of
	}
	s = derived.Complete(signals.Snapshot{Now: noon, Workers: workers, Recent: []signals.Tick{last}}, set)
	if !slices.Equal(s.Boots, []float64{100, 60, 80}) || !slices.Equal(s.Wakes, []float64{30}) {
		t.Errorf("boots %v, wakes %v", s.Boots, s.Wakes)
	}
	says(t, s, "fleet.boot_seconds", ((100*.87+60)*.87+80)/(1+.87+.87*.87), "", "")
	says(t, s, "fleet.boot_p95", 100, "", "")
	says(t, s, "fleet.wake_seconds", 30, "", "")

	last.Boots = slices.Repeat([]float64{100}, signals.Samples)
	s = derived.Complete(signals.Snapshot{Now: noon, Workers: workers, Recent: []signals.Tick{last}}, set)
	if len(s.Boots) != signals.Samples || s.Boots[signals.Samples-1] != 80 {
		t.Errorf("boots %v", s.Boots)
	}
	if len(last.Boots) != signals.Samples || last.Boots[signals.Samples-1] != 100 {
		t.Error("the last tick was changed")
	}
}

func TestWhatTheJournalTells(t *testing.T) {
	none := derived.Complete(signals.Snapshot{Now: noon}, derived.Settings{})
	says(t, none, "decision.want_raw", 0, "there is no earlier tick", "")
	says(t, none, "fleet.launch_failures", 0, "", "")
	says(t, none, "fleet.billing_left", 0, "billing is per second", "")

	s := derived.Complete(signals.Snapshot{
		Now:     noon,
		Workers: []fleet.Worker{{ID: "x", State: fleet.Working, Interrupted: true}, {ID: "y", State: fleet.Working, Interrupted: true}},
		Recent: []signals.Tick{
			{At: ago(2 * time.Hour), Deeds: signals.Deeds{Refused: 9}, Died: []fleet.ID{"o"}, Interrupted: []fleet.ID{"o"}},
			{At: ago(time.Minute * 2), Deeds: signals.Deeds{Refused: 2}, Died: []fleet.ID{"p"}, Interrupted: []fleet.ID{"x", "p"}},
			{At: ago(time.Minute), Want: 7, Starting: []fleet.ID{"q"}, Deeds: signals.Deeds{
				Refused: 1, Launched: []fleet.ID{"r", "s"}, Woken: []fleet.ID{"t"}, Drained: []fleet.ID{"u"},
			}},
		},
	}, derived.Settings{Hourly: true})
	says(t, s, "fleet.launch_failures", 3, "", "")
	says(t, s, "fleet.dead_on_arrival", 2, "", "") // p, and q that is gone
	says(t, s, "fleet.interruptions", 3, "", "")   // x, y, p
	says(t, s, "decision.want_raw", 7, "", "")
	says(t, s, "decision.launched", 3, "", "")
	says(t, s, "decision.drained", 1, "", "")
	says(t, s, "fleet.billing_left", 0, "no worker is running", "") // none whose launch is known
}

func TestBillingLeft(t *testing.T) {
	for _, c := range []struct {
		name string
		w    fleet.Worker
		want float64
	}{
		{"just launched", fleet.Worker{State: fleet.Working, Launched: noon}, 3600},
		{"an hour ago", fleet.Worker{State: fleet.Working, Launched: ago(time.Hour)}, 3600},
		{"five minutes left", fleet.Worker{State: fleet.Working, Launched: ago(115 * time.Minute)}, 300},
		{"woken since", fleet.Worker{State: fleet.Working, Launched: ago(115 * time.Minute), Woken: ago(time.Minute)}, 3540},
		{"launched in the future", fleet.Worker{State: fleet.Working, Launched: noon.Add(time.Minute)}, 3600},
	} {
		s := derived.Complete(signals.Snapshot{Now: noon, Workers: []fleet.Worker{c.w}}, derived.Settings{Hourly: true})
		t.Run(c.name, func(t *testing.T) { says(t, s, "fleet.billing_left", c.want, "", "") })
	}
}

func TestWhatRunsCosts(t *testing.T) {
	one, two := []derived.Price{{Type: "local", Hourly: .05}}, []derived.Price{{Type: "large", Hourly: .4}, {Type: "small", Hourly: .1}}
	is := func(kind string, s fleet.State) fleet.Worker { return fleet.Worker{Type: kind, State: s} }
	for _, c := range []struct {
		name    string
		prices  []derived.Price
		workers []fleet.Worker
		want    float64
		why     string
	}{
		{"no prices", nil, nil, 0, "no prices in the settings"},
		{"nobody", one, nil, 0, ""},
		{"two types", two, []fleet.Worker{is("large", fleet.Working), is("small", fleet.Draining), is("small", fleet.Starting)}, .6, ""},
		{"asleep costs nothing", two, []fleet.Worker{is("large", fleet.Asleep), is("small", fleet.Leaving)}, 0, ""},
		{"a type without a price", two, []fleet.Worker{is("large", fleet.Working), is("huge", fleet.Working)}, 0, `no price for type "huge"`},
		{"no type, one price", one, []fleet.Worker{is("", fleet.Working)}, .05, ""},
		{"a Spot worker costs what the market asks", two, []fleet.Worker{is("large", fleet.Working), {Type: "large", State: fleet.Working, Spot: true, Hourly: .15}}, .55, ""},
		{"a Spot worker needs no price in the settings", two, []fleet.Worker{{Type: "huge", State: fleet.Working, Hourly: .15}}, .15, ""},
		{"asleep it costs its volumes", two, []fleet.Worker{{Type: "large", State: fleet.Asleep, Hourly: .01}}, .01, ""},
		{"leaving it costs nothing", two, []fleet.Worker{{Type: "large", State: fleet.Leaving, Hourly: .15}}, 0, ""},
		{"no type, two prices", two, []fleet.Worker{is("", fleet.Starting)}, .4, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := derived.Complete(signals.Snapshot{Now: noon, Workers: c.workers}, derived.Settings{Prices: c.prices})
			says(t, s, "cost.per_hour", c.want, c.why, "")
		})
	}
	s := derived.Complete(signals.Snapshot{Now: noon}, derived.Settings{Prices: two})
	says(t, s, "cost.per_instance", .4, "", "")
	says(t, s, "cost.today", 0, "", "counted from 2026-03-01 12:00:00 UTC on")
	says(t, s, "cost.budget_left", 0, "no daily budget is set", "")
	says(t, s, "cost.per_item", 0, "unknown", "")
}

func TestCostOfADay(t *testing.T) {
	zone := func(name string) *time.Location {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	berlin := zone("Europe/Berlin")
	at := func(z *time.Location, month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, z)
	}
	for _, c := range []struct {
		name       string
		since, now time.Time
		want       float64 // with 5 spent until since, at 1 an hour
	}{
		{"an hour on", at(berlin, 5, 5, 10), at(berlin, 5, 5, 11), 6},
		{"over midnight", at(berlin, 5, 5, 22), at(berlin, 5, 6, 3), 3},
		{"at midnight", at(berlin, 5, 5, 22), at(berlin, 5, 6, 0), 0},
		{"the clock is set forward", at(berlin, 3, 28, 22), at(berlin, 3, 29, 12), 11},
		{"the clock is set back", at(berlin, 10, 24, 22), at(berlin, 10, 25, 12), 13},
		{"there is no midnight", at(zone("America/Santiago"), 9, 5, 20), at(zone("America/Santiago"), 9, 6, 3), 2},
		{"midnight comes twice", at(zone("America/Havana"), 10, 31, 20), at(zone("America/Havana"), 11, 1, 3), 4},
		{"midnight comes twice, east of Greenwich", time.Date(2021, 10, 28, 20, 0, 0, 0, zone("Asia/Amman")), time.Date(2021, 10, 29, 3, 0, 0, 0, zone("Asia/Amman")), 4},
		{"there is no midnight, east of Greenwich", time.Date(2021, 3, 25, 20, 0, 0, 0, zone("Asia/Amman")), time.Date(2021, 3, 26, 3, 0, 0, 0, zone("Asia/Amman")), 2},
		{"our clock is set back", at(berlin, 5, 5, 11), at(berlin, 5, 5, 10), 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			last := signals.Tick{At: c.since, Signals: signals.Sort(given(c.since, "cost.today", 5, "cost.per_hour", 1))}
			s := derived.Complete(signals.Snapshot{Now: c.now, Recent: []signals.Tick{last}},
				derived.Settings{Zone: c.now.Location(), Daily: 10, Prices: []derived.Price{{Type: "local", Hourly: 1}}})
			says(t, s, "cost.today", c.want, "", "")
			says(t, s, "cost.budget_left", 10-c.want, "", "")
		})
	}
}

// What ran in a tick that could not tell its cost ran all the same.
func TestCostThatWasUnknownForATick(t *testing.T) {
	tick := func(past time.Duration, pairs ...any) signals.Tick {
		return signals.Tick{At: ago(past), Signals: signals.Sort(given(ago(past), pairs...))}
	}
	recent := []signals.Tick{
		tick(30*time.Minute, "cost.today", 5, "cost.per_hour", "no price"),
		tick(20*time.Minute, "cost.today", "no price", "cost.per_hour", 6),
		tick(10*time.Minute, "cost.today", "no price", "cost.per_hour", "no price", "queue.completed", 2),
	}
	s := derived.Complete(signals.Snapshot{Now: noon, Recent: recent, Signals: given(noon, "queue.visible", 1, "queue.completed", 4)},
		derived.Settings{Prices: []derived.Price{{Type: "local", Hourly: 1}}})
	says(t, s, "cost.today", 8, "", "")
	says(t, s, "cost.per_item", .5, "", "")
}

// In decide, what is given is final, and what is not follows from it.
func TestFinal(t *testing.T) {
	set := derived.Settings{Final: true, Priors: derived.DefaultPriors()}
	complete := func(s derived.Settings, pairs ...any) signals.Snapshot {
		return derived.Complete(signals.Snapshot{Now: noon, Signals: given(noon, pairs...)}, s)
	}
	s := complete(set, "queue.visible", 120, "work.seconds_mean", 4, "fleet.running", 6, "fleet.slots", 4, "fleet.boot_seconds", 90, "queue.growth", "mine is not known")
	says(t, s, "work.backlog_seconds", 480, "", "")
	says(t, s, "work.drain_seconds", 20, "", "")
	says(t, s, "fleet.boot_seconds", 90, "", "")
	says(t, s, "queue.growth", 0, "mine is not known", "")
	says(t, s, "fleet.pending", 0, "not given", "")
	says(t, s, "fleet.launch_failures", 0, "not given", "")
	says(t, complete(set, "queue.visible", 1, "work.seconds_mean", "unknown to me"), "work.backlog_seconds", 0, "unknown to me", "")
	says(t, complete(set, "queue.visible", 1, "queue.in_flight", 9, "fleet.busy_slots", 4), "work.backlog_seconds", 60, "", "assumed")
	says(t, complete(set, "fleet.busy_slots", 4, "fleet.running", 2, "fleet.slots", 4), "fleet.utilisation", .5, "", "")

	set.Queues = []string{"photos"} // queue.* stands for the one queue
	s = complete(set, "queue.visible", 3, "work.seconds_mean", 4, "queues.photos.rate", 7)
	says(t, s, "queues.photos.visible", 3, "", "")
	says(t, s, "queues.photos.backlog_seconds", 12, "", "")
	says(t, s, "work.backlog_seconds", 12, "", "")
	says(t, s, "queues.photos.rate", 7, "", "")

	s = complete(derived.Settings{}, "fleet.running", 9, "queue.visible", 3) // a source cannot say who runs
	says(t, s, "fleet.running", 0, "", "")
}

// Every name of the catalogue has a value or a reason.
func TestEveryNameIsThere(t *testing.T) {
	for _, set := range []derived.Settings{{}, {Final: true}, {Queues: []string{"photos"}}} {
		s := derived.Complete(signals.Snapshot{Now: noon}, set)
		for _, k := range signals.Catalogue {
			if sig, ok := signals.Find(s.Signals, k.Name); !ok {
				t.Errorf("%s is missing", k.Name)
			} else if _, err := sig.Check(noon); err != nil && !strings.Contains(err.Error(), k.Name+" is unknown: ") {
				t.Error(err)
			}
		}
		for _, sig := range s.Signals {
			if _, ok := signals.KindOf(sig.Name); !ok {
				t.Errorf("%s is not in the catalogue", sig.Name)
			}
		}
	}
	s := derived.Complete(signals.Snapshot{Now: noon}, derived.Settings{})
	says(t, s, "forecast.usual", 0, "there is no forecast yet", "")
	says(t, s, "cost.spot_price", 0, "only EC2 has it", "")
}

// odd draws a number that a broken source may give.
func odd(t *rapid.T) float64 {
	return rapid.OneOf(rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{-1, 0, math.NaN(), math.Inf(1), math.Inf(-1), 1e308, math.MaxFloat64})).Draw(t, "value")
}

func oddWorld(t *rapid.T) (signals.Snapshot, derived.Settings) {
	set := derived.Settings{
		Queues: rapid.SampledFrom([][]string{nil, {"photos"}, {"photos", "videos"}}).Draw(t, "queues"),
		Prices: []derived.Price{{Type: "local", Hourly: 1}}, Daily: 3, Hourly: true,
		Final: rapid.Bool().Draw(t, "final"), Priors: derived.DefaultPriors(),
	}
	any := signals.Names{Queues: set.Queues}.All()
	list := func(at time.Time) (list []signals.Signal) {
		for range rapid.IntRange(0, 20).Draw(t, "signals") {
			name := rapid.SampledFrom(any).Draw(t, "name")
			list = append(list, signals.Signal{Name: name, Value: odd(t), At: at, Good: time.Minute})
		}
		return signals.Sort(list)
	}
	s := signals.Snapshot{Now: noon, Signals: list(noon)}
	for i := range rapid.IntRange(0, 5).Draw(t, "ticks") {
		at := ago(time.Duration(rapid.IntRange(-3, 9).Draw(t, "minutes ago")) * time.Minute)
		s.Recent = append(s.Recent, signals.Tick{At: at, Signals: list(at), Starting: []fleet.ID{"i-1"}, Boots: []float64{float64(i)}})
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "workers") {
		s.Workers = append(s.Workers, fleet.Worker{
			ID: fleet.ID("i-" + string(rune('0'+i))), State: fleet.State(rapid.IntRange(0, 8).Draw(t, "state")),
			Jobs: rapid.IntRange(0, 3).Draw(t, "jobs"), Slots: rapid.IntRange(0, 2).Draw(t, "slots"),
			Launched: ago(time.Duration(rapid.IntRange(-100, 1000).Draw(t, "launched")) * time.Minute), Heard: noon, Booted: noon,
		})
	}
	return s, set
}

// Whatever sources give and however the clock was set: no panic, and what is
// known is a number.
func TestWhatIsKnownIsANumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, set := oddWorld(t)
		for _, sig := range derived.Complete(s, set).Signals {
			if sig.Unknown == "" && (math.IsNaN(sig.Value) || math.IsInf(sig.Value, 0)) {
				t.Fatalf("%+v", sig)
			}
		}
	})
}

// The order in which things are listed does not matter, nor does a trip through
// JSON, and what was there before is not changed.
func TestCompleteIsAFunctionOfWhatIsKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, set := oddWorld(t)
		finite := func(list []signals.Signal) []signals.Signal {
			return slices.DeleteFunc(list, func(s signals.Signal) bool { return math.IsNaN(s.Value) || math.IsInf(s.Value, 0) })
		}
		s.Signals = finite(s.Signals)
		for i := range s.Recent {
			s.Recent[i].Signals = finite(s.Recent[i].Signals)
		}
		r := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		r.Shuffle(len(s.Signals), func(i, j int) { s.Signals[i], s.Signals[j] = s.Signals[j], s.Signals[i] })
		before, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		want := derived.Complete(s, set)
		if after, _ := json.Marshal(s); string(after) != string(before) {
			t.Fatal("its argument was changed")
		}
		var other signals.Snapshot
		if err := json.Unmarshal(before, &other); err != nil {
			t.Fatal(err)
		}
		r.Shuffle(len(other.Workers), func(i, j int) { other.Workers[i], other.Workers[j] = other.Workers[j], other.Workers[i] })
		r.Shuffle(len(other.Signals), func(i, j int) { other.Signals[i], other.Signals[j] = other.Signals[j], other.Signals[i] })
		if diff := cmp.Diff(want.Signals, derived.Complete(other, set).Signals); diff != "" {
			t.Fatal(diff)
		}
	})
}
