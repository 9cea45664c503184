package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"skynet/config"
	"skynet/controller"
	"skynet/journal"
	"skynet/signals"
)

// reloading is a loop on a policy file, and what it logs.
func reloading(t *testing.T, policy string) (*loop, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	path := filepath.Join(t.TempDir(), "p.yaml")
	cfg := config.Config{}
	cfg.Defaults()
	cfg.StateDir = t.TempDir()
	l := &loop{daemon: &daemon{cfg: cfg}, fleet: config.Fleet{Name: "render", Policy: path, Local: &config.Local{Slots: 1}}, log: zap.New(core)}
	write(t, path, policy)
	p, err := l.load()
	if err != nil {
		t.Fatal(err)
	}
	l.Controller = controller.New(controller.Fleet{Name: "render", Interval: cfg.Interval.Std()}, l.world(p), l.rules(p, l.read), journal.NewMemory(0))
	return l, logs
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// heard is what was logged since, in one text.
func heard(logs *observer.ObservedLogs) string {
	var all []string
	for _, e := range logs.TakeAll() {
		all = append(all, fmt.Sprint(e.Level, " ", e.Message, " ", e.ContextMap()["mistakes"]))
	}
	return strings.Join(all, "\n")
}

func TestAPolicyFileIsTakenUpWhenItHasChanged(t *testing.T) {
	const good, better, bad = "bounds: {max: 3}\n", "bounds: {max: 5}\n", "bounds: {max: many}\nbonds: 3\n"
	l, logs := reloading(t, good)
	var seen glance
	look := func() string { l.consider(&seen, false); return heard(logs) }

	if said := look() + look(); said != "" {
		t.Errorf("nothing has changed, yet: %s", said)
	}
	write(t, l.fleet.Policy, better)
	if said := look(); said != "" {
		t.Errorf("taken up at the first look, it may be half written: %s", said)
	}
	if said := look(); !strings.Contains(said, "info the policy has changed") {
		t.Errorf("not taken up: %q", said)
	}
	if said := look() + look(); said != "" {
		t.Errorf("taken up again: %s", said)
	}

	running := l.read
	write(t, l.fleet.Policy, bad)
	_ = look()
	if said := look(); !strings.Contains(said, "error the changed policy file is refused") || !strings.Contains(said, `did you mean "bounds"`) || !strings.Contains(said, "many") {
		t.Errorf("refused without all its mistakes: %q", said)
	}
	if said := look() + look(); said != "" || l.read != running {
		t.Errorf("refused again, or taken up: %q", said)
	}

	write(t, l.fleet.Policy, better)
	if said := look(); !strings.Contains(said, "info the policy file is again as the policy that runs") {
		t.Errorf("put back as it was, and says %q", said)
	}
	if said := look() + look(); said != "" {
		t.Errorf("says again that it was put back: %q", said)
	}
	write(t, l.fleet.Policy, bad)
	_ = look()
	if said := look(); !strings.Contains(said, "is refused") {
		t.Errorf("the same mistake made anew is not told: %q", said)
	}
}

func TestSIGHUPLooksAtOnce(t *testing.T) {
	l, logs := reloading(t, "bounds: {max: 3}\n")
	var seen glance
	l.consider(&seen, true)
	if said := heard(logs); !strings.Contains(said, "has not changed") {
		t.Errorf("says %q", said)
	}
	write(t, l.fleet.Policy, "bounds: {max: 4}\n")
	l.consider(&seen, true)
	if said := heard(logs); !strings.Contains(said, "the policy has changed") {
		t.Errorf("says %q", said)
	}
	if err := os.Remove(l.fleet.Policy); err != nil {
		t.Fatal(err)
	}
	l.consider(&seen, false)
	l.consider(&seen, false)
	if said := heard(logs); strings.Count(said, "error the policy file cannot be read") != 1 {
		t.Errorf("says %q", said)
	}
	write(t, l.fleet.Policy, "bounds: {max: 4}\n")
	l.consider(&seen, false)
	l.consider(&seen, false)
	if said := heard(logs); said != "info the policy file can be read again, and is as the policy that runs <nil>" {
		t.Errorf("it is back, and says %q", said)
	}
	for range 2 { // a mistake that is made again after a SIGHUP is told again
		write(t, l.fleet.Policy, "bounds: 4\n")
		l.consider(&seen, false)
		l.consider(&seen, false)
		if said := heard(logs); !strings.Contains(said, "is refused") {
			t.Errorf("refused, and says %q", said)
		}
		write(t, l.fleet.Policy, "bounds: {max: 4}\n")
		l.consider(&seen, true)
		if said := heard(logs); !strings.Contains(said, "is again as the policy that runs") {
			t.Errorf("put back, and says %q", said)
		}
	}
}

// What runs is known to others by a copy, also while the file is refused. A dry run
// leaves none: what acted did not run by it.
func TestACopyIsKeptOfThePolicyThatRuns(t *testing.T) {
	l, logs := reloading(t, "bounds: {max: 3}\n")
	copied := func() string {
		text, _ := os.ReadFile(runningFile(l.daemon.cfg.StateDir, "render"))
		return string(text)
	}
	for _, c := range []struct {
		file, want string
		dry        bool
	}{
		{"bounds: {max: 4}\n", "bounds: {max: 4}\n", false},
		{"bounds: 5\n", "bounds: {max: 4}\n", false},
		{"bounds: {max: 6}\n", "bounds: {max: 4}\n", true},
		{"bounds: {max: 7}\n", "bounds: {max: 7}\n", false},
	} {
		l.daemon.dry = c.dry
		write(t, l.fleet.Policy, c.file)
		l.consider(&glance{}, true)
		if got := copied(); got != c.want {
			t.Errorf("after %q the copy is %q, want %q: %s", c.file, got, c.want, heard(logs))
		}
	}
	_ = heard(logs)
	l.daemon.cfg.StateDir = filepath.Join(l.daemon.cfg.StateDir, "gone")
	write(t, l.fleet.Policy, "bounds: {max: 8}\n")
	l.consider(&glance{}, true)
	if said := heard(logs); !strings.Contains(said, "warn cannot keep a copy") || !strings.Contains(said, "info the policy has changed") {
		t.Errorf("a copy that cannot be kept is told, and changes nothing: %q", said)
	}
}

// A program that the policy before asked ends with the daemon, though that ends
// before the time that a tick under way is given.
func TestProgramsOfAnEarlierPolicyEndWithTheDaemon(t *testing.T) {
	const asking = "bounds: {max: 3}\npolicies: [{type: exec, name: mine, command: [/bin/sh, -c, 'echo $$ > %s; while read l; do echo \"{\\\"want\\\":1}\"; done']}]\n"
	pid := filepath.Join(t.TempDir(), "pid")
	l, logs := reloading(t, fmt.Sprintf(asking, pid))
	l.daemon.fleets = []*loop{l}
	before := l.asked
	if a := before.Ask(t.Context(), signals.Snapshot{Fleet: "render", Now: teatime}); len(a) != 1 || a[0].Unknown != "" {
		t.Fatalf("it answers %+v", a)
	}
	write(t, l.fleet.Policy, "bounds: {max: 4}\n")
	var seen glance
	if l.consider(&seen, true); l.asked == before {
		t.Fatalf("not taken up: %s", heard(logs))
	}
	if err := l.daemon.endPrograms(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join("/proc", strings.TrimSpace(string(text)))); err == nil {
		t.Errorf("program %s still runs", text)
	}
}

// What EC2 was told at the start is not told anew: the operator hears of it.
func TestAChangeOfHibernationIsToldOf(t *testing.T) {
	l, logs := reloading(t, "bounds: {max: 3}\n")
	l.fleet.Local, l.fleet.EC2 = nil, &config.EC2{}
	for text, told := range map[string]bool{"bounds: {max: 4}\n": false, "bounds: {max: 4}\nsleep: {keep: 1, hibernate: true}\n": true} {
		write(t, l.fleet.Policy, text)
		l.consider(&glance{}, true)
		if said := heard(logs); strings.Contains(said, "from the next start on") != told {
			t.Errorf("%q: %s", text, said)
		}
	}
}
