//go:build linux

package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

// tokenMax is EC2's limit for a client token.
const tokenMax = 64

// Launch starts what is missing of an order, and returns the IDs of all that
// was launched for it, now or before. Those that have ended since are among
// them and not started again.
//
// A crash may come between any two steps: what is intended is written first;
// a worker that was started but not written down yet carries its ID in its
// environment and is adopted by the next Open.
func (f *Fleet) Launch(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	ids, err := f.intend(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("launch %d for fleet %s: %w", o.Count, o.Fleet, err)
	}
	var errs []error
	for i, id := range ids { // the lock is let go between two, for those who wait
		if err := f.start(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("launch %d of %d for fleet %s (%s): %w", i+1, o.Count, o.Fleet, id, err))
			break // the next would meet the same; the order can be sent again
		}
	}
	launched, err := f.settle(ids)
	return launched, errors.Join(append(errs, err)...)
}

// intend checks an order and writes down what of it is not known yet.
func (f *Fleet) intend(ctx context.Context, o fleet.Order) ([]fleet.ID, error) {
	t, known := f.templates[o.Fleet]
	switch {
	case !known:
		return nil, fmt.Errorf("%w: no template for this fleet", fleet.ErrDenied)
	case o.Token == "" || len(o.Token) > tokenMax:
		return nil, fmt.Errorf("%w: a token has 1 to %d characters, this one %d", fleet.ErrDenied, tokenMax, len(o.Token))
	case o.Count < 1:
		return nil, fmt.Errorf("%w: a count of %d", fleet.ErrDenied, o.Count)
	case o.Count > recordsMax:
		return nil, fmt.Errorf("%w: at most %d on one machine", fleet.ErrLimit, recordsMax)
	}
	unready := t.unready() // without the lock: a disk may take its time to answer
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(ctx); err != nil {
		return nil, err
	}
	return f.record(o, t, unready)
}

func (t Template) unready() error {
	if t.Ready == nil {
		return nil
	}
	if err := t.Ready(); err != nil {
		return fmt.Errorf("%w: %w", fleet.ErrDenied, err)
	}
	return nil
}

// record adds what is missing of the order to the records, unless nothing new may be
// started. f.mu is held.
func (f *Fleet) record(o fleet.Order, t Template, unready error) ([]fleet.ID, error) {
	ids := make([]fleet.ID, o.Count)
	var fresh []fleet.ID
	for i := range ids {
		ids[i] = instanceIDOf(o.Token, i)
		switch r, known := f.records[ids[i]]; {
		case !known:
			fresh = append(fresh, ids[i])
		case r.Fleet != o.Fleet:
			return nil, fmt.Errorf("%w: IdempotentParameterMismatch: this token launched for fleet %s", fleet.ErrDenied, r.Fleet)
		}
	}
	if len(fresh) > 0 && unready != nil {
		return nil, unready
	}
	if len(f.records)+len(fresh) > recordsMax {
		return nil, fmt.Errorf("%w: %d instances are remembered, at most %d are; ended ones are forgotten after %s",
			fleet.ErrThrottled, len(f.records), recordsMax, remembered)
	}
	for _, id := range fresh {
		f.records[id] = f.blank(id, o.Fleet, o.Token, t)
		f.dirty = true
	}
	if err := f.save(); err != nil {
		for _, id := range fresh {
			delete(f.records, id)
		}
		return nil, fmt.Errorf("nothing was started, since it could not be written down: %w", err)
	}
	return ids, nil
}

func (f *Fleet) blank(id fleet.ID, name, token string, t Template) *record {
	tags := map[string]string{}
	maps.Copy(tags, t.Tags)
	tags[fleet.TagFleet], tags[fleet.TagIntent] = name, token
	return &record{
		ID: id, Fleet: name, Token: token, Tags: tags, Launched: f.now(),
		Type: orElse(t.Type, "local"), Zone: orElse(t.Zone, "local"), Spot: t.Spot,
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// start starts an intended instance, unless that has been done.
func (f *Fleet) start(ctx context.Context, id fleet.ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(ctx); err != nil {
		return err
	}
	r, known := f.records[id]
	if !known || r.started() {
		return nil
	}
	cmd, err := f.spawn(r)
	if err != nil {
		return err
	}
	r.child = true
	f.dirty = true
	// Until it is waited for, its number is its own, even if it has ended.
	if r.Process, err = identify(cmd.Process.Pid, f.boot); err != nil {
		err = errors.Join(err, cmd.Process.Kill())
		r.Ended, r.Exit = f.now(), "killed: it could not be identified"
	}
	go f.reap(r, cmd) // ends with the worker, which may be after Close
	return err
}

// spawn starts the worker.
//
// It gets a session of its own, and with it a process group: when a
// controller dies, the kernel sends SIGHUP to groups of its session that hold
// stopped processes, which would kill every sleeping worker (exit(2), "orphaned
// process group"). Nor does it hear when a terminal closes.
func (f *Fleet) spawn(r *record) (*exec.Cmd, error) {
	t := f.templates[r.Fleet]
	log, err := f.logs.create(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the worker has its own
	cmd := exec.Command(t.Command[0], t.Command[1:]...)
	cmd.Env = f.environ(r, t)
	cmd.Stdout, cmd.Stderr = log, log // files, not pipes: nobody needs to read them
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, refusal(err)
	}
	return cmd, nil
}

// environ is the whole environment of a worker: secrets of the controller's
// have no business in it. Our marks come last, where nothing overrides them.
func (f *Fleet) environ(r *record, t Template) []string {
	var env []string
	for _, key := range []string{"PATH", "HOME", "LANG", "TMPDIR", "TZ"} {
		if value, set := os.LookupEnv(key); set {
			env = append(env, key+"="+value)
		}
	}
	env = append(env, t.Env...)
	return append(env,
		envMetadata+"="+f.Metadata(r.ID),
		envFleet+"="+r.Fleet,
		envHome+"="+f.dir,
		envInstance+"="+string(r.ID),
		envOrder+"="+r.Token,
	)
}

// refusal says in the fleet's words why the kernel started nothing.
func refusal(err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return fmt.Errorf("%w: %w", fleet.ErrLimit, err)
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("%w: %w", fleet.ErrNoCapacity, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, exec.ErrNotFound),
		errors.Is(err, unix.ENOEXEC):
		return fmt.Errorf("%w: %w", fleet.ErrDenied, err)
	}
	return err
}

// settle drops what was intended and could not be started, so that it does not
// count as pending, writes the rest down and returns it.
func (f *Fleet) settle(ids []fleet.ID) ([]fleet.ID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var launched []fleet.ID
	for _, id := range ids {
		switch r, known := f.records[id]; {
		case known && r.started():
			launched = append(launched, id)
		case known:
			delete(f.records, id)
			f.dirty = true
		}
	}
	if err := f.save(); err != nil {
		return launched, fmt.Errorf("write down %d launched instances: %w", len(launched), err)
	}
	return launched, nil
}
