package av

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	tailBytes = 2000            // of ffmpeg's last words: what is kept
	tailLines = 3               // what of it goes into a reason
	killWait  = 5 * time.Second // for pipes that a grandchild holds open
)

// environment is all that ffmpeg sees of ours: no credentials.
func environment(folder string) []string {
	return []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=" + folder, "TMPDIR=" + folder, "AV_LOG_FORCE_NOCOLOR=1"}
}

// run runs a program in a process group of its own, which is killed as a whole
// when ctx ends, and with us if we are killed. progress, if any, becomes its
// file descriptor 3. An error holds the program's last words.
func run(ctx context.Context, program string, args []string, folder string, stdout io.Writer, progress *os.File) error {
	// The kernel sends Pdeathsig when the thread that started the child ends, so
	// that thread must be ours until the child has.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	said := &tail{}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Dir = environment(folder), folder
	cmd.Stdout, cmd.Stderr = stdout, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killWait
	if progress != nil {
		cmd.ExtraFiles = []*os.File{progress}
	}
	err := cmd.Run()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return said.explain(err)
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// explain puts the program's last words into its error.
func (t *tail) explain(err error) error {
	if err == nil {
		return nil
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() && len(t.b) > 0 {
		return errors.New(t.words())
	}
	if w := t.words(); w != "" {
		return fmt.Errorf("%w: %s", err, w)
	}
	return err
}

func (t *tail) words() string {
	var lines []string
	for l := range strings.Lines(strings.ToValidUTF8(string(t.b), "?")) {
		if l = strings.TrimSpace(l); l != "" && (len(lines) == 0 || lines[len(lines)-1] != l) {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines[max(len(lines)-tailLines, 0):], "; ")
}
