package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/signals/forecast"
)

// What a journal holds of arrivals is what forecasts begin with.
func TestForecastsLearnFromTheJournal(t *testing.T) {
	in := aDay(t)
	path := in + "/journal.db"
	if _, _, err := simulateWith(t, "--scenario", in+"/day.scenario.yaml", "--policy", in+"/a.policy.yaml", "--journal", path); err != nil {
		t.Fatal(err)
	}
	r, err := sqlite.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f := forecast.New(forecast.Settings{Queues: []string{"photos"}})
	now := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC) // 3,000 came within the hour before
	if err := teach(t.Context(), f, counts{r, "fleet", now, false}, []string{"photos"}); err != nil {
		t.Fatal(err)
	}
	v, ok := f.Queue("photos")
	if !ok {
		t.Fatal("nothing was learned")
	}
	if five := v.Within()[0]; math.Abs(five.P50-250) > 50 {
		t.Errorf("50 a minute came, %+v is expected of five", five)
	}
}

type unreadable struct{}

func (unreadable) Series(context.Context, string, string, time.Time, time.Time, time.Duration) ([]journal.Point, error) {
	return nil, errors.New("away")
}

func TestForecastsBeginWithoutHistory(t *testing.T) {
	err := teach(t.Context(), forecast.New(forecast.Settings{}), counts{unreadable{}, "render", time.Now(), false}, []string{"photos"})
	if err == nil || err.Error() != "arrivals of photos: away" {
		t.Error(err)
	}
}

// points is a history in memory.
type points []journal.Point

func (p points) Series(context.Context, string, string, time.Time, time.Time, time.Duration) ([]journal.Point, error) {
	return p, nil
}

// What a tick counts after a short gap came in all of it; what is left of an hour is
// an hour's, and nothing of one that is not over.
func TestWhatTicksCounted(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 0, minute, 0, 0, time.UTC) }
	p := points{{At: at(0), Mean: 2, Count: 60}}
	for _, m := range []int{60, 61, 62, 72, 73, 200, 201} {
		p = append(p, journal.Point{At: at(m), Mean: float64(m), Count: 1})
	}
	p = append(p, journal.Point{At: at(180), Mean: 2, Count: 60})
	list, err := counts{p, "render", at(201), false}.of(t.Context(), "photos")
	want := []counted{{at(60), time.Hour, 120}, {at(60), time.Minute, 60}, {at(61), time.Minute, 61}, {at(62), time.Minute, 62},
		{at(72), 10 * time.Minute, 72}, {at(73), time.Minute, 73}, {at(200), time.Minute, 200}, {at(201), time.Minute, 201}}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("%v, %v", list, err)
	}
	if list, _ = (counts{p, "render", at(201), true}).of(t.Context(), "photos"); list[4].span != time.Minute {
		t.Errorf("each count of a file is of its own step: %v", list[4])
	}
}
