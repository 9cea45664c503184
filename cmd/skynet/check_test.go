package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// site writes files into a folder of their own and returns it.
func site(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

const twoFleets = `
queues:
  - {name: photos, url: "nats://embedded/photos"}
  - {name: videos, url: "nats://embedded/videos"}
signals:
  - {name: upload.cpu, prometheus: {url: "http://127.0.0.1:9090", query: avg(cpu), every: 5m}}
fleets:
  - {name: one, queues: [photos], policy: p.yaml, local: {}}
  - {name: two, queues: [videos], policy: p.yaml, local: {}}
`

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy string
		ok     bool
		want   []string
	}{
		{"all is well", "bounds: {max: 3}\n", true,
			[]string{"p.yaml: ok (policy)", "skynet.yaml: ok (settings)", "calls a month", "upload.cpu", "8,760", "in all $0.00"}},
		{"the user's own signal", "bounds: {max: 3}\npolicies: [{type: target, signal: upload.cpu, target: 50}]\n", true, []string{"ok (policy)"}},
		{"another fleet's queue", "bounds: {max: 3}\npolicies: [{type: target, signal: queues.photos.visible, target: 50}]\n", false,
			[]string{`p.yaml:2:35: policies[0].signal: "queues.photos.visible" is not a signal of this fleet`}},
		{"a program that is not there", "bounds: {max: 3}\npolicies: [{type: exec, command: [./none.sh]}]\n", false,
			[]string{"policy exec: command:", "none.sh", "correct the path"}},
		{"a budget without prices", "bounds: {max: 3}\nguards: {budget: {hourly: 5}}\n", false,
			[]string{"guards.budget: fleet one has no prices", "fleet two has no prices"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := site(t, map[string]string{"skynet.yaml": twoFleets, "p.yaml": c.policy})
			got, err := said(t, "check", filepath.Join(folder, "skynet.yaml"))
			if (err == nil) != c.ok {
				t.Errorf("ends with %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("does not say %q:\n%s", w, got)
				}
			}
			if n := strings.Count(got, "p.yaml: ok"); c.ok && n != 1 {
				t.Errorf("tells of a file that two fleets share %d times", n)
			}
		})
	}
}

func TestCheckAsJSONHasTheCalls(t *testing.T) {
	folder := site(t, map[string]string{"skynet.yaml": twoFleets, "p.yaml": "bounds: {max: 3}\n"})
	got, err := said(t, "check", "--output", "json", filepath.Join(folder, "skynet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	var v verdict
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil || len(v.Calls) != 4 || v.Calls[0].Month != 43_800 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestCheckAsJSONHasEachProblem(t *testing.T) {
	folder := site(t, map[string]string{"p.yaml": "bounds: {max: none}\npolicys: []\n"})
	got, err := said(t, "check", "--output", "json", filepath.Join(folder, "p.yaml"))
	if err == nil {
		t.Fatal("all is well")
	}
	var v verdict
	if err := json.Unmarshal([]byte(strings.SplitN(got, "\n", 2)[0]), &v); err != nil || v.OK || len(v.Problems) != 2 {
		t.Fatalf("%+v, %v", v, err)
	}
	if p := v.Problems[0]; p.Line != 1 || p.Column != 15 || p.Path != "bounds.max" || p.Said == "" {
		t.Errorf("%+v", p)
	}
}

func TestCheckWarnsOfTypesWithoutAPrice(t *testing.T) {
	folder := site(t, map[string]string{"p.yaml": "bounds: {max: 3}\n", "skynet.yaml": `
aws: {account: "123456789012", region: eu-west-1}
heartbeats: "https://sqs.eu-west-1.amazonaws.com/123456789012/heartbeats"
queues: [{name: photos, url: "https://sqs.eu-west-1.amazonaws.com/123456789012/photos"}]
fleets:
  - {name: one, queues: [photos], policy: p.yaml, prices: [{type: a, hourly: 1}],
     ec2: {launch_template: {name: one, version: "1"}, subnets: [s], types: [a, b, c]}}
`})
	got, err := said(t, "check", filepath.Join(folder, "skynet.yaml"))
	if err != nil || !strings.Contains(got, "skynet.yaml: warning: fleet one has no price for b, c:") || !strings.Contains(got, "a million requests") || !strings.Contains(got, "add slots: N to ec2") {
		t.Errorf("%v:\n%s", err, got)
	}
}

// The examples are what people begin with.
func TestExamplesAreGood(t *testing.T) {
	files, err := filepath.Glob("../../config/examples/*skynet.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, f := range files {
		if got, err := said(t, "check", f); err != nil || strings.Contains(got, "warning") {
			t.Errorf("%s: %v\n%s", f, err, got)
		}
	}
}
