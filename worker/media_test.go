package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

// maker is a function that makes outputs.
type maker func(ctx context.Context, job recipe.Job) ([]recipe.Made, error)

func (m maker) Work(ctx context.Context, job recipe.Job) ([]recipe.Made, error) { return m(ctx, job) }

// copies is a maker whose outputs are copies of what they are made of.
func copies(_ context.Context, job recipe.Job) (all []recipe.Made, err error) {
	for _, o := range job.Outputs {
		b, err := os.ReadFile(source(job, o))
		at := filepath.Join(job.Folder, o.Name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, b, 0o600)); err != nil {
			return nil, err
		}
		all = append(all, recipe.Made{Name: o.Name, Type: "image/jpeg", Width: 4, Height: 3})
	}
	return all, nil
}

// source is the file of an input, or of an output of the same job.
func source(job recipe.Job, o recipe.Output) string {
	if from := job.Source(o); from != "" {
		return from
	}
	return filepath.Join(job.Folder, o.From)
}

// book reads recipes, behind which the built-in stand.
func book(t testing.TB, text string) recipe.Book {
	t.Helper()
	b, err := recipe.Read("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// all makes one maker that of every medium.
func all(m worker.Maker) map[recipe.Medium]worker.Maker {
	return map[recipe.Medium]worker.Maker{recipe.ByImage: m, recipe.ByVideo: m, recipe.ByAudio: m, recipe.ByCommand: m}
}

// studio is a Media over a file store.
type studio struct {
	*worker.Media
	dir, scratch string
}

func newStudio(t testing.TB, recipes string, makers map[recipe.Medium]worker.Maker) studio {
	t.Helper()
	s := studio{dir: t.TempDir(), scratch: t.TempDir()}
	stores, err := store.Open(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	s.Media = worker.NewMedia(stores, s.scratch, book(t, recipes), makers)
	return s
}

func (s studio) put(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// item is an item's body: what is said, with the store's URL for @.
func (s studio) item(said string) []byte {
	return []byte(strings.ReplaceAll(said, "@", "file://"+s.dir))
}

// do takes an item through all stages.
func do(ctx context.Context, m *worker.Media, t worker.Try) (worker.Done, error) {
	p, err := m.Open(ctx, t)
	if err != nil {
		return worker.Done{}, err
	}
	if err = p.Work(ctx); err != nil {
		return worker.Done{}, errors.Join(err, p.Close())
	}
	d, err := p.Store(ctx)
	return d, errors.Join(err, p.Close())
}

func (s studio) do(ctx context.Context, kind, name string) (worker.Done, error) {
	body := `{"input":"@/` + name + `","output":"@/out"`
	if kind != "" {
		body += fmt.Sprintf(`,"kind":%q`, kind)
	}
	return do(ctx, s.Media, worker.Try{ID: "id", Body: s.item(body + "}"), Number: 1})
}

// outputs lists what lies in the output folder.
func (s studio) outputs(t testing.TB) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(filepath.Join(s.dir, "out"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			p, _ = filepath.Rel(filepath.Join(s.dir, "out"), p)
			names = append(names, p)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func TestMediaMakesAndDelivers(t *testing.T) {
	s := newStudio(t, "recipes: []", all(maker(copies)))
	s.put(t, "a.jpg", "photo")
	d, err := s.do(t.Context(), "photo", "a.jpg")
	if err != nil || d.BytesIn != 5 || d.BytesOut != 10 || len(d.Outputs) != 2 || d.Outputs[0] != "file://"+s.dir+"/out/1024.jpg" {
		t.Errorf("%+v, %v", d, err)
	}
	if got := s.outputs(t); got != "1024.jpg 150.jpg manifest.json" {
		t.Errorf("outputs %q", got)
	}
	if left, _ := os.ReadDir(s.scratch); len(left) != 0 {
		t.Errorf("scratch holds %v", left)
	}
}

func TestMediaDeliversAllOrNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for name, m := range map[string]maker{
		"fails after the first output": func(_ context.Context, job recipe.Job) ([]recipe.Made, error) {
			_ = os.WriteFile(filepath.Join(job.Folder, job.Outputs[0].Name), []byte("x"), 0o600)
			return nil, errors.New("out of luck")
		},
		"leaves one out": func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
			job.Outputs = job.Outputs[:1]
			return copies(ctx, job)
		},
		"says what is not there": func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
			made, err := copies(ctx, job)
			return made, errors.Join(err, os.Remove(filepath.Join(job.Folder, "150.jpg")))
		},
		"leads outside": func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
			made, err := copies(ctx, job)
			return append(made, recipe.Made{Name: "../../x"}), err
		},
		"makes a link": func(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
			made, err := copies(ctx, job)
			return append(made, recipe.Made{Name: "l"}), errors.Join(err, os.Symlink("/etc/passwd", filepath.Join(job.Folder, "l")))
		},
		"is stopped": func(_ context.Context, job recipe.Job) ([]recipe.Made, error) {
			cancel()
			return copies(context.Background(), job)
		},
	} {
		ctx := ctx
		if name != "is stopped" {
			ctx = t.Context()
		}
		s := newStudio(t, "recipes: []", all(m))
		s.put(t, "a.jpg", "photo")
		if _, err := s.do(ctx, "photo", "a.jpg"); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := s.outputs(t); got != "" {
			t.Errorf("%s: delivered %q", name, got)
		}
		if left, _ := os.ReadDir(s.scratch); len(left) != 0 {
			t.Errorf("%s: scratch holds %v", name, left)
		}
	}
}

// TestMediaRefusesWhatIsMadeTwice: a program's pattern may fit what another maker makes.
func TestMediaRefusesWhatIsMadeTwice(t *testing.T) {
	thumbs := maker(func(_ context.Context, job recipe.Job) ([]recipe.Made, error) {
		return []recipe.Made{{Name: "thumb.jpg"}}, os.WriteFile(filepath.Join(job.Folder, "thumb.jpg"), nil, 0o600)
	})
	s := newStudio(t, `
recipes:
  - name: both
    outputs:
      - name: thumb.jpg
        image: [{do: resize, width: 10}]
      - name: "*.jpg"
        command: {run: [/bin/true]}
`, all(thumbs))
	s.put(t, "a.jpg", "\xff\xd8\xff photo")
	_, err := do(t.Context(), s.Media, worker.Try{ID: "id", Body: s.item(`{"input":"@/a.jpg","output":"@/out","recipe":"both"}`), Number: 1})
	if err == nil || !strings.Contains(err.Error(), "thumb.jpg is made twice") {
		t.Error(err)
	}
}

// TestMediaLeavesNothingOfAPanic: what was fetched before goes, too.
func TestMediaLeavesNothingOfAPanic(t *testing.T) {
	s := newStudio(t, "recipes: []", nil)
	stores, err := store.Open(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	m := worker.NewMedia(late{stores, func() { panic("a bug") }}, s.scratch, book(t, "recipes: []"), all(maker(copies)))
	s.put(t, "a.jpg", "\xff\xd8\xff photo")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is hidden: it must be told and logged")
			}
		}()
		_, _ = m.Open(t.Context(), worker.Try{ID: "id", Body: s.item(`{"input":"@/a.jpg","output":"@/out"}`), Number: 1})
	}()
	if left, err := os.ReadDir(s.scratch); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestMediaTellsTheKindByContentThenByName(t *testing.T) {
	kind := maker(func(_ context.Context, job recipe.Job) ([]recipe.Made, error) {
		return nil, errors.New(string(job.Outputs[0].Medium()))
	})
	s := newStudio(t, "recipes: []", all(kind))
	for name, c := range map[string]struct{ text, want string }{
		"a.bin":  {"\xff\xd8\xff\xe0\x00\x10JFIF", "image"},
		"b.jpg":  {"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "video"},
		"c.mp4":  {"\x00\x00\x00\x20ftypheic\x00\x00\x00\x00", "image"},
		"d":      {"II*\x00and so on", "image"},
		"e.webm": {"\x1aE\xdf\xa3 and so on", "video"},
		"f.mov":  {"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "video"},
		"g.JPG":  {"just text", "image"},
		"h.ts":   {"G@\x00\x10", "video"},
		"k":      {"ID3\x04\x00", "audio"},
		"l":      {"fLaC\x00\x00\x00\x22", "audio"},
		"m.mp4":  {"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00", "audio"},
		"n.opus": {"OggS\x00\x02\x00\x00", "audio"},
		"o.wav":  {"RIFF\x00\x00\x00\x00WAVEfmt ", "audio"},
		"p.mp3":  {"just text", "audio"},
		"i.txt":  {"just text", `neither photo, video nor audio: the content is text/plain; charset=utf-8, the extension ".txt"; set kind`},
		"j":      {"", `neither photo, video nor audio`},
	} {
		s.put(t, name, c.text)
		if _, err := s.do(t.Context(), "", name); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	s = newStudio(t, "recipes: []", nil)
	s.put(t, "a.jpg", "x")
	if _, err := s.do(t.Context(), "photo", "a.jpg"); err == nil || err.Error() != "output 1024.jpg: this worker has nothing that makes it by image" {
		t.Error(err)
	}
}
