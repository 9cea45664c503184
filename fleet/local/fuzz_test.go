//go:build linux

package local

import (
	"os"
	"path/filepath"
	"testing"

	"skynet/fleet"
)

// FuzzLoad: a record of instances is refused, or holds instances whose IDs are such
// and name no folder but their own, and no process that a signal to would reach more
// than one.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"version":1,"instances":[{"id":"i-0123456789abcdef0","process":{"pid":12}}]}`))
	f.Add([]byte(`{"version":1,"instances":[null]}`))
	f.Add([]byte(`{"version":1,"instances":[{"id":"../../x"},{"id":"i-0123456789abcdef0","process":{"pid":-1}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, stateFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		l := &Fleet{dir: dir, records: map[fleet.ID]*record{}}
		if l.load() != nil {
			return
		}
		for id, r := range l.records {
			if r.ID != id || !filepath.IsLocal(string(id)) || filepath.Base(string(id)) != string(id) || r.Process.PID < 0 {
				t.Errorf("%q holds %+v as %q", data, r, id)
			}
		}
	})
}
