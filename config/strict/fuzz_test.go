package strict_test

import (
	"testing"

	"skynet/config/strict"
)

// FuzzParseDuration: what is read is not negative, and what is written of it is read
// as the same.
func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"0", "30s", "1h30m", "14d", "2w", "-1s", "9999999999w", "1.5d", "1d1d", "1e9h", "5", "NaN", "106751d23h47m16s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := strict.ParseDuration(s)
		if err != nil {
			return
		}
		if again, err := strict.ParseDuration(d.String()); d < 0 || err != nil || again != d {
			t.Errorf("%q is %d, written %s, read %d, %v", s, d, d, again, err)
		}
	})
}

// FuzzSize: a size is above zero, and is read again as it is written.
func FuzzSize(f *testing.F) {
	for _, s := range []string{"512MiB", "2GiB", "100MB", "1B", "0.1B", "1e300TB", "NaNB", "0x10KiB", "8388607TiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var size, again strict.Size
		if size.UnmarshalText([]byte(s)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(size.String())); size <= 0 || err != nil || again != size {
			t.Errorf("%q is %d, written %s, read %d, %v", s, size, size, again, err)
		}
	})
}
