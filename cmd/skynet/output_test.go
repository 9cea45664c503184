package main

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"skynet/journal"
	"skynet/journal/journaltest"
	"skynet/journal/sqlite"
)

// TestDamagedTicksAreMentioned by what reads the journal, on standard error:
// what is printed may go to a program.
func TestDamagedTicksAreMentioned(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	j, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var list []journal.Record
	for n := range 3 {
		list = append(list, journaltest.Tick("render", n))
	}
	journaltest.Write(t, j, list...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"explain", "signals"} {
		if said := errorsOf(t, command, dir); said != "" {
			t.Errorf("%s of a sound journal notes %q", command, said)
		}
	}
	damage(t, path)
	want := "skynet: note: the journal at " + path + ": 1 ticks are damaged and left out\n"
	for _, args := range []string{"explain --all", "signals"} {
		if said := errorsOf(t, args, dir); said != want {
			t.Errorf("%s notes %q, want %q", args, said, want)
		}
	}
}

// errorsOf is what a command that looks at a journal says on standard error.
func errorsOf(t *testing.T, args, dir string) string {
	t.Helper()
	var out, said bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetErr(&said)
	c.SetArgs(append(strings.Fields(args), "--state-dir", dir))
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return said.String()
}

func damage(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE intents SET body = 'x' WHERE tick = (SELECT max(tick) FROM intents)"); err != nil {
		t.Fatal(err)
	}
}
