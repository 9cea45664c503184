package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker"
	"skynet/worker/store"
)

// maker is a function that makes outputs.
type maker func(ctx context.Context, input, folder string) ([]string, error)

func (m maker) Make(ctx context.Context, input, folder string) ([]string, error) {
	return m(ctx, input, folder)
}

// copies is a maker of two copies.
func copies(_ context.Context, input, folder string) ([]string, error) {
	b, err := os.ReadFile(input)
	names := []string{"one", "two"}
	for _, n := range names {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, n), b, 0o600))
	}
	return names, err
}

// studio is a Media over a file store.
type studio struct {
	*worker.Media
	dir, scratch string
}

func newStudio(t *testing.T, makers map[worker.Kind]worker.Maker) studio {
	t.Helper()
	s := studio{dir: t.TempDir(), scratch: t.TempDir()}
	stores, err := store.Open(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	s.Media = worker.NewMedia(stores, s.scratch, makers)
	return s
}

func (s studio) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s studio) do(ctx context.Context, kind, name string) (worker.Done, error) {
	body := fmt.Sprintf(`{"input":"file://%s/%s","output":"file://%s/out"`, s.dir, name, s.dir)
	if kind != "" {
		body += fmt.Sprintf(`,"kind":%q`, kind)
	}
	return s.Do(ctx, "id", []byte(body+"}"))
}

// outputs lists what lies in the output folder.
func (s studio) outputs(t *testing.T) string {
	t.Helper()
	found, err := os.ReadDir(filepath.Join(s.dir, "out"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Name())
	}
	return strings.Join(names, " ")
}

func TestMediaMakesAndDelivers(t *testing.T) {
	s := newStudio(t, map[worker.Kind]worker.Maker{worker.Photo: maker(copies)})
	s.put(t, "a.jpg", "photo")
	d, err := s.do(t.Context(), "photo", "a.jpg")
	if err != nil || d.BytesIn != 5 || d.BytesOut != 10 || len(d.Outputs) != 2 || d.Outputs[0] != "file://"+s.dir+"/out/one" {
		t.Errorf("%+v, %v", d, err)
	}
	if got := s.outputs(t); got != "one two" {
		t.Errorf("outputs %q", got)
	}
	if left, _ := os.ReadDir(s.scratch); len(left) != 0 {
		t.Errorf("scratch holds %v", left)
	}
}

func TestMediaDeliversAllOrNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for name, m := range map[string]maker{
		"fails after the first output": func(_ context.Context, _, folder string) ([]string, error) {
			_ = os.WriteFile(filepath.Join(folder, "one"), []byte("x"), 0o600)
			return []string{"one"}, errors.New("out of luck")
		},
		"is stopped": func(_ context.Context, in, folder string) ([]string, error) {
			cancel()
			return copies(context.Background(), in, folder)
		},
	} {
		s := newStudio(t, map[worker.Kind]worker.Maker{worker.Photo: m})
		s.put(t, "a.jpg", "photo")
		if _, err := s.do(ctx, "photo", "a.jpg"); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := s.outputs(t); got != "" {
			t.Errorf("%s: delivered %q", name, got)
		}
	}
}

func TestMediaTellsTheKindByContentThenByName(t *testing.T) {
	kind := func(k string) worker.Maker {
		return maker(func(context.Context, string, string) ([]string, error) { return nil, errors.New(k) })
	}
	s := newStudio(t, map[worker.Kind]worker.Maker{worker.Photo: kind("photo"), worker.Video: kind("video")})
	for name, c := range map[string]struct{ text, want string }{
		"a.bin":  {"\xff\xd8\xff\xe0\x00\x10JFIF", "photo"},
		"b.jpg":  {"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "video"},
		"c.mp4":  {"\x00\x00\x00\x20ftypheic\x00\x00\x00\x00", "photo"},
		"d":      {"II*\x00and so on", "photo"},
		"e.webm": {"\x1aE\xdf\xa3 and so on", "video"},
		"f.mov":  {"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "video"},
		"g.JPG":  {"just text", "photo"},
		"h.ts":   {"G@\x00\x10", "video"},
		"i.txt":  {"just text", `neither photo nor video: the content is text/plain; charset=utf-8, the extension ".txt"; set kind`},
		"j":      {"", `neither photo nor video`},
	} {
		s.put(t, name, c.text)
		if _, err := s.do(t.Context(), "", name); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	s = newStudio(t, nil)
	s.put(t, "a.jpg", "x")
	if _, err := s.do(t.Context(), "photo", "a.jpg"); err == nil || err.Error() != "this worker does not work on kind photo" {
		t.Error(err)
	}
}
