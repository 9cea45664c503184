package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skynet/journal/journaltest"
)

// expectProblem wants the sentinel, and a message with the path in it.
func expectProblem(t *testing.T, err, want error, path string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v\nwant one that names %s and says: %v", err, path, want)
	}
	t.Log(err)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  error
	}{
		"not a database":     {func(t *testing.T, path string) { put(t, path, strings.Repeat("photos,12\n", 500)) }, ErrForeign},
		"short text":         {func(t *testing.T, path string) { put(t, path, "hello") }, ErrForeign},
		"another's database": {func(t *testing.T, path string) { run(t, path, "CREATE TABLE bookmarks (url)") }, ErrForeign},
		"a newer version":    {func(t *testing.T, path string) { spoilJournal(t, path, "PRAGMA user_version = 99") }, ErrNewer},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o750); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign},
		"written by another": {func(t *testing.T, path string) { open(t, path, Options{}) }, ErrLocked},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			c.spoil(t, path)
			_, err := Open(path, Options{Reserve: -1})
			expectProblem(t, err, c.want, path)
			if !errors.Is(c.want, ErrLocked) {
				_, err = OpenReadOnly(path)
				expectProblem(t, err, c.want, path)
			}
		})
	}
}

func TestOpenWithoutAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nowhere", "journal.db")
	_, err := Open(path, Options{})
	expectProblem(t, err, ErrNoFolder, path)
	_, err = OpenReadOnly(path)
	expectProblem(t, err, ErrMissing, path)
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

// run lets another program change the file.
func run(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func spoilJournal(t *testing.T, path, statement string) {
	t.Helper()
	if err := open(t, path, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	run(t, path, statement)
}

func TestMigration(t *testing.T) {
	path := newPath(t)
	j := open(t, path, Options{})
	r := journaltest.Tick("render", 0)
	journaltest.Write(t, j, r)
	steps := append(migrations[:len(migrations):len(migrations)],
		"CREATE TABLE extra (a)", "ALTER TABLE extra ADD COLUMN b; INSERT INTO extra VALUES (1, 2)")
	for range 2 { // the second time there is nothing left to do
		if err := migrate(t.Context(), j.db, steps); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := j.db.QueryRow("SELECT count(*) FROM extra").Scan(&n); err != nil || n != 1 {
		t.Fatalf("steps were not made once each: %d, %v", n, err)
	}
	journaltest.Expect(t, j, "render", time.Time{}, 0, r)
	broken := append(steps, "CREATE TABLE half (a); CREATE TABLE extra (a)")
	if err := migrate(t.Context(), j.db, broken); err == nil {
		t.Fatal("a step that fails must be an error")
	}
	if v, err := versionOf(t.Context(), j.db); v != len(steps) || err != nil {
		t.Fatalf("half a step was kept: version %d, %v", v, err)
	}
	expectProblem(t, fail(path, "migrate", migrate(t.Context(), j.db, migrations)), ErrNewer, path)
}

func TestPragmas(t *testing.T) {
	j := open(t, newPath(t), Options{})
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "auto_vacuum": "2", "busy_timeout": "5000",
	} {
		var got string
		if err := j.db.QueryRow("PRAGMA " + name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
}

func TestReadOnlyBesideTheDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd ?name#100%.db")
	j := open(t, path, Options{})
	all := journaltest.Ticks("render", 0, 4)
	journaltest.Write(t, j, all[:2]...)
	r, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	journaltest.Write(t, j, all[2:]...)
	expectRecords(t, r, all)
	if _, err := r.db.Exec("DELETE FROM ticks"); err == nil {
		t.Fatal("a reader must not be able to write")
	}
	tx, err := j.db.BeginTx(t.Context(), nil) // a tick is half written: readers do not wait, nor see it
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("DELETE FROM ticks"); err != nil {
		t.Fatal(err)
	}
	expectRecords(t, r, all)
}

func TestReadOnlyAtRest(t *testing.T) {
	path := newPath(t)
	j := open(t, path, Options{})
	all := journaltest.Ticks("render", 0, 2)
	journaltest.Write(t, j, all...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if !atRest(path) {
		t.Fatal("closing must leave no WAL behind")
	}
	r := &Reader{path: path, db: openPool(path, "&immutable=1")} // as in a folder that we may not write
	defer r.Close()
	expectRecords(t, r, all)
}

func TestLockedByAnotherProgram(t *testing.T) {
	path := newPath(t)
	j := open(t, path, Options{})
	other, err := sql.Open("sqlite", dsn(path, "_txlock=immediate"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin() // somebody's sqlite3 shell
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.db.Exec("PRAGMA busy_timeout = 20"); err != nil {
		t.Fatal(err)
	}
	r := journaltest.Tick("render", 0)
	expectProblem(t, j.Write(context.Background(), r), ErrLocked, path)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	journaltest.Write(t, j, r)
}

// TestALookThatIsBrokenOffSaysWhy, and not that its transaction ended with it.
func TestALookThatIsBrokenOffSaysWhy(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := j.view(ctx, "look", func(r reading) error {
		cancel()
		for !errors.Is(r.tx.QueryRow("SELECT 1").Scan(new(int)), sql.ErrTxDone) {
			time.Sleep(time.Millisecond)
		}
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "transaction") {
		t.Error(err)
	}
}
