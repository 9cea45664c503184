package aws

import (
	"os/exec"
	"testing"

	"skynet/test/processes"
)

// process is a program that a test started and that runs beside it. It ends with
// the test at the latest, also where the test itself is killed.
type process struct{ *processes.Running }

// start starts a program; what it says goes into files named after name.
func start(dir, name string, env []string, program string, args ...string) (*process, error) {
	c := exec.Command(program, args...)
	c.Env = processes.Bare(dir, env...)
	r, err := processes.Start(dir, name, c)
	if err != nil {
		return nil, err
	}
	return &process{r}, nil
}

// wait waits until the process has ended, and returns its exit status: -1 for
// one that was killed.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	status, err := p.Wait(patient)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func read(path string) string { return processes.Read(path) }

func tail(path string) string { return processes.Tail(path) }
