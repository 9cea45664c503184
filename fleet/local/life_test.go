//go:build linux

package local

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

func TestSleepAndWake(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "helped")
	ids := launch(t, f, order(2))
	said(t, f, ids[0], "ready to ignore")
	done, err := f.Sleep(t.Context(), ids[:1])
	if err != nil || !reflect.DeepEqual(done, ids[:1]) {
		t.Fatalf("put to sleep: %v, %v", done, err)
	}
	eventually(t, "stopped", func() bool { return instance(t, f, ids[0]).Phase == fleet.PhaseStopped })
	since := instance(t, f, ids[0]).Stopped
	eventually(t, "helper stopped too", func() bool { return states(t, dir, ids[0]) == "TT" })
	if other := instance(t, f, ids[1]); other.Phase != fleet.PhaseRunning || !other.Stopped.IsZero() {
		t.Errorf("the other: %+v", other)
	}
	if done, err := f.Sleep(t.Context(), ids[:1]); err != nil || len(done) != 1 {
		t.Errorf("put to sleep again: %v, %v", done, err)
	}
	closeFleet(t, f)
	f = open(t, dir, "helped")
	if i := instance(t, f, ids[0]); i.Phase != fleet.PhaseStopped || !i.Stopped.Equal(since) || since.IsZero() {
		t.Errorf("after a restart: %+v; stopped at %s before", i, since)
	}
	if done, err := f.Wake(t.Context(), ids); err != nil || len(done) != 2 { // waking one awake changes nothing
		t.Errorf("woken: %v, %v", done, err)
	}
	eventually(t, "running", func() bool { return instance(t, f, ids[0]).Phase == fleet.PhaseRunning })
	if i := instance(t, f, ids[0]); i.Woken.IsZero() || !i.Stopped.IsZero() || strings.Contains(states(t, dir, ids[0]), "T") {
		t.Errorf("woken: %+v, states %s", i, states(t, dir, ids[0]))
	}
	if i := instance(t, f, ids[1]); !i.Woken.IsZero() {
		t.Errorf("never slept: %+v", i)
	}
}

// states lists the state letters of an instance's processes.
func states(t *testing.T, dir string, id fleet.ID) (letters string) {
	t.Helper()
	for _, m := range marks(t, dir)[id] {
		state, _ := m.look(m.Boot)
		letters += string(state)
	}
	return letters
}

func TestStoppedByOthers(t *testing.T) {
	t.Parallel()
	f := open(t, folder(t), "worker")
	id := launch(t, f, order(1))[0]
	if err := unix.Kill(f.pid(id), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stopped", func() bool { return instance(t, f, id).Phase == fleet.PhaseStopped })
	if i := instance(t, f, id); i.Stopped.IsZero() {
		t.Errorf("%+v", i)
	}
	if err := unix.Kill(f.pid(id), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "running", func() bool { return instance(t, f, id).Phase == fleet.PhaseRunning })
	if i := instance(t, f, id); i.Woken.IsZero() || !i.Stopped.IsZero() {
		t.Errorf("%+v", i)
	}
}

func TestTerminateTakesHelpersAlong(t *testing.T) {
	t.Parallel()
	f := open(t, folder(t), "helped")
	ids := launch(t, f, order(2))
	for _, id := range ids {
		said(t, f, id, "ready to ignore")
	}
	done, err := f.Terminate(t.Context(), ids[:1])
	if err != nil || len(done) != 1 {
		t.Fatalf("terminated %v, %v", done, err)
	}
	eventually(t, "terminated", func() bool { return instance(t, f, ids[0]).Phase == fleet.PhaseTerminated })
	found := marks(t, f.dir)
	if len(found[ids[0]]) != 0 || len(found[ids[1]]) != 2 {
		t.Errorf("left: %v", found)
	}
	if done, err := f.Terminate(t.Context(), ids[:1]); err != nil || len(done) != 1 {
		t.Errorf("terminated again: %v, %v", done, err)
	}
}

func TestTerminateStubborn(t *testing.T) {
	f := openWith(t, folder(t), Options{Templates: []Template{template("stubborn")}, Grace: 300 * time.Millisecond})
	id := launch(t, f, order(1))[0]
	said(t, f, id, "ready to ignore")
	if _, err := f.Terminate(t.Context(), []fleet.ID{id}); err != nil {
		t.Fatal(err)
	}
	if p := instance(t, f, id).Phase; p != fleet.PhaseShuttingDown {
		t.Errorf("phase %s; want shutting-down", p)
	}
	eventually(t, "terminated", func() bool { return instance(t, f, id).Phase == fleet.PhaseTerminated })
	eventually(t, "exit known", func() bool { e, err := f.Ending(id); return err == nil && e.Exit == "signal: killed" })
}

func TestTerminationOutlivesTheController(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "stubborn") // with ten seconds to go
	id := launch(t, f, order(1))[0]
	said(t, f, id, "ready to ignore")
	if _, err := f.Terminate(t.Context(), []fleet.ID{id}); err != nil {
		t.Fatal(err)
	}
	closeFleet(t, f)
	if n := len(marks(t, dir)); n != 1 {
		t.Errorf("Close ended %d processes", 1-n)
	}
	f = openWith(t, dir, Options{Grace: 100 * time.Millisecond})
	eventually(t, "terminated", func() bool { return instance(t, f, id).Phase == fleet.PhaseTerminated })
	if n := len(marks(t, dir)); n != 0 {
		t.Errorf("%d left", n)
	}
}

func TestTerminateSleeping(t *testing.T) {
	t.Parallel()
	f := open(t, folder(t), "worker")
	id := launch(t, f, order(1))[0]
	said(t, f, id, "working")
	for _, deed := range []func() ([]fleet.ID, error){
		func() ([]fleet.ID, error) { return f.Sleep(t.Context(), []fleet.ID{id}) },
		func() ([]fleet.ID, error) { return f.Terminate(t.Context(), []fleet.ID{id}) },
	} {
		if done, err := deed(); err != nil || len(done) != 1 {
			t.Fatal(done, err)
		}
	}
	eventually(t, "terminated", func() bool { return instance(t, f, id).Phase == fleet.PhaseTerminated })
	eventually(t, "in good order", func() bool { e, err := f.Ending(id); return err == nil && e.Exit == "exit status 0" })
}

func TestKilledFromOutside(t *testing.T) {
	f := open(t, folder(t), "helped")
	id := launch(t, f, order(1))[0]
	said(t, f, id, "ready to ignore")
	if err := unix.Kill(f.pid(id), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	eventually(t, "terminated", func() bool { return instance(t, f, id).Phase == fleet.PhaseTerminated })
	if d := time.Since(killed); d > time.Second {
		t.Errorf("seen after %s", d)
	}
	eventually(t, "its helper gone too", func() bool { return len(marks(t, f.dir)) == 0 })
	for verb, do := range map[string]func() ([]fleet.ID, error){
		"sleep": func() ([]fleet.ID, error) { return f.Sleep(t.Context(), []fleet.ID{id}) },
		"wake":  func() ([]fleet.ID, error) { return f.Wake(t.Context(), []fleet.ID{id}) },
	} {
		if done, err := do(); len(done) != 0 || !errors.Is(err, ErrState) || !strings.Contains(err.Error(), string(id)) {
			t.Errorf("%s: %v, %v", verb, done, err)
		}
	}
}

func TestUnknownInstances(t *testing.T) {
	f := open(t, folder(t), "worker")
	ids := append(launch(t, f, order(1)), "i-00000000000000000")
	for verb, do := range map[string]func() ([]fleet.ID, error){
		"tag":       func() ([]fleet.ID, error) { return f.Tag(t.Context(), ids, "k", "v") },
		"untag":     func() ([]fleet.ID, error) { return f.Untag(t.Context(), ids, "k") },
		"sleep":     func() ([]fleet.ID, error) { return f.Sleep(t.Context(), ids) },
		"wake":      func() ([]fleet.ID, error) { return f.Wake(t.Context(), ids) },
		"terminate": func() ([]fleet.ID, error) { return f.Terminate(t.Context(), ids) },
	} {
		done, err := do()
		if !reflect.DeepEqual(done, ids[:1]) && verb != "sleep" && verb != "wake" { // the map's order decides whether it is gone
			t.Errorf("%s: done %v", verb, done)
		}
		if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "InvalidInstanceID.NotFound") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

func TestTagsOverRestarts(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "worker")
	ids := launch(t, f, order(2))
	if _, err := f.Tag(t.Context(), ids, fleet.TagDrain, "d-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Untag(t.Context(), ids[1:], fleet.TagDrain); err != nil {
		t.Fatal(err)
	}
	closeFleet(t, f)
	f = open(t, dir, "worker")
	if v, set := instance(t, f, ids[0]).Tags[fleet.TagDrain]; v != "d-1" || !set {
		t.Errorf("drain tag %q", v)
	}
	if v, set := instance(t, f, ids[1]).Tags[fleet.TagDrain]; set {
		t.Errorf("drain tag %q; want none", v)
	}
	for _, key := range []string{"", "a/b", "a b", "..", strings.Repeat("k", 129)} {
		if done, err := f.Tag(t.Context(), ids, key, "v"); len(done) != 0 || !errors.Is(err, fleet.ErrDenied) {
			t.Errorf("tag %q: %v, %v", key, done, err)
		}
	}
	instance(t, f, ids[0]).Tags["mine"] = "x" // a copy
	if _, set := instance(t, f, ids[0]).Tags["mine"]; set {
		t.Error("the list gives out its own map")
	}
}

func TestOneFolderOneController(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	f := open(t, dir, "worker")
	if second, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "another controller") {
		t.Errorf("opened twice: %v, %v", second, err)
	}
	closeFleet(t, f)
	if _, err := f.Instances(t.Context(), ""); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := f.Launch(t.Context(), order(1)); !errors.Is(err, ErrClosed) || len(marks(t, dir)) > 0 {
		t.Errorf("after Close: %v", err)
	}
	f.mu.Lock()
	f.dirty = true
	if err := f.save(); !errors.Is(err, ErrClosed) {
		t.Errorf("wrote to a folder that may be another's: %v", err)
	}
	f.mu.Unlock()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state folder: %v, %v", info.Mode(), err)
	}
}

func TestSeveralFleets(t *testing.T) {
	other := template("worker")
	other.Fleet = "upload"
	f := openWith(t, folder(t), Options{Templates: []Template{template("worker"), other}})
	launch(t, f, order(1))
	up := launch(t, f, fleet.Order{Fleet: "upload", Count: 2, Token: "up"})
	list, err := f.Instances(t.Context(), "upload")
	if err != nil || len(list) != 2 {
		t.Errorf("upload: %v, %v; want %v", list, err, up)
	}
	if n := phases(t, f); n[fleet.PhaseRunning] != 3 {
		t.Errorf("all: %v", n)
	}
}

func TestChildrenAreReaped(t *testing.T) {
	f := open(t, folder(t), "broken")
	id := launch(t, f, order(1))[0]
	pid := f.pid(id)
	eventually(t, "no zombie", func() bool { _, err := readStat(pid); return errors.Is(err, os.ErrNotExist) })
}

func TestZombiesAreDead(t *testing.T) {
	c := exec.Command("true")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	who, err := identify(c.Process.Pid, mustBoot(t))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a zombie counts as dead", func() bool { _, alive := who.look(who.Boot); return !alive })
	if s, err := readStat(who.PID); err != nil || s.state != 'Z' {
		t.Errorf("state %c, %v: not a zombie at all", s.state, err)
	}
	_ = c.Wait()
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	f := openWith(t, folder(t), Options{Templates: []Template{template("worker")}, Grace: time.Second})
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			o := fleet.Order{Fleet: "render", Count: 3, Token: fleet.Token("render", int64(n%3), 0)}
			ids, err := f.Launch(t.Context(), o)
			if err != nil {
				t.Error(err)
			}
			for range 5 { // errors are of no interest here: others end what this one holds
				_, _ = f.Tag(t.Context(), ids, fleet.TagDrain, "x")
				_, _ = f.Sleep(t.Context(), ids)
				_, _ = f.Instances(t.Context(), "render")
				_, _ = f.Wake(t.Context(), ids)
				_ = f.Interrupt(ids[0], "stop", time.Now())
			}
			_, _ = f.Terminate(t.Context(), ids[:1])
		})
	}
	wg.Wait()
	if n := len(marks(t, f.dir)); n < 6 || n > 9 {
		t.Errorf("%d instances run; want 6 of 9 or a few about to end", n)
	}
	stopAll(t, f)
	if left := marks(t, f.dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestStopAllWaitsForHelpers(t *testing.T) {
	f := open(t, folder(t), "helped")
	id := launch(t, f, order(1))[0]
	said(t, f, id, "ready to ignore")
	f.stop() // nobody tends: the helper stays
	f.tending.Wait()
	if err := unix.Kill(f.pid(id), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "terminated", func() bool { return instance(t, f, id).Phase == fleet.PhaseTerminated })
	if left, err := f.remaining(t.Context()); len(left) != 1 || err != nil {
		t.Errorf("to wait for: %v, %v; want the one whose helper runs", left, err)
	}
	eventually(t, "swept", func() bool { return !f.turn() })
	if left, err := f.remaining(t.Context()); len(left) != 0 || err != nil || len(marks(t, f.dir)) != 0 {
		t.Errorf("to wait for: %v, %v; running: %v", left, err, marks(t, f.dir))
	}
}
