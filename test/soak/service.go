//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// service keeps a program running, as systemd would: one that ends is started again
// after a moment, one that was stopped is not until it is asked for.
type service struct {
	name    string
	log     string // path of the file with all that it says
	command []string
	env     []string
	again   time.Duration // from an end to the next start
	end     context.CancelFunc
	ended   chan struct{}

	mu      sync.Mutex
	cmd     *exec.Cmd // nil while none runs
	wanted  bool
	changed chan struct{} // closed when wanted or cmd has changed
	starts  int
	refused int // ends that nobody asked for
	said    func(format string, args ...any)
}

// patience is how long an orderly end may take.
const patience = 60 * time.Second

func newService(name, log string, said saying, again time.Duration, env []string, command ...string) *service {
	ctx, end := context.WithCancel(context.Background())
	s := &service{name: name, log: log, said: said, command: command, env: env, again: again, end: end, ended: make(chan struct{}), changed: make(chan struct{})}
	go s.keep(ctx)
	return s
}

// keep starts it again and again until ctx ends, and then kills it.
func (s *service) keep(ctx context.Context) {
	defer close(s.ended)
	for s.await(ctx, func() bool { return s.wanted }) == nil {
		cmd, err := s.start()
		if err == nil {
			err = s.outlive(ctx, cmd)
		}
		s.note(err)
		select {
		case <-ctx.Done():
		case <-time.After(s.again):
		}
	}
}

func (s *service) start() (*exec.Cmd, error) {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { log.Close() }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts++
	fmt.Fprintf(log, "--- start %d at %s\n", s.starts, time.Now().UTC().Format(time.RFC3339))
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(os.Environ(), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.cmd = cmd
	s.tell()
	return cmd, nil
}

// outlive waits for the end of a process, which it hastens when ctx ends.
func (s *service) outlive(ctx context.Context, cmd *exec.Cmd) error {
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd = nil
	s.tell()
	return err
}

// note counts ends that nobody asked for: a kill is asked for.
func (s *service) note(err error) {
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) && exit.ExitCode() < 0 {
		return
	}
	s.mu.Lock()
	s.refused++
	s.mu.Unlock()
	s.said("%s has ended by itself: %v: %s", s.name, err, lastLine(s.log))
}

// lastLine is what a program said last.
func lastLine(file string) string {
	text, _ := os.ReadFile(file)
	text = bytes.TrimSpace(text[max(0, len(text)-4096):])
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// tell wakes those who wait. s.mu is held.
func (s *service) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until what is so, which is asked with s.mu held.
func (s *service) await(ctx context.Context, so func() bool) error {
	for {
		s.mu.Lock()
		is, changed := so(), s.changed
		s.mu.Unlock()
		if is && ctx.Err() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// up has it run from now on.
func (s *service) up() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = true
	s.tell()
}

// down stops it in good order, and waits for that.
func (s *service) down() error {
	s.mu.Lock()
	s.wanted = false
	s.tell()
	s.mu.Unlock()
	s.signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.await(ctx, func() bool { return s.cmd == nil }); err != nil {
		s.signal(syscall.SIGQUIT) // for the log: what it waits for
		time.Sleep(time.Second)
		s.signal(syscall.SIGKILL)
		return fmt.Errorf("%s has not ended within %s of SIGTERM", s.name, patience)
	}
	return nil
}

// signal sends a signal to the process, if one runs.
func (s *service) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig) // it may have ended by itself
	}
}

// pid is the process's, 0 while none runs.
func (s *service) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

func (s *service) counts() (starts, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts, s.refused
}

// close kills what runs, for good.
func (s *service) close() {
	s.end()
	<-s.ended
}
