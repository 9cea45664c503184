//go:build linux

package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/policy"
	"skynet/signals"
	"skynet/test/processes"
	"skynet/worker/recipe"
)

func sum(text string) hash { return sha256.Sum256([]byte(text)) }

// made is the folder of an item that is done, and what must be in it.
func made(t *testing.T) (folder string, it item, want map[string]hash) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "00001.txt")
	it = item{name: "00001.txt", fleet: "near", recipe: "quick", in: sum("abc")}
	want = map[string]hash{"loud.txt": sum("ABC"), "sum.txt": sum("hash")}
	m := recipe.Manifest{Folder: "file://" + folder, Inputs: []recipe.Artifact{{Name: "input", SHA256: it.in.String()}}}
	for _, name := range []string{"loud.txt", "sum.txt"} {
		m.Outputs = append(m.Outputs, recipe.Artifact{Name: name, SHA256: want[name].String()})
	}
	text, _ := json.Marshal(m)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"loud.txt": "ABC", "sum.txt": "hash", "manifest.json": string(text)} {
		put(t, filepath.Join(folder, name), body)
	}
	return folder, it, want
}

func put(t *testing.T, file, body string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOutputsThatAreWrongAreFound shows that each kind of loss is noticed.
func TestOutputsThatAreWrongAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(folder string, it *item)
		want string // in the error; "" where all is well
	}{
		"whole":              {func(string, *item) {}, ""},
		"half written":       {func(f string, _ *item) { put(t, f+"/loud.txt.123.tmp", "A") }, ""},
		"lost":               {func(f string, _ *item) { _ = os.RemoveAll(f) }, "is lost"},
		"an output short":    {func(f string, _ *item) { _ = os.Remove(f + "/sum.txt") }, "sum.txt"},
		"a byte wrong":       {func(f string, _ *item) { put(t, f+"/loud.txt", "ABc") }, "loud.txt of item 00001.txt is not what it should be"},
		"an output too many": {func(f string, _ *item) { put(t, f+"/other.txt", "") }, "other.txt is not asked for"},
		"a failure left":     {func(f string, _ *item) { put(t, f+"/failed.json", "{}") }, "failed.json is not asked for"},
		"no manifest":        {func(f string, _ *item) { _ = os.Remove(f + "/manifest.json") }, "manifest.json"},
		"of another input":   {func(_ string, it *item) { it.in = sum("abd") }, "tells of other inputs"},
		"a manifest of less": {func(f string, _ *item) {
			text, _ := os.ReadFile(f + "/manifest.json")
			at := strings.Index(string(text), `,{"name":"sum.txt"`)
			end := strings.Index(string(text[at:]), "}") + at + 1
			put(t, f+"/manifest.json", string(text[:at])+string(text[end:]))
		}, "tells of outputs [loud.txt]"},
	} {
		t.Run(name, func(t *testing.T) {
			folder, it, want := made(t)
			c.harm(folder, &it)
			_, err := outputs(folder, it, want)
			said := fmt.Sprint(err)
			if (err != nil) != (c.want != "") || !strings.Contains(said, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestRowsThatAreWrongAreFound(t *testing.T) {
	folders := map[string]int{"/out/a": 2, "/out/b": 2}
	const good = `CREATE TABLE skynet_items (folder); CREATE TABLE skynet_inputs (folder); CREATE TABLE skynet_outputs (folder);
		INSERT INTO skynet_items VALUES ('file:///out/a'), ('file:///out/b');
		INSERT INTO skynet_inputs VALUES ('file:///out/a'), ('file:///out/b');
		INSERT INTO skynet_outputs VALUES ('file:///out/a'), ('file:///out/a'), ('file:///out/b'), ('file:///out/b');`
	for harm, want := range map[string]string{
		"": "",
		"INSERT INTO skynet_items VALUES ('file:///out/a')":   "2 rows for /out/a",
		"DELETE FROM skynet_items WHERE folder LIKE '%a'":     "1 items have no row",
		"INSERT INTO skynet_outputs VALUES ('file:///out/b')": "3 rows for /out/b",
		"INSERT INTO skynet_items VALUES ('file:///out/c')":   "1 rows for /out/c (sent: false)",
		"DROP TABLE skynet_inputs":                            "no such table",
	} {
		file := filepath.Join(t.TempDir(), "rows.db")
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{good, harm} {
			if _, err := db.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		_ = db.Close()
		if err := rows(file, folders); (err != nil) != (want != "") || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v, want %q", harm, err, want)
		}
	}
}

// TestATornJournalIsFound: a page of it is overwritten.
func TestATornJournalIsFound(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	j, err := sqlite.Open(file, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		rec := decision(n)
		rec.Decision.Failed = strings.Repeat("x", 1000)
		if err := j.Write(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	of, err := readJournal(t.Context(), file)
	if err != nil || len(of["near"].ticks) != 50 {
		t.Fatalf("%d ticks, %v", len(of["near"].ticks), err)
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	for at := info.Size() / 2; at < info.Size(); at += 4096 {
		if _, err := f.WriteAt(make([]byte, 2048), at/4096*4096); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readJournal(t.Context(), file); err == nil {
		t.Error("a torn journal was read")
	}
}

func decision(second int) journal.Record {
	at := time.Date(2026, 3, 1, 0, 0, second, 0, time.UTC)
	id := fleet.DecisionID("near", at)
	return journal.Record{Snapshot: signals.Snapshot{Fleet: "near", Now: at}, Decision: policy.Decision{ID: id, Fleet: "near"}}
}

// launching is a tick that buys.
func launching(second, n int, token string) journal.Record {
	rec := decision(second)
	rec.Decision.Launch = n
	rec.Intents = []journal.Intent{{ID: rec.Decision.ID + "/launch", Fleet: "near", Decision: rec.Decision.ID, At: rec.Snapshot.Now,
		Order: &fleet.Order{Fleet: "near", Count: n, Token: token}}}
	return rec
}

func TestBrokenPromisesAreFound(t *testing.T) {
	with := func(rec journal.Record, states ...fleet.State) journal.Record {
		for i, s := range states {
			rec.Snapshot.Workers = append(rec.Snapshot.Workers, fleet.Worker{ID: fleet.ID(fmt.Sprint("i-", i)), State: s})
		}
		return rec
	}
	ends := decision(0)
	ends.Decision.Terminate = []fleet.Exit{{ID: "i-0", Cause: fleet.CauseDrained}}
	blind := decision(0)
	blind.Decision.Blind, blind.Decision.Drain = true, []fleet.ID{"i-0"}
	var many []journal.Record
	for n := range perHour/2 + 1 {
		many = append(many, launching(n, 2, fmt.Sprint(n)))
	}
	var spread []journal.Record
	for n := range perHour/2 + 1 {
		spread = append(spread, launching(n*10, 2, fmt.Sprint(n)))
	}
	for name, c := range map[string]struct {
		ticks []journal.Record
		want  string
	}{
		"a launch":                {[]journal.Record{with(launching(0, 2, "a"), fleet.Working)}, ""},
		"above the guard":         {[]journal.Record{launching(0, 3, "a")}, "the guard allows 2"},
		"above the maximum":       {[]journal.Record{with(launching(0, 2, "a"), fleet.Working, fleet.Draining)}, "has 2 billed and adds 2"},
		"below, with one asleep":  {[]journal.Record{with(launching(0, 2, "a"), fleet.Working, fleet.Asleep)}, ""},
		"drained":                 {[]journal.Record{with(ends, fleet.Drained)}, ""},
		"busy":                    {[]journal.Record{with(ends, fleet.Working)}, "which is working"},
		"blind":                   {[]journal.Record{with(blind, fleet.Working)}, "is blind and lets [i-0] go"},
		"above the hour's budget": {many, "launches in an hour"},
		"within it":               {spread, ""},
	} {
		if err := (record{ticks: c.ticks}).promises(); (err != nil) != (c.want != "") || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v, want %q", name, few(err), c.want)
		}
	}
}

func TestWorkersWithoutAnIntentAreFound(t *testing.T) {
	r := record{ticks: []journal.Record{launching(0, 2, "a")}}
	worker := func(id, order string) processes.Process {
		return processes.Process{Instance: id, Fleet: "near", Order: order}
	}
	for name, c := range map[string]struct {
		ever []processes.Process
		well bool
	}{
		"those asked for": {[]processes.Process{worker("i-1", "a"), worker("i-2", "a")}, true},
		"one too many":    {[]processes.Process{worker("i-1", "a"), worker("i-2", "a"), worker("i-3", "a")}, false},
		"of no order":     {[]processes.Process{worker("i-1", "b")}, false},
		"another fleet's": {[]processes.Process{{Instance: "i-1", Fleet: "far", Order: "b"}}, true},
	} {
		if err := r.intended("near", c.ever); (err == nil) != c.well {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCriesAreHeard(t *testing.T) {
	log := filepath.Join(t.TempDir(), "a.log")
	put(t, log, "all is well\n")
	if err := cries(log, "no such file"); err != nil {
		t.Error(err)
	}
	put(t, log, "well\npanic: assignment to entry in nil map\n\ngoroutine 1\n")
	if err := cries(log); err == nil || !strings.Contains(err.Error(), "nil map") {
		t.Error(err)
	}
}
