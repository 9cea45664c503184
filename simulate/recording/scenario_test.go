package recording_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/controller"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/simulate"
	"skynet/simulate/recording"
	"skynet/simulate/scenario"
)

var _ recording.Journal = (*sqlite.Reader)(nil)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// forever is longer than any test's journal.
const forever = 1000 * time.Hour

// day is half a day of two queues with a swell of items.
func day(t *testing.T, more string) scenario.Scenario {
	t.Helper()
	folder := t.TempDir()
	var photos, videos strings.Builder
	for i := range 12 * 4 {
		at := monday.Add(time.Duration(i) * 15 * time.Minute).Format(time.RFC3339)
		fmt.Fprintf(&photos, "%s,%.0f\n", at, 500+9000*math.Max(0, math.Sin(float64(i)/15)))
		fmt.Fprintf(&videos, "%s,%d\n", at, 10+i%20)
	}
	text := `name: day
queues:
  - {name: photos, arrivals: {csv: photos.csv}, seconds: {median: 4s, p95: 12s}}
  - {name: videos, arrivals: {csv: videos.csv}, seconds: {mean: 60s, exponential: true}}
` + more
	for name, text := range map[string]string{"photos.csv": photos.String(), "videos.csv": videos.String(), "s.yaml": text} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sc, err := scenario.Load(filepath.Join(folder, "s.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

const plainFleet = "fleet: {slots: 4, price: 0.2, boot: {median: 90s, p95: 180s}, types: [{name: c7i.large}], zones: [{name: a}, {name: b}]}\n"

func read(t *testing.T, sc scenario.Scenario, text string) file.Policy {
	t.Helper()
	var names signals.Names
	for _, q := range sc.Queues {
		names.Queues = append(names.Queues, q.Name)
	}
	p, err := file.Parse("p.yaml", []byte(text), names)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func play(t *testing.T, sc scenario.Scenario, p file.Policy, j journal.Journal) simulate.Result {
	t.Helper()
	return playWatched(t, sc, p, j, nil)
}

func playWatched(t *testing.T, sc scenario.Scenario, p file.Policy, j journal.Journal, watch func(string, controller.Report)) simulate.Result {
	t.Helper()
	r, err := simulate.Run(t.Context(), &sc, simulate.Policy{
		Name: "p", Decider: p.Engine, Signals: p.Signals, Silent: p.Silent, Objective: policy.Objective{Wait: 2 * time.Minute},
	}, simulate.Options{Journal: j, Watch: watch})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// record plays a policy and returns the journal on disk, and what came of it.
func record(t *testing.T, sc scenario.Scenario, p file.Policy) (*sqlite.Journal, simulate.Result) {
	t.Helper()
	return recordWatched(t, sc, p, nil)
}

func recordWatched(t *testing.T, sc scenario.Scenario, p file.Policy, watch func(string, controller.Report)) (*sqlite.Journal, simulate.Result) {
	t.Helper()
	kept := journal.NewMemory(forever)
	r := playWatched(t, sc, p, kept, watch)
	var all []journal.Record
	for _, f := range sc.Fleets {
		list, err := kept.Records(t.Context(), f.Name, time.Time{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	return keep(t, all), r
}

func keep(t *testing.T, list []journal.Record) *sqlite.Journal {
	t.Helper()
	j, err := sqlite.Open(filepath.Join(t.TempDir(), "journal.db"), sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	if err := j.WriteAll(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return j
}

func of(t *testing.T, j recording.Journal, o recording.Options) scenario.Scenario {
	t.Helper()
	sc, err := recording.Scenario(t.Context(), j, o)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func items(q scenario.Queue) (n float64) {
	for _, s := range q.Series.Steps {
		n += s.Items
	}
	return n
}

const plain = "objective: {wait: 2m, quantile: 0.99}\nbounds: {min: 1, max: 40}\n"

// The same policy on the recording of itself comes to about the same figures.
func TestClosedLoopComesToTheSame(t *testing.T) {
	sc := day(t, plainFleet)
	p := read(t, sc, plain)
	j, first := record(t, sc, p)
	again := of(t, j, recording.Options{})
	second := play(t, again, p, nil)
	t.Logf("%+v\n%+v\n%q", first.Figures, second.Figures, again.Notes)
	near := func(what string, a, b, within float64) {
		t.Helper()
		if math.Abs(a-b) > within*math.Abs(a) {
			t.Errorf("%s: %g recorded, %g replayed", what, a, b)
		}
	}
	near("items", float64(first.Items), float64(second.Items), 0.001)
	near("work", first.WorkSeconds, second.WorkSeconds, 0.03)
	near("cost", *first.Cost, *second.Cost, 0.05)
	near("mean wait", first.Wait.Mean, second.Wait.Mean, 0.25)
	near("within the objective", *first.WithinObjective, *second.WithinObjective, 0.01)
	f := again.Fleets[0]
	if f.Slots != 4 || *f.Price != 0.2 || len(f.Zones) != 2 || f.Types[0].Name != "c7i.large" || f.Boot.Average() < 80*time.Second || f.Boot.Average() > 130*time.Second {
		t.Errorf("%+v", f)
	}
	if again.Interval.Std() != time.Minute || !again.Start.Equal(monday) {
		t.Errorf("%s from %s", again.Interval, again.Start)
	}
}

// What arrives in each queue is what arrived in it.
func TestArrivalsAreConserved(t *testing.T) {
	sc := day(t, plainFleet)
	j, _ := record(t, sc, read(t, sc, plain))
	again := of(t, j, recording.Options{})
	for i, q := range sc.Queues {
		if got, want := items(again.Queues[i]), items(q); math.Abs(got-want) > 3 || again.Queues[i].Name != q.Name {
			t.Errorf("%s: %g items of %g", q.Name, got, want)
		}
	}
	// From the middle on: what waited then is there at once, the rest is what came later.
	late := of(t, j, recording.Options{Since: 6 * time.Hour})
	want := 0.0
	for _, s := range again.Queues[0].Series.Steps {
		if again.Start.Add(s.At).Before(late.Start.Time) {
			want -= s.Items
		}
		want += s.Items
	}
	if got := items(late.Queues[0]); got < want || got > want+200 || late.End > 6*time.Hour+time.Minute || late.Fleets[0].Start < 1 {
		t.Errorf("%g items of %g since %s, %d at the start", got, want, late.Start, late.Fleets[0].Start)
	}
}

// Under faults of every kind nothing is counted twice.
func TestArrivalsAreConservedUnderFaults(t *testing.T) {
	sc := day(t, plainFleet+"faults: {dead_on_arrival: 10%, launch_refused: 5%, heartbeat_loss: 5%, api_errors: 5%}\n")
	j, r := record(t, sc, read(t, sc, plain))
	again := of(t, j, recording.Options{})
	got := items(again.Queues[0]) + items(again.Queues[1])
	if math.Abs(got-float64(r.Items)) > 0.01*float64(r.Items) {
		t.Errorf("%g items of %d", got, r.Items)
	}
	if said := strings.Join(again.Notes, "\n"); !strings.Contains(said, "refused launches") || !strings.Contains(said, "never came") {
		t.Error(said)
	}
}

// made is a journal of ticks that knew these numbers.
func made(t *testing.T, n int, of func(i int) (at time.Duration, values map[string]float64)) *sqlite.Journal {
	t.Helper()
	return keep(t, ticks(n, of))
}

func ticks(n int, of func(i int) (at time.Duration, values map[string]float64)) (list []journal.Record) {
	for i := range n {
		at, values := of(i)
		now := monday.Add(at)
		s := signals.Snapshot{Fleet: "render", Now: now, Queues: []string{"photos"}, Signals: signals.Calendar(now, time.UTC, nil)}
		for name, v := range values {
			s.Signals = append(s.Signals, signals.Known(name, v, now, time.Minute))
		}
		list = append(list, journal.Record{
			Snapshot: s.Freeze(), Decision: policy.Decision{ID: fmt.Sprint(i), Fleet: "render"},
		})
	}
	return list
}

// A daemon that was down does not know what arrived: no more is made up than the
// depth tells, and it is said.
func TestGaps(t *testing.T) {
	j := made(t, 120, func(i int) (time.Duration, map[string]float64) {
		at := time.Duration(i) * time.Minute
		v := map[string]float64{
			"queues.photos.arrived": 10, "queues.photos.completed": 10, "queues.photos.visible": 5,
			"queues.photos.in_flight": 0, "queues.photos.seconds_mean": 3,
		}
		if i >= 60 {
			at += 5 * time.Hour
			v["queues.photos.visible"] = 105
		}
		if i == 0 || i == 60 {
			delete(v, "queues.photos.arrived")
		}
		return at, v
	})
	sc := of(t, j, recording.Options{})
	if got := items(sc.Queues[0]); got != 5+59*10+100+59*10 {
		t.Errorf("%g items", got)
	}
	if said := strings.Join(sc.Notes, "\n"); !strings.Contains(said, "photos: what arrived in 5h1m of 6h59m is not known") {
		t.Error(said)
	}
}

// Lengths that change are replayed as they changed.
func TestLengthsOverTime(t *testing.T) {
	j := made(t, 600, func(i int) (time.Duration, map[string]float64) {
		v := map[string]float64{
			"queues.photos.arrived": 20, "queues.photos.completed": 20, "queues.photos.visible": 0, "queues.photos.in_flight": 0,
			"queues.photos.seconds_mean": 4, "queues.photos.seconds_p50": 3, "queues.photos.seconds_p95": 9,
		}
		if i > 300 {
			v["queues.photos.seconds_mean"], v["queues.photos.seconds_p50"], v["queues.photos.seconds_p95"] = 8, 8, 8
		}
		return time.Duration(i) * time.Minute, v
	})
	sc := of(t, j, recording.Options{})
	q := sc.Queues[0]
	early, late, all := q.LengthAt(0), q.LengthAt(9*time.Hour), q.Seconds.Average()
	if ratio := float64(early.P95) / float64(early.Median); math.Abs(ratio-3) > 0.01 || math.Abs(early.Average().Seconds()-4) > 0.01 {
		t.Errorf("at first %v, %s on average", early, early.Average())
	}
	if late.Average() != 8*time.Second || late.Median != 0 || all < 5900*time.Millisecond || all > 6100*time.Millisecond {
		t.Errorf("later %v, %s in all", late, all)
	}
	sc.End = 4 * time.Hour // the first 4,800 items, which are short ones
	if r := play(t, sc, read(t, sc, plain), nil); math.Abs(r.WorkSeconds-4800*4) > 4800*0.2 {
		t.Errorf("%d items took %g s", r.Items, r.WorkSeconds)
	}
}

// A recording that says next to nothing is played all the same, and says what had
// to be assumed.
func TestAssumed(t *testing.T) {
	j := made(t, 10, func(i int) (time.Duration, map[string]float64) {
		return time.Duration(i) * time.Minute, map[string]float64{"queues.photos.arrived": 1}
	})
	sc := of(t, j, recording.Options{})
	said := strings.Join(sc.Notes, "\n")
	for _, want := range []string{"an item takes 10s", "1 slot a machine", "takes 2m to boot", "takes 1m to wake", "no prices", "30s"} {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q:\n%s", want, said)
		}
	}
	if sc.Queues[0].Visibility != strict.Duration(30*time.Second) || items(sc.Queues[0]) != 9 || sc.Priced() {
		t.Errorf("%+v", sc)
	}
	if r := play(t, sc, read(t, sc, plain), nil); r.Items != 9 {
		t.Errorf("%+v", r)
	}
}

func TestRefused(t *testing.T) {
	empty := keep(t, nil)
	one := made(t, 1, func(int) (time.Duration, map[string]float64) { return 0, nil })
	two := made(t, 2, func(i int) (time.Duration, map[string]float64) { return time.Duration(i) * time.Minute, nil })
	for want, c := range map[string]struct {
		j recording.Journal
		o recording.Options
	}{
		"is empty":        {empty, recording.Options{}},
		"is too short":    {one, recording.Options{}},
		`has no fleet "x`: {two, recording.Options{Fleet: "x"}},
	} {
		if _, err := recording.Scenario(t.Context(), c.j, c.o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Where only hours are left, they are played as such.
func TestHours(t *testing.T) {
	list := ticks(50*60, func(i int) (time.Duration, map[string]float64) {
		return time.Duration(i) * time.Minute, map[string]float64{
			"queues.photos.arrived": 2, "queues.photos.completed": 2, "queues.photos.visible": 0, "queues.photos.in_flight": 0,
			"queues.photos.seconds_mean": 5, "fleet.running": 3,
		}
	})
	path := filepath.Join(t.TempDir(), "journal.db")
	pruned, err := sqlite.Open(path, sqlite.Options{Reserve: -1, Details: 24 * time.Hour, Minutes: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer pruned.Close()
	if err := pruned.WriteAll(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if err := pruned.Prune(t.Context(), monday.Add(50*time.Hour)); err != nil {
		t.Fatal(err)
	}
	recent := of(t, pruned, recording.Options{})
	if recent.End > 27*time.Hour {
		t.Errorf("%s without being asked", recent.End)
	}
	all := of(t, pruned, recording.Options{Since: 50*time.Hour - time.Minute})
	more := of(t, pruned, recording.Options{Since: 400 * 24 * time.Hour})
	if more.End > 50*time.Hour || more.Start.Before(monday.Add(-time.Minute)) || !strings.Contains(strings.Join(more.Notes, "\n"), "the recording begins at 2026-03-01 23:59:00 UTC") {
		t.Errorf("%s from %s on, when asked for more than there is: %q", more.End, more.Start.Time, more.Notes)
	}
	if got := items(all.Queues[0]); math.Abs(got-6000) > 10 || all.Fleets[0].Start != 3 {
		t.Errorf("%g items, %d at the start", got, all.Fleets[0].Start)
	}
	if said := strings.Join(all.Notes, "\n"); !strings.Contains(said, "by the hour") || strings.Contains(said, "is not known, or") {
		t.Error(said)
	}
}
