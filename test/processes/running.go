//go:build linux

package processes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Running is a program that runs beside who started it.
type Running struct {
	Name     string
	Out, Err string // paths of the files with what it says

	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts a command. What it says goes into two files in the folder that are
// named after name, unless the command has other places for it. It ends with us at
// the latest, also where we are killed.
func Start(dir, name string, c *exec.Cmd) (*Running, error) {
	r := &Running{Name: name, Out: filepath.Join(dir, name+".out"), Err: filepath.Join(dir, name+".err"), cmd: c, ended: make(chan struct{})}
	if c.Stdout == nil {
		out, err := os.Create(r.Out)
		if err != nil {
			return nil, err
		}
		defer out.Close()
		c.Stdout = out
	}
	if c.Stderr == nil {
		said, err := os.Create(r.Err)
		if err != nil {
			return nil, err
		}
		defer said.Close()
		c.Stderr = said
	}
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := c.Start(); err != nil {
		return nil, err
	}
	go func() { _ = c.Wait(); close(r.ended) }()
	return r, nil
}

// Bare is the environment of a program that is at home in a folder and knows
// nothing of us but where programs are.
func Bare(dir string, more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, more...)
}

// PID is its process ID.
func (r *Running) PID() int { return r.cmd.Process.Pid }

// Ended is closed when it has ended.
func (r *Running) Ended() <-chan struct{} { return r.ended }

// Runs reports whether it has not ended yet.
func (r *Running) Runs() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

// Signal sends it a signal.
func (r *Running) Signal(s os.Signal) error {
	if err := r.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s: %w", r.Name, err)
	}
	return nil
}

// Wait waits until it has ended, and returns its exit status: -1 for one that was
// killed.
func (r *Running) Wait(within time.Duration) (status int, err error) {
	select {
	case <-r.ended:
		return r.cmd.ProcessState.ExitCode(), nil
	case <-time.After(within):
		return -1, fmt.Errorf("%s still runs after %s", r.Name, within)
	}
}

// End asks it to end, as an operator does, and kills it when it has not in time.
func (r *Running) End(within time.Duration) {
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(within):
		r.Kill()
	}
}

// Kill ends it as a crash would. It may have ended before.
func (r *Running) Kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// Said is all that it has said.
func (r *Running) Said() string { return Read(r.Out) + Read(r.Err) }

// LastWords are how it ended and what it said last.
func (r *Running) LastWords() string {
	how := "still runs"
	if !r.Runs() {
		how = "ended: " + r.cmd.ProcessState.String()
	}
	return fmt.Sprintf("%s %s\n%s%s", r.Name, how, Tail(r.Out), Tail(r.Err))
}

// Await looks again and again until look finds nothing wrong, or the time is over: then
// it is an error, with what was wrong last.
func Await(what string, within time.Duration, look func() error) error {
	for deadline := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		err := look()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s for %s: %w", within, what, err)
		}
	}
}

// Read is what is in a file, "" if it cannot be read.
func Read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// Tail is the end of a file, for the log of a test that failed.
func Tail(path string) string {
	lines := strings.Split(strings.TrimRight(Read(path), "\n"), "\n")
	return fmt.Sprintf("--- %s\n%s\n", path, strings.Join(lines[max(0, len(lines)-40):], "\n"))
}
