package fleet_test

import (
	"strings"
	"testing"

	"skynet/fleet"
)

func TestCheckTag(t *testing.T) {
	for _, c := range []struct{ key, value, says string }{
		{fleet.TagDrain, "render-20260301T120000.123Z", ""},
		{strings.Repeat("k", 128), strings.Repeat("ü", 256), ""},
		{"", "v", "1 to 128"},
		{strings.Repeat("k", 129), "v", "1 to 128"},
		{"with space", "v", "letters, digits"},
		{"a/b", "v", "letters, digits"},
		{"ü", "v", "letters, digits"},
		{"_index", "v", "the metadata's own"},
		{"..", "v", "the metadata's own"},
		{"AWS:name", "v", "reserved"},
		{"k", strings.Repeat("v", 257), "257 characters"},
	} {
		if err := fleet.CheckTag(c.key, c.value); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.20q=%.20q: %v, want %q", c.key, c.value, err, c.says)
		}
	}
}
