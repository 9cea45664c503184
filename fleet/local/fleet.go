//go:build linux

// Package local is the fleet on one machine: its instances are worker
// processes here, behind an instance-metadata endpoint of their own. It keeps
// EC2's promises, so that the controller and the agent need not know which of
// the two they have: a launch is idempotent by its order's token, an instance
// outlives the controller, it can sleep, and it ends for good.
//
// What is known of instances is one JSON file, written before anything is
// done. Processes are found again after a crash by that record (process ID,
// start time, boot) or, where the crash came before it, by their environment.
// An instance is a machine: no process that carries its ID outlives it.
//
// Under systemd the controller's unit needs KillMode=process: otherwise
// stopping the controller kills the workers in its control group too.
//
// Linux only: it reads /proc.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"skynet/fleet"
)

// Refusals that concern one instance, in EC2's words.
var (
	ErrNotFound = errors.New("InvalidInstanceID.NotFound: no such instance, or it ended long ago")
	ErrState    = errors.New("IncorrectInstanceState")
	ErrClosed   = errors.New("the local fleet is closed")
)

const (
	graceDefault = 10 * time.Second
	listed       = 10 * time.Minute // how long the dead are listed; EC2 lists them for about an hour
	lockPatience = 3 * time.Second  // a controller that was just killed may take this long to be gone
)

// Template says what an instance of one fleet is.
type Template struct {
	Fleet   string
	Command []string          // the program and its arguments
	Env     []string          // "KEY=value", besides the minimal environment
	Type    string            // reported as the instance type; "local" by default
	Zone    string            // reported as the availability zone; "local" by default
	Spot    bool              // reported as the life cycle
	Tags    map[string]string // carried from launch on, besides those of package fleet
	// Ready says why an instance could not work, nil if it could. It is asked before
	// anything is started; nil: always.
	Ready func() error
}

// Options are what Open may be told; the zero value launches nothing.
type Options struct {
	Templates []Template
	Logs      string        // folder of the workers' logs; "logs" in the state folder by default
	LogsKept  int           // logs of dead instances kept; 100 by default
	Grace     time.Duration // from SIGTERM to SIGKILL; 10 s by default
	Log       *slog.Logger  // hears of instances that ended by themselves; slog.Default() by default
}

// Fleet runs the workers of this machine, for any number of fleet names.
type Fleet struct {
	dir       string // absolute, without symbolic links: it marks our processes
	logs      logFolder
	templates map[string]Template
	grace     time.Duration
	log       *slog.Logger
	now       func() time.Time
	boot      string

	lock     *flock.Flock
	endpoint *endpoint
	stop     context.CancelFunc
	tending  sync.WaitGroup
	kick     chan struct{} // wakes tend before its time

	mu      sync.Mutex // guards what follows; /proc and the record are read and written under it, nothing waits
	records map[fleet.ID]*record
	dirty   bool // records hold what the file does not
	closed  bool
}

// Open takes the state folder dir for this process, adopts the workers that
// an earlier controller left there, and serves their metadata. Close it when
// done.
func Open(dir string, o Options) (*Fleet, error) {
	f, err := prepare(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open local fleet in %s: %w", dir, err)
	}
	if err := f.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("open local fleet in %s: %w", dir, err), f.lock.Close())
	}
	return f, nil
}

// prepare checks the options and makes the folders; nothing runs yet.
func prepare(dir string, o Options) (*Fleet, error) {
	templates, err := byFleet(o.Templates)
	if err != nil {
		return nil, err
	}
	if dir, err = privateDir(dir); err != nil {
		return nil, err
	}
	if o.Logs == "" {
		o.Logs = filepath.Join(dir, "logs")
	}
	if o.Logs, err = privateDir(o.Logs); err != nil {
		return nil, err
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	f := &Fleet{
		dir: dir, templates: templates, grace: o.Grace, log: o.Log, now: time.Now, boot: boot,
		logs: logFolder{dir: o.Logs, kept: o.LogsKept},
		lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600)),
		kick: make(chan struct{}, 1), records: map[fleet.ID]*record{},
	}
	f.setDefaults()
	return f, nil
}

func (f *Fleet) setDefaults() {
	if f.grace <= 0 {
		f.grace = graceDefault
	}
	if f.log == nil {
		f.log = slog.Default()
	}
	if f.logs.kept <= 0 {
		f.logs.kept = logsKept
	}
}

// begin locks the folder, reads what is known, adopts and serves.
//
// The lock comes before the look around: a controller killed in the middle of
// a fork leaves a child that holds the lock until it has become the worker, so
// whoever gets the lock finds every worker by its environment.
func (f *Fleet) begin() error {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	if ok, err := f.lock.TryLockContext(ctx, 20*time.Millisecond); !ok {
		return fmt.Errorf("lock %s: %w: another controller uses this folder; stop it, or give this one a state folder of its own",
			f.lock.Path(), err)
	}
	if err := f.load(); err != nil {
		return err
	}
	listener, err := listenKept(filepath.Join(f.dir, "port"))
	if err != nil {
		return err
	}
	if err := f.adopt(); err != nil {
		return errors.Join(err, listener.Close())
	}
	f.endpoint = serve(listener, f.describe, f.now, f.log)
	ctx, f.stop = context.WithCancel(context.Background())
	f.tending.Go(func() { f.tend(ctx) })
	return nil
}

// Close stops the endpoint and lets go of the folder. The processes are left
// alone: the next Open finds them.
func (f *Fleet) Close() error {
	f.mu.Lock()
	was := f.closed
	f.closed = true
	f.mu.Unlock()
	if was {
		return nil
	}
	f.stop()
	f.tending.Wait()
	return errors.Join(f.endpoint.Close(), f.lock.Close())
}

// Metadata is the URL under which instance id finds its metadata.
func (f *Fleet) Metadata(id fleet.ID) string { return f.endpoint.url + "/" + string(id) }

// Instances lists the instances of a fleet, those that ended in the last ten
// minutes among them, by ID. The empty name stands for all fleets.
func (f *Fleet) Instances(ctx context.Context, fleetName string) ([]fleet.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(ctx); err != nil {
		return nil, fmt.Errorf("list instances of fleet %q: %w", fleetName, err)
	}
	var list []fleet.Instance
	now := f.now()
	for _, r := range f.records {
		if fleetName != "" && r.Fleet != fleetName {
			continue
		}
		phase := f.observe(r)
		if phase != fleet.PhaseTerminated || now.Sub(r.Ended) < listed {
			list = append(list, r.instance(phase))
		}
	}
	if err := f.save(); err != nil { // what was seen stays in memory and is written with the next change
		f.log.Warn("local fleet: write record", "err", err)
	}
	slices.SortFunc(list, func(a, b fleet.Instance) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list, nil
}

// usable reports why nothing can be done now. f.mu is held.
func (f *Fleet) usable(ctx context.Context) error {
	if f.closed {
		return ErrClosed
	}
	return ctx.Err()
}

// each does something to every one of ids, with f.mu held, and writes the
// record once. It returns those for which it worked.
func (f *Fleet) each(ctx context.Context, verb string, ids []fleet.ID, do func(*record) error) (done []fleet.ID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(ctx); err != nil {
		return nil, fmt.Errorf("%s %d instances: %w", verb, len(ids), err)
	}
	var errs []error
	for _, id := range ids {
		r, known := f.records[id]
		err := ErrNotFound
		if known {
			err = do(r)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", verb, id, err))
			continue
		}
		done = append(done, id)
	}
	if err := f.save(); err != nil {
		errs = append(errs, fmt.Errorf("%s %d instances: %w", verb, len(done), err))
	}
	return done, errors.Join(errs...)
}

// hurry lets tend look at once.
func (f *Fleet) hurry() {
	select {
	case f.kick <- struct{}{}:
	default: // it has been told already
	}
}

// byFleet checks the templates and sorts them by fleet.
func byFleet(templates []Template) (map[string]Template, error) {
	sorted := make(map[string]Template, len(templates))
	for _, t := range templates {
		switch _, twice := sorted[t.Fleet]; {
		case !fleetName.MatchString(t.Fleet):
			return nil, fmt.Errorf("fleet %q: a name must match %s", t.Fleet, fleetName)
		case twice:
			return nil, fmt.Errorf("fleet %q has two templates", t.Fleet)
		case len(t.Command) == 0 || t.Command[0] == "":
			return nil, fmt.Errorf("fleet %q: no command to run its workers by", t.Fleet)
		}
		for key, value := range t.Tags {
			if err := fleet.CheckTag(key, value); err != nil {
				return nil, fmt.Errorf("fleet %q: %w", t.Fleet, err)
			}
		}
		t.Tags = maps.Clone(t.Tags)
		sorted[t.Fleet] = t
	}
	return sorted, nil
}

// privateDir makes a folder that only we may enter, and returns its real path.
func privateDir(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", fmt.Errorf("make %s private: %w", dir, err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}
