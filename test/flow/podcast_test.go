package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"skynet/queue"
	"skynet/worker"
	"skynet/worker/av"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

// outbox keeps what is sent.
type outbox struct {
	mu   sync.Mutex
	sent [][]byte
}

func (o *outbox) Send(_ context.Context, body []byte) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, body)
	return "id", nil
}

// TestThePodcastExample takes an episode through its chain: three recordings, side by
// side, and their assembly, by the recipes that are in the examples.
func TestThePodcastExample(t *testing.T) {
	dir := t.TempDir()
	stores, err := store.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stores.Close()
	book, err := recipe.Load("../../config/examples/podcast.recipes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sounds, assembly, results := av.New(), &outbox{}, &outbox{}
	if err := sounds.Check(t.Context(), book.Recipes()...); err != nil {
		t.Fatal(err)
	}
	m := worker.NewMedia(stores, t.TempDir(), book, map[recipe.Medium]worker.Maker{recipe.ByAudio: sounds, recipe.ByVideo: sounds})
	m.Send, m.Results = map[string]queue.Sender{"assembly": assembly}, results
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	lengths := map[string]int{"intro": 4, "body": 8, "outro": 5}
	var parts sync.WaitGroup
	for name, seconds := range lengths {
		recording := filepath.Join(dir, name+".wav")
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
			fmt.Sprintf("sine=frequency=%d:duration=%d:sample_rate=44100", 200+40*seconds, seconds), recording).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		parts.Go(func() {
			through(t, m, name, fmt.Appendf(nil, `{"recipe":"part","input":"file://%s","output":"file://%s/parts/%s","values":{"show":"Sunday Radio","title":"Episode 12","number":"12"},
				"group":{"name":"episode-12","part":%q,"output":"file://%[2]s/episode"}}`, recording, dir, name, name))
		})
	}
	parts.Wait()
	if len(assembly.sent) != 1 {
		t.Fatalf("%d items sent on, want one: %s", len(assembly.sent), assembly.sent)
	}
	through(t, m, "episode", assembly.sent[0])

	var made recipe.Manifest
	body, err := os.ReadFile(filepath.Join(dir, "episode", recipe.ManifestName))
	if err == nil {
		err = json.Unmarshal(body, &made)
	}
	if err != nil || len(made.Outputs) != 4 || len(results.sent) != 4 {
		t.Fatalf("%v, %d results: %s", err, len(results.sent), body)
	}
	for _, o := range made.Outputs { // 17 s, less two cross-fades of 2 s
		if o.Seconds < 12.8 || o.Seconds > 13.3 {
			t.Errorf("%s is %.2f s long, want 13", o.Name, o.Seconds)
		}
	}
}

// through takes an item through all stages.
func through(t *testing.T, m *worker.Media, id string, body []byte) {
	t.Helper()
	p, err := m.Open(t.Context(), worker.Try{ID: id, Body: body, Number: 1})
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = p.Close() }()
	if err := p.Work(t.Context()); err != nil {
		t.Error(err)
		return
	}
	if _, err := p.Store(t.Context()); err != nil {
		t.Error(err)
	}
}
