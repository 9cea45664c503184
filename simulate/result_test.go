package simulate_test

import (
	"testing"

	"skynet/simulate"
)

// Only all are 100%.
func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{1: "100.000%", 0.9999999: "99.999%", 0.99999: "99.999%", 0.985: "98.500%", 0: "0.000%"} {
		if got := simulate.Percent(share); got != want {
			t.Errorf("%g: %s, not %s", share, got, want)
		}
	}
}
