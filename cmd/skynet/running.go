package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"skynet/journal"
	"skynet/policy/file"
)

// runningFile holds a copy of the policy file that a fleet is decided by. While the
// file itself is refused nobody but the daemon would know what runs.
func runningFile(stateDir, fleetName string) string {
	return filepath.Join(stateDir, "policy-"+fleetName+".yaml")
}

// keep leaves a copy of the policy file that is taken up. A dry run leaves none: in
// its folder is the journal of what acted.
func (l *loop) keep(data []byte) {
	if l.daemon.dry {
		return
	}
	path := runningFile(l.daemon.cfg.StateDir, l.fleet.Name)
	if err := replaceFile(path, data, 0o640); err != nil {
		l.log.Warn("cannot keep a copy of the policy file: while the file is refused, skynet status does not know the policy that runs", zap.String("copy", path), zap.Error(err))
	}
}

// running is the policy that decided last, as far as ticks say which that was.
func (l *loop) running(list []journal.Record) (p file.Policy, version string, err error) {
	for i := len(list) - 1; i >= 0 && version == ""; i-- {
		version = list[i].Decision.Version // a tick without a decision has none
	}
	data, err := os.ReadFile(runningFile(l.daemon.cfg.StateDir, l.fleet.Name))
	if err != nil {
		return p, version, err
	}
	if kept := versionOf(data).String(); kept != version {
		return p, version, fmt.Errorf("there is a copy of version %s, and %q decided last", kept, version)
	}
	p, err = l.parse(data)
	return p, version, err
}

// decides is the policy that a fleet is held to: its file's, or while that is refused
// the one that decided last, and in words that it is refused. It is nil where that is
// not known.
func (l *loop) decides(list []journal.Record) (rules *file.Policy, refused string) {
	p, err := l.load()
	if err == nil {
		return &p, ""
	}
	refused = "the policy file is refused: " + firstLine(err.Error())
	p, version, err := l.running(list)
	if err != nil {
		return nil, refused
	}
	return &p, refused + "; what is promised and allowed here is by version " + version + ", which decided last"
}

// replaceFile replaces a file as a whole, so that nobody reads half of it.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	_, err = draft.Write(data)
	if err = errors.Join(err, draft.Chmod(mode), draft.Sync(), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return nil
}
