//go:build linux

package processes

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const patient = time.Minute

func started(t *testing.T, dir, script string) *Running {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", script)
	c.Env = Bare(dir, "MARK=here")
	r, err := Start(dir, "one", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	return r
}

func TestWhatAProgramSaysAndHowItEnds(t *testing.T) {
	r := started(t, t.TempDir(), `echo "$MARK in $HOME"; echo no >&2; exit 3`)
	status, err := r.Wait(patient)
	if err != nil || status != 3 || r.Runs() {
		t.Errorf("status %d, %v", status, err)
	}
	if said := r.Said(); !strings.HasPrefix(said, "here in /") || Read(r.Err) != "no\n" {
		t.Errorf("said %q", said)
	}
	if words := r.LastWords(); !strings.HasPrefix(words, "one ended: exit status 3\n") || !strings.Contains(words, "one.err\nno\n") {
		t.Errorf("last words %q", words)
	}
	r.Kill() // does no harm
}

// TestEndOfADeafProgram: it is killed, and nothing of its folder is left.
func TestEndOfADeafProgram(t *testing.T) {
	dir := t.TempDir()
	r := started(t, dir, `trap "" TERM; echo deaf; while :; do sleep 1; done`)
	if err := Await("its word", patient, func() error {
		if r.Said() == "" {
			return errors.New("it says nothing")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if status, err := r.Wait(0); err == nil || status != -1 || !r.Runs() {
		t.Errorf("it has ended: %d, %v", status, err)
	}
	if err := Nobody(dir); err == nil || !strings.Contains(err.Error(), "/bin/sh") {
		t.Errorf("nobody is there: %v", err)
	}
	r.End(time.Millisecond)
	if status, err := r.Wait(patient); err != nil || status != -1 || r.Signal(syscall.SIGCONT) == nil {
		t.Errorf("status %d, %v, and it takes signals", status, err)
	}
	EndAll(dir) // its sleep
	if err := Nobody(dir); err != nil {
		t.Error(err)
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	if r, err := Start(t.TempDir(), "none", exec.Command("/none")); !os.IsNotExist(err) {
		t.Errorf("started %v, %v", r, err)
	}
	if r, err := Start("/none", "none", exec.Command("/bin/true")); !os.IsNotExist(err) {
		t.Errorf("started %v, %v", r, err)
	}
}

func TestAwait(t *testing.T) {
	looks, wrong := 0, errors.New("wrong")
	if err := Await("right", patient, func() error {
		if looks++; looks < 2 {
			return wrong
		}
		return nil
	}); err != nil || looks != 2 {
		t.Errorf("%v after %d looks", err, looks)
	}
	if err := Await("right", 0, func() error { return wrong }); !errors.Is(err, wrong) || err.Error() != "waited 0s for right: wrong" {
		t.Error(err)
	}
}

func TestTail(t *testing.T) {
	file := t.TempDir() + "/long"
	if err := os.WriteFile(file, []byte(strings.Repeat("a\n", 100)+"z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if tail := Tail(file); strings.Count(tail, "a\n") != 39 || !strings.HasSuffix(tail, "a\nz\n") {
		t.Errorf("tail %q", tail)
	}
}
