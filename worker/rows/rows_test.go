package rows_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"skynet/worker/recipe"
	"skynet/worker/rows"
)

// manifest is that of an item with so many outputs.
func manifest(name string, outputs int) recipe.Manifest {
	m := recipe.Manifest{
		Item: "item-" + name, Batch: "spring", Recipe: "gallery", Digest: "d-" + name, Folder: "file:///results/" + name,
		Inputs: []recipe.Artifact{{Name: "input", URL: "file:///media/" + name, Bytes: 5, SHA256: "aa"}},
		Worker: "i-1", Version: "v1", Started: time.Unix(1000, 5e8), Finished: time.Unix(1002, 0), Seconds: 1.5, Tries: 1,
	}
	for i := range outputs {
		m.Outputs = append(m.Outputs, recipe.Artifact{
			Name: fmt.Sprint(i, ".jpg"), URL: fmt.Sprintf("%s/%d.jpg", m.Folder, i), Type: "image/jpeg", Bytes: 3 << 32, SHA256: "bb", Width: 4,
		})
	}
	return m
}

func open(t *testing.T, raw string) *rows.Database {
	t.Helper()
	d, err := rows.New(raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func save(t *testing.T, d *rows.Database, m recipe.Manifest) {
	t.Helper()
	if err := d.Save(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// documented are the queries that the worker's page shows.
func documented(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/worker.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```sql\n")
	block, _, _ := strings.Cut(rest, "\n```")
	queries := strings.Split(strings.ReplaceAll(block, ";", ""), "\n") // what asks puts them into another
	if len(queries) != 2 {
		t.Fatalf("the page has the queries %q, want 2", queries)
	}
	return queries
}

// holds is the contract, for each kind of database. ask asks it for one text.
func holds(t *testing.T, raw string, ask func(sql string) string) {
	wants := func(query, want string) {
		t.Helper()
		if got := ask(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	d := open(t, raw)
	for range 2 { // an item that comes again writes the same again
		save(t, d, manifest("a", 3))
	}
	save(t, d, manifest("b", 1))
	wants(`SELECT count(*) FROM skynet_items`, "2")
	wants(`SELECT count(*) FROM skynet_outputs`, "4")
	wants(`SELECT bytes FROM skynet_outputs WHERE url = 'file:///results/a/1.jpg'`, fmt.Sprint(3<<32))
	wants(`SELECT count(*) FROM skynet_outputs WHERE width = 4 AND height IS NULL AND seconds IS NULL`, "4")
	wants(`SELECT count(*) FROM skynet_items WHERE started < finished AND seconds = 1.5 AND tries = 1`, "2")
	wants(`SELECT url FROM skynet_inputs WHERE folder = 'file:///results/b'`, "file:///media/b")

	for _, query := range documented(t) {
		if strings.Contains(query, "batch") {
			query = strings.Replace(query, "batch, count(*), sum(seconds)", "count(*)", 1)
			wants(query, "2")
			continue
		}
		wants(strings.Replace(query, "s3://media/a.jpg", "file:///media/b", 1), "file:///results/b/0.jpg")
	}

	again := manifest("a", 1) // another recipe makes less
	again.Recipe = "small"
	save(t, d, again)
	wants(`SELECT count(*) FROM skynet_outputs WHERE folder = 'file:///results/a'`, "1")
	wants(`SELECT recipe FROM skynet_items WHERE folder = 'file:///results/a'`, "small")

	moved := manifest("c", 1) // two items write the same output: the last counts
	moved.Outputs[0].URL = "file:///results/b/0.jpg"
	save(t, d, moved)
	wants(`SELECT folder FROM skynet_outputs WHERE url = 'file:///results/b/0.jpg'`, "file:///results/c")

	bad := manifest("half", 2) // all or nothing
	bad.Inputs = append(bad.Inputs, bad.Inputs[0])
	if err := d.Save(t.Context(), bad); err == nil {
		t.Error("an input that is there twice is no error: the test tests nothing")
	}
	wants(`SELECT count(*) FROM skynet_items WHERE item = 'item-half'`, "0")

	var many sync.WaitGroup // as workers that start at once, on the same items
	for w := range 4 {
		many.Go(func() {
			d := open(t, raw)
			for i := range 10 {
				if err := d.Save(t.Context(), manifest(fmt.Sprint("many-", (i+w)%10), 2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	many.Wait()
	wants(`SELECT count(*) FROM skynet_items WHERE item LIKE 'item-many-%'`, "10")
	wants(`SELECT count(*) FROM skynet_schema`, "1")
}

func TestSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a folder?", "rows.db")
	raw := (&url.URL{Scheme: "sqlite", Path: file}).String()
	holds(t, raw, func(query string) string {
		t.Helper()
		db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file}).String())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var s string
		if err := db.QueryRowContext(t.Context(), query).Scan(&s); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return s
	})
}

// Tables of a newer worker are left alone.
func TestNewerTables(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.db")
	save(t, open(t, "sqlite://"+file), manifest("a", 1))
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO skynet_schema VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	if err := open(t, "sqlite://"+file).Save(t.Context(), manifest("b", 1)); err == nil || !strings.Contains(err.Error(), "made by a newer one") {
		t.Error(err)
	}
}

// A database that is not there is an error each time, and none once it is.
func TestComesLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, "sqlite://"+dir+"/rows.db")
	for range 2 {
		if err := d.Save(t.Context(), manifest("a", 1)); err == nil {
			t.Error("saved into nothing")
		}
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	save(t, d, manifest("a", 1))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Save(ended, manifest("b", 1)); err == nil {
		t.Error("saved after its context")
	}
	save(t, d, manifest("b", 1))
}

func TestNew(t *testing.T) {
	for _, raw := range []string{"", "mysql://me:secret@host/db", "://", "postgres://me:sec ret@%zz"} {
		if d, err := rows.New(raw); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec ret") {
			t.Errorf("%q: %v, %v", raw, d, err)
		}
	}
}
