package recipe

import (
	"errors"
	"strconv"
	"strings"
)

// steps are those of one medium, in the order in which they are explained.
type steps []struct {
	name string
	make func() any // with its defaults
}

func (s steps) names() []string {
	names := make([]string, len(s))
	for i, x := range s {
		names[i] = x.name
	}
	return names
}

func (s steps) make(name string) any {
	for _, x := range s {
		if x.name == name {
			return x.make()
		}
	}
	return nil
}

// Factor is a part of what something is, written 120%; 100% leaves it as it is.
type Factor float64

// Of is the factor as a number: 1.2 for 120%.
func (f Factor) Of() float64 { return float64(f) / 100 }

func (f Factor) String() string { return strconv.FormatFloat(float64(f), 'f', -1, 64) + "%" }

// MarshalText writes it as String does.
func (f Factor) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads 0% to 1000%.
func (f *Factor) UnmarshalText(b []byte) error {
	digits, ok := strings.CutSuffix(string(b), "%")
	n, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(n >= 0) || n > 1000 {
		return errors.New("is not a share of what it is; write it like 120%, from 0% to 1000%")
	}
	*f = Factor(n)
	return nil
}

// JSONSchema says how it is written.
func (Factor) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^[0-9]+\.?[0-9]*%$`, "examples": []string{"120%"}}
}
