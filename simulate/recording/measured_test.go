package recording_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/journal"
	"skynet/simulate/recording"
)

func reading(minute int, length time.Duration, v float64) recording.Reading {
	return recording.Reading{At: monday.Add(time.Duration(minute) * time.Minute), For: length, Value: v}
}

func TestMeasured(t *testing.T) {
	m := recording.Measured{
		Fleet: "render", Queues: []string{"photos"}, Said: "who says it", Interval: time.Minute,
		Counts: map[string][]recording.Reading{
			"queues.photos.arrived":   {reading(0, time.Minute, 4), reading(1, time.Minute, 0), reading(3, 5*time.Minute, 10)},
			"queues.photos.completed": {reading(0, time.Minute, 6)},
		},
		Levels: map[string][]recording.Reading{
			"queues.photos.in_flight": {reading(0, time.Minute, 3), reading(2, time.Minute, 1)},
		},
	}
	list := slices.Collect(m.Records(monday, monday.Add(9*time.Minute)))
	unknown := math.NaN()
	for name, want := range map[string][]float64{
		"queues.photos.arrived":      {unknown, 4, 0, unknown, 2, 2, 2, 2, 2, unknown},
		"queue.arrived":              {unknown, 4, 0, unknown, 2, 2, 2, 2, 2, unknown},
		"queues.photos.in_flight":    {unknown, 3, unknown, 1, unknown, unknown, unknown, unknown, unknown, unknown},
		"queues.photos.seconds_mean": {unknown, 40, 40, 40, 40, 40, 40, 40, 40, 40}, // 4 × 60 s held, 6 done
		"fleet.slots":                slices.Repeat([]float64{unknown}, 10),
	} {
		for i, r := range list {
			v, err := r.Snapshot.Value(name)
			if (err == nil) == math.IsNaN(want[i]) || err == nil && v != want[i] {
				t.Errorf("%s at minute %d: %g, %v", name, i, v, err)
			}
		}
	}
	for _, r := range list {
		if !recording.Imported(r) || r.Decision.Reasons[0].Said != "who says it" {
			t.Errorf("%+v", r.Decision)
		}
	}
}

// Nothing that was counted is lost or told twice, whatever the steps and the interval
// are; what was not measured all the time is unknown.
func TestMeasuredCountsAreConserved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		interval := time.Duration(rapid.SampledFrom([]int{1, 5, 15, 60}).Draw(rt, "interval")) * time.Minute
		var list []recording.Reading
		all, holes := 0.0, 0
		for hour := range rapid.IntRange(1, 4).Draw(rt, "hours") {
			step := rapid.SampledFrom([]int{1, 5, 60}).Draw(rt, "step")
			for at := 0; at < 60; at += step {
				if rapid.IntRange(0, 20).Draw(rt, "hole") == 0 {
					holes++
					continue
				}
				n := rapid.Float64Range(0, 100).Draw(rt, "n")
				list, all = append(list, reading(60*hour+at, time.Duration(step)*time.Minute, n)), all+n
			}
		}
		m := recording.Measured{
			Fleet: "render", Queues: []string{"photos"}, Interval: interval,
			Counts: map[string][]recording.Reading{"queues.photos.arrived": list},
		}
		sum, unknown := 0.0, 0
		for r := range m.Records(monday.Add(interval), monday.Add(4*time.Hour)) {
			v, err := r.Snapshot.Value("queues.photos.arrived")
			if err != nil {
				unknown++
			}
			sum += v
		}
		switch {
		case sum > all+1e-6, holes == 0 && len(list) > 0 && sum < all-1e-6:
			rt.Fatalf("%g of %g", sum, all)
		case holes > 0 && unknown == 0:
			rt.Fatalf("%d holes and nothing unknown", holes)
		}
	})
}

// A recording in pieces is the same as one made at once, and it plays.
func TestMeasuredInPieces(t *testing.T) {
	m := recording.Measured{
		Fleet: "render", Queues: []string{"photos"}, Interval: time.Minute, Takes: map[string]time.Duration{"photos": 3 * time.Second},
		Counts: map[string][]recording.Reading{}, Levels: map[string][]recording.Reading{},
	}
	for i := range 600 {
		m.Counts["queues.photos.arrived"] = append(m.Counts["queues.photos.arrived"], reading(i, time.Minute, float64(i%7)))
		m.Levels["queues.photos.visible"] = append(m.Levels["queues.photos.visible"], reading(i, time.Minute, 1))
		m.Levels["queues.photos.in_flight"] = append(m.Levels["queues.photos.in_flight"], reading(i, time.Minute, 1))
	}
	whole := slices.Collect(m.Records(monday, monday.Add(10*time.Hour)))
	var pieces []journal.Record
	for hour := range 10 {
		first := monday.Add(time.Duration(hour) * time.Hour)
		if hour > 0 {
			first = first.Add(time.Minute)
		}
		pieces = append(pieces, slices.Collect(m.Records(first, monday.Add(time.Duration(hour+1)*time.Hour)))...)
	}
	one, other := of(t, keep(t, whole), recording.Options{}), of(t, keep(t, pieces), recording.Options{})
	if items(one.Queues[0]) != items(other.Queues[0]) || len(whole) != len(pieces) {
		t.Errorf("%g items in %d ticks, %g in %d", items(one.Queues[0]), len(whole), items(other.Queues[0]), len(pieces))
	}
	if n := items(one.Queues[0]); math.Abs(n-(600*3-6)) > 10 {
		t.Errorf("%g items", n)
	}
	if r := play(t, one, read(t, one, plain), nil); r.Items < 1700 {
		t.Errorf("%+v", r)
	}
}
