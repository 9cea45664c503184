package simulate

import (
	"testing"
	"time"

	"skynet/config/strict"
	"skynet/simulate/scenario"
)

// evenings bring most in the evening, for so many days.
func evenings(days int) scenario.Scenario {
	sc := *still(nil).sc
	sc.Interval = strict.Duration(time.Minute)
	sc.Queues[0].Arrivals = &scenario.Arrivals{Scale: 1}
	for h := range 24 * days {
		items := 60.
		if h%24 >= 18 && h%24 < 22 {
			items = 1200
		}
		sc.Queues[0].Series.Steps = append(sc.Queues[0].Series.Steps, scenario.Step{At: time.Duration(h) * time.Hour, For: time.Hour, Items: items})
	}
	sc.End = time.Duration(24*days) * time.Hour
	sc.Fleets[0].Start = 1
	return sc
}

func played(t *testing.T, sc scenario.Scenario, p Policy) Result {
	t.Helper()
	p.Decider = nobody{}
	r, err := Run(t.Context(), &sc, p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestForecastsAreScored(t *testing.T) {
	f := played(t, evenings(9), Policy{}).Forecast
	if f == nil || f.In15Minutes.OverLastWeek == nil {
		t.Fatalf("%+v", f)
	}
	// Two days after the first week, less the horizon.
	for _, one := range []struct {
		Foresight
		minutes int
	}{{f.In15Minutes, 15}, {f.In60Minutes, 60}} {
		if want := 2*24*60 - one.minutes; one.Scored < want-1 || one.Scored > want+1 {
			t.Errorf("%d of %d are scored", one.Scored, want)
		}
		if one.WithinP90 < .8 || one.WithinP99 < .95 || one.Loss <= 0 || *one.OverLastWeek > 1.1 || *one.OverLastValue > .9 {
			t.Errorf("%+v, %g, %g", one.Foresight, *one.OverLastWeek, *one.OverLastValue)
		}
	}
}

func TestForecastsThatAreNotScored(t *testing.T) {
	if f := played(t, evenings(3), Policy{}).Forecast; f == nil || f.In15Minutes.OverLastWeek != nil || f.In15Minutes.OverLastValue == nil {
		t.Errorf("without a week the last value is there to compare with: %+v", f)
	}
	if f := played(t, evenings(1), Policy{}).Forecast; f != nil {
		t.Errorf("a day is too short, though the run goes on after it: %+v", f)
	}
	if f := played(t, evenings(3), Policy{Blind: true}).Forecast; f != nil {
		t.Errorf("none were made: %+v", f)
	}
}

// Fleets have forecasts each; of their sum there is none.
func TestEachFleetsForecasts(t *testing.T) {
	sc := evenings(3)
	sc.Queues = append(sc.Queues, sc.Queues[0])
	sc.Queues[1].Name = "videos"
	sc.Fleets = append(sc.Fleets, sc.Fleets[0])
	sc.Fleets[1].Name, sc.Fleets[1].Serves = "encode", []int{1}
	r := played(t, sc, Policy{})
	if r.Forecast != nil || len(r.Fleets) != 2 || r.Fleets[0].Forecast == nil || r.Fleets[1].Forecast == nil {
		t.Errorf("%+v", r)
	}
}
