package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	scratchPrefix = "skynet-worker-"
	scratchDraft  = "starting-"
	scratchLock   = "lock"
)

// Scratch is a folder for files in the making, of this process only.
type Scratch struct {
	Folder string
	lock   *os.File
}

// OpenScratch makes a folder of its own below parent and removes those of
// workers that are dead: one that was killed could not do it itself, and would
// fill the disk. Close removes this one.
func OpenScratch(parent string) (*Scratch, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("open scratch: %w", err)
	}
	if err := ownPlace(parent); err != nil {
		return nil, fmt.Errorf("open scratch: %w", err)
	}
	if err := sweepScratch(parent); err != nil {
		return nil, fmt.Errorf("clear scratch of dead workers: %w", err)
	}
	s, err := newScratch(parent)
	if err != nil {
		return nil, fmt.Errorf("open scratch: %w", err)
	}
	return s, nil
}

// ownPlace refuses a folder that somebody else has made where everybody may make
// folders, as in /tmp, where scratch is unless the settings say otherwise: its owner
// could put folders of his own in the place of ours, and read or change what is in the
// making.
func ownPlace(folder string) error {
	above, err := os.Stat(filepath.Dir(folder))
	if err != nil || above.Mode().Perm()&0o002 == 0 {
		return err
	}
	at, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	if of, ok := at.Sys().(*syscall.Stat_t); ok && of.Uid != 0 && int(of.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (%d), who could change what is worked on; set scratch to a folder of the worker's own", folder, of.Uid)
	}
	return nil
}

// newScratch makes a folder under a name that nobody sweeps, and gives it its own
// once it is locked: a worker that starts at the same moment would take one whose
// lock nobody holds yet for a dead one's.
func newScratch(parent string) (*Scratch, error) {
	draft, err := os.MkdirTemp(parent, scratchDraft)
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(draft, os.O_CREATE)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(draft))
	}
	folder := filepath.Join(parent, scratchPrefix+strings.TrimPrefix(filepath.Base(draft), scratchDraft))
	if err := os.Rename(draft, folder); err != nil {
		return nil, errors.Join(err, os.RemoveAll(draft), lock.Close())
	}
	return &Scratch{Folder: folder, lock: lock}, nil
}

// Close removes the folder and all that is in it, the lock last: a folder without
// one is nobody's to sweep.
func (s *Scratch) Close() error {
	files, err := os.ReadDir(s.Folder)
	errs := []error{err}
	for _, f := range files {
		if f.Name() != scratchLock {
			errs = append(errs, os.RemoveAll(filepath.Join(s.Folder, f.Name())))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(s.Folder), s.lock.Close())...)
}

// sweepScratch removes the folders whose lock nobody holds.
func sweepScratch(parent string) error {
	locks, err := filepath.Glob(filepath.Join(parent, scratchPrefix+"*", scratchLock))
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range locks {
		lock, err := lockFolder(filepath.Dir(l), 0)
		if err != nil {
			continue // alive, or another's, or gone by now: not ours to remove
		}
		errs = append(errs, os.RemoveAll(filepath.Dir(l)), lock.Close())
	}
	return errors.Join(errs...)
}

// lockFolder takes the folder's lock, which ends with the process however it ends.
// With create 0 it must be there: making one in a folder that its owner is removing
// would be in the owner's way.
func lockFolder(folder string, create int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, scratchLock), create|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", folder, err), f.Close())
	}
	return f, nil
}
