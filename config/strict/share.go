package strict

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Percent is a part of a hundred, written "80%" or "0.5%".
type Percent float64

// Fraction is the percentage as a part of one: 0.8 for 80%.
func (p Percent) Fraction() float64 { return float64(p) / 100 }

func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// MarshalText writes it as String does.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads "80%", from 0% to 100%.
func (p *Percent) UnmarshalText(b []byte) error {
	digits, ok := strings.CutSuffix(string(b), "%")
	f, err := strconv.ParseFloat(digits, 64)
	switch {
	case !ok && err == nil && f > 0 && f < 1:
		return fmt.Errorf("needs a percent sign; write %.4g%%, or %s%% if so little is meant", 100*f, digits)
	case !ok && err == nil:
		return fmt.Errorf("needs a percent sign; write %s%%", digits)
	case err != nil || strings.Trim(digits, "0123456789.") != "":
		return errors.New("is not a percentage; write it like 80%")
	case f > 100:
		return errors.New("is more than 100%; write at most 100%")
	}
	*p = Percent(f)
	return nil
}

const percentage = `^([0-9]+\.?[0-9]*|\.[0-9]+)%$`

// JSONSchema says how it is written.
func (Percent) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": percentage, "examples": []string{"80%"}}
}

// Share is how many of some: a count ("20") or a percentage ("20%"). The zero
// Share is one that was not given.
type Share struct {
	count   int
	percent Percent
}

// Count is a share of so many, whatever the whole.
func Count(n int) Share { return Share{count: n} }

// Percentage is a share in per cent of the whole.
func Percentage(p Percent) Share { return Share{percent: p} }

// Of is the share of n: a percentage rounded up, and at least one, so that a
// small fleet still moves.
func (s Share) Of(n int) int {
	if s.percent == 0 {
		return max(s.count, 1)
	}
	// The epsilon keeps 2.2% of 1500 at 33: a product of floats may end just above it.
	return max(int(math.Ceil(float64(n)*float64(s.percent)/100-1e-9)), 1)
}

// IsZero reports whether no share was given.
func (s Share) IsZero() bool { return s == Share{} }

// IsPercent reports whether it is a percentage.
func (s Share) IsPercent() bool { return s.percent != 0 }

func (s Share) String() string {
	if s.percent != 0 {
		return s.percent.String()
	}
	return strconv.Itoa(s.count)
}

// MarshalText writes it as String does.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a count or a percentage. Zero is refused: a share is at
// least one, so zero would not do what it says.
func (s *Share) UnmarshalText(b []byte) error {
	var read Share
	var err error
	if strings.HasSuffix(string(b), "%") {
		err = read.percent.UnmarshalText(b)
	} else if read.count, err = strconv.Atoi(string(b)); err != nil {
		err = errors.New("is not a share; write a count (20) or a percentage (20%)")
	}
	switch {
	case err != nil:
		return err
	case read.count < 0:
		return errors.New("is negative; write a count of at least 1, or a percentage")
	case read.IsZero():
		return errors.New("is too small; a share is at least 1, or more than 0%")
	}
	*s = read
	return nil
}

// JSONSchema says how it is written.
func (Share) JSONSchema() map[string]any {
	return map[string]any{
		"anyOf":    []map[string]any{{"type": "integer", "minimum": 1}, {"type": "string", "pattern": `%$|^[0-9]+$`}},
		"examples": []any{20, "20%"},
	}
}
