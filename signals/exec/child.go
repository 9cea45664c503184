package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	longestAnswer = 1 << 20         // B
	longestWords  = 4 << 10         // B of its standard error that are kept
	killWait      = 1 * time.Second // for what it has started to let go of its pipes
)

// child is one running program.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    answers
	words  tail
	exited chan struct{} // closed once it has ended and left nothing behind
	err    error         // how it ended; read after exited
}

// start starts a program in a process group of its own, which is killed with us.
func start(command []string) (*child, error) {
	if len(command) == 0 {
		return nil, errors.New("no command")
	}
	c := &child{cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	c.cmd.Env = environment()
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.WaitDelay = &c.out, &c.words, killWait
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.in = in
	started := make(chan error)
	go c.run(started)
	return c, <-started
}

// run starts the child and waits for its end. The kernel sends Pdeathsig when the
// thread that started a child ends, so that thread must be ours until then.
func (c *child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	if err != nil {
		close(c.exited)
		started <- err
		return
	}
	started <- nil
	c.err = c.cmd.Wait()
	c.kill() // what it has started must not outlive it
	close(c.exited)
}

// passed are the variables of ours that a program sees: no credentials of the
// daemon's among them. `command: [env, NAME=value, …]` gives it more.
var passed = []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"}

func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(assignment string) bool {
		name, _, _ := strings.Cut(assignment, "=")
		return !slices.Contains(passed, name)
	})
}

// kill kills the whole group.
func (c *child) kill() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// gone reports that the child has ended.
func (c *child) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// end closes the child's input and kills it, unless it ends by itself within
// grace. It returns once it has been waited for.
func (c *child) end(grace time.Duration) {
	_ = c.in.Close()
	if grace > 0 {
		select {
		case <-c.exited:
			return
		case <-time.After(grace):
		}
	}
	if !c.gone() {
		c.kill()
	}
	<-c.exited // at most killWait later
}

// ask writes a question and waits for the answer to it.
func (c *child) ask(ctx context.Context, question []byte) ([]byte, error) {
	answer, err := c.out.expect()
	if err != nil {
		return nil, c.withLastWords(err)
	}
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_, _ = c.in.Write(question) // if it does not read, it is killed, and this fails
	}()
	select {
	case a := <-answer:
		return c.whole(ctx, a, wrote)
	case <-ctx.Done():
		return nil, c.withLastWords(c.out.unended(late(ctx)))
	case <-c.exited:
	}
	select {
	case a := <-answer: // what it said before it ended
		return a.text, c.withLastWords(a.err)
	default:
		return nil, c.withLastWords(fmt.Errorf("the program ended without an answer: %s", c.ended()))
	}
}

// whole takes an answer once the question has been read: two questions must not
// run into one another.
func (c *child) whole(ctx context.Context, a answer, wrote <-chan struct{}) ([]byte, error) {
	select {
	case <-wrote:
		return a.text, c.withLastWords(a.err)
	case <-ctx.Done():
		return nil, c.withLastWords(errors.New("the program answers without reading the question"))
	}
}

// late says whose time is over: the program's own, or the tick's.
func late(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errors.New("no answer within the tick's deadline")
}

func (c *child) ended() string {
	if c.err == nil {
		return "exit status 0"
	}
	return c.err.Error()
}

// withLastWords adds what the program said last on its standard error.
func (c *child) withLastWords(err error) error {
	if said := c.words.last(); err != nil && said != "" {
		return fmt.Errorf("%w; it said last: %s", err, said)
	}
	return err
}

// answer is one line of a program's, or why there is none.
type answer struct {
	text []byte
	err  error
}

// answers takes a child's standard output apart. It is written to by os/exec, in
// a goroutine of its own.
type answers struct {
	mu      sync.Mutex
	line    []byte      // what was written since the last end of a line
	waiting chan answer // who asked; nil if nobody did
	asked   bool        // at least once
	fault   error       // the child broke the rules while nobody asked
}

// expect returns where the next line goes, or what was wrong since the last one.
func (a *answers) expect() (<-chan answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fault == nil && len(a.line) > 0 {
		a.fault = a.unasked()
	}
	if a.fault != nil {
		return nil, a.fault
	}
	a.waiting, a.asked = make(chan answer, 1), true
	return a.waiting, nil
}

// unasked is the fault of a program that wrote while nobody waited for it.
func (a *answers) unasked() error {
	if !a.asked {
		return errors.New("the program wrote before it was asked")
	}
	return errors.New("the program wrote more than one line for one question")
}

// Write takes what the child writes.
func (a *answers) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		if a.line = append(a.line, part...); len(a.line) > longestAnswer {
			a.line = nil
			a.give(answer{err: fmt.Errorf("an answer longer than %d bytes", longestAnswer)})
			return 0, io.ErrShortWrite // no more of it is read
		}
		if ended {
			a.give(answer{text: a.line})
			a.line = nil
		}
		rest = after
	}
	return len(p), nil
}

// give hands a line to who asked; if nobody did, it is a fault.
func (a *answers) give(v answer) {
	if a.waiting == nil {
		a.fault = a.unasked()
		return
	}
	a.waiting <- v
	a.waiting = nil
}

// unended adds that there is an answer but for the end of its line.
func (a *answers) unended(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.line) > 0 {
		return fmt.Errorf("%w: what it wrote has no end of line", err)
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the end.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[max(0, len(p)-longestWords):]...)
	if over := len(t.text) - longestWords; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

// last is the last line that is not empty.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	const longest = 200
	var last string
	for l := range bytes.Lines(t.text) {
		if l = bytes.TrimSpace(l); len(l) > 0 {
			last = string(l)
		}
	}
	return bounded(last, longest)
}
