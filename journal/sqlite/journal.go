// Package sqlite is the journal on disk: one SQLite file that the daemon alone
// writes and any tool may read at the same time.
//
//	ticks ──┬─ decisions ── changes   what was known and decided: two weeks
//	        ├─ signals                every number of every tick: five weeks
//	        └─ intents ── outcomes    unsettled ones for as long as they are that
//	series ─── hours                  each signal's mean, max and last by the hour: a year
//
// A write that returned survives power loss (WAL with synchronous=FULL), and a
// tick is written whole or not at all. Workers are stored as changes against
// the tick before, with all of them every so often, since most of a fleet is
// the same from minute to minute and the rest differs in a field or two.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"skynet/journal"
)

// Options says how long things are kept and how much space is set aside. What
// is zero has a default.
type Options struct {
	Details time.Duration // whole ticks, 14 days; at least imageEvery ticks more are kept
	Minutes time.Duration // signals tick by tick, 35 days; never shorter than Details
	Hours   time.Duration // signals by the hour, 400 days; never shorter than Minutes
	Reserve int64         // bytes set aside for the time when the disk is full, 4 MiB; negative: none
}

const day = 24 * time.Hour

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.Details, 14*day)
	set(&o.Minutes, 35*day)
	set(&o.Hours, 400*day)
	o.Minutes = max(o.Minutes, o.Details) // a whole tick needs its signals
	o.Hours = max(o.Hours, o.Minutes)
	if o.Reserve == 0 {
		o.Reserve = 4 << 20
	}
	return o
}

// Journal is the one writer of a file, and a reader of it. It is safe for
// concurrent use; reading does not wait for writing.
type Journal struct {
	*Reader
	options Options
	db      *sql.DB // one connection
	stmts   statements
	lock    *os.File
	reserve *reserve

	mu     sync.Mutex          // one tick at a time
	last   map[string]*roster  // by fleet: what the next tick's changes are against
	series map[seriesKey]int64 // IDs that are in the file
}

// Open opens the journal at path, or makes it, and brings an older one up to
// date. Its folder must exist, and no other process may have it open for
// writing. The errors ErrNoFolder, ErrLocked, ErrForeign, ErrNewer, ErrDamaged,
// ErrDenied and ErrFull name the path and say what to do.
func Open(path string, o Options) (*Journal, error) {
	if err := checkFolder(path); err != nil {
		return nil, fail(path, "open", err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, fail(path, "open", err)
	}
	j := &Journal{options: o.withDefaults(), lock: lock, last: map[string]*roster{}, series: map[seriesKey]int64{}}
	j.reserve = &reserve{path: path + asideSuffix, size: j.options.Reserve}
	if err = j.open(path); isFull(err) && j.reserve.release() {
		err = j.open(path)
	}
	if err != nil {
		return nil, errors.Join(fail(path, "open", err), lock.Close())
	}
	j.reserve.refill()
	return j, nil
}

// open makes what Open returns, or leaves nothing open.
func (j *Journal) open(path string) (err error) {
	ctx := context.Background() // at start, and bounded by the busy timeout
	if j.db, err = connect(ctx, path); err != nil {
		return err
	}
	if j.stmts, err = prepare(ctx, j.db); err != nil {
		return errors.Join(err, j.db.Close())
	}
	j.Reader = &Reader{path: path, db: openPool(path, "")}
	return nil
}

// Close ends the use of the file, and lets others write it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	// The writer closes last: it then folds the WAL into the file.
	return errors.Join(j.Reader.Close(), j.db.Close(), j.lock.Close())
}

// Degraded says in an operator's words what is wrong with the journal though
// it works, "" if nothing is: the disk is full and the space set aside is in
// use, or ticks that were read are damaged.
func (j *Journal) Degraded() string {
	var said []string
	for _, s := range []string{j.reserve.said(), j.Reader.Degraded()} {
		if s != "" {
			said = append(said, fmt.Sprintf("journal %s: %s", j.path, s))
		}
	}
	return strings.Join(said, "; ")
}

// Short says in an operator's words that the disk has no room for the journal, or soon
// will have none, "" if it has.
func (j *Journal) Short() string {
	if said := j.reserve.said(); said != "" {
		return fmt.Sprintf("journal %s: %s", j.path, said)
	}
	return ""
}

// transact runs do in one transaction. When the disk is full it makes room and
// tries once more: the deeds of a tick are not put off because somebody's log
// file has grown. What fails leaves nothing behind.
func (j *Journal) transact(ctx context.Context, doing string, do func(*sql.Tx) error) error {
	err := j.try(ctx, do)
	if isFull(err) {
		j.makeRoom(ctx)
		err = j.try(ctx, do)
	}
	switch {
	case err == nil && !j.reserve.refill():
		// Short of space, the WAL must stay short: once it has taken the last of
		// it, there is none left to fold it into.
		j.fold(ctx)
	case isFull(err):
		j.reserve.spent()
	}
	return fail(j.path, doing, err)
}

// makeRoom gives up the reserve and folds the WAL.
func (j *Journal) makeRoom(ctx context.Context) {
	j.reserve.release()
	j.fold(ctx)
}

// fold brings the WAL's pages into the file and gives its space back: it holds
// a page once for each tick that changed it, the file holds it once.
func (j *Journal) fold(ctx context.Context) {
	// Nothing is lost when it fails; if it was for want of space, the next write
	// says so.
	_, _ = j.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
}

func (j *Journal) try(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := j.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the error that matters is err; SQLite may have rolled back already
		return err
	}
	return tx.Commit()
}

var (
	_ journal.Journal = (*Journal)(nil)
	_ journal.Reader  = (*Reader)(nil)
)
