package recipe

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"skynet/config/strict"
)

// Size is a number of bytes, written 512MiB, 2GiB or 100MB.
type Size = strict.Size

// Bitrate is a number of bits a second, written 128k or 2.5M.
type Bitrate int64

func (r Bitrate) String() string {
	switch {
	case r >= 1e6 && r%1e5 == 0:
		return strconv.FormatFloat(float64(r)/1e6, 'f', -1, 64) + "M"
	case r%1e3 == 0:
		return strconv.FormatInt(int64(r)/1e3, 10) + "k"
	}
	return strconv.FormatInt(int64(r), 10)
}

// MarshalText writes it as String does.
func (r Bitrate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a number of thousands (k) or millions (M).
func (r *Bitrate) UnmarshalText(b []byte) error {
	text, by := string(b), 1.0
	if digits, ok := strings.CutSuffix(text, "k"); ok {
		text, by = digits, 1e3
	} else if digits, ok := strings.CutSuffix(text, "M"); ok {
		text, by = digits, 1e6
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n*by >= 1000) || n*by > 1e9 {
		return errors.New("is not a bitrate; write it like 128k or 2.5M, bits a second")
	}
	*r = Bitrate(n * by)
	return nil
}

// JSONSchema says how it is written.
func (Bitrate) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^[0-9.]+[kM]$`, "examples": []string{"128k", "2.5M"}}
}

// Colour is an sRGB colour, written #rrggbb.
type Colour struct{ R, G, B uint8 }

var hex = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// MarshalText writes it as String does.
func (c Colour) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads #rrggbb.
func (c *Colour) UnmarshalText(b []byte) error {
	if !hex.Match(b) {
		return errors.New(`is not a colour; write it in quotes like "#ff8800"`)
	}
	n, err := strconv.ParseUint(string(b[1:]), 16, 32)
	if err != nil {
		return err
	}
	*c = Colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}
	return nil
}

// JSONSchema says how it is written.
func (Colour) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "pattern": hex.String(), "examples": []string{"#ff8800"}}
}

// Expand puts values in the place of {name}. A name without a value is an error:
// a watermark that says {owner} is worse than none.
func Expand(text string, values map[string]string) (string, error) {
	var missing []string
	done := placeholder.ReplaceAllStringFunc(text, func(p string) string {
		v, ok := values[p[1:len(p)-1]]
		if !ok {
			missing = append(missing, p)
		}
		return v
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("no value for %s: give it in the item's values", strings.Join(missing, ", "))
	}
	return done, nil
}

var placeholder = regexp.MustCompile(`\{[a-z][a-z0-9_]*\}`)
