package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMediaThatIsNotWhatItSays is given up after its tries, with the reason;
// other items are done, all by the same worker.
func TestMediaThatIsNotWhatItSays(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{min: 1, max: 1})
	s.daemon()
	missing := filepath.Join(filepath.Dir(media.good), "missing.jpg")
	reasons := map[string]string{ // by input: what the reason must tell
		media.text: "not an image", media.empty: "the file is empty", media.cut: "not a video",
		media.cutFilm: "truncated", media.cutPhoto: "Premature end", missing: "no such object",
	}
	s.send(media.text, media.empty, media.cut, media.photo, media.cutFilm, media.cutPhoto, missing, media.clip)
	were := s.awaitWorkers(1)
	s.awaitEmpty()
	for _, d := range s.dead() {
		var task struct{ Input string }
		if err := json.Unmarshal(d.Body, &task); err != nil {
			t.Fatal(err)
		}
		input := strings.TrimPrefix(task.Input, "file://")
		want, broken := reasons[input]
		if !broken || d.Tries != 3 || d.Reason == "" || !strings.Contains(d.Reason, want) {
			t.Errorf("%s was given up after %d tries: %q", input, d.Tries, d.Reason)
		}
		delete(reasons, input)
	}
	for input := range reasons {
		t.Errorf("%s was not given up", input)
	}
	for number := 1; number <= 8; number++ {
		if number == 4 || number == 8 {
			if err := whole(s.result(number)); err != nil {
				t.Error(err)
			}
			continue
		}
		if entries, _ := os.ReadDir(s.result(number)); len(entries) != 1 || entries[0].Name() != "failed.json" {
			t.Errorf("of a broken file the reason alone is to be left: %v", entries)
		}
	}
	if now := s.awaitWorkers(1); !maps.Equal(were, now) {
		t.Errorf("worker %v at first, %v at the end", were, now)
	}
}

// TestSubmit puts items in as an operator would, with the settings that the
// daemon writes for its workers.
func TestSubmit(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{max: 1})
	s.daemon()
	settings := filepath.Join(s.state(), "workers", "render.yaml")
	for _, c := range []struct{ kind, input string }{{"photo", media.photo}, {"", media.clip}} {
		s.sent++
		r := call(t, worker, "submit", "--config", settings, "--kind", c.kind, "--input", fileURL(c.input), "--output", fileURL(s.result(s.sent)))
		if r.status != 0 || strings.TrimSpace(r.out) == "" {
			t.Fatalf("submit %s: %+v", c.input, r)
		}
	}
	s.awaitHome()
	s.allDone()
	r := call(t, worker, "submit", "--config", settings, "--kind", "song", "--input", fileURL(media.photo), "--output", fileURL(s.result(9)))
	if r.status != 2 || !strings.Contains(r.err, "song") {
		t.Errorf("submit of an unknown kind: %+v", r)
	}
	if d, err := s.depth(); err != nil || fmt.Sprint(d.Visible, d.InFlight, d.Delayed) != "0 0 0" {
		t.Errorf("it went into the queue: %+v, %v", d, err)
	}
}
