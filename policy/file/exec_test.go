package file_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/policy/file"
	"skynet/signals"
)

// A policy file says which programs are asked, each under its policy's name.
func TestPrograms(t *testing.T) {
	const text = `bounds: {max: 3}
policies:
  - {type: exec, name: mine, command: [/usr/local/bin/my-policy, --fast], timeout: 2s}
  - {type: exec, command: [./beside.sh]}
  - {type: backlog, per_worker: 1}
  - {type: exec, command: [in-path]}
`
	p, err := file.Parse("/etc/skynet/render.policy.yaml", []byte(text), signals.Names{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []file.Program{
		{Policy: "mine", Command: []string{"/usr/local/bin/my-policy", "--fast"}, Timeout: 2 * time.Second},
		{Policy: "exec", Command: []string{"/etc/skynet/beside.sh"}, Timeout: 5 * time.Second},
		{Policy: "exec_2", Command: []string{"in-path"}, Timeout: 5 * time.Second},
	}
	if diff := cmp.Diff(want, p.Programs); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, policy := range p.Engine.Policies {
		names = append(names, policy.Name())
	}
	if diff := cmp.Diff([]string{"mine", "exec", "backlog", "exec_2"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestAProgramBesideAFileHereIsNotLookedForInPATH: a path without a slash would be.
func TestAProgramBesideAFileHereIsNotLookedForInPATH(t *testing.T) {
	for _, name := range []string{"p.yaml", "./p.yaml"} {
		p, err := file.Parse(name, []byte("bounds: {max: 3}\npolicies: [{type: exec, command: [./mine.py]}]\n"), signals.Names{Open: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Programs[0].Command[0]; got != "./mine.py" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
