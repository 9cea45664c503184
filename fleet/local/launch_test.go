//go:build linux

package local

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"skynet/fleet"
)

func TestLaunchTwiceIsOnce(t *testing.T) {
	f := open(t, folder(t), "worker")
	ids := launch(t, f, order(3))
	again := launch(t, f, order(3))
	if !reflect.DeepEqual(ids, again) {
		t.Errorf("launched %v, then %v", ids, again)
	}
	if n := phases(t, f); n[fleet.PhaseRunning] != 3 || len(n) != 1 {
		t.Errorf("phases %v; want 3 running", n)
	}
	if found := marks(t, f.dir); len(found) != 3 {
		t.Errorf("%d instances have processes; want 3", len(found))
	}
	more := launch(t, f, order(4))
	if !reflect.DeepEqual(more[:3], ids) {
		t.Errorf("launched %v, then %v", ids, more)
	}
	i := instance(t, f, ids[0])
	want := map[string]string{"slots": "4", fleet.TagFleet: "render", fleet.TagIntent: order(3).Token}
	if i.Type != "c7i.xlarge" || i.Zone != "eu-west-1a" || !i.Spot || i.Launched.IsZero() || !reflect.DeepEqual(i.Tags, want) {
		t.Errorf("listed %+v", i)
	}
}

func TestSameOrderAtOnce(t *testing.T) {
	f := open(t, folder(t), "worker")
	errs := make(chan error)
	for range 4 {
		go func() { _, err := f.Launch(t.Context(), order(3)); errs <- err }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if found := marks(t, f.dir); len(found) != 3 {
		t.Errorf("%d instances; want 3", len(found))
	}
	for id, ms := range marks(t, f.dir) {
		if len(ms) != 1 {
			t.Errorf("%s has %d processes", id, len(ms))
		}
	}
}

func TestTerminatedIsNotLaunchedAgain(t *testing.T) {
	dir := folder(t)
	f := open(t, dir, "worker")
	ids := launch(t, f, order(2))
	if err := f.StopAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := launch(t, f, order(2)); !reflect.DeepEqual(again, ids) {
		t.Errorf("launched %v, then %v", ids, again)
	}
	closeFleet(t, f)
	f = open(t, dir, "worker")
	launch(t, f, order(2))
	if n := phases(t, f); n[fleet.PhaseTerminated] != 2 || len(n) != 1 {
		t.Errorf("phases %v; want 2 terminated", n)
	}
}

func TestOrdersAreForgottenAfterAnHour(t *testing.T) {
	f := open(t, folder(t), "worker")
	old := time.Now().Add(-2 * time.Hour)
	f.mu.Lock()
	for i, r := range []record{
		{Token: "done", Ended: old, swept: true},
		{Token: "half", Ended: old, swept: true},
		{Token: "half", Ended: time.Now(), swept: true},
		{Token: "dirty", Ended: old},
	} {
		r.ID = instanceIDOf(r.Token, i)
		f.records[r.ID] = &r
	}
	f.forget()
	kept := map[string]int{}
	for _, r := range f.records {
		kept[r.Token]++
	}
	f.mu.Unlock()
	if want := map[string]int{"half": 2, "dirty": 1}; !reflect.DeepEqual(kept, want) {
		t.Errorf("kept %v; want %v", kept, want)
	}
}

func TestBadOrders(t *testing.T) {
	f := open(t, folder(t), "worker")
	launch(t, f, order(1))
	other := template("worker")
	other.Fleet = "upload"
	f.templates["upload"] = other
	for name, o := range map[string]fleet.Order{
		"unknown fleet":  {Fleet: "nobody", Count: 1, Token: "a"},
		"no token":       {Fleet: "render", Count: 1},
		"long token":     {Fleet: "render", Count: 1, Token: strings.Repeat("a", 65)},
		"no count":       {Fleet: "render", Token: "a"},
		"other's token":  {Fleet: "upload", Count: 1, Token: order(1).Token},
		"count too high": {Fleet: "render", Count: recordsMax + 1, Token: "a"},
	} {
		ids, err := f.Launch(t.Context(), o)
		if len(ids) != 0 || !errors.Is(err, fleet.ErrDenied) && !errors.Is(err, fleet.ErrLimit) {
			t.Errorf("%s: %v, %v", name, ids, err)
		}
	}
	if n := phases(t, f); n[fleet.PhaseRunning] != 1 || len(n) != 1 {
		t.Errorf("phases %v; want only the first", n)
	}
}

func TestCommandThatCannotStart(t *testing.T) {
	bad := template("worker")
	bad.Command = []string{"/nonexistent/worker"}
	f := openWith(t, folder(t), Options{Templates: []Template{bad}})
	ids, err := f.Launch(t.Context(), order(2))
	if len(ids) != 0 || !errors.Is(err, fleet.ErrDenied) || !strings.Contains(err.Error(), "/nonexistent/worker") {
		t.Errorf("launched %v, %v", ids, err)
	}
	if n := phases(t, f); len(n) != 0 {
		t.Errorf("phases %v; want none: nothing was started", n)
	}
	f.templates["render"] = template("worker")
	launch(t, f, order(2)) // the cure helps, by the same order
}

func TestWorkerThatExitsAtOnce(t *testing.T) {
	var log notes
	f := openWith(t, folder(t), Options{
		Templates: []Template{template("broken")}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	id := launch(t, f, order(1))[0]
	eventually(t, "terminated", func() bool { return instance(t, f, id).Phase == fleet.PhaseTerminated })
	eventually(t, "exit status known", func() bool {
		e, err := f.Ending(id)
		return err == nil && e.Exit == "exit status 3" && strings.Contains(e.Said, "no such queue: videoz") && !e.At.IsZero()
	})
	eventually(t, "logged", func() bool {
		return strings.Contains(log.String(), "exit status 3") && strings.Contains(log.String(), "no such queue: videoz")
	})
	if n := strings.Count(log.String(), "ended by itself"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

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
	if n := phases(t, f); n[fleet.PhaseRunning] != 2 || n[fleet.PhaseStopped] != 1 {
		t.Errorf("phases %v; want 2 running, 1 stopped", n)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if left := marks(t, dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestControllerKilledWhileLaunching(t *testing.T) {
	dir := folder(t)
	for _, after := range []time.Duration{30, 60, 90, 120, 150} {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), envPart+"=controller", "LOCAL_TEST_DIR="+dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(after*time.Millisecond/3, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		timer.Stop()
	}
	f := open(t, dir, "worker")
	launch(t, f, order(3))
	found := marks(t, dir)
	for id, ms := range found {
		if len(ms) != 1 {
			t.Errorf("%s runs %d times", id, len(ms))
		}
	}
	if len(found) != 3 {
		t.Errorf("%d run; want 3", len(found))
	}
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
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	for _, p := range []process{recycled.Process, rebooted.Process} {
		for _, s := range []unix.Signal{unix.SIGKILL} {
			if err := errors.Join(p.signalGroup(f.boot, s), p.signal(f.boot, s)); err != nil {
				t.Error(err)
			}
		}
	}
	if state, alive := who.look(who.Boot); !alive || state == 'T' {
		t.Errorf("the stranger is in state %c", state)
	}
}

func TestInstanceIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.StringN(1, 64, 64).Draw(t, "token")
		i, j := rapid.IntRange(0, 300).Draw(t, "i"), rapid.IntRange(0, 300).Draw(t, "j")
		a, b := instanceIDOf(token, i), instanceIDOf(token, j)
		if !instanceID.MatchString(string(a)) || (a == b) != (i == j) {
			t.Errorf("%d: %s, %d: %s", i, a, j, b)
		}
	})
}
