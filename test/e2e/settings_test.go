package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mistakes are in two files, each told with file, line, column, key, value
// and cure.
var mistakes = []string{
	`skynet.yaml:1:11: interval: 100ms is out of bounds; write 1s to 1h`,
	`skynet.yaml:3:1: queus: unknown key; did you mean "queues"?`,
	`skynet.yaml:4:63: queues[0].tries: 0 is too small; write at least 1`,
	`skynet.yaml:7:22: fleets[0].queues[1]: "fotos" is not a queue of this file; known: photos`,
	`skynet.yaml:9:20: fleets[0].local.slots: "many" is not a whole number; write it with digits`,
	`render.policy.yaml:1:15: bounds.min: 5 must not exceed max (3); raise max or lower min`,
	`render.policy.yaml:2:41: policies[0].per_worker: 0 is too small; write more than 0`,
	`render.policy.yaml:3:18: guards.quorum: 80 needs a percent sign; write 80%`,
}

func writeMistakes(s *site) {
	s.write("skynet.yaml", `interval: 100ms
state_dir: "`+s.state()+`"
queus: []
queues: [{name: photos, url: "nats://embedded/photos", tries: 0}]
fleets:
  - name: render
    queues: [photos, fotos]
    policy: render.policy.yaml
    local: {slots: many}
`)
	s.write("render.policy.yaml", `bounds: {min: 5, max: 3}
policies: [{type: backlog, per_worker:  0}]
guards: {quorum: 80}
`)
}

// tells checks that a text names every mistake, wherever its lines are broken.
func tells(t *testing.T, text string, mistakes []string) {
	t.Helper()
	plain := flat(text)
	for _, m := range mistakes {
		if !strings.Contains(plain, flat(m)) {
			t.Errorf("it does not say %s", m)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestMistakesInSettingsComeAllAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	writeMistakes(s)
	checked := call(t, skynet, "check", s.config())
	if checked.status != 1 {
		t.Errorf("check: status %d, want 1", checked.status)
	}
	tells(t, checked.out, mistakes)

	asJSON := call(t, skynet, "check", "--output", "json", s.config())
	for line := range strings.Lines(asJSON.out) {
		var v struct {
			File, Kind, Said string
			OK               *bool
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.OK == nil || *v.OK || !strings.Contains(checked.out, v.Said) {
			t.Errorf("check as JSON: %v: %s", err, line)
		}
	}
	refused(t, s, checked.out)
}

// refused checks that `skynet run` refuses with the same text and touches
// nothing.
func refused(t *testing.T, s *site, text string) {
	t.Helper()
	p := s.attempt()
	if status := p.wait(patient); status != 2 {
		t.Errorf("run: status %d, want 2", status)
	}
	for line := range strings.Lines(text) {
		if !strings.Contains(read(p.Err), strings.TrimSpace(line)) {
			t.Errorf("run does not say %s", line)
		}
	}
	if _, err := os.Stat(s.state()); err == nil {
		t.Errorf("run refused, and made %s", s.state())
	}
}

// TestRunRefusesAPolicyWithMistakes: the settings alone are right.
func TestRunRefusesAPolicyWithMistakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	s.write("render.policy.yaml", "bounds: {min: 5, max: 3}\npolicies: [{type: backlog}]\n")
	r := call(t, skynet, "check", filepath.Join(s.dir, "render.policy.yaml"))
	if r.status != 1 || strings.Count(r.out, "\n") != 2 {
		t.Errorf("check: %+v, want two mistakes", r)
	}
	refused(t, s, r.out)
}

func TestCheckOfWhatIsRightOrUnreadable(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	if r := call(t, skynet, "check", s.config()); r.status != 0 || strings.Count(r.out, ": ok (") != 2 {
		t.Errorf("the settings of these tests: %+v", r)
	}
	if r := call(t, skynet, "check", filepath.Join(s.dir, "render.policy.yaml"), s.config()); strings.Count(r.out, ": ok (") != 2 {
		t.Errorf("a policy file given twice is told twice: %+v", r)
	}
	for _, path := range []string{filepath.Join(s.dir, "missing.yaml"), s.dir} {
		if r := call(t, skynet, "check", path); r.status != 2 || !strings.Contains(r.err, path) {
			t.Errorf("check of %s: %+v, want status 2", path, r)
		}
	}
}

// flat is a text in one line, with one space between words.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
