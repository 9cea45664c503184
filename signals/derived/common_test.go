package derived_test

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// expect wants a value, or an error that says why there is none.
func expect(t *testing.T, got float64, err error, want float64, said string) {
	t.Helper()
	if got != want || (err == nil) != (said == "") || err != nil && !strings.Contains(err.Error(), said) {
		t.Errorf("got %g, %v; want %g, %q", got, err, want, said)
	}
}
