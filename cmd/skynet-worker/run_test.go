package main

import (
	"bufio"
	"strings"
	"syscall"
	"testing"
)

// Without a controller and on no instance a worker works all the same, and SIGTERM
// ends it.
func TestRunAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	head, tail, _ := strings.Cut(s.read("worker.yaml"), "heartbeats: ")
	_, tail, _ = strings.Cut(tail, "\n")
	s.write("worker.yaml", head+"heartbeats: off\nmetadata: off\nscratch: "+s.dir+"/scratch\n"+tail)
	s.write("media/a.jpg", "no picture")
	s.wants(s.call("submit", "--input", s.url("media")+"/a.jpg"), 0)

	c := s.command("run")
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	lines, failed := bufio.NewScanner(log), false
	for lines.Scan() {
		said = append(said, lines.Text())
		if !failed && strings.Contains(lines.Text(), "not an image") {
			failed = true
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	if err := c.Wait(); err != nil || !failed || !strings.Contains(strings.Join(said, "\n"), "drained") {
		t.Errorf("%v, it said\n%s", err, strings.Join(said, "\n"))
	}
}

// A worker that shall confine what works on items, and cannot, takes none. Here it is
// prlimit that is missing.
func TestRunConfinedOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ settings, want, never string }{
		{"confined: true\n", "cannot be confined as \"confined: true\" wants: ", "ffmpeg"},
		{"confined: true\n", "prlimit of util-linux is missing", "not confined as they should be"},
		{"", "not confined as they should be", "wants"},
	} {
		s := newSite(t)
		head, tail, _ := strings.Cut(s.read("worker.yaml"), "heartbeats: ")
		_, tail, _ = strings.Cut(tail, "\n")
		s.write("worker.yaml", head+"heartbeats: off\nmetadata: off\nscratch: "+s.dir+"/scratch\n"+c.settings+tail)
		run := s.command("run")
		run.Env = append(run.Environ(), "PATH=/nonexistent")
		out, err := run.CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: %v: %s; want %q", c.settings, err, out, c.want)
		}
		if strings.Contains(string(out), c.never) {
			t.Errorf("%q: says %q: %s", c.settings, c.never, out)
		}
	}
}
