package notify

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzRestore: whatever lies where an earlier run kept its troubles, what is taken of
// it was told, is not of the future, and is written again as it was read.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"troubles":[{"fleet":"a","occasion":"blind","told":true,"last":"2026-03-01T11:00:00Z"}],"pauses":{"a":{}}}`))
	f.Add([]byte(`{"troubles":[{"told":true,"last":"9999-12-31T23:59:59Z"},{"told":true,"last":"0001-01-01T00:00:00Z"}],"pauses":null}`))
	f.Add([]byte(`null`))
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "kept.json")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var w, again Watch
		w.restore(file, now)
		for a, x := range w.open {
			if !x.Told || x.Last.After(now) || now.Sub(x.Last) >= longestKept {
				t.Errorf("%v is taken for open: %+v", a, x)
			}
		}
		w.changed = true
		w.keep(file)
		if again.restore(file, now); w.changed || len(again.open) != len(w.open) || len(again.pauses) != len(w.pauses) {
			t.Errorf("%q: %d troubles and %d pauses are read again as %d and %d", data, len(w.open), len(w.pauses), len(again.open), len(again.pauses))
		}
	})
}
