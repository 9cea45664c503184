package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func signal(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("send %s to process %d: %v", sig, pid, err)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	signal(t, pid, syscall.SIGKILL)
}

// hold waits until n films are being worked on at once and has their encoders
// stand still: films take as long as a test needs.
func (s *site) hold(n int) (encoding []int) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("%d films in the works", n), patient, func() error {
		encoding = encoders(s.dir)
		for _, pid := range encoding {
			_ = syscall.Kill(pid, syscall.SIGSTOP) // one that has just ended is not there the next time
		}
		if len(encoding) != n {
			return fmt.Errorf("there are %v", encoding)
		}
		return nil
	})
	return encoding
}

// thaw lets the encoders go on.
func (s *site) thaw(encoders []int) {
	s.t.Helper()
	for _, pid := range encoders {
		signal(s.t, pid, syscall.SIGCONT)
	}
}

// workerLogs is what all workers said.
func (s *site) workerLogs() string {
	var all strings.Builder
	logs, _ := filepath.Glob(filepath.Join(s.state(), "logs", "*.log"))
	for _, l := range logs {
		all.WriteString(read(l))
	}
	return all.String()
}

// logged reports whether a worker has said something.
func (s *site) logged(text string) error {
	if strings.Contains(s.workerLogs(), text) {
		return nil
	}
	return fmt.Errorf("no worker has said %q", text)
}

// completions is how often a worker has said that an item is done.
func (s *site) completions() int { return strings.Count(s.workerLogs(), "\tdone\t") }
