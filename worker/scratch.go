package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	scratchPrefix = "skynet-worker-"
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
	if err := sweepScratch(parent); err != nil {
		return nil, fmt.Errorf("clear scratch of dead workers: %w", err)
	}
	folder, err := os.MkdirTemp(parent, scratchPrefix)
	if err != nil {
		return nil, fmt.Errorf("open scratch: %w", err)
	}
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, fmt.Errorf("open scratch: %w", err)
	}
	return &Scratch{Folder: folder, lock: lock}, nil
}

// Close removes the folder and all that is in it.
func (s *Scratch) Close() error {
	err := os.RemoveAll(s.Folder)
	return errors.Join(err, s.lock.Close())
}

// sweepScratch removes the folders whose lock nobody holds. One without a lock
// file is left: it may be just starting.
func sweepScratch(parent string) error {
	locks, err := filepath.Glob(filepath.Join(parent, scratchPrefix+"*", scratchLock))
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range locks {
		lock, err := lockFolder(filepath.Dir(l))
		if err != nil {
			continue // alive, or another's: not ours to remove
		}
		errs = append(errs, os.RemoveAll(filepath.Dir(l)), lock.Close())
	}
	return errors.Join(errs...)
}

// lockFolder takes the folder's lock, which ends with the process however it ends.
func lockFolder(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, scratchLock), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", folder, err), f.Close())
	}
	return f, nil
}
