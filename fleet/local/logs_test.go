//go:build linux

package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
)

func TestLogsAreBounded(t *testing.T) {
	l := logFolder{dir: t.TempDir(), kept: 2}
	write := func(name string, size int, age time.Duration) {
		path := filepath.Join(l.dir, name)
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size-4)+"end\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	name := func(i int) string { return "render-" + string(instanceIDOf("t", i)) + ".log" }
	write(name(0), 10, 9*time.Hour) // the oldest, alive
	write(name(1), 10, 3*time.Hour)
	write(name(2), 10, 2*time.Hour)
	write(name(3), 10, time.Hour)
	write(name(4), logMax+1, time.Minute) // alive, and too long
	write("notes.txt", 10, 99*time.Hour)  // somebody else's
	live := map[fleet.ID]bool{instanceIDOf("t", 0): true, instanceIDOf("t", 4): true}
	if err := l.keep(func(id fleet.ID) bool { return live[id] }); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int64{}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		sizes[e.Name()] = info.Size()
	}
	want := map[string]int64{name(0): 10, name(2): 10, name(3): 10, name(4): 0, name(4) + ".1": logTail, "notes.txt": 10}
	for n, size := range want {
		if got, there := sizes[n]; got != size || !there {
			t.Errorf("%s: %d bytes, %v; want %d", n, got, there, size)
		}
	}
	if len(sizes) != len(want) {
		t.Errorf("left: %v", sizes)
	}
}

func TestTailIsShort(t *testing.T) {
	l := logFolder{dir: t.TempDir()}
	r := intended(0)
	file, err := l.create(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(strings.Repeat("noise\n", 5000) + "last\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := l.tail(r)
	if err != nil || strings.Count(got, "\n") != saidLine-1 || !strings.HasSuffix(got, "noise\nlast") {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAnEndIsToldWithItsCause: who looks between a worker's end and the moment in which
// it is known why sees one that works, rather than one that ended for no reason.
func TestAnEndIsToldWithItsCause(t *testing.T) {
	for name, stopped := range map[string]time.Time{"awake": {}, "asleep": time.Now().Add(-time.Minute)} {
		t.Run(name, func(t *testing.T) {
			f := open(t, folder(t), "worker")
			r := intended(0)
			file, err := f.logs.create(r)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("/bin/sh", "-c", "echo no such queue: videoz; exit 3")
			cmd.Stdout = file
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = file.Close()
			r.child, r.Stopped = true, stopped
			if r.Process, err = identify(cmd.Process.Pid, f.boot); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a zombie", func() bool { _, alive := r.Process.look(f.boot); return !alive })
			f.mu.Lock()
			f.records[r.ID] = r
			f.mu.Unlock()
			f.turn()
			before := fleet.PhaseRunning
			if !stopped.IsZero() {
				before = fleet.PhaseStopped
			}
			if is := instance(t, f, r.ID); is.Phase != before || is.Reason != "" {
				t.Errorf("before it is known why: %+v", is)
			}
			f.reap(r, cmd)
			if is := instance(t, f, r.ID); is.Phase != fleet.PhaseTerminated || is.Reason != "exit status 3, its last words: no such queue: videoz" {
				t.Errorf("then: %+v", is)
			}
			eventually(t, "swept", func() bool { f.turn(); f.mu.Lock(); defer f.mu.Unlock(); return r.swept })
		})
	}
}
