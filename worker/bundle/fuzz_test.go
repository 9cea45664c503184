package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
)

// FuzzOpen: a statement is believed if its signature fits, and then names a file beside
// it and a version that is no path.
func FuzzOpen(f *testing.F) {
	pub, priv, err := minisign.GenerateKey(strings.NewReader(strings.Repeat("seed", 64)))
	if err != nil {
		f.Fatal(err)
	}
	const good = `{"version":"1.4","file":"skynet-worker-1.4.tar.gz","bytes":10,"sha256":"0000000000000000000000000000000000000000000000000000000000000000","at_once":2,"published":"2026-03-01T12:00:00Z"}`
	f.Add([]byte(good), []byte(nil))
	f.Add([]byte(strings.Replace(good, "1.4", "../x", 1)), []byte("untrusted comment: x\n"))
	f.Add([]byte(`null`), minisign.Sign(priv, []byte(`null`)))
	f.Fuzz(func(t *testing.T, body, sig []byte) {
		if _, err := open(body, sig, pub); err == nil && !minisign.Verify(pub, body, sig) {
			t.Errorf("believed without a signature: %q", body)
		}
		s, err := open(body, minisign.Sign(priv, body), pub)
		if err != nil {
			return
		}
		for _, name := range []string{s.Version, s.File} {
			if !filepath.IsLocal(name) || filepath.Base(name) != name {
				t.Errorf("%q leads elsewhere", name)
			}
		}
		if s.Bytes <= 0 || s.Bytes > largest || s.AtOnce < 1 || s.Published.IsZero() {
			t.Errorf("%q is %+v", body, s)
		}
	})
}

// FuzzUnpack: of whatever archive, only files and folders appear, below the new folder,
// and no more than there is room for.
func FuzzUnpack(f *testing.F) {
	for _, h := range []*tar.Header{
		{Name: "skynet-worker", Mode: 0o4755, Size: 1}, {Name: "../out", Size: 1}, {Name: "/abs", Size: 1}, {Name: "a/../../b", Size: 1},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, {Name: "hard", Typeflag: tar.TypeLink, Linkname: "../x"},
		{Name: "pipe", Typeflag: tar.TypeFifo}, {Name: "dir/", Typeflag: tar.TypeDir, Mode: 0o777},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(h); err != nil {
			f.Fatal(err)
		}
		_, _ = w.Write([]byte("x"))
		_ = w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		outer := t.TempDir()
		file, into := filepath.Join(outer, "bundle"), filepath.Join(outer, "home", "v")
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(archive)
		_ = z.Close()
		if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = unpack(file, into)
		err := filepath.WalkDir(outer, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == file || path == outer || path == filepath.Dir(into) {
				return err
			}
			about, err := d.Info()
			if err != nil || !strings.HasPrefix(path, into) || !about.Mode().IsRegular() && !about.IsDir() || about.Mode()&(fs.ModeSetuid|fs.ModeSetgid|0o022) != 0 {
				t.Errorf("%s %v appears, %v", path, about.Mode(), err)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// FuzzChoose: whatever lies in the place of a home's state, the worker starts, and no
// program from elsewhere.
func FuzzChoose(f *testing.F) {
	for _, s := range []string{
		`{"good":"1.4"}`, `{"good":"../bin"}`, `{"good":".."}`, `{"trial":{"version":"../x","turns":null},"bad":null}`,
		`{"trial":{"version":"1.5","turns":[{"turn":"t","worker":"w"}],"since":"0001-01-01T00:00:00Z"}}`, `null`,
	} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		h := Home{Folder: filepath.Join(outer, "home")}
		for _, file := range []string{h.Program("1.4"), filepath.Join(outer, "bin", Program), filepath.Join(outer, Program)} {
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(h.file(), data, 0o600); err != nil {
			t.Fatal(err)
		}
		version, err := h.Choose(now)
		if err != nil || version != "" && version != "1.4" {
			t.Errorf("%q: version %q is started, %v", data, version, err)
		}
	})
}

// notes is a place with one note in it.
type notes struct {
	Place
	name string
	body []byte
}

func (n notes) List(context.Context, string) ([]string, error) { return []string{n.name}, nil }

func (n notes) Get(context.Context, string) ([]byte, error) { return n.body, nil }

// FuzzLook: whatever a note says, it counts as what its name says, once.
func FuzzLook(f *testing.F) {
	f.Add("turn-1", []byte(`{"worker":"i-1","at":"2026-03-01T12:00:00Z"}`))
	f.Add("bad-i-1", []byte(`{"why":"x"}`))
	f.Add("good-", []byte(`[]`))
	f.Add("turn-1.tmp", []byte(``))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		r, err := Look(t.Context(), notes{name: "rollout/1.4/" + name, body: body}, "1.4")
		if n := len(r.Turns) + len(r.Good) + len(r.Bad); err != nil || n > 1 || !strings.ContainsAny(name, "/.") && strings.HasPrefix(name, "bad-") && len(r.Bad) != 1 {
			t.Errorf("%q with %q is %+v, %v", name, body, r, err)
		}
	})
}
