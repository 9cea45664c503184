//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/test/processes"
	"skynet/worker/recipe"
)

// mostFindings bounds what is told of one kind of trouble.
const mostFindings = 20

func trimFile(url string) string {
	return strings.TrimSuffix(strings.TrimPrefix(url, "file://"), "/")
}

// outputs checks the folder of an item: every output is there, byte for byte, and the
// manifest, which says so, and nothing else but halves that a killed worker has left.
func outputs(folder string, it item, want map[string]hash) (n int, err error) {
	var errs []error
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0, fmt.Errorf("item %s is lost: %w", it.name, err)
	}
	for _, e := range entries {
		if _, known := want[e.Name()]; !known && e.Name() != recipe.ManifestName && !strings.HasSuffix(e.Name(), ".tmp") {
			errs = append(errs, fmt.Errorf("%s is not asked for", filepath.Join(folder, e.Name())))
		}
	}
	for name, sum := range want {
		body, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil && sha256.Sum256(body) != sum {
			err = fmt.Errorf("%s of item %s is not what it should be: %d bytes", name, it.name, len(body))
		}
		errs = append(errs, err)
	}
	return len(want), errors.Join(append(errs, manifest(folder, it, want))...)
}

// manifest checks that what is written beside the outputs is true of both ends.
func manifest(folder string, it item, want map[string]hash) error {
	text, err := os.ReadFile(filepath.Join(folder, recipe.ManifestName))
	if err != nil {
		return err
	}
	var m recipe.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("manifest of %s: %w", it.name, err)
	}
	if len(m.Inputs) != 1 || m.Inputs[0].SHA256 != it.in.String() || trimFile(m.Folder) != folder {
		return fmt.Errorf("manifest of %s tells of other inputs: %+v", it.name, m.Inputs)
	}
	said := map[string]hash{}
	for _, o := range m.Outputs {
		said[o.Name] = want[o.Name]
		if o.SHA256 != want[o.Name].String() {
			return fmt.Errorf("manifest of %s has another hash of %s", it.name, o.Name)
		}
	}
	if !maps.Equal(said, want) || len(m.Outputs) != len(want) {
		return fmt.Errorf("manifest of %s tells of outputs %v", it.name, slices.Sorted(maps.Keys(said)))
	}
	return nil
}

// rows checks that the database has one row for each item, and for each of its outputs.
func rows(file string, folders map[string]int) error {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var errs []error
	for query, want := range map[string]func(n int) int{
		"SELECT folder, count(*) FROM skynet_items GROUP BY folder":   func(int) int { return 1 },
		"SELECT folder, count(*) FROM skynet_inputs GROUP BY folder":  func(int) int { return 1 },
		"SELECT folder, count(*) FROM skynet_outputs GROUP BY folder": func(n int) int { return n },
	} {
		errs = append(errs, counted(db, query, folders, want))
	}
	return errors.Join(errs...)
}

func counted(db *sql.DB, query string, folders map[string]int, want func(int) int) error {
	found, err := db.Query(query)
	if err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	defer found.Close()
	var errs []error
	seen := map[string]bool{}
	for found.Next() {
		var folder string
		var n int
		if err := found.Scan(&folder, &n); err != nil {
			return fmt.Errorf("rows: %w", err)
		}
		folder = trimFile(folder)
		seen[folder] = true
		if outputs, sent := folders[folder]; !sent || n != want(outputs) {
			errs = append(errs, fmt.Errorf("%d rows for %s (sent: %t): %s", n, folder, sent, query))
		}
	}
	if missing := len(folders) - len(seen); missing > 0 {
		errs = append(errs, fmt.Errorf("%d items have no row: %s", missing, query))
	}
	return errors.Join(append(errs, found.Err())...)
}

// sound opens a database as its own program left it and has it look itself over.
func sound(file string) error {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, check := range []string{"PRAGMA integrity_check", "PRAGMA foreign_key_check"} {
		var said string
		err := db.QueryRow(check).Scan(&said)
		if errors.Is(err, sql.ErrNoRows) || err == nil && said == "ok" {
			continue
		}
		return fmt.Errorf("%s of %s: %q, %w", check, filepath.Base(file), said, errors.Join(err))
	}
	return nil
}

// record is what the journal holds of one fleet.
type record struct {
	ticks []journal.Record
	open  []journal.Intent
}

func readJournal(ctx context.Context, file string) (of map[string]record, err error) {
	if err := sound(file); err != nil {
		return nil, err
	}
	r, err := sqlite.OpenReadOnly(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	of = map[string]record{}
	for _, f := range fleets {
		ticks, err := r.Records(ctx, f, time.Unix(0, 0), 0)
		if err != nil {
			return nil, err
		}
		open, err := r.Unsettled(ctx, f)
		if err != nil {
			return nil, err
		}
		of[f] = record{ticks, open}
	}
	return of, nil
}

// promises checks what each decision must keep to.
func (r record) promises() error {
	var errs []error
	for _, t := range r.ticks {
		errs = append(errs, decided(t))
	}
	return errors.Join(append(errs, r.budget())...)
}

func decided(t journal.Record) error {
	d, states, billed := t.Decision, map[fleet.ID]fleet.State{}, 0
	for _, w := range t.Snapshot.Workers {
		states[w.ID] = w.State
		if w.State.Billed() {
			billed++
		}
	}
	bought := d.Launch + len(d.Wake)
	switch {
	case d.Launch > perTick:
		return fmt.Errorf("%s launches %d, the guard allows %d", d.ID, d.Launch, perTick)
	case bought > 0 && billed+bought > mostEach:
		return fmt.Errorf("%s has %d billed and adds %d, the maximum is %d", d.ID, billed, bought, mostEach)
	case d.Blind && len(d.Drain) > 0:
		return fmt.Errorf("%s is blind and lets %v go", d.ID, d.Drain)
	}
	for _, e := range d.Terminate {
		if e.Cause == fleet.CauseDrained && states[e.ID] != fleet.Drained {
			return fmt.Errorf("%s ends %s, which is %s, as drained", d.ID, e.ID, states[e.ID])
		}
	}
	return nil
}

// budget checks that no hour saw more launches than the guard allows.
func (r record) budget() error {
	var launches []journal.Intent
	for _, t := range r.ticks {
		for _, i := range t.Intents {
			if i.Order != nil {
				launches = append(launches, i)
			}
		}
	}
	for first, n := 0, 0; n < len(launches); n++ {
		for launches[n].At.Sub(launches[first].At) > time.Hour {
			first++
		}
		if sum := sizes(launches[first : n+1]); sum > perHour {
			return fmt.Errorf("%d launches in an hour, the guard allows %d", sum, perHour)
		}
	}
	return nil
}

func sizes(list []journal.Intent) (n int) {
	for _, i := range list {
		n += i.Size()
	}
	return n
}

// intended checks that each worker there ever was had an intent, and none more than
// it asked for.
func (r record) intended(fleetName string, ever []processes.Process) error {
	asked := map[string]int{}
	for _, t := range r.ticks {
		for _, i := range t.Intents {
			if i.Order != nil {
				asked[i.Order.Token] = i.Order.Count
			}
		}
	}
	var errs []error
	for _, p := range ever {
		if p.Fleet != fleetName {
			continue
		}
		if asked[p.Order]--; asked[p.Order] < 0 {
			errs = append(errs, fmt.Errorf("worker %s of %s was bought under no intent (order %s)", p.Instance, fleetName, p.Order))
		}
	}
	return errors.Join(errs...)
}

// cries looks for what no program of ours may ever say.
func cries(files ...string) error {
	var errs []error
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		for _, cry := range []string{"panic: ", "fatal error: ", "DATA RACE", "a mistake of ours"} {
			if at := strings.Index(string(text), cry); at >= 0 {
				errs = append(errs, fmt.Errorf("%s says: %s", filepath.Base(f), text[at:min(len(text), at+1500)]))
			}
		}
	}
	return errors.Join(errs...)
}

// few keeps the first of many errors: each of a thousand items lost says the same.
func few(err error) error {
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) || len(list.Unwrap()) <= mostFindings {
		return err
	}
	all := list.Unwrap()
	return errors.Join(append(slices.Clone(all[:mostFindings]), fmt.Errorf("and %d more", len(all)-mostFindings))...)
}
