package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"
	"go.uber.org/zap"
)

const (
	// provesAfter is how long a version must run before it can be good.
	provesAfter = time.Minute
	// failures in a row, without one item done, make a version bad.
	failures  = 3
	asking    = time.Minute // for one look at the place
	loading   = 30 * time.Minute
	knocking  = 20 * time.Second // for the new program to say its name
	lastWords = 10 * time.Second // to tell others what became of a trial
)

// Updater looks for newer versions on behalf of a worker.
type Updater struct {
	Home    Home
	Place   Place
	Key     minisign.PublicKey
	Worker  string // who we are, in notes
	Running string // the version that runs
	Every   time.Duration
	Proves  time.Duration // 0: a minute
	Log     *zap.Logger

	said string
}

// Next is a version that is ready to be run, and ours to take.
type Next struct {
	Version string
	Program string // path
	turn    string
}

// Wait returns when there is a newer version and it is our turn, or with ctx's error.
// What goes wrong meanwhile is logged once and tried again.
func (u *Updater) Wait(ctx context.Context) (Next, error) {
	for {
		n, why, err := u.look(ctx)
		if n.Version != "" {
			return n, nil
		}
		if err != nil {
			why = "cannot look for a newer version: " + err.Error()
		}
		if why != u.said && why != "" && ctx.Err() == nil {
			u.Log.Warn(why)
		}
		u.said = why
		select {
		case <-ctx.Done():
			return Next{}, ctx.Err()
		case <-time.After(u.Every):
		}
	}
}

// look looks once. Nothing new is an empty Next; why says what stands in the way.
func (u *Updater) look(ctx context.Context) (n Next, why string, err error) {
	asked, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	u.change(func(s *state) { s.settle(u.Home, time.Now()) })
	u.tell(asked)
	s, err := Current(asked, u.Place, u.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return n, "", nil // nothing is published yet
	}
	if err != nil {
		return n, "", err
	}
	known, err := u.Home.read()
	if err != nil {
		return n, "", err
	}
	bad, isBad := known.Bad[s.Version]
	switch {
	case s.Published.Before(known.Seen):
		return n, fmt.Sprintf("version %s was published before what has been seen here: a statement of old is not taken", s.Version), nil
	case s.Version == u.Running:
		if s.Published.After(known.Seen) {
			u.change(func(k *state) { k.Seen = s.Published })
		}
		return n, "", nil
	case known.Trial != nil && known.Trial.Version == s.Version:
		return n, "", nil // another worker on this machine tries it, or it has just ended
	case isBad:
		return n, fmt.Sprintf("version %s is not taken: here it %s", s.Version, bad), nil
	}
	return u.ready(ctx, s)
}

// ready has a version here, verified and tried, and takes a turn.
func (u *Updater) ready(ctx context.Context, s Statement) (n Next, why string, err error) {
	if _, err := os.Stat(u.Home.Program(s.Version)); err != nil {
		if err := u.load(ctx, s); err != nil {
			return n, "", err
		}
	}
	asked, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	turn, why, err := take(asked, u.Place, s, u.Worker, time.Now())
	if err != nil || turn == "" {
		return n, why, err
	}
	// Only who has the turn starts it at all: what it does when asked for its name is
	// the first harm that a bad one can do.
	if err := u.knock(ctx, s.Version); err != nil {
		if ctx.Err() != nil { // told to stop in the middle, which says nothing of the version
			u.Release(ctx, Next{s.Version, "", turn})
			return n, "", ctx.Err()
		}
		why := "does not start: " + err.Error()
		u.change(func(k *state) {
			k.Bad[s.Version] = why
			k.Tell = append(k.Tell, verdict{s.Version, held{turn, u.Worker}, "bad", why})
		})
		u.tell(asked)
		return n, "version " + s.Version + " " + why, nil
	}
	u.change(func(k *state) { k.Seen = s.Published })
	return Next{s.Version, u.Home.Program(s.Version), turn}, "", nil
}

func (u *Updater) change(f func(*state)) {
	if err := u.Home.change(func(s *state) error { f(s); return nil }); err != nil {
		u.Log.Warn("cannot keep what is known of versions", zap.Error(err))
	}
}

// load downloads and verifies a bundle.
func (u *Updater) load(ctx context.Context, s Statement) (err error) {
	ctx, cancel := context.WithTimeout(ctx, loading)
	defer cancel()
	if err := os.MkdirAll(u.Home.Folder, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(u.Home.Folder, ".load-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	file := filepath.Join(scratch, "bundle")
	if err := u.Place.Fetch(ctx, s.File, file); err != nil {
		return fmt.Errorf("download %s: %w", s.File, err)
	}
	n, sum, err := checksum(file)
	if err != nil {
		return err
	}
	if n != s.Bytes || sum != s.SHA256 {
		return fmt.Errorf("%s is not what was signed: %d bytes with checksum %.12s…, want %d with %.12s…", s.File, n, sum, s.Bytes, s.SHA256)
	}
	if err := u.Home.install(s.Version, file); err != nil {
		return fmt.Errorf("unpack %s: %w", s.File, err)
	}
	return nil
}

// knock starts a version to ask for its name: one for another machine, or without
// the libraries that it needs, is found here and not in the worker's place.
func (u *Updater) knock(ctx context.Context, version string) error {
	ctx, cancel := context.WithTimeout(ctx, knocking)
	defer cancel()
	c := exec.CommandContext(ctx, u.Home.Program(version), "--version")
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH")}
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	said := strings.Join(strings.Fields(string(out)), " ")
	if err != nil {
		return fmt.Errorf("%w: %.200s", err, said)
	}
	if !strings.HasSuffix(said, " "+version) {
		return fmt.Errorf("it says %.100q of itself; publish a program that was built as version %s", said, version)
	}
	return nil
}

// tell tells others what they do not know yet, also of other workers on this machine.
// What fails is told at the next look.
func (u *Updater) tell(ctx context.Context) {
	known, err := u.Home.read()
	if err != nil || len(known.Tell) == 0 {
		return
	}
	var told []verdict
	for _, v := range known.Tell {
		if settle(ctx, u.Place, v.Version, v.How, v.Turn, Note{v.Worker, time.Now().UTC(), v.Why}) != nil {
			break
		}
		told = append(told, v)
	}
	// By value: another worker on this machine may tell, and find out, at the same time.
	u.change(func(s *state) {
		s.Tell = slices.DeleteFunc(s.Tell, func(v verdict) bool { return slices.Contains(told, v) })
	})
}

// Hold keeps the turn of a version until ctx ends: to finish the items in hand may take
// longer than others wait for who was not heard of.
func (u *Updater) Hold(ctx context.Context, n Next) {
	every := time.NewTicker(holdEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			u.hold(ctx, n.turn)
		}
	}
}

func (u *Updater) hold(ctx context.Context, turn string) {
	asked, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	if err := renew(asked, u.Place, turn, time.Now()); err != nil && ctx.Err() == nil {
		u.Log.Warn("cannot say that the turn for a newer version is still used", zap.Error(err))
	}
}

// Begin notes that a version is put on trial. What follows is to be its start.
func (u *Updater) Begin(n Next) error {
	return u.Home.change(func(s *state) error {
		if s.Good == n.Version { // it has proved itself here
			s.Tell = append(s.Tell, verdict{Version: n.Version, held: held{n.turn, u.Worker}, How: "good"})
			return nil
		}
		var beside []held
		if s.Trial != nil && s.Trial.Version == n.Version {
			beside = s.Trial.Turns // another worker here was quicker; one trial judges both
		}
		s.Trial = &trial{Version: n.Version, Turns: append(beside, held{n.turn, u.Worker}), Since: time.Now().UTC()}
		return nil
	})
}

// Release gives the turn of a version back that was not begun: the worker was told to
// stop before.
func (u *Updater) Release(ctx context.Context, n Next) {
	u.change(func(s *state) { s.Tell = append(s.Tell, verdict{Version: n.Version, held: held{n.turn, u.Worker}}) })
	u.tellLast(ctx)
}

// tellLast tells others what they do not know yet, also when ctx has ended.
func (u *Updater) tellLast(ctx context.Context) {
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	u.tell(asked)
}
