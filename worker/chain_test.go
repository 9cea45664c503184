package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"skynet/queue"
	"skynet/worker"
	"skynet/worker/recipe"
)

func senders(name string, to queue.Sender) map[string]queue.Sender {
	return map[string]queue.Sender{name: to}
}

func (s studio) try(id, said string) worker.Try {
	return worker.Try{ID: id, Body: s.item(said), Number: 1, Worker: "i-1", Version: "v1"}
}

func (s studio) manifest(t *testing.T, folder string) (m recipe.Manifest) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(s.dir, "out", folder, recipe.ManifestName))
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A podcast: intro and body are transcoded side by side, then put together once.
func TestPartsArePutTogetherOnce(t *testing.T) {
	for round := range 20 {
		s := newStudio(t, chained, all(maker(copies)))
		next := &box{}
		s.Send = senders("assembly", next)
		parts := []string{"intro", "body"}
		if round%2 == 1 {
			parts = []string{"body", "intro"}
		}
		var both sync.WaitGroup
		for _, p := range parts {
			s.put(t, p+".wav", p)
			both.Go(func() {
				item := s.try(p, fmt.Sprintf(`{"recipe":"part","input":"@/%s.wav","output":"@/out/%[1]s","batch":"b","values":{"title":"of %[1]s","%[1]s":"x"},
					"group":{"name":"g","part":"%[1]s","output":"@/out"}}`, p))
				for range 2 { // each is delivered twice
					if _, err := do(t.Context(), s.Media, item); err != nil {
						t.Error(err)
					}
				}
			})
		}
		both.Wait()
		if len(next.distinct()) != 1 {
			t.Fatalf("%d different items sent on: %v", len(next.distinct()), next.got)
		}
		want := strings.ReplaceAll(`{"input":"@/out/intro/intro.mp3","output":"@/out/whole","recipe":"whole","inputs":{"body":"@/out/body/body.mp3","intro":"@/out/intro/intro.mp3"},`+
			`"values":{"body":"x","intro":"x","title":"of intro"},"batch":"b"}`, "@", "file://"+s.dir)
		if next.got[0] != want {
			t.Fatalf("sent  %s\nwant %s", next.got[0], want)
		}
		for i, body := range next.got { // a duplicate makes nothing again
			d, err := do(t.Context(), s.Media, worker.Try{ID: fmt.Sprint("whole-", i), Body: []byte(body), Number: 1})
			if err != nil || i > 0 && d.Idle != "it was made before" {
				t.Fatalf("%+v, %v", d, err)
			}
		}
		if m := s.manifest(t, "whole"); m.Batch != "b" || len(m.Inputs) != 3 || m.Outputs[0].Name != "episode.mp3" {
			t.Fatalf("%+v", m)
		}
	}
}

// A part that is made anew of something else has the whole made anew.
func TestAChangedPart(t *testing.T) {
	s := newStudio(t, chained, all(maker(copies)))
	next := &box{}
	s.Send = senders("assembly", next)
	item := func(p string) worker.Try {
		return s.try(p, fmt.Sprintf(`{"recipe":"part","input":"@/%s.wav","output":"@/out/%[1]s","group":{"name":"g","part":"%[1]s","output":"@/out"}}`, p))
	}
	for _, step := range []string{"intro", "body", "intro anew", "intro"} {
		name, text, _ := strings.Cut(step, " ")
		s.put(t, name+".wav", name+text)
		if step == "intro" && len(next.got) > 0 {
			s.put(t, name+".wav", name+"anew") // the same once more
		}
		if _, err := do(t.Context(), s.Media, item(name)); err != nil {
			t.Fatal(err)
		}
	}
	if len(next.got) != 3 || len(next.distinct()) != 1 {
		t.Errorf("sent on %d times: at first, of the new part, and again by the one that did so", len(next.got))
	}
}

func TestWhatFollowsOneItem(t *testing.T) {
	s := newStudio(t, chained, all(maker(copies)))
	next := &box{}
	s.Send = senders("assembly", next)
	s.put(t, "a.wav", "a")
	item := s.try("a", `{"recipe":"single","input":"@/a.wav","output":"@/out/a","values":{"title":"t"},"batch":"b"}`)
	if _, err := do(t.Context(), s.Media, item); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`{"input":"@/out/a/a.mp3","output":"@/out/a/next","recipe":"single2","values":{"title":"t"},"batch":"b"}`, "@", "file://"+s.dir)
	if len(next.got) != 1 || next.got[0] != want {
		t.Errorf("sent %v\nwant %s", next.got, want)
	}
}

func TestChainsThatCannotBe(t *testing.T) {
	s := newStudio(t, chained, all(maker(copies)))
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), `recipe part: then[0].queue: "assembly" is not a queue of the worker's settings`) {
		t.Error(err)
	}
	s.put(t, "a.wav", "a")
	for said, want := range map[string]string{
		`"recipe":"single"`: "which this worker does not know",
		`"recipe":"none"`:   `there is no recipe "none" (known: part, single, single2, whole, photo, video, audio)`,
		`"recipe":"whole"`:  "intro, body is missing",
	} {
		_, err := do(t.Context(), s.Media, s.try("a", `{"input":"@/a.wav","output":"@/out",`+said+`}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", said, err, want)
		}
	}
	s.Send = senders("assembly", &box{})
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	for said, want := range map[string]string{
		`"recipe":"part"`: "the item must say in group which one it is",
		`"recipe":"part","group":{"name":"g","part":"outro","output":"@/out"}`: "waits for the parts intro, body; the item is part outro",
	} {
		_, err := do(t.Context(), s.Media, s.try("a", `{"input":"@/a.wav","output":"@/out",`+said+`}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", said, err, want)
		}
	}
	if got := s.outputs(t); got != "" {
		t.Errorf("made %s all the same", got)
	}
}

// Makers are called in the order in which their sources come to be.
func TestOutputsAcrossMedia(t *testing.T) {
	var calls []string
	m := maker(func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
		call := string(job.Outputs[0].Medium())
		for _, o := range job.Outputs {
			call += " " + o.Name
		}
		calls = append(calls, call)
		return copies(ctx, job)
	})
	s := newStudio(t, `
recipes:
  - name: film
    outputs:
      - {name: small.jpg, from: input, image: [{do: orient}]}
      - {name: poster.jpg, video: [{do: poster}]}
      - {name: thumb.jpg, from: poster.jpg, image: [{do: resize, width: 10}]}
      - {name: tiny.jpg, from: thumb.jpg, image: [{do: resize, width: 5}]}
      - {name: sub/film.mp4, video: [{do: encode}]}
`, all(m))
	s.put(t, "a.mp4", "film")
	if _, err := do(t.Context(), s.Media, s.try("a", `{"recipe":"film","input":"@/a.mp4","output":"@/out"}`)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(calls, "; "); got != "image small.jpg; video poster.jpg sub/film.mp4; image thumb.jpg tiny.jpg" {
		t.Errorf("called %s", got)
	}
	if got := s.outputs(t); got != "manifest.json poster.jpg small.jpg sub/film.mp4 thumb.jpg tiny.jpg" {
		t.Errorf("made %s", got)
	}
}
