package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// What can be wrong with the file. Errors wrap one of these, name the path and
// say what to do.
var (
	ErrNoFolder = errors.New("its folder does not exist: create it, or set state_dir to one that does")
	ErrLocked   = errors.New("another program is writing it: stop that one, or give this one a state_dir of its own")
	ErrForeign  = errors.New("it is not a journal of SkyNet: move it away, or set state_dir elsewhere")
	ErrNewer    = errors.New("it was written by a newer version: install that one, or move the file away to begin anew")
	ErrOlder    = errors.New("it was written by an older version: start the daemon of this version once to bring it up to date")
	ErrDamaged  = errors.New("it is damaged: stop the daemon, try `sqlite3 FILE .recover`, or move it away to begin anew")
	ErrDenied   = errors.New("it may not be read or written: check the owner and mode of the file and of its folder")
	ErrFull     = errors.New("the disk is full: free space there, or shorten the journal's retention")
	ErrMissing  = errors.New("there is none: is state_dir right, and has the daemon run?")
)

// meanings translates SQLite's primary result codes.
var meanings = map[int]error{
	codes.SQLITE_BUSY:     ErrLocked,
	codes.SQLITE_LOCKED:   ErrLocked,
	codes.SQLITE_NOTADB:   ErrForeign,
	codes.SQLITE_CORRUPT:  ErrDamaged,
	codes.SQLITE_FULL:     ErrFull,
	codes.SQLITE_READONLY: ErrDenied,
	codes.SQLITE_CANTOPEN: ErrDenied,
	codes.SQLITE_PERM:     ErrDenied,
	codes.SQLITE_AUTH:     ErrDenied,
}

// fail wraps err with what we were doing to which file, and the cure if there
// is one; nil stays nil.
func fail(path, doing string, err error) error {
	if err == nil {
		return nil
	}
	if meaning := meaningOf(err); meaning != nil && !errors.Is(err, meaning) {
		return fmt.Errorf("journal %s: %s: %w (%w)", path, doing, meaning, err)
	}
	return fmt.Errorf("journal %s: %s: %w", path, doing, err)
}

func meaningOf(err error) error {
	switch {
	case isFull(err):
		return ErrFull
	case errors.Is(err, os.ErrPermission):
		return ErrDenied
	}
	return meanings[code(err)&0xff]
}

// code is SQLite's extended result code, 0 if err is none of SQLite's.
func code(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return 0
}

// isFull reports that there was no room on the disk. The WAL's index is a file
// too, and says so with a code of its own.
func isFull(err error) bool {
	c := code(err)
	return c&0xff == codes.SQLITE_FULL || c == codes.SQLITE_IOERR_SHMSIZE
}

func isTaken(err error) bool {
	c := code(err)
	return c == codes.SQLITE_CONSTRAINT_UNIQUE || c == codes.SQLITE_CONSTRAINT_PRIMARYKEY
}

// checkFolder is asked first, since SQLite says only that it cannot open.
func checkFolder(path string) error {
	switch at, err := os.Stat(filepath.Dir(path)); {
	case errors.Is(err, os.ErrNotExist) || err == nil && !at.IsDir():
		return ErrNoFolder
	case err != nil:
		return err
	}
	return checkFile(path)
}

func checkFile(path string) error {
	if at, err := os.Stat(path); err == nil && !at.Mode().IsRegular() {
		return fmt.Errorf("it is no plain file: %w", ErrForeign)
	}
	return nil
}
