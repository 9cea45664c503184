package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"skynet/worker"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

var errDead = errors.New("the process is gone")

// fate lets so many steps pass and then kills: nothing that follows happens. A step
// that it dies in may have happened or not.
type fate struct {
	mu      sync.Mutex
	left    int
	happens bool // the step it dies in happens all the same
	names   []string
}

// step does one step, or not.
func (f *fate) step(name string, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names = append(f.names, name)
	f.left--
	switch {
	case f.left > 0:
		return do()
	case f.left == 0 && f.happens:
		_ = do()
	}
	return errDead
}

// mortal are stores of a worker that dies.
type mortal struct {
	worker.Stores
	fate *fate
}

func (m mortal) Fetch(ctx context.Context, u, file string) (n int64, err error) {
	err = m.fate.step("fetch", func() (err error) { n, err = m.Stores.Fetch(ctx, u, file); return err })
	return n, err
}

func (m mortal) Put(ctx context.Context, u, name, file string) (at string, n int64, err error) {
	err = m.fate.step("put", func() (err error) { at, n, err = m.Stores.Put(ctx, u, name, file); return err })
	return at, n, err
}

func (m mortal) Write(ctx context.Context, u string, content []byte) error {
	return m.fate.step("write "+filepath.Base(u), func() error { return m.Stores.Write(ctx, u, content) })
}

func (m mortal) Create(ctx context.Context, u string, content []byte) (made bool, err error) {
	err = m.fate.step("create", func() (err error) { made, err = m.Stores.Create(ctx, u, content); return err })
	return made, err
}

func (m mortal) Remove(ctx context.Context, u string) error {
	return m.fate.step("remove", func() error { return m.Stores.Remove(ctx, u) })
}

// box is a queue that is only sent to.
type box struct {
	fate *fate // nil: immortal
	name string
	mu   sync.Mutex
	got  []string
}

func (b *box) Send(_ context.Context, body []byte) (id string, err error) {
	put := func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got = append(b.got, string(body))
		return nil
	}
	if b.fate == nil {
		return "", put()
	}
	return "", b.fate.step("send "+b.name, put)
}

// distinct is what was sent, without repetitions.
func (b *box) distinct() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(b.got)
	slices.Sort(all)
	return slices.Compact(all)
}

// table is a database.
type table struct {
	fate *fate
	got  *[]recipe.Manifest
}

func (b table) Save(_ context.Context, m recipe.Manifest) error {
	return b.fate.step("rows", func() error { *b.got = append(*b.got, m); return nil })
}

const chained = `
recipes:
  - name: part
    outputs:
      - {name: "{name}.mp3", audio: [{do: encode}]}
      - {name: "{name}.txt.mp3", from: "{name}.mp3", audio: [{do: encode}]}
    then: [{queue: assembly, recipe: whole, parts: [intro, body], output: whole}]
  - name: single
    outputs: [{name: a.mp3, audio: [{do: encode}]}]
    then: [{queue: assembly, recipe: single2, input: a.mp3, output: next}]
  - name: single2
    outputs: [{name: b.mp3, audio: [{do: encode}]}]
  - name: whole
    inputs: [intro, body]
    outputs: [{name: episode.mp3, audio: [{do: assemble, parts: [intro, body]}, {do: encode}]}]
`

// TestAWorkerThatDiesAtAnyStep has a worker die at, and right after, each step of an
// item, and another one do the item again. What is there in the end is always the
// same, and at no time is anything half there.
func TestAWorkerThatDiesAtAnyStep(t *testing.T) {
	for _, happens := range []bool{false, true} {
		for at := 1; ; at++ {
			f := &fate{left: at, happens: happens}
			if dieAt(t, f) {
				if at < 9 {
					t.Fatalf("only %d steps: %v", at, f.names)
				}
				break
			}
			if t.Failed() {
				t.Fatalf("died at step %d (%v), which happened: %v", at, f.names[:at], happens)
			}
		}
	}
}

// dieAt reports whether the worker outlived the item.
func dieAt(t *testing.T, f *fate) (survived bool) {
	t.Helper()
	s := newStudio(t, chained, all(maker(copies)))
	s.put(t, "intro.wav", "intro")
	s.put(t, "body.wav", "body")
	stores, err := store.Open(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stores.Close()
	results, next := &box{name: "result", fate: f}, &box{name: "assembly", fate: f}
	var saved []recipe.Manifest
	made := 0
	counting := maker(func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
		made++
		return copies(ctx, job)
	})
	m := worker.NewMedia(mortal{stores, f}, s.scratch, book(t, chained), all(counting))
	m.Results, m.Rows, m.Patient = results, table{f, &saved}, time.Nanosecond
	m.Send = senders("assembly", next)
	part := func(name string) worker.Try {
		return worker.Try{ID: "item-" + name, Number: 1, Worker: "i-1", Body: s.item(fmt.Sprintf(
			`{"recipe":"part","input":"@/%s.wav","output":"@/out/%[1]s","group":{"name":"g","part":"%[1]s","output":"@/out"}}`, name))}
	}
	alive := &fate{left: 1 << 30}
	whole := worker.NewMedia(stores, s.scratch, book(t, chained), all(counting))
	firstNext := &box{}
	whole.Send, whole.Results = senders("assembly", firstNext), &box{}
	if _, err := do(t.Context(), whole, part("intro")); err != nil {
		t.Fatal(err)
	}
	made = 0
	_, err = do(t.Context(), m, part("body"))
	survived = err == nil
	wantsWhole(t, s)
	madeAtFirst := made

	// Somebody else gets it.
	results.fate, next.fate = alive, alive
	m = worker.NewMedia(mortal{stores, alive}, s.scratch, book(t, chained), all(counting))
	m.Results, m.Rows, m.Send = results, table{alive, &saved}, senders("assembly", next)
	hadManifest := s.has("body/manifest.json")
	again := part("body")
	again.Number = 2
	if _, err := do(t.Context(), m, again); err != nil {
		t.Error(err)
	}
	if hadManifest && made != madeAtFirst {
		t.Error("finished work was repeated")
	}
	if got := s.outputs(t); got != ".parts/body.json .parts/intro.json "+s.claim(t)+" body/body.mp3 body/body.txt.mp3 body/manifest.json intro/intro.mp3 intro/intro.txt.mp3 intro/manifest.json" {
		t.Errorf("there is %s", got)
	}
	if n := len(next.distinct()); n != 1 || len(firstNext.got) != 0 {
		t.Errorf("%d different items sent on, %d by the part that was first: %v", n, len(firstNext.got), next.got)
	}
	if got := ids(t, results.got); len(got) != 1 {
		t.Errorf("results of %d IDs, want one: %v", len(got), results.got)
	}
	if len(saved) == 0 || len(results.got) == 0 {
		t.Errorf("%d rows, %d results", len(saved), len(results.got))
	}
	return survived
}

// ids are the different IDs of results.
func ids(t *testing.T, results []string) []string {
	t.Helper()
	var all []string
	for _, r := range results {
		var x struct{ ID, Status string }
		if err := json.Unmarshal([]byte(r), &x); err != nil || x.Status != "done" || len(x.ID) != 64 {
			t.Errorf("%v: %s", err, r)
		}
		all = append(all, x.ID)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// claim is the name of what says which part sends on.
func (s studio) claim(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(s.dir, "out/.parts/then-*"))
	if len(found) != 1 {
		t.Errorf("%d claims", len(found))
		return ""
	}
	return ".parts/" + filepath.Base(found[0])
}

func (s studio) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, "out", name))
	return err == nil
}

// wantsWhole checks that what is there is whole: each manifest speaks of files that
// are there as it says, and nothing is left in scratch.
func wantsWhole(t *testing.T, s studio) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, "out"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != recipe.ManifestName {
			return err
		}
		var m recipe.Manifest
		body, _ := os.ReadFile(p)
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		for _, o := range m.Outputs {
			about, err := os.Stat(strings.TrimPrefix(o.URL, "file://"))
			if err != nil || about.Size() != o.Bytes {
				t.Errorf("%s speaks of %s, %d bytes: %v", p, o.URL, o.Bytes, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(s.scratch); len(left) != 0 {
		t.Errorf("scratch holds %v", left)
	}
}

// While outputs are being replaced, no manifest speaks of the former ones.
func TestAManifestDoesNotOutliveItsOutputs(t *testing.T) {
	s := newStudio(t, simple, all(maker(copies)))
	s.put(t, "a.jpg", "\xff\xd8\xff photo")
	item := s.try("id", `{"input":"@/a.jpg","output":"@/out"}`)
	if _, err := do(t.Context(), s.Media, item); err != nil {
		t.Fatal(err)
	}
	s.put(t, "a.jpg", "\xff\xd8\xff phota")
	stores, err := store.Open(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stores.Close()
	f := &fate{left: 3, happens: true} // fetch, remove, put
	m := worker.NewMedia(mortal{stores, f}, s.scratch, book(t, simple), all(maker(copies)))
	if _, err := do(t.Context(), m, item); err == nil || f.names[2] != "put" {
		t.Fatalf("%v: %v", err, f.names)
	}
	if s.has(recipe.ManifestName) {
		t.Error("it does")
	}
}
