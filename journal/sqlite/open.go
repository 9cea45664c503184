package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// readers is how many may read at a time.
const readers = 4

// dsn is the driver's name for a file. The path is escaped: one with a "?"
// would otherwise lose its end.
func dsn(path, query string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: query}
	return u.String()
}

// connect opens the writer's connection, the only one that writes, and brings
// the file up to date.
func connect(ctx context.Context, path string) (*sql.DB, error) {
	const query = "_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)" +
		"&_pragma=synchronous(FULL)&_pragma=journal_size_limit(8388608)"
	db, err := sql.Open("sqlite", dsn(path, query))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := prime(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prime makes sure that it is our file before anything in it is changed.
func prime(ctx context.Context, db *sql.DB) error {
	if _, err := versionOf(ctx, db); err != nil {
		return err
	}
	// Before anything else is written, or it has no effect: space that pruning
	// frees can then be given back to the disk.
	if _, err := db.ExecContext(ctx, "PRAGMA auto_vacuum = INCREMENTAL"); err != nil {
		return err
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("its file system cannot share memory (journal mode %s): set state_dir to a local disk", mode)
	}
	return migrate(ctx, db, migrations)
}

// openPool prepares connections that only read; none is made yet.
func openPool(path, query string) *sql.DB {
	db, err := sql.Open("sqlite", dsn(path, "mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)"+query))
	if err != nil {
		panic(err) // only if the driver is not registered: it is imported above
	}
	db.SetMaxOpenConns(readers)
	return db
}

// OpenReadOnly opens an existing journal for reading, while the daemon writes
// it or not. Errors are those of Open, and ErrMissing and ErrOlder.
func OpenReadOnly(path string) (*Reader, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fail(path, "open to read", ErrMissing)
	}
	if err := checkFile(path); err != nil {
		return nil, fail(path, "open to read", err)
	}
	db := openPool(path, "")
	err := checkVersion(db)
	if errors.Is(meaningOf(err), ErrDenied) && atRest(path) {
		// Reading a WAL file takes a file of shared memory beside it, which we may
		// not make. Nobody writes now, so it can be read as it lies there.
		_ = db.Close()
		db = openPool(path, "&immutable=1")
		err = checkVersion(db)
	}
	if err != nil {
		return nil, errors.Join(fail(path, "open to read", err), db.Close())
	}
	return &Reader{path: path, db: db}, nil
}

// atRest reports that the file was closed by its writer: the WAL is gone.
func atRest(path string) bool {
	_, err := os.Stat(path + "-wal")
	return errors.Is(err, os.ErrNotExist)
}

func checkVersion(db *sql.DB) error {
	switch v, err := versionOf(context.Background(), db); {
	case err != nil:
		return err
	case v > len(migrations):
		return fmt.Errorf("%w (version %d, known up to %d)", ErrNewer, v, len(migrations))
	case v < len(migrations):
		return fmt.Errorf("%w (version %d of %d)", ErrOlder, v, len(migrations))
	}
	return nil
}
