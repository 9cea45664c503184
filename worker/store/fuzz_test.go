package store

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLocate: a URL lies in none of the stores, or at a key that stays in its store
// however often it is written and read.
func FuzzLocate(f *testing.F) {
	for _, u := range []string{
		"file:///srv/media/a%20b.jpg", "file://localhost/srv/media/a", "file:///srv/media/../x", "file:///srv/media/%2e%2e/x", "s3://bucket/below/x",
		"s3://bucket/belowx", "s3://BUCKET/below/x", "s3://user@bucket/below/x", "file:///srv/mediax", "file:///srv/media/inner/x", "file:srv/media/x",
		"file:///srv/media//x", `file:///srv/media/..\x`, "file:///srv/media/x#y", "file:///srv/media/%00", "s3://bucket/below/%252e%252e/x", "file:///srv/media/a../b",
	} {
		f.Add(u)
	}
	var s Stores
	for _, raw := range []string{"file:///srv/media", "file:///srv/media/inner", "s3://bucket/below"} {
		u, err := url.Parse(raw)
		if err != nil {
			f.Fatal(err)
		}
		s.all = append(s.all, newStore(u))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		st, key, err := s.locate(raw)
		if err != nil {
			return
		}
		if key != "" && !filepath.IsLocal(key) || strings.ContainsAny(key, "\x00\\\n") {
			t.Errorf("%q is the key %q of %s", raw, key, st.root)
		}
		if key == "" {
			return
		}
		if again, same, err := s.locate(st.url(key)); err != nil || again != st || same != key {
			t.Errorf("%q is the key %q, written %s, read %q, %v", raw, key, st.url(key), same, err)
		}
	})
}
