package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wrote writes a file into a folder of the test's own and returns its path.
func wrote(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	tenEach = "bounds: {max: 20}\npolicies: [{type: backlog, per_worker: 10}]\nguards: {release: {after: 0s}}\n"
	minute  = `{"time":"2026-03-01T17:%02d:00Z","signals":{"queue.visible":%d,"queue.in_flight":8,"fleet.running":6,"fleet.pending":1,"fleet.slots":4}}` + "\n"
)

// A line is answered before the next one is written: a simulator waits for it.
func TestDecideAnswersLineByLine(t *testing.T) {
	toIt, ours := io.Pipe()
	answers, fromIt := io.Pipe()
	c := root()
	c.SetArgs([]string{"decide", "--policy", wrote(t, "p.yaml", tenEach)})
	c.SetIn(toIt)
	c.SetOut(fromIt)
	ended := make(chan error, 1)
	go func() {
		ended <- c.ExecuteContext(t.Context())
		_ = fromIt.Close()
	}()
	out := bufio.NewReader(answers)
	for n, want := range []string{
		`{"time":"2026-03-01T17:00:00Z","have":7,"want":12,"action":"launch","reasons":[{"by":"backlog","said":"120 waiting at 10 a worker want 12, 8 in flight at 4 a worker want 2"}`,
		`{"time":"2026-03-01T17:01:00Z","have":7,"want":7,"action":"hold",`,
		`{"time":"2026-03-01T17:02:00Z","have":7,"want":2,"action":"drain",`,
	} {
		fmt.Fprintf(ours, minute, n, []int{120, 70, 20}[n])
		got, err := out.ReadString('\n')
		if err != nil || !strings.HasPrefix(got, want) {
			t.Fatalf("line %d: got %s, %v", n+1, got, err)
		}
	}
	_ = ours.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func decideOn(t *testing.T, in string, args ...string) (out string, err error) {
	t.Helper()
	var b bytes.Buffer
	c := root()
	c.SetArgs(append([]string{"decide"}, args...))
	c.SetIn(strings.NewReader(in))
	c.SetOut(&b)
	err = c.ExecuteContext(t.Context())
	return b.String(), err
}

// A bad line stops the run: what stood before it is answered.
func TestDecideStopsAtABadLine(t *testing.T) {
	good, again := fmt.Sprintf(minute, 0, 120), fmt.Sprintf(minute, 1, 120)
	for name, c := range map[string]struct{ bad, want string }{
		"misspelt": {strings.Replace(again, "visible", "visble", 1), `line 2: signals: "queue.visble": is not a signal; did you mean "queue.visible"?`},
		"garbage":  {"what?\n", `line 2: "what?" is not an object; write it like {…}`},
		"no time":  {good, "line 2: time: 2026-03-01T17:00:00Z does not come after 2026-03-01T17:00:00Z, the time of the line before; time must advance"},
	} {
		out, err := decideOn(t, good+c.bad+again, "--policy", wrote(t, "p.yaml", tenEach))
		if strings.Count(out, "\n") != 1 || err == nil || err.Error() != c.want || status(err) != exitUsage {
			t.Errorf("%s: %d lines, %v", name, strings.Count(out, "\n"), err)
		}
	}
	for name, args := range map[string][]string{
		"no policy": nil, "no such policy": {"--policy", "/no/such/file"}, "a bad policy": {"--policy", wrote(t, "p.yaml", "bounds: {}")},
		"no such settings": {"--config", "/no/such/file"},
	} {
		if out, err := decideOn(t, good, args...); out != "" || err == nil || status(err) != exitUsage {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

// With settings it is known which queues and signals there are.
func TestDecideWithSettings(t *testing.T) {
	folder := filepath.Dir(wrote(t, "p.yaml", tenEach))
	settings := filepath.Join(folder, "skynet.yaml")
	const text = `queues: [{name: photos, url: "nats://embedded/photos"}, {name: videos, url: "nats://embedded/videos"}]
fleets:
  - {name: one, queues: [photos], policy: p.yaml, local: {slots: 4}}
  - {name: two, queues: [videos], policy: p.yaml, local: {slots: 4}}
signals: [{name: upload.rate, http_json: {url: "http://localhost/", field: n}}]
`
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	line := func(name string) string {
		return fmt.Sprintf(`{"time":"2026-03-01T17:00:00Z","signals":{%q:120,"fleet.running":0,"fleet.pending":0}}`, name)
	}
	for name, want := range map[string]string{
		"queues.photos.visible": "", "upload.rate": "",
		"queues.videos.visible": "is not a signal of this fleet", "upload.rates": `did you mean "upload.rate"?`,
	} {
		_, err := decideOn(t, line(name), "--config", settings, "--fleet", "one")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := decideOn(t, "", "--config", settings); err == nil || !strings.Contains(err.Error(), "several fleets: choose one with --fleet") {
		t.Errorf("got %v", err)
	}
	if _, err := decideOn(t, "", "--config", settings, "--fleet", "three"); err == nil || !strings.Contains(err.Error(), `no fleet "three"`) {
		t.Errorf("got %v", err)
	}
}

// A program of the user's is asked about each line.
func TestDecideAsksPrograms(t *testing.T) {
	const policy = `bounds: {max: 20}
policies:
  - {type: exec, name: mine, command: [sh, -c, 'while read line; do echo "{\"want\":11,\"reasons\":[{\"by\":\"me\",\"said\":\"eleven is a good number\"}]}"; done']}
`
	out, err := decideOn(t, fmt.Sprintf(minute, 0, 1)+fmt.Sprintf(minute, 1, 1), "--policy", wrote(t, "p.yaml", policy))
	if err != nil || strings.Count(out, `"want":11,"action":"launch","reasons":[{"by":"mine","said":"eleven is a good number"}`) != 2 {
		t.Errorf("got %s, %v", out, err)
	}
}

// The example of the help is one that works when it is pasted.
func TestDecideHelp(t *testing.T) {
	example := decideCommand().Example
	_, after, _ := strings.Cut(example, "echo '")
	text, _, _ := strings.Cut(after, "'")
	out, err := decideOn(t, text, "--policy", wrote(t, "p.yaml", "bounds: {max: 20}\npolicies: [{type: backlog, per_worker: 10}]\n"))
	if err != nil || !strings.Contains(out, `"have":7,"want":12,"action":"launch"`) {
		t.Errorf("got %s, %v", out, err)
	}
}
