package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skynet/journal"
	"skynet/journal/sqlite"
)

// Disk implements Way.
func (d *wired) Disk(h *Host) (Disk, error) {
	s := &folder{host: h, dir: filepath.Join(d.dir, h.name)}
	if err := os.MkdirAll(s.at(), 0o750); err != nil {
		return nil, err
	}
	j, err := sqlite.Open(s.path(), sqlite.Options{Reserve: -1})
	if err != nil {
		return nil, err
	}
	return s, errors.Join(history(j), j.Close())
}

// folder is a disk with SQLite's journal on it. A process that dies leaves its files
// behind as they are at that moment, in the middle of a commit perhaps: a copy of them
// is what the next one finds.
type folder struct {
	host *Host
	dir  string
	life int // crashes so far
	j    *sqlite.Journal
	old  []*sqlite.Journal // of processes that have died
	full bool              // nothing more fits
	torn []byte            // the WAL as the process, were it to die now, leaves it; nil: as it is
}

func (f *folder) at() string   { return filepath.Join(f.dir, fmt.Sprint(f.life)) }
func (f *folder) path() string { return filepath.Join(f.at(), "journal.db") }

// Open implements Disk.
func (f *folder) Open() (journal.Journal, error) {
	f.bury()
	if f.j != nil { // its process has given up, or it is opened again
		if err := f.j.Close(); err != nil {
			return nil, f.plain(err)
		}
		f.j = nil
	}
	j, err := sqlite.Open(f.path(), sqlite.Options{Reserve: 64 << 10})
	if err != nil {
		return nil, f.plain(err)
	}
	f.j, f.full = j, false
	return book{j, f}, nil
}

// plain is an error without the folder's name, which is another in each run.
func (f *folder) plain(err error) error {
	if err == nil {
		return nil
	}
	return said{strings.ReplaceAll(err.Error(), f.dir, ""), err}
}

// said is an error in other words.
type said struct {
	text string
	err  error
}

func (s said) Error() string { return s.text }
func (s said) Unwrap() error { return s.err }

// Crash implements Disk.
func (f *folder) Crash() error {
	from := f.at()
	f.life++
	if err := os.MkdirAll(f.at(), 0o750); err != nil {
		return err
	}
	for _, name := range []string{"journal.db", "journal.db-wal", "journal.db-shm", "journal.db.reserve"} {
		if err := copyFile(filepath.Join(f.at(), name), filepath.Join(from, name)); err != nil {
			return f.plain(err)
		}
	}
	if f.torn != nil {
		if err := os.WriteFile(f.path()+"-wal", f.torn, 0o600); err != nil {
			return f.plain(err)
		}
	}
	if f.torn = nil; f.j != nil {
		f.old, f.j = append(f.old, f.j), nil
	}
	return f.Check()
}

// copyFile copies a file, if it is there.
func copyFile(to, from string) error {
	in, err := os.Open(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Check implements Disk: it looks at a copy, since to open a journal is to mend it.
func (f *folder) Check() error {
	if _, err := os.Stat(f.path()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	look := filepath.Join(f.dir, "look")
	defer func() { _ = os.RemoveAll(look) }() // it is made anew the next time
	if err := os.MkdirAll(look, 0o750); err != nil {
		return err
	}
	for _, name := range []string{"journal.db", "journal.db-wal"} {
		if err := copyFile(filepath.Join(look, name), filepath.Join(f.at(), name)); err != nil {
			return f.plain(err)
		}
	}
	return f.plain(intact(filepath.Join(look, "journal.db")))
}

// intact asks SQLite whether a file is.
func intact(path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // after reading it says nothing that matters
	var said string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
		return fmt.Errorf("integrity check: %s %w", said, err)
	}
	rows, err := db.Query("PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		return errors.New("a row refers to one that is not there")
	}
	return rows.Err()
}

// bury closes the journals of processes that have died.
func (f *folder) bury() {
	for _, j := range f.old {
		_ = j.Close() // whatever it says: nobody is there to hear it
	}
	f.old = nil
}

// Close implements Disk.
func (f *folder) Close() error {
	f.bury()
	var err error
	if f.j != nil {
		err = f.j.Close()
		f.j = nil
	}
	err = errors.Join(f.plain(err), os.RemoveAll(f.dir))
	_ = os.Remove(filepath.Dir(f.dir)) // by the last
	return err
}

// book is SQLite's journal as its process uses it.
type book struct {
	*sqlite.Journal
	f *folder
}

// Write implements journal.Journal.
func (b book) Write(ctx context.Context, r journal.Record) error {
	return b.commit("writes a tick down", func() error { return b.Journal.Write(ctx, r) })
}

// Settle implements journal.Journal.
func (b book) Settle(ctx context.Context, o journal.Outcome) error {
	return b.commit("writes an outcome down", func() error { return b.Journal.Settle(ctx, o) })
}

// fill fills the disk, while the weather does, for ten minutes at a time: besides what
// the world refuses before SQLite is asked.
func (b book) fill() error {
	const window = 10 * time.Minute
	h := b.f.host
	full := h.chance.of(DiskFull, hash(h.name), uint64(h.now/window)).Float64() < .6*h.Blows(DiskFull)
	if full == b.f.full {
		return nil
	}
	b.f.full = full
	h.Tell(h.name, "its disk is full: %t", full)
	return b.Confine(context.Background(), full)
}

// commit writes, by a process that may die in the middle of it.
func (b book) commit(what string, do func() error) error {
	h := b.f.host
	if err := b.fill(); err != nil {
		return b.f.plain(err)
	}
	if h.running == nil || !h.Strikes(Crashes, .02) {
		return b.f.plain(do())
	}
	walBefore, before := b.f.files()
	err := do()
	wal, after := b.f.files()
	if err == nil && after.Equal(before) { // nothing was folded: what it wrote is in the WAL
		b.f.torn = torn(walBefore, wal, h.Draw(Crashes).Float64())
	}
	h.die("while it " + what)
	return b.f.plain(err)
}

// files are the write-ahead log, and when the file itself was last written.
func (f *folder) files() (wal []byte, changed time.Time) {
	wal, _ = os.ReadFile(f.path() + "-wal") // none is none
	if at, err := os.Stat(f.path()); err == nil {
		changed = at.ModTime()
	}
	return wal, changed
}

// torn is a log of which only a share of what is new has been written.
func torn(before, after []byte, share float64) []byte {
	from := 0
	for from < min(len(before), len(after)) && before[from] == after[from] {
		from++
	}
	cut := from + int(share*float64(len(after)-from))
	mixed := slices.Clone(after[:cut])
	if cut < len(before) {
		mixed = append(mixed, before[cut:]...)
	}
	return mixed
}

// Unsettled implements journal.Journal.
func (b book) Unsettled(ctx context.Context, fleetName string) ([]journal.Intent, error) {
	list, err := b.Journal.Unsettled(ctx, fleetName)
	return list, b.f.plain(err)
}

// Records implements journal.Journal.
func (b book) Records(ctx context.Context, fleetName string, since time.Time, limit int) ([]journal.Record, error) {
	list, err := b.Journal.Records(ctx, fleetName, since, limit)
	return list, b.f.plain(err)
}
