package worker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

// fuzzStudio is newStudio in a folder whose name is no URL's trouble: that of a fuzz
// test's holds a #.
func fuzzStudio(t *testing.T, recipes string) studio {
	t.Helper()
	root, err := os.MkdirTemp("", "skynet-fuzz-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	s := studio{dir: filepath.Join(root, "media"), scratch: filepath.Join(root, "scratch")}
	if err := os.Mkdir(s.scratch, 0o700); err != nil {
		t.Fatal(err)
	}
	stores, err := store.Open(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	s.Media = worker.NewMedia(stores, s.scratch, book(t, recipes), all(maker(copies)))
	return s
}

// FuzzManifest: whatever lies in the place of an item's manifest, the item is made, or
// was made, whole, and what is told of it is its own.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"digest":"x","outputs":[{"url":"file:///etc/passwd","bytes":1}]}`))
	f.Add([]byte(`{"outputs":[null],"inputs":{}}`))
	f.Add([]byte(`{"item":"id","digest":`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := fuzzStudio(t, simple)
		s.put(t, "a.jpg", "\xff\xd8\xff photo")
		if err := os.Mkdir(filepath.Join(s.dir, "out"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.put(t, "out/manifest.json", string(said))
		d, err := do(t.Context(), s.Media, s.try("id", `{"recipe":"one","input":"@/a.jpg","output":"@/out"}`))
		if err != nil || len(d.Outputs) != 1 || s.outputs(t) != "a.jpg manifest.json" {
			t.Fatalf("%q: %+v, %v, there is %s", said, d, err, s.outputs(t))
		}
		if m := s.manifest(t, ""); m.Item != "id" || len(m.Outputs) != 1 || m.Outputs[0].URL != "file://"+s.dir+"/out/a.jpg" {
			t.Errorf("%q: told is %+v", said, m)
		}
	})
}

// FuzzMarker: whatever lies in the place of another part's marker, the part is made;
// and if the whole is sent on, it is sent as an item that can be read.
func FuzzMarker(f *testing.F) {
	f.Add([]byte(`{"part":"body","url":"file:///etc/passwd","sha256":"x","values":{"a":"b"}}`))
	f.Add([]byte(`{"part":"../x","url":"","values":{"A":"\u0000"}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, said []byte) {
		s := fuzzStudio(t, chained)
		next := &box{}
		s.Send = senders("assembly", next)
		s.put(t, "intro.wav", "intro")
		parts := filepath.Join("out", recipe.PartsFolder)
		if err := os.MkdirAll(filepath.Join(s.dir, parts), 0o700); err != nil {
			t.Fatal(err)
		}
		s.put(t, filepath.Join(parts, "body.json"), string(said))
		_, err := do(t.Context(), s.Media, s.try("id", `{"recipe":"part","input":"@/intro.wav","output":"@/out/intro","group":{"name":"g","part":"intro","output":"@/out"}}`))
		if len(next.got) > 1 || (err == nil) != (len(next.got) == 1) {
			t.Fatalf("%q: %v, sent %q", said, err, next.got)
		}
		for _, sent := range next.got {
			if _, err := worker.ReadTask([]byte(sent)); err != nil {
				t.Errorf("%q: sent %s: %v", said, sent, err)
			}
		}
	})
}

// FuzzSniff: whatever a file begins with, it is of a kind that there is, or of none.
func FuzzSniff(f *testing.F) {
	for _, s := range []string{"\xff\xd8\xff", "\x00\x00\x00\x18ftypheic", "RIFF\x00\x00\x00\x00WEBP", "fLaC", "ID3", "II*\x00", "", "<svg", "#EXTM3U"} {
		f.Add([]byte(s), "file:///a.jpg")
	}
	f.Fuzz(func(t *testing.T, head []byte, url string) {
		file := filepath.Join(t.TempDir(), "input")
		if err := os.WriteFile(file, head, 0o600); err != nil {
			t.Fatal(err)
		}
		switch kind, err := worker.Sniff(file, url); {
		case err == nil && kind != worker.Photo && kind != worker.Video && kind != worker.Audio:
			t.Errorf("%q is of kind %q", head, kind)
		case err != nil && (kind != "" || strings.Contains(fmt.Sprint(err), file)):
			t.Errorf("%q: %q, %v", head, kind, err)
		}
	})
}
