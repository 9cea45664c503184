package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lockFolder takes the state folder for this process alone. Two controllers on
// one folder would both act, and two queue servers on one store lose items.
func lockFolder(folder string) (release func() error, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("state_dir: %w; create it, or set state_dir to a folder that you may write", err)
	}
	l := flock.New(filepath.Join(folder, "lock"))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("state_dir: lock %s: %w", l.Path(), err)
	}
	if !ok {
		return nil, fmt.Errorf("state_dir %s is in use by another skynet; stop it, or set state_dir to another folder", folder)
	}
	return l.Unlock, nil
}

// openToOthers says what any user of this machine may do in the state folder, "" if
// nothing: one that was there before us keeps its mode. Who may write there may put a
// token of his own in the place of ours; who may read sees the journal.
func openToOthers(folder string) string {
	at, err := os.Stat(folder)
	switch {
	case err != nil:
		return ""
	case at.Mode().Perm()&0o002 != 0:
		return "change"
	case at.Mode().Perm()&0o005 != 0:
		return "look into"
	}
	return ""
}
