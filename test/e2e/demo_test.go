package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/test/processes"
)

// demoFolder makes a folder of the test's own for a demo.
func demoFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		endAll(dir)
		if t.Failed() {
			t.Log(tail(filepath.Join(dir, "skynet.log")))
		}
	})
	return dir
}

// demo starts a demo in a folder of the test's own.
func demo(t *testing.T, flags ...string) (*process, string) {
	t.Helper()
	dir := demoFolder(t)
	flags = append([]string{"demo", "--dir", dir, "--interval", "1s", "--max", "2", "--per-worker", "3"}, flags...)
	return start(t, dir, "demo", skynet, flags...), dir
}

// summed reads the summary, the last line of what a demo prints.
func summed(t *testing.T, p *process) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimRight(read(p.Out), "\n"), "\n")
	var s map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		t.Fatalf("the last line is not a JSON object: %v: %q", err, lines[len(lines)-1])
	}
	want := []string{"done", "failed", "instance_seconds", "items", "launches", "results", "wait_max", "wait_p50", "wait_p95"}
	if keys := slices.Sorted(maps.Keys(s)); !slices.Equal(keys, want) {
		t.Errorf("keys of the summary: %v, want %v", keys, want)
	}
	return s
}

func TestDemoEndsByItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags []string
		items int
	}{
		"with media of the user's own": {[]string{"--media", media.good, "--photos", "10", "--clips", "2"}, 12},
		"with media that it makes":     {[]string{"--photos", "4", "--clips", "0"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := demo(t, append(c.flags, "--output", "json")...)
			if status := p.wait(3 * time.Minute); status != 0 {
				t.Fatalf("status %d", status)
			}
			s := summed(t, p)
			if s["items"] != float64(c.items) || s["done"] != s["items"] || s["failed"] != float64(0) {
				t.Errorf("want %d items, all done: %v", c.items, s)
			}
			if n, _ := s["launches"].(float64); n < 1 || s["instance_seconds"].(float64) <= 0 || s["wait_max"].(float64) <= 0 {
				t.Errorf("a number is missing: %v", s)
			}
			resultsOf(t, s, c.items)
			if err := nobody(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

// resultsOf checks that each item has whole results.
func resultsOf(t *testing.T, summary map[string]any, items int) {
	t.Helper()
	folder, _ := summary["results"].(string)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != items {
		t.Errorf("%d folders of results for %d items: %v", len(entries), items, err)
	}
	for _, e := range entries {
		if err := whole(filepath.Join(folder, e.Name())); err != nil {
			t.Error(err)
		}
	}
}

// TestADemoWithABrokenFile: what fails is a finding, and is said with its reason.
func TestADemoWithABrokenFile(t *testing.T) {
	t.Parallel()
	own := t.TempDir()
	for from, name := range map[string]string{media.photo: "a.jpg", media.text: "broken.jpg"} {
		if err := os.Link(from, filepath.Join(own, name)); err != nil {
			t.Fatal(err)
		}
	}
	// The last try comes after six seconds. Were the worker asked to drain just then,
	// it would give the item back, which uses up the try without a reason.
	p, dir := demo(t, "--media", own, "--photos", "4", "--interval", "3s")
	if status := p.wait(2 * time.Minute); status != 1 || strings.TrimSpace(read(p.Err)) != "skynet: 2 items failed" {
		t.Errorf("status %d, %q; want 1 and that 2 items failed", status, read(p.Err))
	}
	if n := strings.Count(read(p.Out), "\nfailed        broken.jpg: "); n != 2 || !strings.Contains(read(p.Out), "not an image") ||
		!strings.Contains(read(p.Out), "\n4 items in, 2 done, 2 failed, in ") {
		t.Errorf("%d failures are told with their reason: %s", n, read(p.Out))
	}
	if err := nobody(dir); err != nil {
		t.Error(err)
	}
}

// inTheMiddle waits until a demo is at work on films.
func inTheMiddle(t *testing.T, dir string) {
	t.Helper()
	await(t, "work on films", patient, func() error {
		if len(encoders(dir)) == 0 {
			return fmt.Errorf("nobody works on one; running: %v", processes.Of(dir))
		}
		return nil
	})
}

func TestCtrlCEndsADemo(t *testing.T) {
	t.Parallel()
	p, dir := demo(t, "--media", media.good, "--photos", "2", "--clips", "100", "--output", "json")
	inTheMiddle(t, dir)
	p.signal(syscall.SIGINT)
	if status := p.wait(30 * time.Second); status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	s := summed(t, p)
	// What was in hand may have been finished; of the 102 items few were sent.
	if items, done := s["items"].(float64), s["done"].(float64); items < 1 || items == 102 && done == items || done > items {
		t.Errorf("stopped in the middle, and %g of %g done", done, items)
	}
	if !strings.Contains(read(p.Err), "stopped before the end") {
		t.Errorf("it does not say that it was stopped: %q", read(p.Err))
	}
	if err := nobody(dir); err != nil {
		t.Error(err)
	}
}

// TestCtrlCWhileADemoMakesMedia: there is nothing to sum up yet.
func TestCtrlCWhileADemoMakesMedia(t *testing.T) {
	t.Parallel()
	p, dir := demo(t)
	inTheMiddle(t, dir)
	p.signal(syscall.SIGINT)
	if status := p.wait(30 * time.Second); status != 1 || strings.TrimSpace(read(p.Err)) != "skynet: stopped before the end" {
		t.Errorf("status %d, %q", status, read(p.Err))
	}
	if err := nobody(dir); err != nil {
		t.Error(err)
	}
}

// TestAKilledDemoLeavesNobody: its workers see that their parent is gone.
func TestAKilledDemoLeavesNobody(t *testing.T) {
	t.Parallel()
	p, dir := demo(t, "--media", media.good, "--photos", "2", "--clips", "100")
	inTheMiddle(t, dir)
	p.kill()
	await(t, "the workers' end", 30*time.Second, func() error { return nobody(dir) })
}
