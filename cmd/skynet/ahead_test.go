package main

import (
	"context"
	"errors"
	"math"
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
	if err := teach(t.Context(), f, r, "fleet", []string{"photos"}, now, time.Minute); err != nil {
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
	err := teach(t.Context(), forecast.New(forecast.Settings{}), unreadable{}, "render", []string{"photos"}, time.Now(), time.Minute)
	if err == nil || err.Error() != "arrivals of photos: away" {
		t.Error(err)
	}
}
