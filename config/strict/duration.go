package strict

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as people write it in files: "30s", "1h30m",
// "14d", "2w". A day is 24 hours.
type Duration time.Duration

const day = 24 * time.Hour

// units beyond those of package time, longest first as they must be written.
var units = []struct {
	letter byte
	length time.Duration
}{{'w', 7 * day}, {'d', day}}

// Std returns it as package time's.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes it the shortest way that ParseDuration reads.
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	days, rest := time.Duration(d)/day, time.Duration(d)%day
	s := ""
	if days > 0 {
		s = fmt.Sprintf("%dd", days)
	}
	if rest == 0 {
		return s
	}
	clock := rest.String()
	if strings.HasSuffix(clock, "m0s") {
		clock = strings.TrimSuffix(clock, "0s")
	}
	if strings.HasSuffix(clock, "h0m") {
		clock = strings.TrimSuffix(clock, "0m")
	}
	return s + clock
}

// ParseDuration reads Go's durations, days (d) and weeks (w) among them. A
// bare number is refused, since its unit can only be guessed; 0 needs none.
func ParseDuration(s string) (Duration, error) {
	if s == "0" {
		return 0, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil && !strings.HasPrefix(s, "-") {
		return 0, fmt.Errorf("needs a unit; write %ss, %sm or %sh", s, s, s)
	}
	if strings.HasPrefix(s, "-") {
		return 0, errors.New("is negative; write a positive duration")
	}
	total, rest := time.Duration(0), s
	for _, u := range units {
		n, after, err := leading(rest, u.letter, u.length)
		if err != nil {
			return 0, err
		}
		total, rest = add(total, n), after
	}
	if rest != "" {
		n, err := time.ParseDuration(rest)
		if err != nil || n < 0 || strings.HasPrefix(rest, "+") {
			return 0, errors.New("is not a duration; write it like 90s, 10m, 1h30m, 14d or 2w")
		}
		total = add(total, n)
	}
	if total == math.MaxInt64 || s == "" {
		return 0, errors.New("is not a duration of at most 292 years; write it like 10m or 14d")
	}
	return Duration(total), nil
}

// leading reads "2w" off the front of "2w3d".
func leading(s string, letter byte, length time.Duration) (n time.Duration, rest string, err error) {
	number, rest, ok := strings.Cut(s, string(letter))
	if !ok || strings.Trim(number, "0123456789.") != "" {
		return 0, s, nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, s, errors.New("is not a duration; write it like 90s, 10m, 1h30m, 14d or 2w")
	}
	if f *= float64(length); f >= math.MaxInt64 {
		return math.MaxInt64, rest, nil
	}
	return time.Duration(math.Round(f)), rest, nil
}

// add adds two positive lengths and stops at the longest there is.
func add(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// MarshalText writes it as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads it as ParseDuration does.
func (d *Duration) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDuration(string(b))
	return err
}

// JSONSchema says how it is written.
func (Duration) JSONSchema() map[string]any {
	const part = `[0-9]*\.?[0-9]+`
	return map[string]any{
		"anyOf": []map[string]any{
			{"type": "string", "pattern": `^(` + part + `w)?(` + part + `d)?(` + part + `(h|m|s|ms|us|µs|ns))*$`, "minLength": 1},
			{"const": 0},
		},
		"examples": []string{"30s", "10m", "14d"},
	}
}
