package sqlite

import (
	"path/filepath"
	"testing"

	"skynet/journal"
	"skynet/journal/journaltest"
)

func TestConformance(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journal.Journal { return open(t, newPath(t), Options{}) })
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "journal.db") }

// open opens a journal for as long as the test runs. It sets no space aside
// unless asked to: most tests open many.
func open(t testing.TB, path string, o Options) *Journal {
	t.Helper()
	if o.Reserve == 0 {
		o.Reserve = -1
	}
	j, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // some close it themselves
	return j
}
