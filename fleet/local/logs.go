//go:build linux

package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"skynet/config/redact"
	"skynet/fleet"
)

const (
	logsKept = 100      // logs of dead instances
	logMax   = 16 << 20 // bytes; a longer log is cut to its end
	logTail  = 1 << 20  // what is kept of it, beside
	saidMax  = 4 << 10  // what is told of how a worker ended
	saidLine = 20
)

var logName = regexp.MustCompile(`^[a-z][a-z0-9_]*-(i-[0-9a-f]{17})\.log(\.1)?$`)

// logFolder holds a file for each instance's standard output and error.
type logFolder struct {
	dir  string
	kept int
}

func (l logFolder) path(r *record) string {
	return filepath.Join(l.dir, r.Fleet+"-"+string(r.ID)+".log")
}

// create opens the log for appending, so that a cut leaves no hole.
func (l logFolder) create(r *record) (*os.File, error) {
	return os.OpenFile(l.path(r), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// tail returns the last lines that the instance wrote.
func (l logFolder) tail(r *record) (string, error) {
	text, err := lastBytes(l.path(r), saidMax)
	if err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.ToValidUTF8(strings.Join(lines[max(0, len(lines)-saidLine):], "\n"), "?"), nil
}

// last is the last line that the instance wrote, without what may be a secret in it:
// it goes where the log does not, into the journal and to whoever is called. It is ""
// where there is none.
func (l logFolder) last(r *record) string {
	said, err := l.tail(r)
	if err != nil {
		return ""
	}
	said = strings.TrimSpace(said)
	return redact.Text(said[strings.LastIndexByte(said, '\n')+1:])
}

func lastBytes(path string, n int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(file, max(0, size-n), n))
}

// keep bounds the folder: logs of the dead by number, oldest first, and each
// log by length.
func (l logFolder) keep(alive func(fleet.ID) bool) error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	var dead []os.FileInfo
	var errs []error
	for _, e := range entries {
		m := logName.FindStringSubmatch(e.Name())
		info, err := e.Info()
		if m == nil || err != nil { // not ours, or gone in between
			continue
		}
		if info.Size() > logMax {
			errs = append(errs, l.cut(e.Name()))
		}
		if !alive(fleet.ID(m[1])) {
			dead = append(dead, info)
		}
	}
	slices.SortFunc(dead, func(a, b os.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, info := range dead[min(l.kept, len(dead)):] {
		errs = append(errs, os.Remove(filepath.Join(l.dir, info.Name())))
	}
	return errors.Join(errs...)
}

// cut moves a log's end aside and empties the log. The worker goes on writing
// to the same file; a line that comes in between is lost.
func (l logFolder) cut(name string) error {
	path := filepath.Join(l.dir, name)
	text, err := lastBytes(path, logTail)
	if err == nil && !strings.HasSuffix(name, ".1") {
		err = os.WriteFile(path+".1", text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("cut log %s: %w", path, err)
	}
	return os.Truncate(path, 0)
}

// keepLogs bounds the logs of all instances.
func (f *Fleet) keepLogs() {
	f.mu.Lock()
	living := map[fleet.ID]bool{}
	for id, r := range f.records {
		living[id] = r.Ended.IsZero()
	}
	f.mu.Unlock()
	// One that is launched from here on has a log newer than any to be removed.
	if err := f.logs.keep(func(id fleet.ID) bool { return living[id] }); err != nil {
		f.log.Warn("local fleet: look after logs", "folder", f.logs.dir, "err", err)
	}
}

// say tells the operator that an instance ended, and what it said last.
func (f *Fleet) say(r record) {
	said, err := f.logs.tail(&r)
	if err != nil {
		said = err.Error()
	}
	f.log.Warn("local fleet: instance ended by itself",
		"fleet", r.Fleet, "instance", r.ID, "exit", r.Exit, "log", f.logs.path(&r), "said", said)
	if r.child { // reap has it
		return
	}
	last := f.logs.last(&r)
	f.mu.Lock()
	defer f.mu.Unlock()
	if known, there := f.records[r.ID]; there {
		known.Last, f.dirty = last, true
	}
}
