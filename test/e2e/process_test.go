package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test started and that runs beside it.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	stdout string // paths of the files with what it says
	stderr string
	ended  chan struct{}
}

// start starts a program in a process group of its own; what it says goes into
// files named after name.
func start(t *testing.T, dir, name, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(program, args...), ended: make(chan struct{}),
		stdout: filepath.Join(dir, name+".out"), stderr: filepath.Join(dir, name+".err")}
	out, err := os.Create(p.stdout)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	said, err := os.Create(p.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(p.end)
	return p
}

// end kills the process, if it still runs, and shows its last words if the
// test failed.
func (p *process) end() {
	select {
	case <-p.ended:
	default:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.t.Failed() {
		p.t.Logf("%s ended: %s\n%s%s", p.name, p.cmd.ProcessState, tail(p.stdout), tail(p.stderr))
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %s: %v", p.name, err)
	}
}

// wait waits until the process has ended, and returns its exit status: -1 for
// one that was killed.
func (p *process) wait(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		p.t.Fatalf("%s still runs after %s", p.name, within)
		return -1
	}
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait(10 * time.Second)
}

func (p *process) said() string { return read(p.stdout) + read(p.stderr) }

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// tail is the end of a file, for the log of a test that failed.
func tail(path string) string {
	lines := strings.Split(strings.TrimRight(read(path), "\n"), "\n")
	return fmt.Sprintf("--- %s\n%s\n", path, strings.Join(lines[max(0, len(lines)-30):], "\n"))
}

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
	deadline := time.Now().Add(within)
	for {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %v", within, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
