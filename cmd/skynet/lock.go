package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// lockFolder takes the state folder for this process alone. Two controllers on
// one folder would both act, and two queue servers on one store lose items.
func lockFolder(folder string) (release func() error, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("state_dir: %w; create it, or set state_dir to a folder that you may write", err)
	}
	l := flock.New(lockOf(folder))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("state_dir: lock %s: %w", l.Path(), err)
	}
	if !ok {
		return nil, inUse(folder)
	}
	us := newHolder()
	us.sign(folder) // a hint for whoever finds it locked: a full disk must not stop us here
	return func() error {
		_ = os.Truncate(l.Path(), 0)
		return l.Unlock()
	}, nil
}

func lockOf(folder string) string { return filepath.Join(folder, "lock") }

// folderFree is nil unless another process has the state folder. Whoever starts a
// second controller by mistake finds all that the first one uses in use: this says
// which one that is, before anything else fails.
func folderFree(folder string) error {
	if _, err := os.Stat(lockOf(folder)); err != nil {
		return nil //nolint:nilerr // nobody has it, or lockFolder says what is wrong
	}
	l := flock.New(lockOf(folder))
	ok, err := l.TryRLock()
	if err != nil {
		return nil //nolint:nilerr // lockFolder says what is wrong
	}
	if !ok {
		return inUse(folder)
	}
	return l.Unlock()
}

// inUse says who has the state folder, and what can be done about it.
func inUse(folder string) error {
	h, known := readHolder(folder)
	if !known {
		return fmt.Errorf("state_dir %s is in use by another skynet; stop it, or set state_dir to another folder", folder)
	}
	return fmt.Errorf("state_dir %s is in use: skynet runs as %s; see how it is by skynet status --state-dir %s, stop it (%s), or set state_dir to another folder",
		folder, h, folder, h.cure())
}

// holder is the process that has a state folder, as it wrote into the lock file.
type holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func newHolder() holder {
	host, _ := os.Hostname()
	return holder{PID: os.Getpid(), Host: host, Since: time.Now().UTC().Truncate(time.Second)}
}

// sign writes the holder into the lock file.
func (h holder) sign(folder string) {
	if text, err := json.Marshal(h); err == nil {
		_ = os.WriteFile(lockOf(folder), append(text, '\n'), 0o600)
	}
}

// readHolder reads who has a folder; false where the file does not say, or names a
// process of this machine that is gone: what is there was left by an earlier one.
func readHolder(folder string) (h holder, known bool) {
	text, err := os.ReadFile(lockOf(folder))
	if err != nil || json.Unmarshal(text, &h) != nil || h.PID <= 0 {
		return h, false
	}
	return h, !h.here() || syscall.Kill(h.PID, 0) != syscall.ESRCH
}

// here reports a process of this machine. One in a container has a machine of its own.
func (h holder) here() bool { return h.Host == newHolder().Host }

func (h holder) String() string {
	said := fmt.Sprintf("process %d", h.PID)
	if !h.here() {
		said += " on " + oneLine(h.Host)
	}
	return said + " since " + h.Since.UTC().Format("2006-01-02 15:04:05 UTC")
}

// cure is how it is stopped.
func (h holder) cure() string {
	if h.here() {
		return fmt.Sprintf("systemctl stop skynet, or kill %d", h.PID)
	}
	return "systemctl stop skynet there"
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
