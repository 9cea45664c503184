package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// starting is how long a program may take until it holds the lock of its trial.
const starting = 10 * time.Second

// Home is the folder in which a machine keeps the versions it has, and knows which
// of them have proved themselves. Several workers may share it.
type Home struct{ Folder string }

// state is what a home knows. Its file is replaced whole.
type state struct {
	Good  string            `json:"good,omitempty"`  // the last version that proved itself; "": the installed one
	Trial *trial            `json:"trial,omitempty"` // one that was started and has not
	Bad   map[string]string `json:"bad,omitempty"`   // versions that are not started again, and why
	Tell  []verdict         `json:"tell,omitempty"`  // what others do not know yet
	Seen  time.Time         `json:"seen,omitzero"`   // when the newest statement was published
}

type trial struct {
	Version string    `json:"version"`
	Turns   []held    `json:"turns"` // of all workers on this machine that have begun it, the first one first
	Since   time.Time `json:"since"`
}

// held is a turn, and who has it.
type held struct {
	Turn   string `json:"turn"`
	Worker string `json:"worker"`
}

type verdict struct {
	Version string `json:"version"`
	held
	How string `json:"how,omitempty"` // good or bad; "": neither, the turn alone is given back
	Why string `json:"why,omitempty"`
}

// Program is where a version's program lies.
func (h Home) Program(version string) string { return filepath.Join(h.Folder, version, Program) }

// change reads the state, has f change it, and writes it, one after the other.
func (h Home) change(f func(*state) error) error {
	if err := os.MkdirAll(h.Folder, 0o755); err != nil {
		return fmt.Errorf("bundles: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(h.Folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("bundles: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("bundles: lock %s: %w", h.Folder, err)
	}
	s, err := h.read()
	if err != nil {
		return err
	}
	if err := f(&s); err != nil {
		return err
	}
	return h.write(s)
}

func (h Home) file() string { return filepath.Join(h.Folder, "state.json") }

// read reads the state. A file that cannot be read is as good as none: what is
// installed runs, and versions are tried again.
func (h Home) read() (s state, err error) {
	body, err := os.ReadFile(h.file())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("bundles: %w", err)
	}
	if json.Unmarshal(body, &s) != nil || !s.sound() {
		s = state{}
	}
	if s.Bad == nil {
		s.Bad = map[string]string{}
	}
	return s, nil
}

// sound reports whether the versions in it are such: their names become paths.
func (s state) sound() bool {
	return (s.Good == "" || versionName.MatchString(s.Good)) && (s.Trial == nil || versionName.MatchString(s.Trial.Version))
}

func (h Home) write(s state) error {
	body, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(h.Folder, ".state-")
	if err != nil {
		return fmt.Errorf("bundles: %w", err)
	}
	_, err = draft.Write(append(body, '\n'))
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), h.file())
	}
	if err != nil {
		return fmt.Errorf("bundles: %w", errors.Join(err, os.Remove(draft.Name())))
	}
	return nil
}

// Choose says which version a start should run: "" is the installed one. A trial
// whose program is gone has failed: that is how a bad version is rolled back.
func (h Home) Choose(now time.Time) (version string, err error) {
	err = h.change(func(s *state) error {
		s.settle(h, now)
		version = s.Good
		if _, err := os.Stat(h.Program(version)); version != "" && err != nil {
			version, s.Good = "", ""
		}
		return nil
	})
	return version, err
}

// settle ends a trial whose program is gone.
func (s *state) settle(h Home, now time.Time) {
	if t := s.Trial; t != nil && now.Sub(t.Since) > starting && !h.alive(t.Version) {
		s.condemn("ended before it had proved itself")
	}
}

// condemn ends a trial badly.
func (s *state) condemn(why string) {
	s.Bad[s.Trial.Version] = why
	s.judged("bad", why)
}

// judged ends a trial, and with it the turns that it took.
func (s *state) judged(how, why string) {
	for i, h := range s.Trial.Turns {
		if i > 0 && how == "bad" {
			how, why = "", "" // it is one machine that it has served badly
		}
		s.Tell = append(s.Tell, verdict{s.Trial.Version, h, how, why})
	}
	s.Trial = nil
}

// alive reports whether the program on trial runs: it holds a lock for as long.
func (h Home) alive(version string) bool {
	f, err := os.OpenFile(h.trialLock(version), os.O_RDWR, 0o600)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

func (h Home) trialLock(version string) string { return filepath.Join(h.Folder, version, ".trial") }

// install unpacks a bundle as a version, whole or not at all. Where another worker on
// this machine was quicker its copy stays: it may run already, and holds its trial's
// lock in that folder.
func (h Home) install(version, file string) (err error) {
	draft, err := os.MkdirTemp(h.Folder, ".unpack-")
	if err != nil {
		return fmt.Errorf("bundles: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(draft)) }()
	into := filepath.Join(draft, version)
	if err := unpack(file, into); err != nil {
		return err
	}
	return h.change(func(*state) error {
		if _, err := os.Stat(h.Program(version)); err == nil {
			return nil
		}
		final := filepath.Join(h.Folder, version)
		if err := os.RemoveAll(final); err != nil {
			return err
		}
		return os.Rename(into, final)
	})
}

// draftsLive is how long what was begun here can be of use: to download may take loading.
const draftsLive = 2 * loading

// tidy removes versions that nobody goes back to, and what workers that died in the
// middle of a download or an update have left.
func (h Home) tidy(now time.Time, keep ...string) {
	entries, err := os.ReadDir(h.Folder)
	if err != nil {
		return
	}
	wanted := map[string]bool{}
	for _, k := range keep {
		wanted[k] = true
	}
	for _, e := range entries {
		draft := strings.HasPrefix(e.Name(), ".")
		if draft && old(e, now) || !draft && e.IsDir() && !wanted[e.Name()] {
			_ = os.RemoveAll(filepath.Join(h.Folder, e.Name())) // the next one tries again
		}
	}
}

func old(e fs.DirEntry, now time.Time) bool {
	about, err := e.Info()
	return err == nil && now.Sub(about.ModTime()) > draftsLive
}
