package strict_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/config/strict"
)

func TestParseDuration(t *testing.T) {
	good := map[string]time.Duration{
		"10m": 10 * time.Minute, "14d": 14 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "1w1d1h": 193 * time.Hour,
		"1.5d": 36 * time.Hour, "0": 0, "0s": 0, "250ms": 250 * time.Millisecond, "1h30m": 90 * time.Minute,
	}
	for s, want := range good {
		if d, err := strict.ParseDuration(s); err != nil || d.Std() != want {
			t.Errorf("%q: got %v, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "10", "1.5", "-10m", "-1d", "+5m", "1d-5m", "1d+5m", "d", ".d", "1d1w", "1d1d", "ten", "1y", "10 m", "10000w10000w", "1e9d", "99999w", "15000w2500d", "inf", "NaN", "\x00"} {
		if d, err := strict.ParseDuration(s); err == nil {
			t.Errorf("%q: read as %v", s, d)
		}
	}
}

func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]time.Duration{1, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "unit")
		d := strict.Duration(rapid.Int64Range(0, (math.MaxInt64-1)/int64(unit)).Draw(t, "n")) * strict.Duration(unit)
		if back, err := strict.ParseDuration(d.String()); err != nil || back != d {
			t.Errorf("%d was written %q and read %d, %v", d, d, back, err)
		}
	})
}

func TestDurationsAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, d, h := rapid.IntRange(0, 50).Draw(t, "w"), rapid.IntRange(0, 50).Draw(t, "d"), rapid.IntRange(0, 50).Draw(t, "h")
		got, err := strict.ParseDuration(fmt.Sprintf("%dw%dd%dh", w, d, h))
		if want := time.Duration(w*168+d*24+h) * time.Hour; err != nil || got.Std() != want {
			t.Errorf("got %v, want %v, %v", got, want, err)
		}
	})
}

// Floats make a little more of this product than it is.
func TestShareOfIsExact(t *testing.T) {
	if got := strict.Percentage(2.2).Of(1500); got != 33 {
		t.Errorf("got %d", got)
	}
}

// A share of a whole is at least one, never less than its exact part, and less
// than one more than it.
func TestShareOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenths := rapid.IntRange(1, 1000).Draw(t, "tenths of a per cent")
		n := rapid.IntRange(0, 100_000).Draw(t, "n")
		got := strict.Percentage(strict.Percent(float64(tenths) / 10)).Of(n)
		want := max((n*tenths+999)/1000, 1)
		if got != want {
			t.Errorf("%d/1000 of %d: got %d, want %d", tenths, n, got, want)
		}
	})
}

func TestShareOfCount(t *testing.T) {
	for s, want := range map[strict.Share]int{{}: 1, strict.Count(1): 1, strict.Count(20): 20} {
		if got := s.Of(5); got != want {
			t.Errorf("%v of 5: got %d, want %d", s, got, want)
		}
	}
}

func TestShareRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strict.Count(rapid.IntRange(1, math.MaxInt32).Draw(t, "count"))
		if rapid.Bool().Draw(t, "percentage") {
			s = strict.Percentage(strict.Percent(rapid.Float64Range(1e-6, 100).Draw(t, "percent")))
		}
		var back strict.Share
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%v was read back as %v, %v", s, back, err)
		}
	})
}

func TestShareRefuses(t *testing.T) {
	for _, s := range []string{"", "0", "0%", "-1", "-5%", "101%", "%", "1e1%", "NaN%", "1.5", "20 %", "1%%"} {
		var share strict.Share
		if err := share.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q was read as %v", s, share)
		}
	}
}
