package main

import (
	"bytes"
	"strings"
	"testing"

	"skynet/policy"
	"skynet/simulate"
)

// Forecasts have lines in the table where some were scored, and none elsewhere.
func TestTheTableTellsOfForecasts(t *testing.T) {
	text := func(f *simulate.Forecast) string {
		var b bytes.Buffer
		ours, peer := simulate.Result{Policy: "a.policy.yaml"}, simulate.Result{Policy: "keda"}
		ours.Forecast = f
		simulated{Results: []simulate.Result{ours, peer}}.print(&b)
		return b.String()
	}
	got := text(&simulate.Forecast{
		In15Minutes: simulate.Foresight{WithinP99: .989, OverLastWeek: new(.62), OverLastValue: new(.5)},
		In60Minutes: simulate.Foresight{WithinP99: .97, OverLastValue: new(.7)},
	})
	for _, want := range []string{"forecast error 15m 0.62 x last week -", "forecast error 60m 0.70 x last value -", "held p99 15m, 60m 98.9%, 97.0% -"} {
		if !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := text(nil); strings.Contains(got, "forecast") {
		t.Error(got)
	}
}

// Whoever keeps less than was promised is not the best, however cheap; who had
// nothing to keep has missed nothing.
func TestMissed(t *testing.T) {
	promise := policy.Objective{Quantile: .99}
	for want, shares := range map[bool][]*float64{true: {new(.98999), new(0.)}, false: {new(.99), new(1.), nil}} {
		for _, share := range shares {
			r := simulate.Result{Figures: simulate.Figures{WithinObjective: share}}
			if missed(r, promise) != want {
				t.Errorf("%v: %v", share, !want)
			}
		}
	}
}
