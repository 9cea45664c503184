// Package lease holds the lease against real processes that are stopped, woken and
// killed, over an S3 that is not ours.
package lease

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// variable tells a copy of this program that it is a holder, and where it writes.
const variable = "SKYNET_TEST_HOLDER"

func TestMain(m *testing.M) {
	if file := os.Getenv(variable); file != "" {
		if err := hold(os.Args[1], file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// site is a store and the holders at it.
type site struct {
	t    *testing.T
	env  []string
	file string
}

func newSite(t *testing.T) *site {
	t.Helper()
	t.Parallel()
	backend := s3mem.New()
	if err := backend.CreateBucket("state"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "acts")
	return &site{t: t, file: file, env: []string{
		variable + "=" + file, "AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true", "HOME=" + t.TempDir(),
	}}
}

// start starts a holder.
func (s *site) start(name string) *exec.Cmd {
	s.t.Helper()
	c := exec.CommandContext(s.t.Context(), os.Args[0], name)
	c.Env, c.Stderr = s.env, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c
}

// deed is a line of a holder's.
type deed struct {
	at   time.Time
	name string
	term string
}

func (s *site) deeds() (list []deed) {
	s.t.Helper()
	text, _ := os.ReadFile(s.file)
	for line := range strings.Lines(string(text)) {
		var at int64
		var d deed
		if _, err := fmt.Sscanf(line, "%d %s %s", &at, &d.name, &d.term); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		if d.at = time.Unix(0, at); d.term != "lost" {
			list = append(list, d)
		}
	}
	return list
}

// await waits until somebody has acted that fits, since a moment.
func (s *site) await(since time.Time, fits func(deed) bool) deed {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		list := s.deeds()
		for i := len(list) - 1; i >= 0 && list[i].at.After(since); i-- {
			if fits(list[i]) {
				return list[i]
			}
		}
	}
	s.t.Fatalf("nobody who fits acts; so far %v", s.deeds())
	return deed{}
}

func anyone(deed) bool                 { return true }
func only(name string) func(deed) bool { return func(d deed) bool { return d.name == name } }
func not(name string) func(deed) bool  { return func(d deed) bool { return d.name != name } }

// judge wants one holder at a time: no term begins twice, none acts after a later one
// has.
func (s *site) judge() (terms int) {
	s.t.Helper()
	list := s.deeds()
	owner := map[string]string{}
	for i, d := range list {
		if who, known := owner[d.term]; known && who != d.name {
			s.t.Errorf("%s and %s act in term %s", who, d.name, d.term)
		}
		owner[d.term] = d.name
		if i > 0 && d.at.Before(list[i-1].at.Add(-5*time.Millisecond)) && d.term != list[i-1].term {
			s.t.Errorf("term %s acts at %s, after term %s had", list[i-1].term, list[i-1].at, d.term)
		}
		if i > 0 && d.term != list[i-1].term && owner[list[i-1].term] != d.name {
			for _, later := range list[i:] {
				if later.term == list[i-1].term {
					s.t.Fatalf("term %s acts again after term %s", later.term, d.term)
				}
			}
		}
	}
	return len(owner)
}

// TestStoppedPastItsLeaseAndWoken: the holder is stopped with SIGSTOP, another takes
// over, the first is woken and does nothing.
func TestStoppedPastItsLeaseAndWoken(t *testing.T) {
	s := newSite(t)
	holders := map[string]*exec.Cmd{"a": s.start("a"), "b": s.start("b")}
	first := s.await(time.Time{}, anyone)
	stopped := time.Now()
	if err := holders[first.name].Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	next := s.await(stopped, not(first.name))
	if took := next.at.Sub(stopped); took < grace {
		t.Errorf("taken over after %s", took)
	}
	woken := time.Now()
	if err := holders[first.name].Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.await(woken.Add(lasts), only(next.name)) // a while later it acts yet
	for _, d := range s.deeds() {
		if d.name == first.name && d.at.After(next.at) {
			t.Errorf("%s was woken and acts, at %s", d.name, d.at)
		}
	}
	s.judge()
	// It stands by again: when the other stops in good order, it takes over at once.
	told := time.Now()
	if err := holders[next.name].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if again := s.await(told, only(first.name)); again.at.Sub(told) > lasts {
		t.Errorf("%s after it was given up", again.at.Sub(told))
	}
	s.judge()
}

// TestKilledStoppedAndWokenAtRandom has three holders, to each of which anything may
// happen.
func TestKilledStoppedAndWokenAtRandom(t *testing.T) {
	s := newSite(t)
	names := []string{"a", "b", "c"}
	holders := map[string]*exec.Cmd{}
	for _, n := range names {
		holders[n] = s.start(n)
	}
	s.await(time.Time{}, anyone)
	for range 5 {
		last := s.deeds()
		victim := last[len(last)-1].name
		switch rand.IntN(3) {
		case 0:
			_ = holders[victim].Process.Signal(syscall.SIGTERM)
			_ = holders[victim].Wait()
			holders[victim] = s.start(victim)
		case 1:
			_ = holders[victim].Process.Kill()
			_ = holders[victim].Wait()
			holders[victim] = s.start(victim)
		case 2:
			p := holders[victim].Process
			_ = p.Signal(syscall.SIGSTOP)
			time.AfterFunc(time.Duration(rand.Int64N(int64(2*(lasts+grace)))), func() { _ = p.Signal(syscall.SIGCONT) })
		}
		s.await(time.Now(), anyone)
		time.Sleep(time.Duration(rand.Int64N(int64(lasts)))) //nolint:gosec // chance is what is wanted
	}
	if terms := s.judge(); terms < 3 {
		t.Errorf("%d terms only", terms)
	}
}
