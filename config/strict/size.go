package strict

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written 512MiB, 2GiB or 100MB.
type Size int64

var sizes = []struct {
	name string
	size float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

func (s Size) String() string {
	for _, u := range []int{3, 2, 1, 0} {
		if n := float64(s) / sizes[u].size; n >= 1 && n == math.Trunc(n) {
			return strconv.FormatFloat(n, 'f', -1, 64) + sizes[u].name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText writes it as String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a number with a unit.
func (s *Size) UnmarshalText(b []byte) error {
	for _, u := range sizes {
		digits, ok := strings.CutSuffix(string(b), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(n*u.size >= 1) || n*u.size > math.MaxInt64/2 {
			break
		}
		*s = Size(n * u.size)
		return nil
	}
	return errors.New("is not a size; write it like 512MiB or 2GB")
}

// JSONSchema says how it is written.
func (Size) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^[0-9.]+ *([KMGT]iB|[kMGT]?B)$`, "examples": []string{"512MiB"}}
}
