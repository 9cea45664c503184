package aws

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test started and that runs beside it. It ends with
// the test at the latest, also where the test itself is killed.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdout string // paths of the files with what it says
	stderr string
	ended  chan struct{}
}

// start starts a program; what it says goes into files named after name.
func start(dir, name string, env []string, program string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(program, args...), ended: make(chan struct{}),
		stdout: filepath.Join(dir, name+".out"), stderr: filepath.Join(dir, name+".err")}
	out, err := os.Create(p.stdout)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	said, err := os.Create(p.stderr)
	if err != nil {
		return nil, err
	}
	defer said.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, said
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	return p, nil
}

func (p *process) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// end asks the process to end, and kills it when it has not after a while.
func (p *process) end(within time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(within):
		p.kill()
	}
}

// kill ends the process as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.ended
}

// wait waits until the process has ended, and returns its exit status: -1 for
// one that was killed.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patient):
		t.Fatalf("%s still runs after %s", p.name, patient)
		return -1
	}
}

func (p *process) said() string { return read(p.stdout) + read(p.stderr) }

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// tail is the end of a file, for the log of a test that failed.
func tail(path string) string {
	lines := strings.Split(strings.TrimRight(read(path), "\n"), "\n")
	return fmt.Sprintf("--- %s\n%s\n", filepath.Base(path), strings.Join(lines[max(0, len(lines)-40):], "\n"))
}

// endAll kills what has the folder in its command line: processes that a daemon left
// beside it, since its workers outlive it.
func endAll(dir string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(l))); err == nil && pid != os.Getpid() && strings.Contains(read(l), dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
