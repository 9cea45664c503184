//go:build linux

package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

// crashed writes the state that a crash would have left.
func crashed(t *testing.T, dir string, rs ...*record) {
	t.Helper()
	f := &Fleet{dir: dir, records: map[fleet.ID]*record{}, dirty: true}
	for _, r := range rs {
		f.records[r.ID] = r
	}
	if err := f.save(); err != nil {
		t.Fatal(err)
	}
}

func intended(i int) *record {
	return &record{
		ID: instanceIDOf(order(1).Token, i), Fleet: "render", Token: order(1).Token, Launched: time.Now(),
		Tags: map[string]string{fleet.TagFleet: "render"},
	}
}

func TestCrashAfterIntent(t *testing.T) {
	dir := folder(t)
	crashed(t, dir, intended(0), intended(1))
	f := open(t, dir, "worker")
	if n := phases(t, f); len(n) != 0 {
		t.Errorf("phases %v; want none: nothing was started", n)
	}
	launch(t, f, order(2))
	if n := len(marks(t, dir)); n != 2 {
		t.Errorf("%d started; want 2", n)
	}
}

func TestCrashBetweenStartAndRecord(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "worker")
	ids := launch(t, f, order(2))
	first, second := f.pid(ids[0]), f.pid(ids[1])
	closeFleet(t, f)
	crashed(t, dir, intended(0), intended(1)) // as if the process IDs had never been written
	f = open(t, dir, "worker")
	launch(t, f, order(3))
	if f.pid(ids[0]) != first || f.pid(ids[1]) != second {
		t.Error("not the processes that ran")
	}
	if n := len(marks(t, dir)); n != 3 {
		t.Errorf("%d run; want 3", n)
	}
}

func TestLostRecord(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "worker")
	ids := launch(t, f, order(2))
	closeFleet(t, f)
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir, "worker")
	if again := launch(t, f, order(2)); !reflect.DeepEqual(again, ids) {
		t.Errorf("launched %v, then %v", ids, again)
	}
	if n := len(marks(t, dir)); n != 2 {
		t.Errorf("%d run; want 2", n)
	}
	if i := instance(t, f, ids[0]); i.Phase != fleet.PhaseRunning || i.Tags[fleet.TagIntent] != order(2).Token {
		t.Errorf("adopted as %+v", i)
	}
}

func TestBrokenRecordStopsUs(t *testing.T) {
	dir := folder(t)
	for name, text := range map[string]string{
		"cut off":     `{"version":1,"instances":[{`,
		"newer":       `{"version":2}`,
		"not an ID":   `{"version":1,"instances":[{"id":"../../etc"}]}`,
		"everyone":    `{"version":1,"instances":[{"id":"i-00000000000000000","process":{"pid":-1}}]}`,
		"no instance": `{"version":1,"instances":[null]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(dir, Options{})
		if err == nil {
			closeFleet(t, f)
		}
		if err == nil || !strings.Contains(err.Error(), stateFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKilledControllerBuysNothingTwice(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), envPart+"=controller", "LOCAL_TEST_DIR="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	var list [3]string
	if _, err := fmt.Fscanf(out, "[%s %s %s <nil>\n", &list[0], &list[1], &list[2]); err != nil {
		t.Fatalf("controller said %v: %v", list, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()

	f := open(t, dir, "worker")
	ids := launch(t, f, order(3))
	if string(ids[0]) != list[0] || len(marks(t, dir)) != 3 {
		t.Errorf("adopted %v of %v; processes: %v", ids, list, marks(t, dir))
	}
	eventually(t, "2 running, 1 stopped", func() bool {
		n := phases(t, f)
		return n[fleet.PhaseRunning] == 2 && n[fleet.PhaseStopped] == 1
	})
	stopAll(t, f)
	if left := marks(t, dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestControllerKilledWhileLaunching(t *testing.T) {
	for _, after := range []time.Duration{0, 1, 2, 4, 8, 16} {
		dir := folder(t)
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), envPart+"=controller", "LOCAL_TEST_DIR="+dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "intent written", func() bool { _, err := os.Stat(filepath.Join(dir, stateFile)); return err == nil })
		time.Sleep(after * time.Millisecond) // somewhere in the launch: no matter where
		_ = c.Process.Kill()
		_ = c.Wait()

		f := open(t, dir, "worker")
		launch(t, f, order(3))
		found := marks(t, dir)
		for id, ms := range found {
			if len(ms) != 1 {
				t.Errorf("%s runs %d times", id, len(ms))
			}
		}
		if len(found) != 3 {
			t.Errorf("killed after %d ms: %d run; want 3", after, len(found))
		}
	}
}

func TestNothingStartsUnwritten(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "worker")
	if err := os.MkdirAll(filepath.Join(dir, stateFile, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if ids, err := f.Launch(t.Context(), order(2)); len(ids) != 0 || err == nil {
		t.Errorf("launched %v, %v", ids, err)
	}
	if n, left := len(marks(t, dir)), phases(t, f); n != 0 || len(left) != 0 {
		t.Errorf("%d started, listed %v", n, left)
	}
	if err := os.RemoveAll(filepath.Join(dir, stateFile)); err != nil {
		t.Fatal(err)
	}
	launch(t, f, order(2))
}

func TestStrangerWithOurPID(t *testing.T) {
	dir := folder(t)
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	who, err := identify(stranger.Process.Pid, mustBoot(t))
	if err != nil {
		t.Fatal(err)
	}
	recycled, rebooted, leaving := intended(0), intended(1), intended(2)
	recycled.Process = process{PID: who.PID, Start: who.Start - 1, Boot: who.Boot}
	rebooted.Process = process{PID: who.PID, Start: who.Start, Boot: "another"}
	leaving.Process, leaving.Leaving = recycled.Process, time.Now().Add(-time.Hour)
	crashed(t, dir, recycled, rebooted, leaving)

	f := open(t, dir, "worker")
	ids := []fleet.ID{recycled.ID, rebooted.ID, leaving.ID}
	eventually(t, "all terminated", func() bool { return phases(t, f)[fleet.PhaseTerminated] == 3 })
	if _, err := f.Terminate(t.Context(), ids); err != nil {
		t.Error(err)
	}
	if done, err := f.Sleep(t.Context(), ids); len(done) != 0 || !errors.Is(err, ErrState) {
		t.Errorf("put to sleep: %v, %v", done, err)
	}
	stopAll(t, f)
	for _, p := range []process{recycled.Process, rebooted.Process} {
		if err := errors.Join(p.signalGroup(f.boot, unix.SIGKILL), p.signal(f.boot, unix.SIGKILL)); err != nil {
			t.Error(err)
		}
	}
	if state, alive := who.look(who.Boot); !alive || state == 'T' {
		t.Errorf("the stranger is in state %c", state)
	}
}
