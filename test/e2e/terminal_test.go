package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is one that a program runs in, with a person at its keys.
type terminal struct {
	keys   *os.File // what is typed goes in, what is shown comes out
	screen *os.File // the program's side
}

func newTerminal(t *testing.T) terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	fd := int(keys.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 110})
	}
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	return terminal{keys, screen}
}

// raw reports whether keys go to the program as they are, Ctrl-C among them.
func (tty terminal) raw(t *testing.T) bool {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(tty.screen.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&(unix.ISIG|unix.ICANON) == 0
}

func (tty terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := tty.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// startIn starts a program in a terminal. What is shown goes into a file.
func startIn(t *testing.T, tty terminal, dir, name string, args ...string) *process {
	t.Helper()
	shown, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(shown, tty.keys); _ = shown.Close() }()
	c := exec.Command(skynet, args...)
	c.Stdin, c.Stdout, c.Stderr = tty.screen, tty.screen, tty.screen
	c.Env = append(os.Environ(), "TERM=xterm-256color")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return startAs(t, dir, name, c)
}

// TestCtrlCInATerminalEndsADemo: there it is a key, not a signal. One comes while
// items are sent, with ticks far apart, so that nothing but the key can end it;
// one while they are worked on.
func TestCtrlCInATerminalEndsADemo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key   string
		flags []string
		when  func(t *testing.T, dir string)
	}{
		"while items are sent":     {"\x03", []string{"--interval", "1m", "--photos", "100"}, func(*testing.T, string) {}},
		"while they are worked on": {"q", []string{"--photos", "0", "--clips", "100"}, inTheMiddle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := demoFolder(t)
			tty := newTerminal(t)
			p := startIn(t, tty, dir, "demo", append([]string{"demo", "--dir", dir, "--interval", "1s", "--max", "2", "--media", media.good}, c.flags...)...)
			await(t, "the screen", patient, func() error {
				if !tty.raw(t) || !strings.Contains(read(p.Out), "Ctrl-C stops it") {
					return fmt.Errorf("there is %q", read(p.Out))
				}
				return nil
			})
			c.when(t, dir)
			tty.press(t, c.key)
			if status := p.wait(20 * time.Second); status != 1 {
				t.Errorf("status %d, want 1", status)
			}
			await(t, "its last words", patient, func() error { // they pass through the terminal
				if shown := read(p.Out); !strings.Contains(shown, " in, ") || !strings.Contains(shown, "skynet: stopped before the end") {
					return fmt.Errorf("it says %q", shown)
				}
				return nil
			})
			if tty.raw(t) {
				t.Error("the terminal is left raw")
			}
			if err := nobody(dir); err != nil {
				t.Error(err)
			}
		})
	}
}
