package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/test/processes"
)

// process is a program that a test started and that runs beside it.
type process struct {
	*processes.Running
	t *testing.T
}

// start starts a program in a process group of its own; what it says goes into
// files named after name.
func start(t *testing.T, dir, name, program string, args ...string) *process {
	t.Helper()
	c := exec.Command(program, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return startAs(t, dir, name, c)
}

// startAs starts a command, which is killed at the end of the test if it still runs;
// a test that failed shows its last words.
func startAs(t *testing.T, dir, name string, c *exec.Cmd) *process {
	t.Helper()
	r, err := processes.Start(dir, name, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Kill()
		if t.Failed() {
			t.Log(r.LastWords())
		}
	})
	return &process{r, t}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until the process has ended, and returns its exit status: -1 for
// one that was killed.
func (p *process) wait(within time.Duration) int {
	p.t.Helper()
	status, err := p.Wait(within)
	if err != nil {
		p.t.Fatal(err)
	}
	return status
}

// kill ends the process, which must not have ended yet, as a crash would.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait(10 * time.Second)
}

func read(path string) string { return processes.Read(path) }

func tail(path string) string { return processes.Tail(path) }

// said is what a program printed that has ended.
type said struct {
	out, err string
	status   int
}

// call runs a program to its end.
func call(t *testing.T, program string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out, errs strings.Builder
	c := exec.CommandContext(ctx, program, args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) || ctx.Err() != nil {
		t.Fatalf("%s %v: %v (%v)", filepath.Base(program), args, err, ctx.Err())
	}
	return said{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// await looks again and again until look finds nothing wrong.
func await(t *testing.T, what string, within time.Duration, look func() error) {
	t.Helper()
	if err := processes.Await(what, within, look); err != nil {
		t.Fatal(err)
	}
}
