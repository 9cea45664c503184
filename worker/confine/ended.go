package confine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Exceeded is the error of a program that was ended because it took more than it
// may.
type Exceeded struct {
	Said string // "used more than 512MiB of memory"
}

func (e *Exceeded) Error() string { return e.Said }

// Ended is the error of a program that came to a bad end by itself.
type Ended struct {
	Status int            // its exit status, -1 if a signal ended it
	Signal syscall.Signal // 0 if none did
	Words  string         // the last lines of its standard error
}

func (e *Ended) Error() string {
	how := "ended with status " + strconv.Itoa(e.Status)
	if e.Signal != 0 {
		how = "was ended by signal " + e.Signal.String()
	}
	if e.Words == "" {
		return how
	}
	return how + ": " + e.Words
}

func (r *running) explain(state *os.ProcessState, err error) error {
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return nil
	case !ended:
		return fmt.Errorf("run %s: %w", r.Path, err)
	}
	e := &Ended{Status: exit.ExitCode(), Words: r.said.words()}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
	}
	if r.Limits.CPU > 0 && r.outran(e.Signal, state.UserTime()+state.SystemTime()) {
		return &Exceeded{fmt.Sprintf("used more than %s of processor time", r.Limits.CPU)}
	}
	return e
}

// outran reports whether the limit of processor time ended it. Who is killed at
// the limit may be said to have used less: the kernel counts time for limits by
// whole ticks, and for this exactly.
func (r *running) outran(by syscall.Signal, spent time.Duration) bool {
	return by == syscall.SIGXCPU || by == syscall.SIGKILL && spent >= r.Limits.CPU/2
}

const (
	tailBytes = 4000 // of its last words: what is kept
	tailLines = 3    // what of it goes into a reason
	lineRunes = 200  // of each line
)

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p[max(0, len(p)-tailBytes):]...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// words are the last lines, without what a terminal would take for commands.
func (t *tail) words() string {
	var lines []string
	for l := range strings.Lines(strings.ToValidUTF8(string(t.b), "?")) {
		l = strings.TrimSpace(strings.Map(printable, l))
		if r := []rune(l); len(r) > lineRunes {
			l = string(r[:lineRunes]) + "…"
		}
		if l != "" && (len(lines) == 0 || lines[len(lines)-1] != l) {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines[max(len(lines)-tailLines, 0):], "; ")
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}

// size writes bytes as people read them.
func size(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size {
			return strconv.FormatFloat(float64(n)/float64(u.size), 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
