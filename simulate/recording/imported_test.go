package recording_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/journal"
	"skynet/simulate/recording"
	"skynet/simulate/scenario"
)

type imported struct{ recording.Import }

func (i imported) all() []journal.Record { return slices.Collect(i.Records()) }

// series are counts from an hour after Monday's beginning on.
func series(step time.Duration, counts ...float64) scenario.Series {
	s := scenario.Series{Began: monday.Add(time.Hour)}
	for i, n := range counts {
		s.Steps = append(s.Steps, scenario.Step{At: time.Duration(i) * step, For: step, Items: n})
	}
	return s
}

// importOf is an import of ten minutes.
func importOf(t *testing.T) imported {
	t.Helper()
	price := 0.17
	im := recording.Import{
		Fleet: "render", Slots: 4, Price: &price, Interval: time.Minute,
		Loads: []recording.Load{
			{Queue: "photos", From: "photos.csv", Takes: 4 * time.Second, Series: series(5*time.Minute, 100, 7)},
			{Queue: "videos", From: "videos.csv", Trace: scenario.Trace{Began: monday.Add(time.Hour), Jobs: []scenario.Job{
				{At: 0, Took: time.Minute}, {At: 90 * time.Second, Took: 2 * time.Minute}, {At: 90 * time.Second, Took: 4 * time.Minute},
			}}},
		},
		Workers: series(5*time.Minute, 3, 5),
	}
	if err := im.Check(); err != nil {
		t.Fatal(err)
	}
	return imported{im}
}

func TestImport(t *testing.T) {
	list := importOf(t).all()
	if len(list) != 11 || !list[0].Snapshot.Now.Equal(monday.Add(time.Hour)) {
		t.Fatalf("%d ticks from %s", len(list), list[0].Snapshot.Now)
	}
	for i, r := range list {
		if err := r.Check(); err != nil || !recording.Imported(r) {
			t.Fatal(r, err)
		}
		photos, err := r.Snapshot.Value("queues.photos.arrived")
		want := 20.
		if i > 5 {
			want = 1.4
		}
		if i == 0 != (err != nil) || i > 0 && math.Abs(photos-want) > 1e-9 {
			t.Errorf("%d: %g photos, %v", i, photos, err)
		}
		if n, err := r.Snapshot.Value("fleet.running"); err != nil || n != map[bool]float64{true: 3, false: 5}[i < 5] {
			t.Errorf("%d: %g workers, %v", i, n, err)
		}
	}
	for name, want := range map[string]float64{
		"queues.videos.arrived": 2, "queues.videos.seconds_mean": 180, "queues.videos.seconds_p50": 120, "queues.videos.seconds_p95": 240,
		"queue.arrived": 22, "queues.photos.seconds_mean": 4, "fleet.slots": 4, "cost.per_instance": 0.17,
	} {
		if got, err := list[2].Snapshot.Value(name); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %g, %v", name, got, err)
		}
	}
	if said := list[2].Decision.Reasons[0].Said; !strings.Contains(said, "photos: 20 items arrived, says photos.csv") {
		t.Error(said)
	}
}

// What goes in comes out: all items, in their steps, as long as they took.
func TestImportRoundTrip(t *testing.T) {
	sc := of(t, keep(t, importOf(t).all()), recording.Options{Name: "x"})
	if len(sc.Queues) != 2 || items(sc.Queues[0]) != 107 && math.Abs(items(sc.Queues[0])-107) > 1e-9 || items(sc.Queues[1]) != 3 {
		t.Errorf("%+v", sc.Queues)
	}
	f := sc.Fleets[0]
	if f.Slots != 4 || *f.Price != 0.17 || f.Start != 3 || f.Name != "render" || sc.Queues[0].Seconds.Average() != 4*time.Second {
		t.Errorf("%+v", f)
	}
	if got := sc.Queues[1].Seconds.Average().Seconds(); math.Abs(got-140) > 1 {
		t.Errorf("a video takes %g s", got)
	}
	p := read(t, sc, plain)
	if r := play(t, sc, p, nil); r.Items != 110 || r.Cost == nil {
		t.Errorf("%+v", r.Figures)
	}
}

// A hole in the file is none in which nothing came.
func TestImportWithAHole(t *testing.T) {
	im := importOf(t)
	im.Loads = im.Loads[:1]
	im.Loads[0].Series = series(time.Minute, 5, 5, 5)
	late := scenario.Step{At: 30 * time.Minute, For: time.Minute, Items: 9}
	im.Loads[0].Series.Steps = append(im.Loads[0].Series.Steps, late)
	list := im.all()
	if v, err := list[20].Snapshot.Value("queues.photos.arrived"); err == nil || !strings.Contains(err.Error(), "photos.csv has nothing for this time") {
		t.Errorf("%g, %v", v, err)
	}
	sc := of(t, keep(t, list), recording.Options{})
	steps := sc.Queues[0].Series.Steps
	if last := steps[len(steps)-1]; items(sc.Queues[0]) != 24 || last != late {
		t.Errorf("%+v", steps)
	}
	if said := strings.Join(sc.Notes, "\n"); !strings.Contains(said, "what arrived in 27m of 31m is not known") {
		t.Error(said)
	}
}

// However steps and ticks lie to each other, no item is lost or made up.
func TestImportConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := time.Duration(rapid.IntRange(1, 400).Draw(t, "step")) * 7 * time.Second
		counts := rapid.SliceOfN(rapid.Float64Range(0, 1000), 1, 40).Draw(t, "counts")
		im := recording.Import{
			Fleet: "f", Interval: time.Duration(rapid.IntRange(1, 600).Draw(t, "interval")) * time.Second,
			Loads: []recording.Load{{Queue: "q", From: "q.csv", Series: series(step, counts...)}},
		}
		im.Loads[0].Series.Began = im.Loads[0].Series.Began.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "late")))
		want, got := 0.0, 0.0
		for _, n := range counts {
			want += n
		}
		if im.Check() != nil {
			t.Skip("too short")
		}
		for r := range im.Records() {
			if v, err := r.Snapshot.Value("queues.q.arrived"); err == nil {
				got += v
			}
		}
		if math.Abs(got-want) > 1e-6*(1+want) {
			t.Fatalf("%g of %g", got, want)
		}
	})
}

func TestImportRefuses(t *testing.T) {
	for want, change := range map[string]func(*recording.Import){
		"nothing to import": func(im *recording.Import) { im.Loads = nil },
		"out of range":      func(im *recording.Import) { im.Interval = 0 },
		"nothing is left":   func(im *recording.Import) { im.To = monday },
		"at most":           func(im *recording.Import) { im.Loads[0].Series.Steps[1].At = 40 * 366 * 24 * time.Hour },
		"1e+308 items":      func(im *recording.Import) { im.Loads[0].Series.Steps[1].Items = 1e308 },
		"1970 to 2200":      func(im *recording.Import) { im.Loads[0].Series.Began = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC) },
	} {
		im := importOf(t).Import
		change(&im)
		if err := im.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
