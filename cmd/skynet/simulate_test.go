package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"skynet/journal/sqlite"
	"skynet/simulate"
)

func simulateWith(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	var b, e bytes.Buffer
	c := root()
	c.SetArgs(append([]string{"simulate"}, args...))
	c.SetOut(&b)
	c.SetErr(&e)
	err = c.ExecuteContext(t.Context())
	return b.String(), e.String(), err
}

// aDay is a scenario of a day, and two policies for it.
func aDay(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range map[string]string{
		"a.csv": "timestamp,value\n2020-01-01T00:00:00Z,30\n2020-01-01T01:00:00Z,3000\n2020-01-01T02:00:00Z,30\n",
		"day.scenario.yaml": `name: day
start: 2026-03-01T00:00:00Z
queues: [{name: photos, arrivals: {csv: a.csv}, seconds: {mean: 10s}, feeds: elsewhere}]
fleet: {slots: 4, price: 0.2}
`,
		"a.policy.yaml": "objective: {wait: 1m, queues: [{name: photos, wait: 2m}]}\nbounds: {max: 10}\n",
		"b.policy.yaml": "objective: {wait: 1s}\nbounds: {min: 2, max: 2}\nguards: {budget: {hourly: 5}}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestSimulate(t *testing.T) {
	in := aDay(t)
	args := []string{"--scenario", in + "/day.scenario.yaml", "--policy", in + "/a.policy.yaml", "--policy", in + "/b.policy.yaml"}
	out, said, err := simulateWith(t, append(args, "--output", "json", "--seed", "7")...)
	if err != nil || !strings.Contains(said, "elsewhere") {
		t.Fatal(said, err)
	}
	var got struct {
		Scenario string
		Seed     int
		Results  []map[string]any
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Scenario != "day" || got.Seed != 7 || len(got.Results) != 2 {
		t.Fatal(out, err)
	}
	for i, r := range got.Results {
		if r["policy"] != args[3+2*i] || r["items"] != 3060. {
			t.Errorf("%v", r)
		}
		for _, key := range strings.Fields("within_objective wait instance_seconds work_seconds efficiency cost launches wakes sleeps terminations interruptions peak ticks wall_seconds") {
			if _, ok := r[key]; !ok {
				t.Errorf("no %s in %v", key, r)
			}
		}
	}
	// The queue's own wait counts for the first, the second's items wait longer than they may.
	if a, b := got.Results[0]["within_objective"].(float64), got.Results[1]["within_objective"].(float64); a < .9 || b > .5 {
		t.Errorf("within the objective: %g, %g", a, b)
	}
	again, _, _ := simulateWith(t, append(args, "--output", "json", "--seed", "7")...)
	wall := regexp.MustCompile(`"wall_seconds":[^,}]*`)
	if wall.ReplaceAllString(out, "") != wall.ReplaceAllString(again, "") {
		t.Error("the same seed gave other bytes")
	}
	table, _, err := simulateWith(t, args...)
	if !strings.Contains(table, "95% in 1m to 2m  95% in 1s\n") {
		t.Error("what was promised is not told")
	}
	if err != nil || !strings.Contains(table, "scenario day, seed 1\n") || !strings.Contains(table, "within objective") {
		t.Error(table, err)
	}
	for line := range strings.Lines(table) {
		if utf8.RuneCountInString(line) > 100 {
			t.Errorf("too long: %q", line)
		}
	}
}

func TestSimulateWritesAJournal(t *testing.T) {
	in := aDay(t)
	path := in + "/journal.db"
	args := []string{"--scenario", in + "/day.scenario.yaml", "--policy", in + "/a.policy.yaml", "--journal", path, "--output", "json"}
	if _, _, err := simulateWith(t, args...); err != nil {
		t.Fatal(err)
	}
	r, err := sqlite.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if left, _ := filepath.Glob(path + ".lock"); len(left) > 0 {
		t.Errorf("leaves %v behind", left)
	}
	if told, said, err := called(t, explainCommand(), "--state-dir", path); err != nil || !strings.Contains(told, "slo ") {
		t.Errorf("explain cannot tell of it: %s %s %v", told, said, err)
	}
	list, err := r.Records(t.Context(), "fleet", forever.AddDate(-250, 0, 0), 0)
	if err != nil || len(list) < 180 || list[0].Snapshot.Now.Format("2006-01-02T15:04") != "2026-03-01T00:00" {
		t.Errorf("%d ticks, %v", len(list), err)
	}
	if _, _, err := simulateWith(t, args...); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Error(err)
	}
}

func TestSimulateRefuses(t *testing.T) {
	in := aDay(t)
	scenario, a, b := in+"/day.scenario.yaml", in+"/a.policy.yaml", in+"/b.policy.yaml"
	unpriced := wrote(t, "s.yaml", "name: x\nqueues: [{name: photos, arrivals: {csv: "+in+"/a.csv}, seconds: {mean: 1s}}]\nfleet: {slots: 1}\n")
	for want, args := range map[string][]string{
		"either --scenario":              {"--policy", a},
		"or --recording":                 {"--policy", a, "--scenario", scenario, "--recording", in},
		"add --recording":                {"--policy", a, "--scenario", scenario, "--since", "3d"},
		"no journal at":                  {"--policy", a, "--recording", in},
		"--replay plays nothing":         {"--policy", a, "--recording", in, "--replay", "--report", "x.html"},
		"neither --against nor":          {"--scenario", scenario, "--policy", a, "--sweep", "bounds.max=1,2", "--against", "keda"},
		"target-tracking":                {"--scenario", scenario, "--policy", a, "--against", "target-traking"},
		"names no peer":                  {"--scenario", scenario, "--policy", a, "--against", "tuned"},
		"--against is empty":             {"--scenario", scenario, "--policy", a, "--against", ""},
		"such as report.html":            {"--scenario", scenario, "--policy", a, "--report", b},
		"there is no folder /no/such":    {"--scenario", scenario, "--policy", a, "--report", "/no/such/x.html"},
		"is not a file that can be":      {"--scenario", scenario, "--policy", a, "--report", wroteFolder(t, "x.html")},
		"its folder does not exist":      {"--scenario", scenario, "--policy", a, "--journal", "/no/such/x.db"},
		"--journal is empty":             {"--scenario", scenario, "--policy", a, "--journal", ""},
		"--sweep bounds.mux=1":           {"--scenario", scenario, "--policy", a, "--sweep", "bounds.mux=1,2"},
		"--policy is missing":            {"--scenario", scenario},
		"no such file":                   {"--scenario", "/no/such", "--policy", a},
		"is not a queue of this":         {"--scenario", scenario, "--policy", a, "--policy", wrote(t, "p.yaml", "objective: {queues: [{name: videos, wait: 1m}]}\nbounds: {max: 1}\n")},
		"give a single --policy":         {"--scenario", scenario, "--policy", a, "--policy", b, "--journal", in + "/x.db"},
		"the scenario has no prices":     {"--scenario", unpriced, "--policy", b},
		"write text or json":             {"--scenario", scenario, "--policy", a, "--output", "xml"},
		"unknown flag":                   {"--scenario", scenario, "--policy", a, "--raport", "x.html"},
		"does not say how long an item ": {"--scenario", wrote(t, "s.yaml", "name: x\nqueues: [{name: a, arrivals: {csv: x}}]\nfleet: {slots: 1}\n"), "--policy", a},
	} {
		if out, _, err := simulateWith(t, args...); err == nil || out != "" || !strings.Contains(err.Error(), want) || status(err) != exitUsage {
			t.Errorf("%s: %q, %v", want, out, err)
		}
	}
}

func wroteFolder(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// What was stopped in the middle leaves no half journal that would have to be moved
// away before the next try.
func TestSimulateStopped(t *testing.T) {
	in := aDay(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	c := root()
	c.SetArgs([]string{"simulate", "--scenario", in + "/day.scenario.yaml", "--policy", in + "/a.policy.yaml", "--journal", in + "/x.db"})
	c.SetOut(io.Discard)
	c.SetErr(io.Discard)
	if err := c.ExecuteContext(ctx); err == nil || err.Error() != "stopped" || status(err) != exitFinding {
		t.Error(err)
	}
	if left, _ := filepath.Glob(in + "/x.db*"); len(left) > 0 {
		t.Errorf("leaves %v behind", left)
	}
}

// More than a fleet could ever work off is told before hours are spent on it: by its
// own queue, by jobs, and by what one queue feeds to another; not what comes later
// than until.
func TestSimulateHopeless(t *testing.T) {
	in := aDay(t)
	const much = "what arrives keeps 10 slots of fleet fleet at work on the mean, but 2 instances of 4 slots have 8"
	for rest, want := range map[string]string{
		"until: 3h\nqueues: [{name: photos, arrivals: {csv: a.csv, scale: 3.53}, seconds: {mean: 10s}}]":                                          much,
		"until: 3h\nqueues: [{name: photos, arrivals: {csv: a.csv, scale: 2.5}, seconds: {mean: 10s}}]":                                           "",
		"until: 1h\nqueues: [{name: photos, arrivals: {csv: a.csv, scale: 3.53}, seconds: {mean: 10s}}]":                                          "",
		"until: 3h\nqueues: [{name: photos, arrivals: {csv: a.csv, scale: 3.53}, seconds: {mean: 4s}, feeds: b}, {name: b, seconds: {mean: 6s}}]": much,
		"until: 3h\nqueues: [{name: jobs, jobs: {csv: j.csv}}]":                                                                                   much,
	} {
		for name, text := range map[string]string{
			"s.yaml": "name: x\nstart: 2026-03-01T00:00:00Z\n" + rest + "\nfleet: {slots: 4}\n",
			"j.csv":  "2020-01-01T00:00:00Z,60000\n2020-01-01T01:00:00Z,48000\n2020-01-02T01:00:00Z,48000\n",
			"p.yaml": "bounds: {max: 2}\n",
		} {
			if err := os.WriteFile(filepath.Join(in, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, said, err := simulateWith(t, "--scenario", in+"/s.yaml", "--policy", in+"/p.yaml")
		if err != nil || !strings.Contains(said, want) || strings.Contains(said, "on the mean") != (want != "") {
			t.Errorf("%s: %s, %v", rest, said, err)
		}
	}
}

// Columns can be told apart: two files of one name by their folders, fleets by
// whose they are; and less than the clairvoyant is explained.
func TestSimulateTable(t *testing.T) {
	less, more := int64(90), int64(110)
	of := func(name string, ideal *int64) simulate.Result {
		return simulate.Result{Policy: name, Figures: simulate.Figures{InstanceSeconds: 100}, ClairvoyantInstanceSeconds: ideal}
	}
	both := of("keda", &less)
	both.Fleets = []simulate.FleetResult{{Fleet: "a_rather_long_name"}, {Fleet: "two"}}
	for want, results := range map[string][]simulate.Result{
		"old/a.policy.yaml  new/a.policy.yaml  b\n":          {of("old/a.policy.yaml", nil), of("new/a.policy.yaml", nil), of("b.policy.yaml", nil)},
		"keda  …_rather_long_name  keda: two\n":              {both},
		"Less than the clairvoyant, which starts every item": {of("a", &more)},
	} {
		var b strings.Builder
		simulated{Results: results}.print(&b)
		if !strings.Contains(regexp.MustCompile(" {2,}").ReplaceAllString(b.String(), "  "), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
		if said := strings.Contains(b.String(), "Less than"); said != (results[0].ClairvoyantInstanceSeconds == &more) {
			t.Errorf("under the clairvoyant: %v\n%s", said, b.String())
		}
	}
}

// Peers stand beside the policies, each under its own name, and what a clairvoyant
// would have paid beside each.
func TestSimulateAgainst(t *testing.T) {
	in := aDay(t)
	page := filepath.Join(t.TempDir(), "out.html")
	out, said, err := simulateWith(t, "--scenario", in+"/day.scenario.yaml", "--policy", in+"/a.policy.yaml",
		"--against", "keda,target-tracking=9,clairvoyant", "--against", "static=tuned", "--report", page, "--output", "json")
	if err != nil {
		t.Fatal(said, err)
	}
	var got simulated
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range got.Results {
		names = append(names, filepath.Base(r.Policy))
		if r.Items != 3060 || r.ClairvoyantInstanceSeconds == nil || *r.ClairvoyantInstanceSeconds > r.InstanceSeconds {
			t.Errorf("%+v", r)
		}
	}
	if want := "a.policy.yaml keda target-tracking=9 clairvoyant static=3 (tuned)"; strings.Join(names, " ") != want {
		t.Errorf("%v, want %s", names, want)
	}
	if html, err := os.ReadFile(page); err != nil || !bytes.Contains(html, []byte("day")) || len(html) < 50_000 {
		t.Error(len(html), err)
	}
}

// A sweep plays every setting of the grid, and marks those that no other beats.
func TestSimulateSweep(t *testing.T) {
	in := aDay(t)
	args := []string{"--scenario", in + "/day.scenario.yaml", "--policy", in + "/a.policy.yaml", "--sweep", "bounds.max=1,4", "--sweep", "objective.quantile=0.5,0.9"}
	out, said, err := simulateWith(t, append(args, "--output", "json")...)
	var got simulated
	if err != nil || json.Unmarshal([]byte(out), &got) != nil || len(got.Results) != 4 {
		t.Fatal(out, said, err)
	}
	if r := got.Results[0]; !strings.Contains(r.Policy, "bounds.max=1") || r.Peak != 1 || got.Results[2].Peak < 2 {
		t.Errorf("%+v", got.Results)
	}
	table, _, err := simulateWith(t, args...)
	if err != nil || !strings.Contains(table, "bounds.max") || !strings.Contains(table, "│") {
		t.Error(table, err)
	}
}

// What a run has written into a journal is played, and decided again.
func TestSimulateRecording(t *testing.T) {
	in := aDay(t)
	journal := in + "/journal.db"
	if _, _, err := simulateWith(t, "--scenario", in+"/day.scenario.yaml", "--policy", in+"/a.policy.yaml", "--journal", journal); err != nil {
		t.Fatal(err)
	}
	out, said, err := simulateWith(t, "--recording", journal, "--policy", in+"/a.policy.yaml", "--output", "json")
	var got simulated
	if err != nil || json.Unmarshal([]byte(out), &got) != nil || got.Results[0].Items < 3050 || got.Results[0].Items > 3060 {
		t.Error(out, said, err)
	}
	again, said, err := simulateWith(t, "--recording", journal, "--replay", "--policy", in+"/a.policy.yaml", "--output", "json")
	if err != nil || !strings.Contains(again, `"changes":[]`) {
		t.Error(again, said, err)
	}
	other, said, err := simulateWith(t, "--recording", journal, "--replay", "--policy", in+"/b.policy.yaml", "--output", "json")
	if err != nil || strings.Contains(other, `"changes":[]`) {
		t.Error(other, said, err)
	}
}

// The example of the help is one that works when it is pasted; here its first hours.
func TestSimulateHelp(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("../../config/examples")); err != nil {
		t.Fatal(err)
	}
	week := filepath.Join(folder, "week.scenario.yaml")
	text, _ := os.ReadFile(week)
	if err := os.WriteFile(week, append(text, "until: 6h\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(simulateCommand().Example), "\n")
	args := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(line, "skynet simulate "), "config/examples", folder))
	if out, _, err := simulateWith(t, append(args, "--output", "json")...); err != nil || !strings.Contains(out, `"scenario":"week"`) {
		t.Error(out, err)
	}
}
