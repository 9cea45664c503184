package worker_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"skynet/worker"
)

func TestReadTask(t *testing.T) {
	got, err := worker.ReadTask([]byte(` {"kind":"photo","input":"file:///media/a.jpg","output":"file:///results/a"} `))
	if want := (worker.Task{Kind: worker.Photo, Input: "file:///media/a.jpg", Output: "file:///results/a"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for body, want := range map[string]string{
		``:                                       "not JSON",
		`photo`:                                  "not JSON",
		`[]`:                                     "not a JSON object",
		`null`:                                   "not a JSON object",
		`{"input":"a"`:                           "not JSON",
		`{"input":"a","output":"b"}x`:            "something follows",
		`{"input":"a","output":"b"}{}`:           "something follows",
		`{"input":"a","output":"b","size":1}`:    `unknown key "size" (known: kind, input, output, recipe, outputs, inputs, values, batch, group)`,
		`{"Input":"a","output":"b"}`:             `unknown key "Input"`,
		`{"input":"a","input":"c","output":"b"}`: `key "input" is given twice`,
		`{"input":7,"output":"b"}`:               `key "input": must be text, is 7`,
		`{"input":null,"output":"b"}`:            `key "input": must be text, is null`,
		`{"input":{"a":["b"]},"output":"b"}`:     `key "input": must be text`,
		`{"kind":"song","input":"a","output":"b"}`: `"song" is not a kind (known: photo, video, audio)`,
		`{"output":"b"}`: `key "input": missing`,
		`{"input":"a"}`:  `key "output": missing`,
		`{"input":"` + strings.Repeat("a", 1<<18) + `"}`: "at most 262144 are read",
	} {
		if got, err := worker.ReadTask([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s reads as %+v, %v, want %q", body, got, err, want)
		}
	}
}

func TestReadTaskNeverPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, _ = worker.ReadTask([]byte(rapid.StringMatching(`[{}\[\]",:a-z0-9\\ ]{0,40}`).Draw(t, "body")))
	})
}

func TestScratchOfTheDeadIsCleared(t *testing.T) {
	parent := t.TempDir()
	dead := filepath.Join(parent, "skynet-worker-dead")
	if err := os.MkdirAll(filepath.Join(dead, "item-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := worker.OpenScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := worker.OpenScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{dead: false, alive.Folder: true, mine.Folder: true} {
		if _, err := os.Stat(folder); (err == nil) != want {
			t.Errorf("%s: %v", folder, err)
		}
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine.Folder); err == nil {
		t.Error("a closed scratch is still there")
	}
}

// TestScratchesOpenedAtOnceAreAllThere: flock counts by open file, so goroutines
// stand for processes.
func TestScratchesOpenedAtOnceAreAllThere(t *testing.T) {
	parent := t.TempDir()
	for range 30 {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := worker.OpenScratch(parent)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stat(s.Folder); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
